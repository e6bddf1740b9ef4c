use super::keys::{DeployKey, KeySource, Verify};
use super::period::Period;
use super::report::Report;
use super::size::Size;
use super::text::{Text, parsed};
use crate::git::{HostKeys, HttpAccess, KeyKind, KnownHosts, Limits, RepoUrl, Scheme, Signers};
use crate::model::{BranchName, RepoPath};
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// The config repo.
#[derive(Debug)]
pub struct RepoSettings {
    /// The address of the config repo.
    pub url: RepoUrl,
    /// The branch that is read and written.
    pub branch: BranchName,
    /// The folders that are read; empty: all.
    pub paths: Vec<RepoPath>,
    /// How often the branch's head is read from the remote.
    pub poll: Duration,
    /// The longest silence of the server within one operation.
    pub timeout: Duration,
    /// Where the deploy key is kept.
    pub key: KeySource,
    /// The kind of deploy key to make where none exists.
    pub key_kind: KeyKind,
    /// The host keys of the git server.
    pub host_keys: HostKeys,
    /// Login and certificate authorities of an HTTPS address.
    pub http: HttpAccess,
    /// Whose signature the branch's head must have in order to be applied; `None`: no signature is needed.
    pub signers: Option<Signers>,
    /// How much is fetched and read.
    pub limits: Limits,
}

/// The config repo: the git repository that the agent applies and writes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["url"]))]
pub(super) struct Repo {
    /// Address of the config repo, e.g. `ssh://git@github.com/acme/fleet.git` or `https://git.acme.example/fleet.git`.
    url: Option<Text<RepoUrl>>,
    /// Branch that the agent reads and writes.
    pub(super) branch: Text<BranchName>,
    /// Folders that the agent reads. Without an entry it reads the whole repository, except Helm chart folders.
    paths: Vec<Text<RepoPath>>,
    /// How often the agent asks the remote for new commits.
    poll: Text<Period>,
    /// The longest silence of the git server before the agent gives an operation up.
    timeout: Text<Period>,
    /// Number of commits that the first fetch brings; 0: the whole history. The agent fetches the rest before its first bump.
    depth: usize,
    /// The longest time that one fetch may take.
    fetch_timeout: Text<Period>,
    /// The most bytes that one fetch may bring.
    max_size: Text<Size>,
    key: DeployKey,
    http: Http,
    verify: Verify,
    /// Host keys of the git server, in the format of OpenSSH's known_hosts, including `@cert-authority` and `@revoked`. The
    /// agent connects only to a server whose key it knows. The keys of GitHub, GitLab, Bitbucket, Azure DevOps and
    /// CodeCommit are built in; an entry for such a host replaces the built-in keys. For your own server: run
    /// `ssh-keyscan HOST`, then compare the fingerprints.
    known_hosts: Text<KnownHosts>,
    /// File with the host keys, instead of `knownHosts`. The agent reads the file at each connection.
    known_hosts_file: Option<Text<PathBuf>>,
}

impl Default for Repo {
    fn default() -> Self {
        Self {
            url: None,
            branch: Text::known("main"),
            paths: Vec::new(),
            // Flux's users ask for less than its minute. Forges count requests by the thousand an hour.
            poll: Text::known("30s"),
            // The slowest answers of GitHub and GitLab that were seen took a few seconds; Flux v1's 20 s served most.
            timeout: Text::known("20s"),
            depth: 0,
            fetch_timeout: Text::known("10m"),
            max_size: Text::known("2Gi"),
            key: DeployKey::default(),
            http: Http::default(),
            verify: Verify::default(),
            known_hosts: Text::known(""),
            known_hosts_file: None,
        }
    }
}

/// Access to an `https://` address. The agent reads the files again for each request.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Http {
    /// Folder with the files `username` and `password`, or `bearerToken`, and optionally `ca.crt`.
    credentials: Option<Text<PathBuf>>,
    /// PEM file with certificate authorities that are trusted besides the system's. Default: `ca.crt` in `credentials`.
    ca_file: Option<Text<PathBuf>>,
    /// `true`: an `http://` address of another host is allowed. Everybody on the network path can read the login.
    plaintext: bool,
}

impl Repo {
    /// `None` without a valid address; the report then has a mistake.
    pub(super) fn settings(self, report: &Report) -> Option<RepoSettings> {
        if self.url.is_none() {
            report.missing(
                "repo.url",
                "write the config repo's address, e.g. ssh://git@github.com/acme/fleet.git",
            );
        }
        let url = self.url.map(|url| url.value);
        let http = HttpAccess {
            credentials: self.http.credentials.map(|folder| folder.value),
            ca_file: self.http.ca_file.map(|file| file.value),
            plaintext: self.http.plaintext,
        };
        if url.as_ref().is_some_and(is_plaintext) && !http.plaintext {
            report.mistake(
                "repo.url",
                "http:// is not encrypted; write https://, or set repo.http.plaintext: true to let everybody on the network \
                 path read the traffic",
            );
        }
        let (key, key_kind) = self.key.settings(report);
        let most = Limits::default();
        let limits = Limits {
            depth: u32::try_from(self.depth).ok().and_then(NonZeroU32::new),
            time: self.fetch_timeout.value.0,
            size: self.max_size.value.0,
            files: most.files,
        };
        let host_keys = host_keys(report, self.known_hosts, self.known_hosts_file);
        let signers = self.verify.settings(report);
        let url = url?;
        Some(RepoSettings {
            branch: self.branch.value,
            paths: self.paths.into_iter().map(|path| path.value).collect(),
            poll: self.poll.value.0,
            timeout: self.timeout.value.0,
            key,
            key_kind: key_kind.unwrap_or_else(|| url.key_kind()),
            host_keys,
            http,
            signers,
            limits,
            url,
        })
    }
}

fn is_plaintext(url: &RepoUrl) -> bool {
    url.scheme() == Scheme::Http && !url.is_loopback()
}

fn host_keys(report: &Report, known: Text<KnownHosts>, file: Option<Text<PathBuf>>) -> HostKeys {
    let known = known.value;
    match file {
        None => HostKeys::Given(known),
        Some(file) => {
            if !known.is_empty() {
                report.mistake(
                    "repo.knownHostsFile",
                    "knownHosts and knownHostsFile exclude each other: keep one of them",
                );
            }
            HostKeys::File(file.value)
        }
    }
}

parsed! {
    RepoUrl: {"minLength": 1},
    BranchName: {"minLength": 1, "maxLength": 200},
    RepoPath: {"minLength": 1},
    KnownHosts: {},
}
