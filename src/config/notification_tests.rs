use super::*;
use crate::notify::{Address, ReceiverSettings, StatusForge};
use crate::port::{NotificationKind, NotificationSeverity};

fn read_with(notifications: &str) -> Result<Vec<NotificationSettings>, Vec<String>> {
    let text = format!("repo: {{url: \"git@github.com:acme/fleet.git\"}}\nnotifications:\n{notifications}");
    match read("tidegate.yaml", &text) {
        Ok(settings) => Ok(settings.notifications),
        Err(error) => Err(error.mistakes.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn each_receiver_is_read_with_its_defaults() {
    let all = read_with(
        "- {name: a, webhook: {url: \"https://acme.example/in/\", secretFile: s}, events: [bumped], severity: warning}\n\
         - {name: b, slack: {urlFile: u}}\n- {name: c, teams: {urlFile: u}}\n- {name: d, discord: {urlFile: u}}\n\
         - {name: e, commitStatus: {tokenFile: t}}\n- {name: f, pagerDuty: {keyFile: k}}\n\
         - {name: g, commitStatus: {tokenFile: t, forge: gitea, api: \"https://git.acme.example/api/v1\", project: a/b}}\n",
    )
    .unwrap();
    let rule = &all[0].rule;
    assert_eq!(
        (rule.name.as_str(), rule.severity),
        ("a", NotificationSeverity::Warning)
    );
    assert!(rule.kinds.contains(&NotificationKind::Bumped) && rule.kinds.len() == 1);
    let webhook = ReceiverSettings::Webhook {
        address: Address::Url("https://acme.example/in".into()),
        secret_file: Some("s".into()),
    };
    assert_eq!(all[0].receiver, webhook);
    let status = |forge, api: &str, project: &str| ReceiverSettings::CommitStatus {
        forge,
        api: api.into(),
        project: project.into(),
        token_file: "t".into(),
        context: "tidegate".into(),
    };
    assert_eq!(
        all[4].receiver,
        status(StatusForge::GitHub, "https://api.github.com", "acme/fleet")
    );
    assert_eq!(all[4].rule.kinds.len(), 4, "the states of commits");
    assert_eq!(
        all[6].receiver,
        status(StatusForge::Gitea, "https://git.acme.example/api/v1", "a/b")
    );
}

#[test]
fn mistakes_about_notifications_are_listed_with_their_lines_and_no_secret() {
    for (rule, part) in [
        (
            "- {name: a, email: {server: \"smtp://x\", from: a@b.example, to: [a@b.example]}}",
            "3: notifications[0].email.server: \"smtp://x\" is not the name of a server",
        ),
        (
            "- {name: a, email: {server: x, from: nobody, to: [a@b.example]}}",
            "3: notifications[0].email.from: \"nobody\" is not an e-mail address",
        ),
        (
            "- {name: a, email: {server: x, port: 70000, from: a@b.example, to: [a@b.example]}}",
            "3: notifications[0].email.port: ",
        ),
        (
            "- {name: a, email: {server: x, from: a@b.example}}",
            "3: notifications[0].email.to: missing",
        ),
        (
            "- {name: a, email: {server: x, from: a@b.example, to: [a@b.example], user: jo}}",
            "3: notifications[0].email: user and passwordFile belong together",
        ),
        (
            "- {name: a, email: {server: x, from: a@b.example, to: [a@b.example], user: jo, passwordFile: p, tls: none}}",
            "3: notifications[0].email.tls: without encryption everybody",
        ),
        ("- {slack: {urlFile: u}}", "3: notifications[0].name: missing"),
        (
            "- {name: a}",
            "3: notifications[0]: missing; write one of webhook, slack",
        ),
        (
            "- {name: a, slack: {urlFile: u}, teams: {urlFile: u}}",
            "3: notifications[0]: expected one of webhook",
        ),
        ("- {name: a, slack: {}}", "3: notifications[0].slack.urlFile: missing"),
        (
            "- {name: a, slack: {urlFile: u, url: \"https://hooks.example/x\"}}",
            "3: notifications[0].slack.url: unknown key",
        ),
        ("- {name: a, webhook: {}}", "3: notifications[0].webhook.url: missing"),
        (
            "- {name: a, webhook: {url: \"https://jo:hidden@acme.example\"}}",
            "3: notifications[0].webhook.url: expected an address",
        ),
        (
            "- {name: a, events: [bumpd], slack: {urlFile: u}}",
            "3: notifications[0].events[0]: expected bumped, ",
        ),
        (
            "- {name: a, events: [test], slack: {urlFile: u}}",
            "3: notifications[0].events[0]: expected bumped, ",
        ),
        (
            "- name: a\n  slack: {urlFile: u}\n  message: \"{image} went\"",
            "5: notifications[0].message: {image} is no placeholder; write {text}",
        ),
        (
            "- {name: a, paths: [\"a[\"], slack: {urlFile: u}}",
            "3: notifications[0].paths[0]: ",
        ),
        (
            "- {name: a, group: 10ms, slack: {urlFile: u}}",
            "3: notifications[0].group: 10ms is too short",
        ),
        (
            "- {name: a, slack: {urlFile: u}}\n- {name: a, slack: {urlFile: u}}",
            "4: notifications[1].name: another notification has this name",
        ),
        (
            "- {name: a, events: [bumped], commitStatus: {tokenFile: t}}",
            "3: notifications[0].events: a commit has a status for applied",
        ),
        (
            "- {name: a, commitStatus: {forge: gitea}}",
            "3: notifications[0].commitStatus.tokenFile: missing",
        ),
    ] {
        let found = read_with(&format!("{rule}\n")).unwrap_err();
        assert!(
            found.len() == 1 && found[0].starts_with(part),
            "{part} is not {found:#?}"
        );
        assert!(!found[0].contains("hidden"), "{found:#?}");
    }
    let many: String = (0..17)
        .map(|n| format!("- {{name: n{n}, slack: {{urlFile: u}}}}\n"))
        .collect();
    assert!(read_with(&many).unwrap_err()[0].contains("at most 16"));
}
