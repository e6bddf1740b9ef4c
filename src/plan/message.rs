use super::decide::{BumpPlan, PlannedBump};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Longest subject that is written, in characters.
const LONGEST_SUBJECT: usize = 200;
/// Longest template that is read, in characters.
const LONGEST_TEMPLATE: usize = 2000;
/// Longest name shown in the subject and body, in characters; the trailers have everything in full.
const LONGEST_NAME: usize = 200;

const EXAMPLE: &str = "write {summary}, {count} or {bumps}";

/// What a bump commit says before its trailers. The first line is the subject.
///
/// | variable | stands for |
/// | --- | --- |
/// | `{summary}` | `Bump shop/web to 0123abc`, or `Bump 3 images` |
/// | `{count}` | the number of bumps |
/// | `{bumps}` | one line for each bump: `- Deployment shop/web web: registry.example/shop/web 1.2.3 -> 1.2.4` |
///
/// Where `{bumps}` is not named, the list follows the text as a paragraph of its own. `{summary} [skip ci]` keeps many CI
/// systems quiet.
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
    /// Empty or overlong text, an empty subject, a list of bumps in the subject, control characters, a variable that does
    /// not exist, an opening brace that is never closed, lines that look like our own trailers.
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
        if text.chars().any(|c| c != '\n' && steers(c)) {
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
                "a line starts like one of our own trailers (Tidegate-); those are added by themselves".to_owned(),
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

    /// Subject and body. Where the subject would be too long, the summary in it is shortened: what the template says beside
    /// it (`[skip ci]`) stays.
    fn text(&self, plan: &BumpPlan) -> String {
        let bare = self.filled(plan, "");
        let around = bare.lines().next().unwrap_or_default().chars().count();
        let room = LONGEST_SUBJECT.saturating_sub(around) / self.summaries_in_the_subject().max(1);
        let out = self.filled(plan, &summary(&plan.bumps, room));
        let (subject, body) = out.split_once('\n').unwrap_or((&out, ""));
        format!(
            "{}\n\n{}",
            cut(subject, LONGEST_SUBJECT).trim_end(),
            body.trim_matches('\n')
        )
    }

    fn filled(&self, plan: &BumpPlan, summary: &str) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Summary => out.push_str(summary),
                Part::Count => out.push_str(&plan.bumps.len().to_string()),
                Part::Bumps => out.push_str(&list(&plan.bumps)),
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

/// Subject and body as the template has them, without trailers.
pub(super) fn text(plan: &BumpPlan, template: &Template) -> String {
    template.text(plan)
}

/// The commit message: what the template says, and the trailers that [`crate::history::bumps`] reads back.
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
                "- {}: {} {} -> {}",
                silent(&shown(&bump.field.to_string())),
                shown(bump.image.name()),
                bump.record().before(),
                bump.record().after()
            )
        })
        .collect();
    lines.join("\n")
}

/// The commit's time: the newest push among the bumps' images, and never before the parent's. Deterministic, so that the
/// same plan on the same parent is the same commit. `otherwise` where no push time is known: the clock would make another
/// commit at each try.
pub fn commit_time(plan: &BumpPlan, parent: Timestamp, otherwise: Timestamp) -> Timestamp {
    plan.bumps
        .iter()
        .filter_map(|bump| bump.pushed_at)
        .max()
        .unwrap_or(otherwise)
        .max(parent)
}

/// At most `room` characters; of a long path the end is cut, and the tag stays as long as it can.
fn summary(bumps: &[PlannedBump], room: usize) -> String {
    let changes: BTreeSet<_> = bumps
        .iter()
        .map(|bump| (bump.image.name(), bump.record().after()))
        .collect();
    let images: BTreeSet<_> = changes.iter().map(|(image, _)| image).collect();
    let text = match (changes.first(), bumps.first()) {
        (Some((_, mark)), Some(bump)) if changes.len() == 1 => {
            let path = shown(&bump.image.repository().path);
            let path = path.strip_prefix("library/").unwrap_or(&path);
            let around = format!("Bump  to {mark}").chars().count();
            format!("Bump {} to {mark}", cut(path, room.saturating_sub(around).max(1)))
        }
        _ if images.len() == 1 => format!("Bump {} images", bumps.len()),
        _ => format!("Bump {} images", images.len()),
    };
    cut(&text, room)
}

/// At most so many characters, with `…` for what was cut.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.extend((most > 0).then_some('…'));
    out
}

/// Without the brackets that make CI systems skip a commit (`[skip ci]`): only the template may say so.
fn silent(name: &str) -> String {
    name.replace('[', "(").replace(']', ")")
}

/// A name for people: characters that steer a terminal or turn the direction of text as `?`, cut where it would fill the
/// screen.
pub(super) fn shown(name: &str) -> String {
    cut(name, LONGEST_NAME)
        .chars()
        .map(|c| if steers(c) { '?' } else { c })
        .collect()
}

/// Characters that steer a terminal or turn the direction of text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
