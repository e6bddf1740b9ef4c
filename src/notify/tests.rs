use super::settings::StatusForge;
use super::{commit_status, discord, pager_duty, slack, teams};
use crate::model::{CommitId, Secret};
use crate::port::{Message, Notification, NotificationKind as Kind};
use std::collections::BTreeMap;

fn about(kind: Kind, text: &str) -> Notification {
    Notification {
        kind,
        severity: kind.severity(),
        is_resolved: false,
        target: Some("here".into()),
        path: None,
        object: None,
        commit: Some(CommitId::from_bytes([1; 20])),
        facts: text.into(),
        text: text.into(),
        at: "2026-03-02T09:14:07Z".parse().unwrap(),
        condition: "health here".into(),
    }
}

fn message(notifications: Vec<Notification>) -> Message {
    Message {
        rule: "team".into(),
        repo: "ssh://git@github.com/acme/fleet.git".into(),
        branch: "main".into(),
        id: "1".into(),
        notifications,
        more: BTreeMap::from([(Kind::DriftRepaired, 7)]),
    }
}

#[test]
fn a_chat_gets_each_line_and_mentions_nobody() {
    let hostile = "<!channel> <https://evil.example|click> @everyone *bold* [click](https://evil.example) & more";
    let message = message(vec![about(Kind::Degraded, hostile)]);
    let slack = slack::body(&message)["text"].as_str().unwrap().to_owned();
    assert!(
        slack.contains("🔴 &lt;!channel&gt; &lt;https") && slack.contains("&amp; more"),
        "{slack}"
    );
    assert!(slack.contains("and 7 more: 7 driftRepaired"), "{slack}");
    let discord = discord::body(&message);
    assert_eq!(discord["allowed_mentions"]["parse"].as_array().unwrap().len(), 0);
    assert!(
        discord["content"].as_str().unwrap().contains("\\[click\\]"),
        "{discord}"
    );
    let card = teams::body(&message);
    let attachment = &card["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let blocks = attachment["content"]["body"].as_array().unwrap();
    assert_eq!(blocks.len(), 3);
    assert!(blocks[1]["text"].as_str().unwrap().contains("\\[click\\]"), "{card}");
}

#[test]
fn a_long_message_fits_every_chat_and_says_what_is_left_out() {
    let all = (0..50)
        .map(|n| about(Kind::Problem, &format!("{n} {}", "*".repeat(690))))
        .collect();
    let message = message(all);
    let slack = slack::body(&message)["text"].as_str().unwrap().to_owned();
    assert!(
        slack.len() < 4000 && slack.contains("46 more that found no room"),
        "{slack}"
    );
    let discord = discord::body(&message)["content"].as_str().unwrap().to_owned();
    assert!(discord.chars().count() <= 2000);
}

#[test]
fn a_commit_gets_a_status_for_its_states_alone() {
    let message = message(vec![
        about(Kind::Applied, "applied"),
        about(Kind::Bumped, "bumped"),
        about(Kind::Degraded, &"degraded ".repeat(40)),
    ]);
    let commit = "01".repeat(20);
    for (forge, url, header, failure) in [
        (
            StatusForge::GitHub,
            "/repos/acme/fleet/statuses/",
            ("Authorization", "Bearer t0ken"),
            "failure",
        ),
        (
            StatusForge::Gitea,
            "/repos/acme/fleet/statuses/",
            ("Authorization", "token t0ken"),
            "failure",
        ),
        (
            StatusForge::GitLab,
            "/projects/acme%2Ffleet/statuses/",
            ("PRIVATE-TOKEN", "t0ken"),
            "failed",
        ),
    ] {
        let site = commit_status::Site {
            forge,
            api: "https://forge.example/api",
            project: "acme/fleet",
            context: "tidegate",
        };
        let requests = commit_status::requests(&site, &Secret::new("t0ken"), &message);
        assert_eq!(requests.len(), 2);
        for (request, (name, state)) in requests.iter().zip([("applied", "success"), ("health", failure)]) {
            assert_eq!(request.url.expose(), format!("https://forge.example/api{url}{commit}"));
            let sent = request.headers.iter().find(|(name, _)| *name == header.0).unwrap();
            assert_eq!(sent.1.expose(), header.1);
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let context = body.get("context").or(body.get("name")).unwrap();
            assert_eq!(
                (context, &body["state"]),
                (&format!("tidegate/here/{name}").into(), &state.into())
            );
            assert!(body["description"].as_str().unwrap().chars().count() <= 140);
        }
    }
}

#[test]
fn the_end_of_what_was_wrong_resolves_the_same_alert() {
    let key = Secret::new("routing-key");
    let of = |kind| {
        let requests = pager_duty::requests("https://events.example", &key, &message(vec![about(kind, "text")]));
        serde_json::from_slice::<serde_json::Value>(&requests[0].body).unwrap()
    };
    let (degraded, healthy) = (of(Kind::Degraded), of(Kind::Healthy));
    assert_eq!(
        (&degraded["event_action"], &healthy["event_action"]),
        (&"trigger".into(), &"resolve".into())
    );
    assert_eq!(degraded["dedup_key"], healthy["dedup_key"]);
    assert_eq!(degraded["payload"]["severity"], "error");
}
