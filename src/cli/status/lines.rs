use super::answer::{Answer, Field, Key, Target, Unready, short};
use crate::model::{Printable, table};

/// The lines, and whether everything is well.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: String,
    pub(super) is_well: bool,
}

/// What the agent's answer says, problems first after the two lines about the repository.
pub(super) fn of(answer: &Answer) -> Lines {
    let mut rows = vec![
        row("repository", repository(answer)),
        row("rights", rights(&answer.key).to_owned()),
    ];
    rows.extend(answer.problems.iter().map(|problem| row("PROBLEM", problem.clone())));
    let head = answer.repo.head.as_deref();
    for (name, status) in &answer.targets {
        rows.push(row("target", target(name, status, head)));
        rows.extend(unready(status).into_iter().map(|line| row("not ready", line)));
    }
    if !answer.fields.is_empty() {
        rows.push(row("images", images(&answer.fields)));
    }
    for field in &answer.fields {
        if is_held(field) {
            rows.push(row("held", held(field)));
        } else if is_behind(field) {
            rows.push(row("behind", behind(field)));
        }
    }
    Lines {
        text: table(&rows),
        is_well: answer.problems.is_empty(),
    }
}

fn row(title: &str, text: String) -> [String; 2] {
    [
        title.to_owned(),
        Printable::new(&text).with_blanks().uncut().to_string(),
    ]
}

fn repository(answer: &Answer) -> String {
    let repo = &answer.repo;
    let address = repo.address.as_deref().unwrap_or("address not known");
    let branch = repo.branch.as_deref().unwrap_or("branch not known");
    let head = repo.head.as_deref().map_or("not fetched yet", short);
    format!("{address}, {branch} at {head}")
}

fn rights(key: &Key) -> &'static str {
    match (key.may_read, key.may_write) {
        (Some(false), _) => "may not read the repository",
        (_, Some(false)) => "may read the repository, and not write it",
        (Some(true), Some(true)) => "may read and write the repository",
        (Some(true), None) => "may read the repository; whether it may write is not known",
        (None, _) => "not known yet",
    }
}

fn target(name: &str, target: &Target, head: Option<&str>) -> String {
    let Some(commit) = target.commit.as_deref() else {
        return format!("{name}: nothing applied yet");
    };
    let state = match (target.in_sync, head) {
        (_, Some(head)) if head != commit => format!("behind {}", short(head)),
        (true, _) => "in sync".to_owned(),
        (false, _) => "not in sync".to_owned(),
    };
    let health = match target.health.as_deref() {
        Some(health @ ("healthy" | "degraded")) => format!(", {health}"),
        Some("applied") => format!(", {} not ready yet", target.unready.len()),
        _ => String::new(),
    };
    format!(
        "{name}: {} applied, {state}, {} objects{health}",
        short(commit),
        target.objects
    )
}

/// How many objects that are not ready are listed.
const MAX_UNREADY: usize = 10;

fn unready(target: &Target) -> Vec<String> {
    let line = |unready: &Unready| format!("{}: {}", unready.object, unready.message);
    let mut lines: Vec<String> = target.unready.iter().take(MAX_UNREADY).map(line).collect();
    match target.unready.len().saturating_sub(MAX_UNREADY) {
        0 => {}
        more => lines.push(format!("{more} more objects")),
    }
    lines
}

fn name(field: &Field) -> String {
    format!("{} {}", field.object, field.field)
}

fn is_held(field: &Field) -> bool {
    field.hold.is_some() || field.outcome == "held"
}

fn held(field: &Field) -> String {
    let rejected = field.hold.iter().flat_map(|hold| &hold.rejected);
    let tags: Vec<&str> = rejected.map(|rejected| &*rejected.tag).collect();
    match &*field.outcome {
        "held" => format!("{}: {}", name(field), field.reason),
        _ => format!("{}: {} taken back; {}", name(field), tags.join(", "), field.reason),
    }
}

fn is_behind(field: &Field) -> bool {
    field.newest.is_some() && field.newest != field.current && field.outcome != "up-to-date"
}

fn behind(field: &Field) -> String {
    let current = field.current.as_deref().unwrap_or("no tag");
    let newest = field.newest.as_deref().unwrap_or_default();
    format!("{}: {current}, newest {newest}: {}", name(field), field.reason)
}

fn images(fields: &[Field]) -> String {
    let up_to_date = fields
        .iter()
        .filter(|field| field.outcome == "up-to-date" && !is_held(field));
    let held = fields.iter().filter(|field| is_held(field)).count();
    let behind = fields
        .iter()
        .filter(|field| !is_held(field) && is_behind(field))
        .count();
    format!(
        "{} automated, {} up to date, {behind} behind, {held} held",
        fields.len(),
        up_to_date.count()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn lines(answer: Value) -> Lines {
        of(&serde_json::from_value(answer).unwrap())
    }

    fn well() -> Value {
        json!({
            "version": 1,
            "repo": {"address": "ssh://git@git.acme.example/fleet.git", "branch": "main", "head": "0123456789abcdef"},
            "key": {"mayRead": true, "mayWrite": true},
            "targets": {"here": {"commit": "0123456789abcdef", "complete": true, "inSync": true, "objects": 3}},
            "fields": [
                {"object": {"kind": "Deployment", "namespace": "shop", "name": "web"}, "field": "main", "current": "a",
                 "newest": "a", "outcome": "up-to-date", "reason": "nothing is newer"},
                {"object": {"kind": "Deployment", "namespace": "shop", "name": "api"}, "field": "main", "current": "a",
                 "newest": "b", "outcome": "held", "reason": "b was taken back", "hold": {"rejected": [{"tag": "b"}]}},
                {"object": {"kind": "CronJob", "namespace": "shop", "name": "job"}, "field": "main", "current": "a",
                 "newest": "c", "outcome": "locked", "reason": "locked by Jo"},
            ],
        })
    }

    #[test]
    fn a_well_agent_shows_commits_holds_and_what_is_behind() {
        let lines = lines(well());
        assert!(lines.is_well, "{}", lines.text);
        let expected = "\
repository  ssh://git@git.acme.example/fleet.git, main at 0123456
rights      may read and write the repository
target      here: 0123456 applied, in sync, 3 objects
images      3 automated, 1 up to date, 1 behind, 1 held
held        Deployment shop/api main: b was taken back
behind      CronJob shop/job main: a, newest c: locked by Jo
";
        assert_eq!(lines.text, expected);
    }

    #[test]
    fn a_problem_is_shown_and_makes_the_agent_unwell() {
        let mut answer = well();
        answer["problems"] = json!(["a.yaml:2:1: no YAML,\n\u{1b}[2Jsays the parser"]);
        let lines = lines(answer);
        assert!(!lines.is_well);
        assert!(
            lines
                .text
                .contains("PROBLEM     a.yaml:2:1: no YAML,  [2Jsays the parser\n"),
            "{}",
            lines.text
        );
    }
}
