// What Masterminds semver v3 says about ranges and versions: lines `RANGE<tab>VERSION` in, for each a line out:
// `range` (the range cannot be used), `version` (the version cannot), `in` or `out`.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/Masterminds/semver/v3"
)

func judge(constraint, text string) string {
	constraints, err := semver.NewConstraint(constraint)
	if err != nil {
		return "range"
	}
	version, err := semver.NewVersion(text)
	if err != nil {
		return "version"
	}
	if constraints.Check(version) {
		return "in"
	}
	return "out"
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for lines.Scan() {
		constraint, text, _ := strings.Cut(lines.Text(), "\t")
		fmt.Fprintln(out, judge(constraint, text))
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
