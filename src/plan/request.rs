use super::bump_plan::{BumpPlan, PlannedBump};
use super::message::{Template, text};
use crate::history::{self, Bump};
use crate::model::BranchName;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// A trailer with the keys of the bumps, for requests that their full trailers do not fit into.
const PROPOSED: &str = "Tidegate-Proposed: ";
/// A trailer of requests that we closed ourselves. The spelling stays: open repositories have such requests.
const SUPERSEDED: &str = "Tidegate-Overtaken: yes";
/// The length of a bump's key, in hexadecimal digits.
const KEY: usize = 12;

/// The bumps that a pull request proposes, read from its text. The text is the only memory of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordedBumps {
    keys: BTreeSet<String>,
    /// Whether we closed the request ourselves. Then it does not count as a person's refusal.
    pub superseded: bool,
}

impl RecordedBumps {
    /// Reads the text of a request.
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

    /// Whether the request proposes this bump: the same field and tag, and the same digest if the bump writes one.
    pub fn proposes(&self, bump: &PlannedBump) -> bool {
        self.keys.contains(&key(&bump.record()))
    }
}

/// Title and text of the request for the bumps of a plan. `title` and `body` are the longest sizes in bytes.
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
        "\n\n---\nMerge this request in any way. If you close it without merging, these tags are not proposed again, until you \
         reopen it; newer tags are. The branch `{branch}` is rebuilt when images or the branch below change, unless \
         somebody else has committed to it.\n\n<details><summary>Read by tidegate</summary>\n\n"
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

/// The text of a request that we close because nothing of it is left to do.
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

/// A hash of the field and of the version after the bump. The version before does not count.
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
