use super::failure::Failure;
use super::images::read;
use super::output::{Output, print, print_json};
use crate::manifest::{self, Document};
use crate::model::{Digest, RepoPath, Tag, table};
use crate::plan::ImagePolicies;
use crate::policy::{self, Candidate, Question, Selection};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Try a policy before it is committed
#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(Test),
}

/// Show which tag a policy chooses from a list, and why it does not choose the others
///
/// Decides as the agent does, without a cluster or a registry. Policies: glob:PATTERN (or PATTERN alone), regex:EXPRESSION,
/// semver:RANGE, numeric:EXPRESSION, alphabetical:EXPRESSION, digest:TAG.
///
/// The exit code is 0 whether or not a tag is chosen, and 2 if the policy or a tag is not valid.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate policy test 'semver:~1.2' --current 1.2.0 1.2.0 1.2.9 1.3.0
  tidegate policy test 'glob:main-*' main-1=2026-03-01T09:00:00Z main-2=2026-03-02
  tidegate policy test -f web-policy.yaml --current 1.2.0 1.2.0 1.2.9
  crane ls registry.example/shop/web | tidegate policy test 'semver:^2' --current 2.0.1")]
struct Test {
    /// Policy, as in an annotation. Left out with --file
    #[arg(required_unless_present = "file")]
    policy: Option<String>,

    /// File with the policy as an ImagePolicy of Flux, and with its ImageRepository where that excludes tags
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Tags of the repository, as TAG or TAG@DIGEST, with the time of the push where the policy needs it: RFC 3339, a day, or
    /// seconds since 1970. With `-`, or without any tag, tags are read from standard input, one on each line
    #[arg(value_name = "TAG[=PUSHTIME]")]
    tags: Vec<String>,

    /// Tag that is in the file now, as TAG or TAG@DIGEST, with the time of its push where the list does not have the tag.
    /// Default: the field has no tag
    #[arg(long, value_name = "TAG[=PUSHTIME]")]
    current: Option<String>,

    /// Output format
    #[arg(short, long, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

/// The most bytes that are read from standard input. ECR allows 20,000 images with 1,000 tags of 128 characters each; no
/// repository has as many.
const LONGEST_INPUT: u64 = 64 * 1024 * 1024;

#[derive(Serialize)]
struct Answer<'a> {
    policy: &'a str,
    selected: Option<&'a Tag>,
    reason: &'a str,
    tags: Vec<Judged<'a>>,
}

#[derive(Serialize)]
struct Judged<'a> {
    tag: &'a Tag,
    eligible: bool,
    reason: &'a str,
}

impl Policy {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Command::Test(test) = self.command;
        test.run()
    }
}

impl Test {
    fn run(self) -> Result<(), Failure> {
        let (policy, policy_text) = self.policy()?;
        let current = self
            .current
            .as_deref()
            .map(candidate)
            .transpose()
            .map_err(|problem| Failure::usage(format!("--current: {problem}")))?;
        let candidates = self.candidates()?;
        let selection = policy::select(&Question {
            digest: current.as_ref().and_then(|current| current.digest.as_ref()),
            current_since: current.as_ref().and_then(|current| current.pushed_at),
            typed: true,
            ..Question::new(&policy, current.as_ref().map(|current| &current.tag), &candidates)
        });
        match self.output {
            Output::Json => print_json(&Answer {
                policy: &policy_text,
                selected: selection.selected.as_ref().map(|choice| &choice.tag),
                reason: &selection.reason,
                tags: selection
                    .verdicts
                    .iter()
                    .map(|verdict| Judged {
                        tag: &verdict.tag,
                        eligible: verdict.eligible,
                        reason: &verdict.reason,
                    })
                    .collect(),
            }),
            Output::Text => print(describe(&selection).as_bytes()),
        }
    }

    /// The policy, and how it is written.
    fn policy(&self) -> Result<(policy::Policy, String), Failure> {
        if let Some(file) = &self.file {
            let policy = of_file(file)?;
            let text = policy.to_string();
            return Ok((policy, text));
        }
        let text = self.policy.as_deref().unwrap_or_default();
        let policy = policy::Policy::parse(text).map_err(Failure::usage)?;
        Ok((policy, text.trim().to_owned()))
    }

    /// The tags of the command line. With --file, the first one stands where the policy would.
    fn tags(&self) -> impl Iterator<Item = &String> {
        let first = self.policy.iter().filter(|_| self.file.is_some());
        first.chain(&self.tags)
    }

    fn candidates(&self) -> Result<Vec<Candidate>, Failure> {
        let mut found: BTreeMap<Tag, Candidate> = BTreeMap::new();
        let mut add = |text: &str, origin: &str| {
            let candidate = candidate(text).map_err(|problem| Failure::usage(format!("{origin}{problem}")))?;
            match found.get(&candidate.tag) {
                Some(other) if *other != candidate => {
                    let tag = &candidate.tag;
                    Err(Failure::usage(format!(
                        "{origin}{tag} is given twice, with different digests or times"
                    )))
                }
                _ => {
                    found.insert(candidate.tag.clone(), candidate);
                    Ok(())
                }
            }
        };
        for tag in self.tags().filter(|tag| *tag != "-") {
            add(tag, "")?;
        }
        if self.tags().next().is_none() || self.tags().any(|tag| tag == "-") {
            for (index, line) in standard_input()?.into_iter().enumerate() {
                if !line.is_empty() {
                    add(&line, &format!("standard input, line {}: ", index + 1))?;
                }
            }
        }
        Ok(found.into_values().collect())
    }
}

/// The one ImagePolicy of a file.
fn of_file(file: &Path) -> Result<policy::Policy, Failure> {
    let name = file.display().to_string();
    let wrong = |problem: &str| Failure::usage(format!("{name}: {problem}"));
    let path = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let path = RepoPath::parse(&path).unwrap_or_default();
    let reading = manifest::read(&path, &read(file)?);
    let documents = || reading.documents.iter().map(|document| (&*name, document));
    let is_policy = |document: &Document| document.object.id.kind == "ImagePolicy";
    let policies: Vec<&Document> = reading
        .documents
        .iter()
        .filter(|document| is_policy(document))
        .collect();
    match (policies.as_slice(), reading.findings.first()) {
        ([document], _) => {
            let id = &document.object.id;
            let namespace = id.namespace.as_deref().unwrap_or_default();
            let policy = ImagePolicies::among(documents()).policy(namespace, &id.name);
            policy.map_err(Failure::usage)
        }
        ([], Some(finding)) => Err(wrong(&finding.message)),
        ([], None) => Err(wrong("expected a document of the kind ImagePolicy, found none")),
        (several, _) => Err(wrong(&format!(
            "expected one ImagePolicy, found {}; write the one to try into a file of its own",
            several.len()
        ))),
    }
}

/// The lines of standard input, without blanks at their ends.
fn standard_input() -> Result<Vec<String>, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(Failure::usage(
            "no tags: name them on the command line, or write them to standard input, one on each line",
        ));
    }
    let mut lines = Vec::new();
    let mut rest = LONGEST_INPUT;
    let mut input = BufReader::new(input.take(LONGEST_INPUT + 1));
    loop {
        let mut line = Vec::new();
        let read = input
            .read_until(b'\n', &mut line)
            .map_err(|error| anyhow::Error::new(error).context("cannot read standard input"))?;
        if read == 0 {
            return Ok(lines);
        }
        let number = lines.len() + 1;
        rest = rest.checked_sub(read as u64).ok_or_else(|| {
            Failure::usage(format!(
                "standard input, line {number}: more than {} MiB of tags; no repository has as many",
                LONGEST_INPUT >> 20
            ))
        })?;
        let line = String::from_utf8(line)
            .map_err(|_| Failure::usage(format!("standard input, line {number}: expected UTF-8 text")))?;
        lines.push(line.trim_start_matches('\u{feff}').trim().to_owned());
    }
}

/// Reads `TAG`, `TAG=PUSHTIME`, `TAG@DIGEST` or `TAG@DIGEST=PUSHTIME`.
fn candidate(text: &str) -> Result<Candidate, String> {
    let (rest, pushed_at) = match text.split_once('=') {
        Some((rest, time)) => (rest, Some(push_time(time).ok_or_else(|| not_a_time(time))?)),
        None => (text, None),
    };
    let (tag, digest) = tag_and_digest(rest)?;
    Ok(Candidate {
        tag,
        digest,
        pushed_at,
        media_type: None,
        pullable: true,
        unfit: None,
    })
}

fn tag_and_digest(text: &str) -> Result<(Tag, Option<Digest>), String> {
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, Some(Digest::parse(digest).map_err(|error| error.to_string())?)),
        None => (text, None),
    };
    Ok((Tag::parse(tag).map_err(|error| error.to_string())?, digest))
}

fn push_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // The parser of dates also accepts, and drops, a time of day after the date.
    let day = text.parse::<Date>().ok().filter(|_| text.len() == "2026-03-01".len())?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn not_a_time(text: &str) -> String {
    format!(
        "{:?} is not a time: write 2026-03-01T09:00:00Z, 2026-03-01 (its first moment in UTC), or seconds since 1970",
        text.chars().take(200).collect::<String>()
    )
}

fn describe(selection: &Selection) -> String {
    let rows: Vec<[String; 4]> = selection
        .verdicts
        .iter()
        .map(|verdict| {
            let chosen = selection
                .selected
                .as_ref()
                .is_some_and(|choice| choice.tag == verdict.tag);
            [
                if chosen { "->" } else { "" }.to_owned(),
                verdict.tag.to_string(),
                verdict.eligibility.to_string(),
                verdict.reason.clone(),
            ]
        })
        .collect();
    format!("{}\n{}", selection.reason, table(&rows))
}
