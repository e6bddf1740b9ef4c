use super::bump_plan::{BumpPlan, PlannedBump};
use crate::model::{Printable, is_unprintable};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Longest subject that is written, in characters.
const LONGEST_SUBJECT: usize = 200;
/// Longest template that is read, in characters.
const LONGEST_TEMPLATE: usize = 2000;
/// Longest name shown in the subject and body, in characters; the trailers have everything in full.
const LONGEST_NAME: usize = 200;

const EXAMPLE: &str = "write {summary}, {count} or {bumps}";

/// The part of a bump commit's message above the trailers. The first line is the subject.
///
/// | variable | value |
/// | --- | --- |
/// | `{summary}` | `Bump shop/web to 0123abc`, or `Bump 3 images` |
/// | `{count}` | the number of bumps |
/// | `{bumps}` | one line for each bump: `- Deployment shop/web web: registry.example/shop/web 1.2.3 -> 1.2.4`, with the new name before the new tag if the name changes |
///
/// Without `{bumps}` the list follows the text as a paragraph of its own. With `{summary} [skip ci]` many CI systems skip the
/// commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Summary,
    Count,
    Bumps,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template {text:?} cannot be used: {problem}")]
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
    /// The text is empty or too long, the subject is empty or has the list of bumps, the text has control characters, an
    /// unknown variable or an opening brace without a closing one, or a line looks like one of our trailers.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        Self::parts(text.trim_end())
            .map(Self)
            .map_err(|problem| InvalidTemplate {
                text: text.chars().take(LONGEST_NAME).collect(),
                problem,
            })
    }

    fn parts(text: &str) -> Result<Vec<Part>, String> {
        if text.chars().count() > LONGEST_TEMPLATE {
            return Err(format!("it is longer than {LONGEST_TEMPLATE} characters"));
        }
        if text.chars().any(|c| c != '\n' && is_unprintable(c)) {
            return Err("it has control characters; only line ends are allowed".to_owned());
        }
        let subject = text.lines().next().unwrap_or_default();
        if subject.trim().is_empty() {
            return Err(format!("its first line, the subject, is empty; {EXAMPLE}"));
        }
        if subject.chars().count() > LONGEST_SUBJECT {
            return Err(format!(
                "its first line, the subject, is longer than {LONGEST_SUBJECT} characters"
            ));
        }
        if subject.contains("{bumps}") {
            return Err("the list of bumps does not fit into the first line, the subject; put it below".to_owned());
        }
        if text
            .lines()
            .any(|line| line.trim_start().to_ascii_lowercase().starts_with("tidegate-"))
        {
            return Err(
                "a line starts like one of our own trailers (Tidegate-); the trailers are added automatically"
                    .to_owned(),
            );
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return Err(format!("a {{ is never closed; {EXAMPLE}"));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(match name {
                "summary" => Part::Summary,
                "count" => Part::Count,
                "bumps" => Part::Bumps,
                _ => return Err(format!("there is no {{{name}}}; {EXAMPLE}")),
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        if !parts.contains(&Part::Bumps) {
            parts.extend([Part::Text("\n\n".to_owned()), Part::Bumps]);
        }
        Ok(parts)
    }

    /// Subject and body. If the subject would be too long, the summary in it is shortened. The template's own text (`[skip ci]`)
    /// stays.
    fn text(&self, plan: &BumpPlan) -> String {
        self.text_of(|room| summary(&plan.bumps, room), plan.bumps.len(), &list(&plan.bumps))
    }

    /// The same for a summary that fits into a number of characters, a count and a list.
    pub(super) fn text_of(&self, summary: impl Fn(usize) -> String, count: usize, list: &str) -> String {
        let bare = self.filled("", count, list);
        let around = bare.lines().next().unwrap_or_default().chars().count();
        let room = LONGEST_SUBJECT.saturating_sub(around) / self.summaries_in_the_subject().max(1);
        let out = self.filled(&summary(room), count, list);
        let (subject, body) = out.split_once('\n').unwrap_or((&out, ""));
        format!(
            "{}\n\n{}",
            cut(subject, LONGEST_SUBJECT).trim_end(),
            body.trim_matches('\n')
        )
    }

    fn filled(&self, summary: &str, count: usize, list: &str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Summary => out.push_str(summary),
                Part::Count => out.push_str(&count.to_string()),
                Part::Bumps => out.push_str(list),
            }
        }
        out
    }

    fn summaries_in_the_subject(&self) -> usize {
        let in_subject = |part: &&Part| !matches!(part, Part::Text(text) if text.contains('\n'));
        let parts = self.0.iter().take_while(in_subject);
        parts.filter(|part| **part == Part::Summary).count()
    }
}

impl Default for Template {
    fn default() -> Self {
        Self(vec![Part::Summary, Part::Text("\n\n".to_owned()), Part::Bumps])
    }
}

/// Subject and body, without trailers.
pub(super) fn text(plan: &BumpPlan, template: &Template) -> String {
    template.text(plan)
}

/// The commit message: subject and body from the template, then the trailers that [`crate::history::bumps`] reads back.
pub fn message(plan: &BumpPlan, template: &Template) -> String {
    let mut out = template.text(plan);
    out.push_str("\n\n");
    for bump in &plan.bumps {
        out.push_str(&bump.record().trailer());
        out.push('\n');
    }
    out
}

fn list(bumps: &[PlannedBump]) -> String {
    let lines: Vec<String> = bumps
        .iter()
        .map(|bump| {
            format!(
                "- {}: {} {} -> {}{}",
                silent(&shown(&bump.field.to_string())),
                shown(bump.image.name()),
                bump.record().before(),
                bump.new_name
                    .as_ref()
                    .map_or(String::new(), |name| format!("{} ", shown(name.name()))),
                bump.record().after()
            )
        })
        .collect();
    lines.join("\n")
}

/// The time of the commit: the newest push time of the images. The same plan gives the same time. The time is 1970 where no
/// push time is known: the clock would make another commit at each try. The room `git` takes the time of the parent if the parent
/// is newer.
pub(crate) fn commit_time(plan: &BumpPlan) -> Timestamp {
    let pushed = plan.bumps.iter().filter_map(|bump| bump.pushed_at);
    pushed.max().unwrap_or_default().max(Timestamp::UNIX_EPOCH)
}

/// At most `room` characters. The end of a long path is cut, so that the tag stays.
fn summary(bumps: &[PlannedBump], room: usize) -> String {
    let changes: BTreeSet<_> = bumps
        .iter()
        .map(|bump| (bump.bumped_image().name(), bump.record().after()))
        .collect();
    let images: BTreeSet<_> = changes.iter().map(|(image, _)| image).collect();
    let text = match (changes.first(), bumps.first()) {
        (Some((_, version)), Some(bump)) if changes.len() == 1 => {
            let path = shown(&bump.bumped_image().repository().path);
            let path = path.strip_prefix("library/").unwrap_or(&path);
            let around = format!("Bump  to {version}").chars().count();
            format!("Bump {} to {version}", cut(path, room.saturating_sub(around).max(1)))
        }
        _ if images.len() == 1 => format!("Bump {} images", bumps.len()),
        _ => format!("Bump {} images", images.len()),
    };
    cut(&text, room)
}

/// At most `most` characters. `…` replaces the rest.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.extend((most > 0).then_some('…'));
    out
}

/// A name without square brackets: `[skip ci]` makes CI systems skip a commit, and only the template may say that.
pub(super) fn silent(name: &str) -> String {
    name.replace('[', "(").replace(']', ")")
}

/// A name as it is shown in subject and body.
pub(super) fn shown(name: &str) -> String {
    Printable::new(name).at_most(LONGEST_NAME).to_string()
}
