use crate::model::Printable;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::Regex;
use std::sync::LazyLock;

/// The longest text of a failure, in characters.
const LONGEST: usize = 600;
/// Shorter values are words of every text.
const SHORTEST_SECRET: usize = 4;
/// What stands in the place of a value.
const HIDDEN: &str = "<hidden>";

/// The API server and the schema of a chart quote the values that they refuse.
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)(invalid value|unsupported value|duplicate value|got|given|found|cannot unmarshal|instead of): ("(?:\\.|[^"\\])*"|`[^`]*`|'[^']*'|[0-9][^:,;\s]*)"#).ok()
});

/// What helm says about a failure, as one line: without values that servers quote, and without the values of `secrets`.
pub fn failure_text(output: &str, secrets: &[String]) -> String {
    let error = output.rfind("Error: ").map(|at| at + "Error: ".len());
    let error = error.and_then(|at| output.get(at..)).unwrap_or(output).trim();
    let mut text = match &*QUOTED {
        Some(quoted) => quoted.replace_all(error, format!("$1: {HIDDEN}")).into_owned(),
        None => String::new(),
    };
    let mut forms: Vec<String> = secrets
        .iter()
        // Logins are sent without the blanks around them, which files of Secrets often have.
        .flat_map(|secret| [secret.as_str(), secret.trim()])
        .filter(|secret| secret.chars().count() >= SHORTEST_SECRET)
        .flat_map(|secret| {
            [
                secret.to_owned(),
                BASE64_STANDARD.encode(secret),
                secret.escape_default().to_string(),
            ]
        })
        .collect();
    // The longest first: a part of a secret may be another one.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    for form in &forms {
        text = text.replace(form, HIDDEN);
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.is_empty() {
        true => "helm gave no reason".to_owned(),
        false => Printable::new(&line).with_blanks().at_most(LONGEST).to_string(),
    }
}
