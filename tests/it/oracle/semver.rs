//! Compares `semver:` with Masterminds semver v3, which defines the dialect: random ranges and versions get the same verdict.

use super::{Random, answers};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tidegate::model::Tag;
use tidegate::policy::{Candidate, Policy, Question, select};

const PAIRS: usize = 100_000;

impl Random {
    fn number(&mut self) -> String {
        match self.below(40) {
            0 => self
                .pick(&["007", "00", "18446744073709551615", "18446744073709551616", "2024"])
                .to_owned(),
            _ => self.pick(&["0", "0", "1", "1", "2", "3", "10"]).to_owned(),
        }
    }

    fn suffix(&mut self) -> &'static str {
        if self.one_in(40) {
            return self.pick(&["-01", "-rc..1", "-"]);
        }
        self.pick(&[
            "-0",
            "-1",
            "-rc.1",
            "-rc.2",
            "-rc.10",
            "-alpha",
            "-alpha.beta",
            "-a-b",
            "-x",
        ])
    }

    fn version(&mut self) -> String {
        let mut text = String::new();
        if self.one_in(6) {
            text.push('v');
        }
        text.push_str(&self.number());
        for _ in 0..[2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 0, 0, 3][self.below(15)] {
            write!(text, ".{}", self.number()).unwrap();
        }
        if self.one_in(3) {
            text.push_str(self.suffix());
        }
        match self.below(60) {
            0 => "1234567".to_owned(),
            1 => self
                .pick(&["abc", "1.x", "1..2", "v", "V1.2.3", "1.2.3_4", "12e4567"])
                .to_owned(),
            _ => text,
        }
    }

    fn partial(&mut self) -> String {
        let mut text = String::new();
        if self.one_in(8) {
            text.push('v');
        }
        for part in 0..[3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 4][self.below(16)] {
            if part > 0 {
                text.push('.');
            }
            if self.one_in(7) {
                text.push_str(self.pick(&["x", "X", "*"]));
            } else {
                text.push_str(&self.number());
            }
        }
        if self.one_in(4) {
            text.push_str(self.suffix());
        }
        if self.one_in(30) {
            text.push_str(self.pick(&["+b1", "+b.2-x", "+b1", "+"]));
        }
        text
    }

    fn comparison(&mut self) -> String {
        if self.one_in(8) {
            return format!("{} - {}", self.partial(), self.partial());
        }
        let operator = match self.below(60) {
            0 => self.pick(&["==", "~=", "><", "v"]),
            _ => self.pick(&["", "", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"]),
        };
        let gap = if self.one_in(5) { " " } else { "" };
        format!("{operator}{gap}{}", self.partial())
    }

    fn range(&mut self) -> String {
        let mut text = String::new();
        for alternative in 0..[1, 1, 1, 1, 2, 2, 3][self.below(7)] {
            if alternative > 0 {
                text.push_str(self.pick(&["||", " || ", " ||", "|| "]));
            }
            for comparison in 0..[1, 1, 1, 2, 2, 3][self.below(6)] {
                if comparison > 0 {
                    text.push_str(match self.below(30) {
                        0 => self.pick(&["", ",,"]),
                        _ => self.pick(&[" ", ", ", ",", " , ", "  "]),
                    });
                }
                text.push_str(&self.comparison());
            }
        }
        if self.one_in(25) {
            let at = self.below(text.len() + 1);
            text.insert_str(at, self.pick(&["|", "-", " ", ",", "x", ".", "v", "~", "0", "||"]));
        }
        text
    }
}

/// What Tidegate says, in the oracle's words.
fn ours(range: &str, version: &str) -> &'static str {
    let Ok(policy) = Policy::parse(&format!("semver:{range}")) else {
        return "range";
    };
    let candidate = Candidate {
        tag: Tag::parse(version).unwrap(),
        digest: None,
        pushed_at: None,
        media_type: None,
        pullable: true,
        unfit: None,
    };
    let selection = select(&Question::new(&policy, None, &[candidate]));
    match &selection.verdicts[0] {
        verdict if verdict.eligible => "in",
        verdict if verdict.reason.starts_with("is not a version") => "version",
        _ => "out",
    }
}

/// Why the two may differ, if that is a known reason; everything else is a fault.
fn known(range: &str, version: &str, ours: &str, theirs: &str) -> Option<&'static str> {
    let bare = version.split('-').next().unwrap_or_default();
    if (ours, theirs) == ("version", "in") || (ours, theirs) == ("version", "out") {
        let commit_id = bare.len() >= 7 && bare.bytes().all(|b| b.is_ascii_digit());
        return commit_id.then_some("seven digits without a dot are an abbreviated commit id here, a version there");
    }
    let single_bar = range.replace("||", "").contains('|');
    if ours == "range" && single_bar {
        return Some("a single | is an error here, part of a number there");
    }
    let mixed = |word: &str| {
        let numbers = word.split(['-', '+']).next().unwrap_or_default();
        let numbers = numbers.trim_start_matches(|c| "=!<>~^v".contains(c));
        numbers
            .split('.')
            .any(|part| part.len() > 1 && part.contains(['x', 'X', '*']))
    };
    if ours == "range" && range.split([' ', ',', '|']).any(mixed) {
        return Some("digits beside a wildcard (1.x2) are an error here, passed over behind a wildcard there");
    }
    let is_hyphen = |alternative: &str| alternative.split_whitespace().any(|word| word == "-");
    let hyphen = range.split("||").any(is_hyphen);
    if !hyphen {
        return None;
    }
    Some(match (ours, theirs) {
        (_, "range") => "a hyphen range after another comparison, or beside || without blanks, is an error there",
        ("range", _) => "a hyphen range with no blank or comma after it is an error here",
        _ if range.contains("||") => "a hyphen range beside || without blanks is torn apart there",
        _ => return None,
    })
}

#[test]
fn ranges_mean_what_masterminds_semver_makes_of_them() {
    let mut random = Random::seeded();
    let mut pairs = Vec::with_capacity(PAIRS);
    while pairs.len() < PAIRS {
        let (range, version) = (random.range(), random.version());
        if Tag::parse(&version).is_ok() && !range.trim().is_empty() {
            pairs.push((range, version));
        }
    }
    let lines = pairs.iter().map(|(range, version)| format!("{range}\t{version}"));
    let theirs = answers("semver-oracle", lines);

    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for ((range, version), theirs) in pairs.iter().zip(&theirs) {
        let ours = ours(range, version);
        *verdicts.entry(ours).or_default() += 1;
        if ours != theirs {
            match known(range, version, ours, theirs) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => faults.push(format!("{range:?} {version:?}: {ours} here, {theirs} there")),
            }
        }
    }
    println!("{PAIRS} pairs: {verdicts:?}");
    for (reason, count) in &reasons {
        println!("differ for a known reason: {count}: {reason}");
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults[..faults.len().min(40)].join("\n")
    );
    for verdict in ["in", "out", "range", "version"] {
        assert!(verdicts[verdict] > PAIRS / 100, "too few of {verdict}: {verdicts:?}");
    }
}
