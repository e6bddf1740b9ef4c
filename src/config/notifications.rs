use super::email::Email;
use super::period::Period;
use super::receivers::{ChatAddress, CommitStatus, PagerDuty, Webhook};
use super::repo::RepoSettings;
use super::report::Report;
use super::text::{FromText, Label, NonEmpty, Text, choices, not_a_choice, parsed};
use crate::model::Wildcard;
use crate::notice::{Rule, Template};
use crate::notify::ReceiverSettings;
use crate::port::{NotificationKind, NotificationSeverity};
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Messages to one receiver.
#[derive(Debug)]
pub struct NotificationSettings {
    /// Which events, and how.
    pub rule: Rule,
    /// Where to.
    pub receiver: ReceiverSettings,
}

/// The most rules: what they announced is kept in one ConfigMap.
const MOST: usize = 16;

/// The events that commits have statuses of.
const OF_COMMITS: [NotificationKind; 4] = [
    NotificationKind::Applied,
    NotificationKind::AppliedInPart,
    NotificationKind::Healthy,
    NotificationKind::Degraded,
];

/// Messages to one receiver: a chat, a web service, a forge. One of the receivers is set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["name"]))]
pub(super) struct Notification {
    /// Name in logs and metrics, which no other notification has.
    name: Option<Text<Label>>,
    /// Events that are sent. Without an entry: all; for `commitStatus`: `applied`, `appliedInPart`, `healthy` and `degraded`.
    events: Vec<Text<NotificationKind>>,
    /// Globs of files of the config repo. Events about no file pass. Without an entry: all.
    paths: Vec<Text<PathGlob>>,
    /// Names of targets; `*` stands for any characters. Events about no target pass. Without an entry: all.
    targets: Vec<Text<NonEmpty>>,
    /// Least severity of events that are sent: `info`, `warning` or `error`.
    severity: Text<NotificationSeverity>,
    /// Text of each event. The agent fills in `{text}`, `{event}`, `{severity}`, `{target}`, `{object}`, `{path}`, `{commit}`, `{short}` (the
    /// commit's first digits) and `{time}`.
    message: Text<Template>,
    /// How long events are collected for one message. The agent begins no two messages within this time.
    group: Text<Period>,
    /// Web service that takes JSON.
    webhook: Option<Webhook>,
    /// Incoming webhook of Slack, or of a chat that takes Slack's.
    slack: Option<ChatAddress>,
    /// Workflow of Microsoft Teams that is started by a webhook request and posts an Adaptive Card.
    teams: Option<ChatAddress>,
    /// Webhook of Discord.
    discord: Option<ChatAddress>,
    /// Statuses of the commits of the config repo, on GitHub, GitLab or Gitea.
    commit_status: Option<CommitStatus>,
    /// Service of PagerDuty, by the Events API, version 2.
    pager_duty: Option<PagerDuty>,
    /// E-mail, by a mail server (SMTP).
    email: Option<Email>,
}

impl Default for Notification {
    fn default() -> Self {
        Self {
            name: None,
            events: Vec::new(),
            paths: Vec::new(),
            targets: Vec::new(),
            severity: Text::known("info"),
            message: Text::known("{text}"),
            group: Text::known("5s"),
            webhook: None,
            slack: None,
            teams: None,
            discord: None,
            commit_status: None,
            pager_duty: None,
            email: None,
        }
    }
}

impl Notification {
    /// `None` where something is missing; the report then has a mistake.
    fn settings(self, report: &Report, path: &str, repo: Option<&RepoSettings>) -> Option<NotificationSettings> {
        if self.name.is_none() {
            report.missing(
                &format!("{path}.name"),
                "write a name, by which logs and metrics call this notification",
            );
        }
        let is_status = self.commit_status.is_some();
        let receivers = [
            self.webhook
                .map(|webhook| webhook.settings(report, &format!("{path}.webhook"))),
            self.slack.map(|chat| {
                let url_file = chat.file(report, &format!("{path}.slack"))?;
                Some(ReceiverSettings::Slack { url_file })
            }),
            self.teams.map(|chat| {
                let url_file = chat.file(report, &format!("{path}.teams"))?;
                Some(ReceiverSettings::Teams { url_file })
            }),
            self.discord.map(|chat| {
                let url_file = chat.file(report, &format!("{path}.discord"))?;
                Some(ReceiverSettings::Discord { url_file })
            }),
            self.commit_status
                .map(|status| status.settings(report, &format!("{path}.commitStatus"), repo.map(|repo| &repo.url))),
            self.pager_duty
                .map(|pager| pager.settings(report, &format!("{path}.pagerDuty"))),
            self.email.map(|email| email.settings(report, &format!("{path}.email"))),
        ];
        let mut receivers: Vec<Option<ReceiverSettings>> = receivers.into_iter().flatten().collect();
        let one = "one of webhook, slack, teams, discord, commitStatus, pagerDuty and email";
        match receivers.len() {
            0 => report.missing(path, &format!("write {one}")),
            1 => {}
            _ => report.mistake(
                path,
                format!("expected {one}; write another notification for another receiver"),
            ),
        }
        let mut kinds: BTreeSet<NotificationKind> = self.events.into_iter().map(|event| event.value).collect();
        if is_status && kinds.is_empty() {
            kinds.extend(OF_COMMITS);
        }
        if is_status && kinds.iter().any(|kind| !OF_COMMITS.contains(kind)) {
            let message = "a commit has a status for applied, appliedInPart, healthy and degraded alone";
            report.mistake(&format!("{path}.events"), message);
        }
        let globs = self.paths.into_iter().map(|glob| glob.value.0);
        Some(NotificationSettings {
            rule: Rule {
                name: self.name?.value.0,
                kinds,
                paths: glob_set(globs.collect()),
                targets: self
                    .targets
                    .into_iter()
                    .map(|name| Wildcard::new(name.value.0))
                    .collect(),
                severity: self.severity.value,
                template: self.message.value,
                group: self.group.value.0,
            },
            receiver: receivers.pop().flatten()?,
        })
    }
}

fn glob_set(globs: Vec<Glob>) -> Option<GlobSet> {
    if globs.is_empty() {
        return None;
    }
    let mut all = GlobSetBuilder::new();
    for glob in globs {
        all.add(glob);
    }
    Some(all.build().expect("each glob was valid by itself"))
}

/// All notifications. Each has a name of its own.
pub(super) fn settings(
    rules: Vec<Notification>,
    report: &Report,
    repo: Option<&RepoSettings>,
) -> Vec<NotificationSettings> {
    if rules.len() > MOST {
        report.mistake(
            "notifications",
            format!("expected at most {MOST} notifications, found {}", rules.len()),
        );
    }
    let mut names = BTreeSet::new();
    let rules = rules.into_iter().enumerate().filter_map(|(index, rule)| {
        let path = format!("notifications[{index}]");
        if let Some(name) = &rule.name
            && !names.insert(name.value.0.clone())
        {
            report.mistake(
                &format!("{path}.name"),
                "another notification has this name; write another one",
            );
        }
        rule.settings(report, &path, repo)
    });
    rules.collect()
}

/// A glob of files; `*` does not cross a folder, `**` does.
#[derive(Debug)]
struct PathGlob(Glob);

impl FromText for PathGlob {
    fn schema() -> serde_json::Value {
        NonEmpty::schema()
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let NonEmpty(text) = NonEmpty::from_text(text)?;
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        glob.map(Self).map_err(|error| error.to_string())
    }
}

impl FromText for NotificationKind {
    fn schema() -> serde_json::Value {
        serde_json::json!({"enum": events().collect::<Vec<_>>()})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().filter(|kind| **kind != Self::Test);
        let found = known.copied().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| not_a_choice(text, &events().collect::<Vec<_>>()))
    }
}

fn events() -> impl Iterator<Item = &'static str> {
    let all = NotificationKind::ALL
        .iter()
        .filter(|kind| **kind != NotificationKind::Test);
    all.map(|kind| kind.as_str())
}

choices!(NotificationSeverity: "info" => Self::Info, "warning" => Self::Warning, "error" => Self::Error);
parsed!(Template: {"minLength": 1});
