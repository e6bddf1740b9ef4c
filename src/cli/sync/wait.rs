//! Follows a sync until the commit is healthy in every target, or cannot become so.

use super::progress::Progress;
use crate::cli::failure::Failure;
use crate::cli::status::{StatusAnswer, Target};
use crate::http::Client;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// The status is answered from memory.
const POLL: Duration = Duration::from_secs(1);
/// How often an agent that does not answer is asked again before the command gives up: it may be restarting.
const MISSES: u32 = 30;

/// How the wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every target is healthy at this commit.
    Healthy { commit: String },
    /// Some target does not become healthy without a change. One line for each reason.
    Failed { reasons: Vec<String> },
    /// The time is up. One line for each object that is not ready.
    TimedOut { reasons: Vec<String> },
}

/// What one look at the targets says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is decided: what is not ready, by object.
    Waiting(BTreeMap<String, String>),
    Ended(End),
}

/// Asks for the status until the wait ends.
pub(super) async fn wait(client: &Client, timeout: Option<Duration>, progress: &mut Progress) -> Result<End, Failure> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let (mut misses, mut last) = (0, BTreeMap::new());
    loop {
        match StatusAnswer::ask(client).await {
            Ok((answer, _)) => {
                misses = 0;
                match look(&answer) {
                    Look::Ended(end) => {
                        progress.end();
                        return Ok(end);
                    }
                    Look::Waiting(unready) => {
                        progress.show(&unready);
                        last = unready;
                    }
                }
            }
            Err(_) if misses < MISSES => misses += 1,
            Err(failure) => return Err(failure),
        }
        let is_up = match deadline {
            Some(deadline) => tokio::select! {
                () = sleep(POLL) => false,
                () = sleep_until(deadline) => true,
            },
            None => {
                sleep(POLL).await;
                false
            }
        };
        if is_up {
            progress.end();
            let reasons = last.into_iter().map(|(object, message)| format!("{object}: {message}"));
            return Ok(End::TimedOut {
                reasons: reasons.collect(),
            });
        }
    }
}

/// What the status says about the commit at the head. While the targets are behind it, nothing is decided.
pub(super) fn look(answer: &StatusAnswer) -> Look {
    let mut waiting = BTreeMap::new();
    let mut reasons = Vec::new();
    for (name, target) in &answer.targets {
        let is_behind = answer.repo.head.is_some() && target.commit != answer.repo.head;
        match target.health.as_deref() {
            Some("healthy") if !is_behind => {}
            Some("degraded" | "partial") if !is_behind => reasons.extend(faults(name, target)),
            _ => waiting.extend(unready(name, target, is_behind)),
        }
    }
    let Some(commit) = answer.repo.head.clone() else {
        return Look::Waiting([("config repo".to_owned(), "not fetched yet".to_owned())].into());
    };
    if !reasons.is_empty() {
        Look::Ended(End::Failed { reasons })
    } else if waiting.is_empty() && !answer.targets.is_empty() {
        Look::Ended(End::Healthy { commit })
    } else {
        Look::Waiting(waiting)
    }
}

/// Why a target does not become healthy.
fn faults(name: &str, target: &Target) -> Vec<String> {
    match target.problems.is_empty() {
        true => vec![format!("{name}: a part of the commit is not applied")],
        false => target
            .problems
            .iter()
            .map(|problem| format!("{name}: {problem}"))
            .collect(),
    }
}

/// What a target waits for.
fn unready(name: &str, target: &Target, is_behind: bool) -> Vec<(String, String)> {
    let objects = target
        .unready
        .iter()
        .map(|unready| (unready.object.to_string(), unready.message.clone()));
    let mut all: Vec<(String, String)> = objects.collect();
    if is_behind || all.is_empty() {
        let what = match target.problems.first() {
            Some(problem) => problem.clone(),
            None if is_behind => "applies the commit".to_owned(),
            None => "looks at what it applied".to_owned(),
        };
        all.insert(0, (format!("target {name}"), what));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(targets: Value) -> Look {
        let answer = json!({"repo": {"head": "abc"}, "targets": targets});
        look(&serde_json::from_value(answer).unwrap())
    }

    #[test]
    fn the_wait_ends_when_every_target_is_healthy_at_the_head_or_one_cannot_become_so() {
        let web = json!([{"object": {"kind": "Deployment", "namespace": "shop", "name": "web"}, "message": "progressing: 0 of 1"}]);
        let healthy = || Look::Ended(End::Healthy { commit: "abc".into() });
        let waiting = |object: &str, message: &str| Look::Waiting([(object.to_owned(), message.to_owned())].into());
        assert_eq!(of(json!({"here": {"commit": "abc", "health": "healthy"}})), healthy());
        let behind = json!({"here": {"commit": "old", "health": "healthy"}});
        assert_eq!(of(behind), waiting("target here", "applies the commit"));
        let rolling = json!({"here": {"commit": "abc", "health": "applied", "unready": web}});
        assert_eq!(of(rolling), waiting("Deployment shop/web", "progressing: 0 of 1"));
        let one_of_two = json!({"here": {"commit": "abc", "health": "healthy"},
            "there": {"commit": "abc", "health": "degraded", "problems": ["web.yaml: it crashes"]}});
        let reasons = vec!["there: web.yaml: it crashes".to_owned()];
        assert_eq!(of(one_of_two), Look::Ended(End::Failed { reasons }));
        let old_failure = json!({"here": {"commit": "old", "health": "degraded", "problems": ["it crashes"]}});
        assert_eq!(
            of(old_failure),
            waiting("target here", "it crashes"),
            "the commit at the head may mend it"
        );
        let away = json!({"here": {"commit": "abc", "problems": ["the API server is away"]}});
        assert_eq!(of(away), waiting("target here", "the API server is away"));
        assert_eq!(of(json!({})), Look::Waiting(BTreeMap::new()));
    }
}
