use super::decide::{BumpPlan, PlannedBump};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Longest subject template that is read, and longest subject that is written, in characters.
const LONGEST_SUBJECT: usize = 200;
/// Longest name shown in the subject and body, in characters; the trailers have everything in full.
const LONGEST_NAME: usize = 200;

/// The variables of a subject template.
const VARIABLES: [&str; 2] = ["summary", "count"];

/// How a bump commit's subject is written: text with `{summary}` (`Bump shop/web to 0123abc`, or `Bump 3 images`) and
/// `{count}` (the number of bumps). `{summary} [skip ci]` keeps many CI systems quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// A subject template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("subject template {text:?} cannot be used: {problem}")]
pub struct InvalidTemplate {
    /// The text, cut to 200 characters.
    pub text: String,
    /// What is wrong and what to write instead.
    pub problem: String,
}

impl Template {
    /// Checks a template.
    ///
    /// # Errors
    /// Empty or overlong text, control characters, a variable that does not exist, an opening brace that is never closed.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let invalid = |problem: String| InvalidTemplate {
            text: text.chars().take(LONGEST_SUBJECT).collect(),
            problem,
        };
        if text.trim().is_empty() {
            return Err(invalid("it is empty; write {summary}".to_owned()));
        }
        if text.chars().count() > LONGEST_SUBJECT {
            return Err(invalid(format!("it is longer than {LONGEST_SUBJECT} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(invalid("a subject is one line without control characters".to_owned()));
        }
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return Err(invalid("a { is never closed; write {summary} or {count}".to_owned()));
            };
            if !VARIABLES.contains(&name) {
                return Err(invalid(format!(
                    "there is no {{{name}}}; write {{summary}} or {{count}}"
                )));
            }
            rest = after;
        }
        Ok(Self(text.trim().to_owned()))
    }

    fn subject(&self, plan: &BumpPlan) -> String {
        let count = plan.bumps.len().to_string();
        let mut out = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(before);
            match name {
                "count" => out.push_str(&count),
                _ => out.push_str(&summary(&plan.bumps)),
            }
            rest = after;
        }
        out.push_str(rest);
        out.chars().take(LONGEST_SUBJECT).collect()
    }
}

impl Default for Template {
    fn default() -> Self {
        Self("{summary}".to_owned())
    }
}

/// The commit message: subject, one line for each bump, and the trailers that [`crate::history::bumps`] reads back.
pub fn message(plan: &BumpPlan, template: &Template) -> String {
    let mut out = template.subject(plan);
    out.push_str("\n\n");
    for bump in &plan.bumps {
        let from = bump.from.as_ref().map_or("(no tag)", |tag| tag.as_str());
        let line = writeln!(
            out,
            "- {}: {} {from} -> {}",
            shown(&bump.field.to_string()),
            shown(bump.image.name()),
            bump.to
        );
        line.expect("writing to a String cannot fail");
    }
    out.push('\n');
    for bump in &plan.bumps {
        out.push_str(&bump.record().trailer());
        out.push('\n');
    }
    out
}

/// The commit's time: the newest push among the bumps' images, and never before the parent's. Deterministic, so that the
/// same plan on the same parent is the same commit. `otherwise` where no push time is known.
pub fn commit_time(plan: &BumpPlan, parent: Timestamp, otherwise: Timestamp) -> Timestamp {
    plan.bumps
        .iter()
        .filter_map(|bump| bump.pushed_at)
        .max()
        .unwrap_or(otherwise)
        .max(parent)
}

fn summary(bumps: &[PlannedBump]) -> String {
    let changes: BTreeSet<_> = bumps.iter().map(|bump| (bump.image.name(), &bump.to)).collect();
    let images: BTreeSet<_> = changes.iter().map(|(image, _)| image).collect();
    match (changes.first(), bumps.first()) {
        (Some((_, tag)), Some(bump)) if changes.len() == 1 => {
            let path = bump.image.repository().path;
            format!(
                "Bump {} to {tag}",
                shown(path.strip_prefix("library/").unwrap_or(&path))
            )
        }
        _ if images.len() == 1 => format!("Bump {} images", bumps.len()),
        _ => format!("Bump {} images", images.len()),
    }
}

/// A name for people: characters that steer a terminal or turn the direction of text as `?`, cut where it would fill the
/// screen.
pub(super) fn shown(name: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let mut out: String = name
        .chars()
        .take(LONGEST_NAME)
        .map(|c| if steers(c) { '?' } else { c })
        .collect();
    if name.chars().nth(LONGEST_NAME).is_some() {
        out.push('…');
    }
    out
}
