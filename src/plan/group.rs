use crate::manifest::{AutomationIntent, PolicyText};
use crate::model::{FieldName, RepoPath};
use crate::policy::TagPart;
use serde::Serialize;

/// A group of image fields that move together. The name counts in the whole config repo, across files, folders and targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The part of the tags that must be equal, if the field says it. Without it the tags must be equal.
    pub part: Option<TagPart>,
}

/// The move of a group that a bump is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupMove {
    /// The name of the group.
    pub name: String,
    /// What the tags of the group have in common after the move.
    pub part: String,
}

/// The longest name of a group, in characters.
const LONGEST_NAME: usize = 100;

/// The groups that annotations give a field, and why one of them cannot be used, with its file and position. A field whose
/// group cannot be used is not bumped, since the field would move alone.
pub(super) fn groups(
    path: &RepoPath,
    automation: &AutomationIntent,
    field: &FieldName,
) -> (Vec<Group>, Option<String>) {
    let Some((texts, written)) = automation
        .groups
        .as_ref()
        .and_then(|texts| Some((texts, texts.name(field)?)))
    else {
        return (Vec::new(), None);
    };
    let at = |text: &PolicyText, problem: &str| {
        let PolicyText {
            position, annotation, ..
        } = text;
        format!("{path}:{position}: {annotation}: {problem}")
    };
    let name = match name(written) {
        Ok(name) => name,
        Err(problem) => return (Vec::new(), Some(at(written, &problem))),
    };
    let part = texts.part.as_ref().map(|part| (part, tag_part(part)));
    let (part, problem) = match part {
        Some((text, Err(problem))) => (None, Some(at(text, &problem))),
        Some((_, Ok(part))) => (Some(part), None),
        None => (None, None),
    };
    (vec![Group { name, part }], problem)
}

fn name(written: &PolicyText) -> Result<String, String> {
    let name = written.text.trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !written.is_text {
        Err("is not a string; write it in quotes".to_owned())
    } else if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
        Err(format!(
            "is not the name of a group; write at most {LONGEST_NAME} letters, digits, and - _ . /"
        ))
    } else {
        Ok(name.to_owned())
    }
}

fn tag_part(written: &PolicyText) -> Result<TagPart, String> {
    match written.is_text {
        true => TagPart::parse(&written.text).map_err(|error| error.to_string()),
        false => Err("is not a string; write it in quotes".to_owned()),
    }
}
