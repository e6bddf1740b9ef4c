use super::message::{Template, cut, shown, silent};
use crate::history::Bump;
use crate::model::{CommitId, FieldId, ImageRef, ObjectId, Position, Printable, RepoPath, TargetId};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// One bump that is taken back because the rollout of its image failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRevert {
    /// The file.
    pub path: RepoPath,
    /// The image field.
    #[serde(flatten)]
    pub field: FieldId,
    /// The position of the tag in the file.
    pub position: Position,
    /// The bump that is taken back.
    pub bump: Bump,
    /// The commit of the bump.
    pub commit: CommitId,
    /// The target in which the rollout failed.
    pub target: TargetId,
    /// The object that failed. Fields of a group go with the one whose object failed.
    pub object: ObjectId,
    /// Why the object failed, in the words of the cluster.
    pub why: String,
    /// Since when the object has failed.
    pub since: Timestamp,
}

impl PlannedRevert {
    /// The image after the revert.
    ///
    /// # Errors
    /// The name that the bump recorded is no name of an image.
    pub fn image_after(&self) -> Result<ImageRef, String> {
        let Bump {
            image, old, old_digest, ..
        } = &self.bump;
        let name = ImageRef::parse(image).map_err(|error| error.to_string())?;
        Ok(name.with(old.clone(), old_digest.clone()))
    }

    /// Why the tag is taken back, in one sentence.
    pub fn reason(&self) -> String {
        format!(
            "the rollout of {} failed, and {} is written again: {}: {}",
            self.bump.after(),
            self.bump.before(),
            self.object,
            self.why
        )
    }
}

/// Longest reason that a commit message has for one object, in characters.
const LONGEST_WHY: usize = 1000;

/// The message of the commit that takes bumps back. It has no trailer of a bump: the history reads the commit as a rejection.
pub fn revert_message(reverts: &[PlannedRevert], template: &Template) -> String {
    let mut out = template.text_of(|room| summary(reverts, room), reverts.len(), &list(reverts));
    let objects: BTreeSet<_> = reverts
        .iter()
        .map(|revert| (&revert.target, &revert.object, &*revert.why))
        .collect();
    out.push_str("\n\n");
    for (target, object, why) in objects {
        let why = silent(&Printable::new(why).at_most(LONGEST_WHY).to_string());
        let object = silent(&shown(&object.to_string()));
        out.push_str(&format!("Failed: {object} in target {target}: {why}\n"));
    }
    let commits: BTreeSet<String> = reverts.iter().map(|revert| revert.commit.short()).collect();
    let commits: Vec<String> = commits.into_iter().collect();
    out.push_str(&format!(
        "\nThis takes back what {} wrote. What failed is held as after a git revert: a revert of this commit or tidegate resume \
         lifts the hold.\n\n",
        commits.join(", ")
    ));
    for revert in reverts {
        out.push_str(&revert.bump.revert_trailer());
        out.push('\n');
    }
    out
}

fn list(reverts: &[PlannedRevert]) -> String {
    let lines: Vec<String> = reverts
        .iter()
        .map(|revert| {
            let bump = &revert.bump;
            let name = bump.new_image.as_ref().map(|_| format!("{} ", shown(&bump.image)));
            format!(
                "- {}: {} {} -> {}{}",
                silent(&shown(&revert.field.to_string())),
                shown(bump.image_after()),
                bump.after(),
                name.unwrap_or_default(),
                bump.before()
            )
        })
        .collect();
    lines.join("\n")
}

fn summary(reverts: &[PlannedRevert], room: usize) -> String {
    let changes: BTreeSet<_> = reverts
        .iter()
        .map(|revert| (&revert.bump.image, revert.bump.before(), revert.bump.after()))
        .collect();
    let text = match (changes.first(), changes.len()) {
        (Some((image, before, after)), 1) => {
            let path = ImageRef::parse(image).map(|image| image.repository().path);
            let path = shown(path.as_deref().unwrap_or(image));
            let path = path.strip_prefix("library/").unwrap_or(&path);
            let around = format!("Revert  to {before}: the rollout of {after} failed");
            let name = cut(path, room.saturating_sub(around.chars().count()).max(1));
            format!("Revert {name} to {before}: the rollout of {after} failed")
        }
        _ => format!("Revert {} images: their rollouts failed", reverts.len()),
    };
    cut(&text, room)
}
