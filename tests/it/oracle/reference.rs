//! Compares image references with `github.com/distribution/reference`, which defines their grammar.

use super::{Random, answers};
use std::collections::BTreeMap;
use tidegate::model::{Digest, ImageRef, Tag};

const REFERENCES: usize = 100_000;

impl Random {
    fn letters(&mut self, from: &str, most: usize) -> String {
        let from: Vec<char> = from.chars().collect();
        (0..=self.below(most)).map(|_| from[self.below(from.len())]).collect()
    }

    fn registry(&mut self) -> String {
        let host = match self.below(12) {
            0..3 => return String::new(),
            3 => self
                .pick(&[
                    "docker.io",
                    "index.docker.io",
                    "localhost",
                    "Localhost",
                    "registry",
                    "Registry",
                    "docker.io/library",
                ])
                .to_owned(),
            4 => format!("[{}]", self.letters("0aF:::.%g", 9)),
            5 => self
                .pick(&[
                    "[::1]",
                    "[fd00::1]",
                    "[FE80::1]",
                    "[::ffff:1.2.3.4]",
                    "[::1",
                    "::1]",
                    "[[::1]]",
                    "[::1]x",
                    "1.2.3.4",
                ])
                .to_owned(),
            6 => self.letters("ab.-_A0", 8),
            _ => self
                .pick(&[
                    "r.example",
                    "a-b.c",
                    "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
                    "R.example",
                    "a..b",
                    "a.b.",
                    "-a.b",
                    "a_b.c",
                ])
                .to_owned(),
        };
        let port = match self.below(8) {
            0 => format!(":{}", self.letters("0123456789a", 6)),
            1 => self
                .pick(&[":", ":0", ":5000", ":99999999", ":-1", ":5000:5000"])
                .to_owned(),
            _ => String::new(),
        };
        format!("{host}{port}/")
    }

    fn path(&mut self) -> String {
        if self.one_in(60) {
            return "0123456789abcdef".repeat(4);
        }
        if self.one_in(60) {
            return "a".repeat(240 + self.below(24));
        }
        let parts: Vec<String> = (0..[1, 1, 2, 2, 3, 5][self.below(6)])
            .map(|_| match self.below(4) {
                0 => self.letters("aab0._-", 6),
                1 => self.letters("ab0._-A/:@ +ä\u{212a}", 6),
                _ => self
                    .pick(&["app", "a", "web-1", "a.b", "a__b", "a--b", "library", "0"])
                    .to_owned(),
            })
            .collect();
        parts.join("/")
    }

    fn tag(&mut self) -> String {
        match self.below(8) {
            0..3 => String::new(),
            3 => format!(":{}", self.letters("ab0._-AZ", 6)),
            4 => format!(":{}", self.letters("a0._-+/:@ ä", 5)),
            5 => format!(":{}", "x".repeat(126 + self.below(4))),
            _ => self.pick(&[":1", ":latest", ":0123456", ":", ":_"]).to_owned(),
        }
    }

    fn digest(&mut self) -> String {
        let algorithm = match self.below(8) {
            0 => self.pick(&["SHA256", "md5", "sha1", "sha-256", "sha256+b64", "blake3", ""]),
            1 => "sha512",
            2 => "sha384",
            _ => "sha256",
        };
        let whole = match algorithm {
            "sha512" => 128,
            "sha384" => 96,
            _ => 64,
        };
        let length = if self.one_in(6) { self.below(140) } else { whole };
        let digit = self.pick(&["0", "a", "f", "0", "a", "A", "g"]);
        format!("@{algorithm}:{}", digit.repeat(length))
    }

    fn reference(&mut self) -> String {
        let mut text = self.registry() + &self.path() + &self.tag();
        if self.one_in(4) {
            text += &self.digest();
        }
        if self.one_in(12) {
            let place = self.below(text.chars().count() + 1);
            let at = text.char_indices().nth(place).map_or(text.len(), |(at, _)| at);
            text.insert_str(
                at,
                self.pick(&["/", ":", "@", ".", "_", "-", "A", "[", "]", " ", "\t", "\u{feff}", "ſ"]),
            );
        }
        text
    }
}

/// What Tidegate reads, in the oracle's words.
fn ours(text: &str) -> String {
    let Ok(image) = ImageRef::parse(text) else {
        return "illegal".to_owned();
    };
    assert_eq!(image.to_string(), text, "printed otherwise than written");
    let repository = image.repository();
    let tag = image.tag().map_or("-", Tag::as_str);
    let digest = image.digest().map_or("-", Digest::as_str);
    format!("{}\t{}\t{tag}\t{digest}", repository.host, repository.path)
}

#[test]
fn references_mean_what_distribution_reads_in_them() {
    let mut random = Random::seeded();
    let texts: Vec<String> = (0..REFERENCES).map(|_| random.reference()).collect();
    let theirs = answers("reference-oracle", texts.iter().cloned());

    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut without_registry = 0;
    let mut faults = Vec::new();
    for (text, theirs) in texts.iter().zip(&theirs) {
        let ours = ours(text);
        *verdicts
            .entry(if ours == "illegal" { "illegal" } else { "legal" })
            .or_default() += 1;
        if ours == *theirs {
        } else if ours == "illegal" && theirs.starts_with('\t') {
            without_registry += 1;
        } else {
            faults.push(format!("{text:?}: {ours:?} here, {theirs:?} there"));
        }
    }
    println!("{REFERENCES} references: {verdicts:?}, {} disagreements", faults.len());
    println!(
        "differ for a known reason: {without_registry}: no registry can have an underscore; there it is none, here an error"
    );
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults[..faults.len().min(40)].join("\n")
    );
    assert!(verdicts.values().all(|count| *count > REFERENCES / 20), "{verdicts:?}");
}
