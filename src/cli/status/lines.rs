use super::answer::{Answer, Field, Key, Target};
use crate::cli::output::table;

/// The lines, and whether everything is well.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: String,
    pub(super) is_well: bool,
}

/// What the agent's answer says, problems first after the two lines about the repository.
pub(super) fn of(answer: &Answer) -> Lines {
    let problems = problems(answer);
    let mut rows = vec![
        row("repository", repository(answer)),
        row("rights", rights(&answer.key).to_owned()),
    ];
    rows.extend(problems.iter().map(|problem| row("PROBLEM", problem.clone())));
    let head = answer.repo.head.as_deref();
    let targets = answer.targets.iter();
    rows.extend(targets.map(|(name, status)| row("target", target(name, status, head))));
    if !answer.fields.is_empty() {
        rows.push(row("images", images(&answer.fields)));
    }
    for field in &answer.fields {
        match &*field.outcome {
            "held" => rows.push(row("held", format!("{}: {}", name(field), field.reason))),
            _ if is_behind(field) => rows.push(row("behind", behind(field))),
            _ => {}
        }
    }
    Lines {
        text: table(&rows),
        is_well: problems.is_empty(),
    }
}

fn row(title: &str, text: String) -> [String; 2] {
    [title.to_owned(), text.replace('\n', " ")]
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
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
    format!("{name}: {} applied, {state}, {} objects", short(commit), target.objects)
}

fn name(field: &Field) -> String {
    let namespace = field.object.namespace.iter().map(|name| format!("{name}/"));
    let namespace: String = namespace.collect();
    format!("{} {namespace}{} {}", field.object.kind, field.object.name, field.field)
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
    let count = |outcome: &str| fields.iter().filter(|field| field.outcome == outcome).count();
    let held = count("held");
    let behind = fields
        .iter()
        .filter(|field| field.outcome != "held" && is_behind(field))
        .count();
    format!(
        "{} automated, {} up to date, {behind} behind, {held} held",
        fields.len(),
        count("up-to-date")
    )
}

/// What is unwell, one sentence each.
fn problems(answer: &Answer) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    let repo = &answer.repo;
    problems.extend(repo.problem.clone());
    problems.extend(repo.unverified.clone());
    problems.extend(answer.problem.clone());
    // A key that may only read is enough where nothing is bumped.
    let writes = !answer.fields.is_empty();
    if answer.key.may_read == Some(false) || writes && answer.key.may_write == Some(false) {
        problems.push(format!("the agent {}", rights(&answer.key)));
    }
    for finding in answer.findings.iter().filter(|finding| finding.severity == "error") {
        let position = finding.position.as_ref();
        let position = position.map_or(String::new(), |position| {
            format!(":{}:{}", position.line, position.column)
        });
        problems.push(format!("{}{position}: {}", finding.path, finding.message));
    }
    for (name, target) in &answer.targets {
        problems.extend(target.problems.iter().map(|problem| format!("{name}: {problem}")));
        if target.commit.is_some() && !target.complete && target.problems.is_empty() {
            problems.push(format!("{name}: not everything below its paths could be read"));
        }
    }
    let scanned = answer.scan.values().filter(|scan| scan.supported != Some(false));
    problems.extend(scanned.filter_map(|scan| scan.problem.clone()));
    for (name, status) in &answer.loops {
        let outcome = status.outcome.as_deref();
        if outcome.is_some_and(|outcome| outcome != "ok") {
            problems.push(format!("the last pass of {name} failed; the agent's log says why"));
        }
    }
    problems
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
                 "newest": "b", "outcome": "held", "reason": "b was taken back"},
                {"object": {"kind": "CronJob", "namespace": "shop", "name": "job"}, "field": "main", "current": "a",
                 "newest": "c", "outcome": "locked", "reason": "locked by Jo"},
            ],
            "loops": {"scan": {"outcome": "ok"}, "follow": {}},
            "scan": {"shop/web": {"tags": 3}},
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
    fn each_problem_is_shown_and_makes_the_agent_unwell() {
        for (pointer, value, text) in [
            ("/repo", json!({"problem": "no answer"}), "no answer"),
            ("/repo", json!({"unverified": "not signed"}), "not signed"),
            ("/problem", json!("the push was rejected"), "the push was rejected"),
            ("/key", json!({"mayRead": true, "mayWrite": false}), "and not write it"),
            (
                "/findings",
                json!([{"path": "a.yaml", "position": {"line": 2, "column": 1}, "severity": "error", "message": "no YAML"}]),
                "a.yaml:2:1: no YAML",
            ),
            (
                "/targets/here",
                json!({"problems": ["web: refused"]}),
                "here: web: refused",
            ),
            (
                "/targets/here",
                json!({"commit": "0123456", "complete": false, "inSync": true}),
                "not everything",
            ),
            ("/scan", json!({"shop/web": {"problem": "denied"}}), "denied"),
            (
                "/loops",
                json!({"scan": {"outcome": "timedOut"}}),
                "the last pass of scan failed",
            ),
        ] {
            let mut answer = well();
            match pointer.strip_prefix("/targets/") {
                Some(name) => answer["targets"][name] = value,
                None => answer[&pointer[1..]] = value,
            }
            let lines = lines(answer);
            assert!(!lines.is_well, "{pointer}");
            assert!(
                lines.text.contains("PROBLEM") && lines.text.contains(text),
                "{}",
                lines.text
            );
        }
    }
}
