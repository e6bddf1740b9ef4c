use super::automation::{Automation, AutomationSettings};
use super::expansion::expanded_values;
use super::http::Http;
use super::keys::SigningKey;
use super::leader_election::{LeaderElection, LeaderElectionSettings};
use super::mirrors::{self, Mirror};
use super::mistake::{Error, Mistake};
use super::notifications::{self, Notification, NotificationSettings};
use super::pull_secrets::{self, PullSecret, PullSecretSettings};
use super::registries::{Registry, RegistrySettings};
use super::releases::{ReleaseSettings, Releases};
use super::render::{Render, RenderSettings};
use super::repo::{Repo, RepoSettings};
use super::report::Report;
use super::sync::{Sync, SyncSettings};
use super::targets::Target;
use super::text::Text;
use super::written;
use crate::git::Scheme;
use crate::http;
use crate::model::Printable;
use crate::spread::MirrorRule;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

/// What `tidegate.yaml` means.
#[derive(Debug)]
pub struct Settings {
    /// The config repo.
    pub repo: RepoSettings,
    /// Registries with settings of their own; others are scanned by the defaults.
    pub registries: Vec<RegistrySettings>,
    /// Bumps.
    pub automation: AutomationSettings,
    /// Rendering.
    pub render: RenderSettings,
    /// Applying.
    pub sync: SyncSettings,
    /// HelmReleases.
    pub releases: ReleaseSettings,
    /// Copies of Secrets and ConfigMaps.
    pub mirrors: Vec<MirrorRule>,
    /// Logins of registries in Secrets.
    pub pull_secrets: Vec<PullSecretSettings>,
    /// Messages to people.
    pub notifications: Vec<NotificationSettings>,
    /// Which of several replicas works.
    pub leader_election: LeaderElectionSettings,
    /// The agent's own port.
    pub http: http::Settings,
    /// A folder that the agent may write. It holds the mirror of the config repo and may be emptied between runs.
    pub state_dir: PathBuf,
    /// The SHA-256 of the text, in hexadecimal digits: whoever has read the same text has the same settings.
    pub digest: String,
}

/// The configuration of the agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "tidegate.yaml", extend("required" = ["repo"]))]
pub(super) struct File {
    repo: Repo,
    /// Registries with settings of their own. The agent scans other registries every minute and considers all their tags.
    registries: Vec<Registry>,
    automation: Automation,
    render: Render,
    sync: Sync,
    /// Clusters that paths of the config repo are applied to. Without the list, `repo.paths` are applied to the cluster that the
    /// agent runs in.
    targets: Vec<Target>,
    releases: Releases,
    /// Secrets with the logins of ECR registries, kept fresh in the namespaces that the rules name.
    pull_secrets: Vec<PullSecret>,
    /// Copies of Secrets and ConfigMaps, kept equal to their sources in the namespaces that the rules name.
    mirrors: Vec<Mirror>,
    /// Messages about what happens, to chats, web services and the forge.
    notifications: Vec<Notification>,
    leader_election: LeaderElection,
    http: Http,
    /// Folder for the mirror of the config repo. The folder may be emptied between runs.
    state_dir: Text<PathBuf>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            repo: Repo::default(),
            registries: Vec::new(),
            automation: Automation::default(),
            render: Render::default(),
            sync: Sync::default(),
            targets: Vec::new(),
            releases: Releases::default(),
            pull_secrets: Vec::new(),
            mirrors: Vec::new(),
            notifications: Vec::new(),
            leader_election: LeaderElection::default(),
            http: Http::default(),
            state_dir: Text::known("/var/lib/tidegate"),
        }
    }
}

/// The longest message about a text that is not YAML, in characters.
const LONGEST_FAULT: usize = 500;

/// Reads a configuration text; `file` names it in messages.
///
/// # Errors
/// All mistakes at once.
pub fn read(file: &str, text: &str) -> Result<Settings, Error> {
    read_text(text).map_err(|mistakes| Error {
        file: file.to_owned(),
        mistakes,
    })
}

/// The most values of a file, more than a hundred times as many as a large configuration has.
const MOST_VALUES: u64 = 100_000;

fn read_text(text: &str) -> Result<Settings, Vec<Mistake>> {
    let unreadable = |line, message: &str| {
        let message = Printable::new(message).with_blanks().at_most(LONGEST_FAULT);
        vec![Mistake {
            line,
            path: String::new(),
            message: message.to_string(),
        }]
    };
    if expanded_values(text) > MOST_VALUES {
        let message = "the file has more than 100,000 values, aliases replaced by what they stand for; write fewer";
        return Err(unreadable(1, message));
    }
    let value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| {
        // The end of a text without a last line feed is a line of its own there.
        let last = text.lines().count().max(1);
        let line = error.location().map_or(1, |location| location.line().min(last));
        unreadable(line, &format!("this is not YAML: {error}"))
    })?;
    let report = Report::new(text);
    let written: Option<File> = written::read(&value, &report);
    let settings = written.and_then(|written| written.settings(&report));
    let mistakes = report.into_mistakes();
    match settings {
        Some(settings) if mistakes.is_empty() => Ok(Settings {
            digest: hex::encode(Sha256::digest(text)),
            ..settings
        }),
        _ => Err(mistakes),
    }
}

impl File {
    /// `None` without a usable address of the config repo; the report then has a mistake.
    fn settings(self, report: &Report) -> Option<Settings> {
        let repo = self.repo.settings(report);
        let automation = self.automation.settings(report, repo.as_ref());
        if let Some(repo) = &repo {
            check_signing(repo, &automation, report);
        }
        let paths = repo.as_ref().map_or(&[][..], |repo| &*repo.paths);
        let registries = self.registries.into_iter().enumerate();
        let registries = registries.map(|(index, registry)| registry.settings(report, index));
        let registries = registries.collect();
        let sync = self.sync.settings(report, paths, self.targets);
        let home = sync.targets.iter().find(|target| target.is_home());
        let known = home.map(|target| target.namespaces.as_slice());
        let pull_secrets = pull_secrets::settings(self.pull_secrets, report, known.unwrap_or_default());
        let mirrors = mirrors::rules(self.mirrors, report, &sync.targets);
        let notifications = notifications::settings(self.notifications, report, repo.as_ref());
        Some(Settings {
            registries,
            mirrors,
            pull_secrets,
            notifications,
            render: self.render.settings(),
            sync,
            releases: self.releases.settings(),
            leader_election: self.leader_election.settings(),
            http: self.http.settings(),
            state_dir: self.state_dir.value,
            digest: String::new(),
            automation,
            repo: repo?,
        })
    }
}

/// The rules between `repo` and `automation.signing`.
fn check_signing(repo: &RepoSettings, automation: &AutomationSettings, report: &Report) {
    if repo.signers.is_some() && automation.enabled && automation.signing.is_none() {
        report.mistake(
            "repo.verify",
            "the agent does not apply commits without a signature, and its own commits have none: set automation.signing, e.g. \
             {deployKey: true}, and add that key to the allowed signers (tidegate identity prints the line); or set \
             automation.enabled to false",
        );
    }
    if repo.url.scheme() != Scheme::Ssh && automation.signing == Some(SigningKey::DeployKey) {
        report.mistake(
            "automation.signing.deployKey",
            "an HTTPS address has no deploy key; name a signing key with secret or file",
        );
    }
}
