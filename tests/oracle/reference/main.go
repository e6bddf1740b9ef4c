// What the distribution project's package reads in image references: a reference a line in, for each a line out:
// `illegal`, or registry, path, tag and digest, separated by tabs, `-` for what is not there.
package main

import (
	"bufio"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"
	"os"

	"github.com/distribution/reference"
)

func read(text string) string {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return "illegal"
	}
	tag, digest := "-", "-"
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		digest = digested.Digest().String()
	}
	return reference.Domain(named) + "\t" + reference.Path(named) + "\t" + tag + "\t" + digest
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		fmt.Fprintln(out, read(lines.Text()))
	}
	if err := out.Flush(); err != nil {
		os.Exit(1)
	}
}
