use super::decide::{BumpPlan, PlannedBump};
use super::message::{Template, text};
use crate::history::{self, Bump};
use crate::model::BranchName;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// A trailer with the keys of bumps whose own trailers do not fit.
const PROPOSED: &str = "Tidegate-Proposed: ";
/// A trailer of requests that we closed ourselves.
const SUPERSEDED: &str = "Tidegate-Overtaken: yes";
/// Hexadecimal digits of a bump's key.
const KEY: usize = 12;

/// What a pull request says of the bumps it proposes, for people and for us: which bumps they are stands in its text, so
/// that nobody has to remember it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordedBumps {
    keys: BTreeSet<String>,
    /// We closed it: it says nothing about what people want.
    pub superseded: bool,
}

impl RecordedBumps {
    /// Reads a request's text.
    pub fn of(body: &str) -> Self {
        let trailers: Vec<&str> = body.lines().filter(|line| line.starts_with("Tidegate-Bump:")).collect();
        let message = format!("request\n\n{}", trailers.join("\n"));
        let mut keys: BTreeSet<String> = history::bumps(&message).iter().map(key).collect();
        let listed = body.lines().filter_map(|line| line.strip_prefix(PROPOSED));
        keys.extend(listed.flat_map(str::split_whitespace).map(str::to_owned));
        Self {
            keys,
            superseded: body.lines().any(|line| line.trim_end() == SUPERSEDED),
        }
    }

    /// Whether it proposes this very bump: the field, to the tag (and digest, where that is written).
    pub fn proposes(&self, bump: &PlannedBump) -> bool {
        self.keys.contains(&key(&bump.record()))
    }
}

/// Title and text of the request for a plan's bumps, at most so many bytes long.
pub fn request(
    plan: &BumpPlan,
    template: &Template,
    branch: &BranchName,
    title: usize,
    body: usize,
) -> (String, String) {
    let message = text(plan, template);
    let (subject, list) = message.split_once('\n').unwrap_or((&message, ""));
    let foot = format!(
        "\n\n---\nMerge it in any way. Closed without merging, these tags are not proposed again; newer ones are, and opening \
         it again lifts that. The branch `{branch}` is made anew as images and the branch below change: a commit of \
         somebody else's on it stops that.\n\n<details><summary>Read by tidegate</summary>\n\n"
    );
    let end = "\n</details>\n";
    let room = body.saturating_sub(foot.len() + end.len());
    let trailers: String = plan.bumps.iter().map(|bump| bump.record().trailer() + "\n").collect();
    let record = if trailers.len() <= room {
        trailers
    } else {
        keys(&plan.bumps, room)
    };
    let list = cut(list.trim_matches('\n'), room.saturating_sub(record.len()));
    (cut(subject, title), format!("{list}{foot}{record}{end}"))
}

/// The text of a request that is closed since nothing of it is wanted any more.
pub fn superseded(body: &str, most: usize) -> String {
    let head = format!("{SUPERSEDED}\n\n");
    let rest = cut(body, most.saturating_sub(head.len()));
    head + &rest
}

fn keys(bumps: &[PlannedBump], room: usize) -> String {
    let mut record = PROPOSED.to_owned();
    for bump in bumps {
        if record.len() + KEY + 2 > room {
            break;
        }
        record.push_str(&key(&bump.record()));
        record.push(' ');
    }
    record.truncate(record.trim_end().len());
    record.push('\n');
    record
}

/// The field and what it is to say; not what it said before.
fn key(bump: &Bump) -> String {
    let goal = Bump {
        image: String::new(),
        old: None,
        old_digest: None,
        digest: bump.digest.clone().filter(|_| bump.pinned),
        ..bump.clone()
    };
    let mut key = hex::encode(Sha256::digest(goal.trailer()));
    key.truncate(KEY);
    key
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}…")
}
