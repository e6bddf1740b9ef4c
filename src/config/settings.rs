use super::keys::{self, KeySource, SigningKey};
use super::section::{Mistake, Report, Section};
use super::{duration, places, push, size};
use crate::git::{Author, HttpAccess, KeyKind, KnownHosts, Limits, RepoUrl, Scheme, Signers};
use crate::model::{BranchName, CommitId, HoldUntil, RepoPath};
use crate::plan::{CommitPer, Template};
use crate::policy::{Filter, Platform, Platforms};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// What `tidegate.yaml` means.
#[derive(Debug)]
pub struct Settings {
    /// The config repo.
    pub repo: RepoSettings,
    /// Registries with settings of their own; others are scanned by the defaults.
    pub registries: Vec<RegistrySettings>,
    /// Bumps.
    pub automation: AutomationSettings,
    /// Applying.
    pub sync: SyncSettings,
    /// The agent's own port.
    pub http: HttpSettings,
    /// A folder that the agent may write: the mirror lives there. Nothing in it need survive.
    pub state_dir: PathBuf,
}

/// `repo:`
#[derive(Debug)]
pub struct RepoSettings {
    /// Its address.
    pub url: RepoUrl,
    /// The one branch that is read and written.
    pub branch: BranchName,
    /// What of the tree is read; empty: all.
    pub paths: Vec<RepoPath>,
    /// How often the remote is asked for its tip.
    pub poll: Duration,
    /// The longest silence of the server before an operation is given up.
    pub timeout: Duration,
    /// Where the deploy key is.
    pub key: KeySource,
    /// The kind of deploy key to make where there is none.
    pub key_kind: KeyKind,
    /// The host keys to trust.
    pub known_hosts: KnownHosts,
    /// A file with them in their place, read anew for each connection.
    pub known_hosts_file: Option<PathBuf>,
    /// Login and authorities for an HTTPS address.
    pub http: HttpAccess,
    /// Whose signature the branch's tip must have in order to be applied; `None`: nobody's.
    pub signers: Option<Signers>,
    /// How much of it is fetched and read.
    pub limits: Limits,
}

/// One entry of `registries:`
#[derive(Debug)]
pub struct RegistrySettings {
    /// The registry's host; `*` stands for any characters, so one entry can serve several.
    pub host: String,
    /// Which repositories and tags may be scanned.
    pub filter: Filter,
    /// When they are scanned.
    pub schedule: Schedule,
}

/// When a registry's repositories are scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Every so often, with jitter.
    Every(Duration),
    /// At the times of a cron expression (five fields, UTC).
    Cron(String),
}

/// `automation:`
#[derive(Debug)]
pub struct AutomationSettings {
    /// False: nothing is scanned and nothing is committed.
    pub enabled: bool,
    /// The commits' author and committer.
    pub author: Author,
    /// What a bump commit says.
    pub message: Template,
    /// Whether a pass makes one commit or one for each workload.
    pub commit_per: CommitPer,
    /// What ends a hold where a workload's annotation does not say it.
    pub hold: HoldUntil,
    /// The key that signs the commits; `None`: they are not signed.
    pub signing: Option<SigningKey>,
    /// What images must be built for.
    pub platforms: Platforms,
    /// Where bump commits go.
    pub push: Push,
}

/// `automation.push`, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// To the followed branch.
    Direct,
    /// To a branch of their own, for people to merge.
    Branch(BranchName),
    /// The same, with a request on the forge.
    PullRequest(BranchName, PullRequestSettings),
}

/// `automation.pullRequest:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestSettings {
    /// What kind of forge.
    pub forge: ForgeKind,
    /// The address of its API.
    pub api: String,
    /// The repository as its API names it.
    pub project: String,
    /// The file with the token; CodeCommit has none.
    pub token_file: PathBuf,
    /// What requests are labelled with.
    pub labels: Vec<String>,
}

/// The kinds of forges that requests can be opened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub and GitHub Enterprise Server.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, Forgejo, Codeberg.
    Gitea,
    /// AWS CodeCommit, in a region.
    CodeCommit(String),
}

/// `sync:`
#[derive(Debug)]
pub struct SyncSettings {
    /// False: nothing is applied.
    pub enabled: bool,
    /// Field-managed objects are told apart by this name: agents that share a cluster need different ones.
    pub set: String,
    /// How many deletions are made without asking.
    pub deletions: DeletionLimit,
}

/// `sync.deletions:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionLimit {
    /// At most this many objects.
    pub count: usize,
    /// At most this share of the set, in percent.
    pub percent: usize,
    /// Deletions above the limit are allowed at this commit.
    pub confirm: Option<CommitId>,
}

/// `http:`
#[derive(Debug)]
pub struct HttpSettings {
    /// Where the agent listens.
    pub listen: SocketAddr,
    /// The file with the bearer token of `/v1`; without one these calls are refused.
    pub token_file: Option<PathBuf>,
    /// The file with the secret that forges sign pushes with; without one pushes are not heard of.
    pub webhook_secret_file: Option<PathBuf>,
}

/// Twice a minute: Flux's users ask for less than its minute, forges count requests by the thousand an hour.
const POLL: Duration = Duration::from_secs(30);
/// GitHub's and GitLab's slowest answers seen are a few seconds; Flux v1's 20 s served most.
const TIMEOUT: Duration = Duration::from_secs(20);
/// One listing a minute for a repository: far below what throttles.
const SCAN: Duration = Duration::from_secs(60);
/// The shortest period of anything: what is needed sooner is woken.
const SHORTEST: Duration = Duration::from_secs(1);

pub(super) fn read(text: &str) -> Result<Settings, Vec<Mistake>> {
    let value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        vec![Mistake {
            line,
            path: String::new(),
            message: format!("this is not YAML: {error}"),
        }]
    })?;
    let report = Report::new(places::lines(text));
    let root = Section::root(&report, value);
    let repo = repo(root.section("repo"));
    let registries = root.sections("registries").into_iter().map(registry).collect();
    let automation = automation(root.section("automation"), repo.as_ref());
    let sync = sync(root.section("sync"));
    let http = http(root.section("http"));
    let state_dir = root.text("stateDir", path);
    if repo.as_ref().is_some_and(|repo| repo.signers.is_some()) && automation.enabled && automation.signing.is_none() {
        report.mistake("repo.verify", keys::UNSIGNED);
    }
    let is_keyless = repo.as_ref().is_some_and(|repo| repo.url.scheme() != Scheme::Ssh);
    if is_keyless && automation.signing == Some(SigningKey::DeployKey) {
        report.mistake(
            "automation.signing.deployKey",
            "an HTTPS address has no deploy key; name a key of its own with secret or file",
        );
    }
    root.finish();
    let mistakes = report.into_mistakes();
    match repo {
        Some(repo) if mistakes.is_empty() => Ok(Settings {
            repo,
            registries,
            automation,
            sync,
            http,
            state_dir: state_dir.unwrap_or_else(|| "/var/lib/tidegate".into()),
        }),
        _ => Err(mistakes),
    }
}

/// `None` without a usable address, which is a mistake and noted as such.
fn repo(section: Section<'_>) -> Option<RepoSettings> {
    if !section.has("url") {
        section.mistake(
            "url",
            "missing; write the config repo's address, e.g. ssh://git@github.com/acme/fleet.git",
        );
    }
    let (key, key_kind) = keys::deploy_key(section.section("key"));
    let signers = keys::signers(section.section("verify"));
    let url = section.text("url", |text| RepoUrl::parse(text).map_err(|error| error.to_string()));
    let known_hosts = section.text("knownHosts", |text| {
        KnownHosts::parse(text).map_err(|error| error.to_string())
    });
    let known_hosts_file = section.text("knownHostsFile", path);
    if known_hosts_file.is_some() && known_hosts.as_ref().is_some_and(|known| !known.is_empty()) {
        section.mistake(
            "knownHostsFile",
            "either knownHosts or knownHostsFile is wanted, not both",
        );
    }
    let http = http_access(section.section("http"));
    if let Some(url) = &url
        && url.scheme() == Scheme::Http
        && !url.is_loopback()
        && !http.plaintext
    {
        section.mistake(
            "url",
            "http:// is not encrypted; write https://, or set repo.http.plaintext if everybody on the way may read along",
        );
    }
    let branch = section
        .text("branch", |text| {
            BranchName::parse(text).map_err(|error| error.to_string())
        })
        .or_else(|| BranchName::parse("main").ok())
        .expect("main is a branch name");
    let paths = section.texts("paths", |text| RepoPath::parse(text).map_err(|error| error.to_string()));
    let poll = section.text("poll", period).unwrap_or(POLL);
    let timeout = section.text("timeout", period).unwrap_or(TIMEOUT);
    let limits = limits(&section);
    section.finish();
    Some(RepoSettings {
        limits,
        branch,
        paths,
        poll,
        timeout,
        key,
        key_kind: key_kind.unwrap_or_else(|| url.as_ref().map(RepoUrl::key_kind).unwrap_or_default()),
        known_hosts: known_hosts.unwrap_or_default(),
        known_hosts_file,
        http,
        signers,
        url: url?,
    })
}

fn http_access(section: Section<'_>) -> HttpAccess {
    let access = HttpAccess {
        credentials: section.text("credentials", path),
        ca_file: section.text("caFile", path),
        plaintext: section.whether("plaintext", false),
    };
    section.finish();
    access
}

fn limits(repo: &Section<'_>) -> Limits {
    let most = Limits::default();
    let depth = repo.number("depth", 0);
    Limits {
        depth: u32::try_from(depth).ok().and_then(NonZeroU32::new),
        time: repo.text("fetchTimeout", period).unwrap_or(most.time),
        size: repo.text("maxSize", size::parse).unwrap_or(most.size),
        files: most.files,
    }
}

fn registry(section: Section<'_>) -> RegistrySettings {
    if !section.has("host") {
        section.mistake(
            "host",
            "missing; write the registry's host, e.g. 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        );
    }
    let include = section.texts("include", glob);
    let exclude = section.texts("exclude", glob);
    let filter = Filter::new(&include, &exclude);
    let scan = section.text("scan", period);
    let cron = section.text("cron", cron);
    if scan.is_some() && cron.is_some() {
        section.mistake("cron", "either scan or cron is wanted, not both");
    }
    let settings = RegistrySettings {
        host: section.text("host", some).unwrap_or_default(),
        filter: filter.expect("each glob was good by itself"),
        schedule: cron.map_or(Schedule::Every(scan.unwrap_or(SCAN)), Schedule::Cron),
    };
    section.finish();
    settings
}

fn automation(section: Section<'_>, repo: Option<&RepoSettings>) -> AutomationSettings {
    let author = section
        .text("author", |text| Author::parse(text).map_err(|error| error.to_string()))
        .or_else(|| Author::parse("Tidegate <tidegate@localhost>").ok())
        .expect("the default author is well formed");
    let settings = AutomationSettings {
        enabled: section.whether("enabled", true),
        author,
        message: section
            .text("message", |text| Template::parse(text).map_err(|error| error.problem))
            .unwrap_or_default(),
        commit_per: section.text("commitPer", commit_per).unwrap_or_default(),
        hold: section.text("hold", hold).unwrap_or_default(),
        signing: keys::signing(section.section("signing")),
        platforms: Platforms::new(section.texts("platforms", |text| {
            Platform::parse(text).map_err(|error| error.to_string())
        })),
        push: push::read(&section, repo),
    };
    section.finish();
    settings
}

fn commit_per(text: &str) -> Result<CommitPer, String> {
    match text {
        "pass" => Ok(CommitPer::Pass),
        "workload" => Ok(CommitPer::Workload),
        _ => Err(format!("{text:?} is not known: pass or workload is wanted")),
    }
}

fn hold(text: &str) -> Result<HoldUntil, String> {
    HoldUntil::parse(text).ok_or_else(|| format!("{text:?} is not known: {} is wanted", HoldUntil::WRITTEN))
}

fn sync(section: Section<'_>) -> SyncSettings {
    let deletions = section.section("deletions");
    let limit = DeletionLimit {
        count: deletions.number("count", 10),
        percent: percent(&deletions),
        confirm: deletions.text("confirm", |text| {
            CommitId::parse(text).map_err(|error| error.to_string())
        }),
    };
    deletions.finish();
    let settings = SyncSettings {
        enabled: section.whether("enabled", true),
        set: section.text("set", dns_name).unwrap_or_else(|| "tidegate".into()),
        deletions: limit,
    };
    section.finish();
    settings
}

fn percent(deletions: &Section<'_>) -> usize {
    let percent = deletions.number("percent", 25);
    if percent > 100 {
        deletions.mistake("percent", format!("{percent} is more than all: 0 to 100 is wanted"));
    }
    percent
}

fn http(section: Section<'_>) -> HttpSettings {
    let webhook = section.section("webhook");
    let webhook_secret_file = webhook.text("secretFile", path);
    webhook.finish();
    let settings = HttpSettings {
        listen: section
            .text("listen", |text| {
                text.parse()
                    .map_err(|_| format!("{text:?} is not an address: write it like 0.0.0.0:8080"))
            })
            .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 8080))),
        token_file: section.text("tokenFile", path),
        webhook_secret_file,
    };
    section.finish();
    settings
}

pub(super) fn some(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("a text is wanted, this one is empty".into())
    } else {
        Ok(text.to_owned())
    }
}

fn glob(text: &str) -> Result<String, String> {
    let glob = some(text)?;
    Filter::new(std::slice::from_ref(&glob), &[])
        .map(|_| glob)
        .map_err(|error| error.to_string())
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    some(text).map(PathBuf::from)
}

fn period(text: &str) -> Result<Duration, String> {
    let period = duration::parse(text)?;
    if period < SHORTEST {
        Err(format!("{text} is too short: 1s is the least"))
    } else {
        Ok(period)
    }
}

fn cron(text: &str) -> Result<String, String> {
    let fields = text.split_whitespace().count();
    if fields != 5 {
        return Err(format!(
            "{text:?} has {fields} fields: five are wanted (minute hour day month weekday)"
        ));
    }
    let with_seconds = format!("0 {text}");
    tokio_cron_scheduler::Job::new(with_seconds.as_str(), |_, _| {})
        .map(|_| text.to_owned())
        .map_err(|error| format!("{text:?} is not a cron expression: {error}"))
}

/// RFC 1123 label, as Kubernetes wants names of Secrets and label values to be at their simplest.
pub(super) fn dns_name(text: &str) -> Result<String, String> {
    let good = !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is not a name: small letters, digits and - are wanted"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_message_is_checked_when_it_is_read() {
        let file = |message: &str| {
            format!("repo: {{url: \"ssh://git@git.example/fleet.git\"}}\nautomation:\n  message: {message}\n")
        };
        let settings = read(&file("\"{summary} [skip ci]\"")).unwrap();
        assert_eq!(
            settings.automation.message,
            Template::parse("{summary} [skip ci]").unwrap()
        );
        let mistakes = read(&file("\"{sumary}\"")).unwrap_err();
        assert_eq!((mistakes[0].line, mistakes[0].path.as_str()), (3, "automation.message"));
        assert!(
            mistakes[0].message.contains("there is no {sumary}; write {summary}"),
            "{}",
            mistakes[0].message
        );
    }

    #[test]
    fn platforms_are_checked_when_they_are_read() {
        let file = |platforms: &str| {
            format!("repo: {{url: \"ssh://git@git.example/fleet.git\"}}\nautomation:\n  platforms: [{platforms}]\n")
        };
        let settings = read(&file("linux/arm64")).unwrap();
        let arm = Platform::parse("linux/arm64").unwrap();
        assert_eq!(settings.automation.platforms, Platforms::new(vec![arm]));
        let mistakes = read(&file("arm64")).unwrap_err();
        assert!(
            mistakes[0].message.contains("write <os>/<architecture>"),
            "{mistakes:?}"
        );
    }
}
