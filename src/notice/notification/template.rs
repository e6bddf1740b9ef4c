use crate::port::Notification;
use std::fmt;

/// The text of a notification, with placeholders.
///
/// | placeholder | stands for |
/// | --- | --- |
/// | `{text}` | what happened, in one sentence |
/// | `{event}` | the event's name, as in `events` |
/// | `{severity}` | `info`, `warning` or `error` |
/// | `{target}` | the target, or nothing |
/// | `{object}` | the object or image field, or nothing |
/// | `{path}` | the file in the config repo, or nothing |
/// | `{commit}` | the commit, or nothing |
/// | `{short}` | the first digits of the commit, or nothing |
/// | `{time}` | when the agent saw it, in UTC |
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Text,
    Event,
    Severity,
    Target,
    Object,
    Path,
    Commit,
    Short,
    Time,
}

/// The names, in the order of the documentation.
const PLACEHOLDERS: [(&str, Placeholder); 9] = [
    ("text", Placeholder::Text),
    ("event", Placeholder::Event),
    ("severity", Placeholder::Severity),
    ("target", Placeholder::Target),
    ("object", Placeholder::Object),
    ("path", Placeholder::Path),
    ("commit", Placeholder::Commit),
    ("short", Placeholder::Short),
    ("time", Placeholder::Time),
];

impl Template {
    /// Reads a template. `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// A placeholder is unknown or not closed; the message names the known ones.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                let known = PLACEHOLDERS.iter().find(|(known, _)| *known == name);
                let (_, placeholder) = known.ok_or_else(|| unknown(&format!("{{{name}}} is no placeholder")))?;
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Placeholder(*placeholder));
                rest = after;
            } else {
                return Err(unknown("a brace is open or closed alone"));
            }
        }
        literal.push_str(rest);
        parts.push(Part::Text(literal));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        if parts.is_empty() {
            return Err("expected a text, found an empty one".to_owned());
        }
        Ok(Self(parts))
    }

    /// The text about a notification.
    pub fn fill(&self, about: &Notification) -> String {
        let commit = || about.commit.map(|commit| commit.to_string()).unwrap_or_default();
        let of = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Placeholder(placeholder) => match placeholder {
                Placeholder::Text => about.facts.clone(),
                Placeholder::Event => about.kind.as_str().to_owned(),
                Placeholder::Severity => about.severity.as_str().to_owned(),
                Placeholder::Target => about.target.clone().unwrap_or_default(),
                Placeholder::Object => about.object.clone().unwrap_or_default(),
                Placeholder::Path => about.path.clone().unwrap_or_default(),
                Placeholder::Commit => commit(),
                Placeholder::Short => commit().chars().take(7).collect(),
                Placeholder::Time => about.at.to_string(),
            },
        };
        self.0.iter().map(of).collect()
    }
}

impl Default for Template {
    fn default() -> Self {
        Self(vec![Part::Placeholder(Placeholder::Text)])
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

fn unknown(what: &str) -> String {
    let names: Vec<String> = PLACEHOLDERS.iter().map(|(name, _)| format!("{{{name}}}")).collect();
    format!("{what}; write {}, or {{{{ and }}}} for braces", names.join(", "))
}
