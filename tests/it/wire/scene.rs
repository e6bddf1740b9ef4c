//! One seeded repository, and what opening it over SSH or HTTP needs.

pub(super) use crate::git::{failure, fetched_in_haste};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::git::{DeployKey, HostKeys, HttpAccess, KnownHosts, Repo, RepoUrl, Settings};
use tidegate::model::{Author, BranchName, CommitId, RepoPath};
use tidegate::port::{ConfigRepo, FileEdit, NewCommit, PushOutcome};
use tidegate_stack::GitServer;
use tidegate_stack::git::{Access, Repo as BareRepo, WebServer};
use tidegate_stack::relay::{Direction, Relay};

pub(super) const FILE: &str = "apps/shop/web.yaml";
const TEXT: &str = "kind: Deployment\nimage: shop/web:1.0.0\nreplicas: 2\n";

pub(super) struct Scene {
    pub(super) server: GitServer,
    pub(super) bare: BareRepo,
    pub(super) key: Arc<DeployKey>,
    pub(super) folder: tempfile::TempDir,
}

impl Scene {
    pub(super) fn start() -> Self {
        let server = GitServer::start().unwrap();
        let bare = server.create_repo("fleet").unwrap();
        bare.seed(&[(FILE, TEXT), ("README.md", "# fleet\n")]).unwrap();
        let key = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
        server
            .authorize(&key.public_line("tidegate"), Access::ReadWrite)
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self {
            server,
            bare,
            key,
            folder,
        }
    }

    pub(super) fn ssh(&self, url: &str, known_hosts: &str) -> Settings {
        Settings {
            url: RepoUrl::parse(url).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            mirror_dir: self.folder.path().join("mirror"),
            paths: Vec::new(),
            key: Arc::clone(&self.key),
            host_keys: HostKeys::Given(KnownHosts::parse(known_hosts).unwrap()),
            author: Author::parse("Tidegate <tidegate@acme.example>").unwrap(),
            http: HttpAccess::default(),
            timeout: Duration::from_secs(20),
            limits: Default::default(),
        }
    }

    /// Over HTTP as the user `bot`, whose password is `hunter2`.
    pub(super) fn http(&self, web: &WebServer) -> Settings {
        web.only_user("bot", "hunter2", Access::ReadWrite);
        let mut settings = self.ssh(&web.url("fleet"), "");
        settings.http.credentials = Some(self.credentials(&[("username", "bot"), ("password", "hunter2\n")]));
        if !web.authority().is_empty() {
            settings.http.ca_file = Some(self.file("ca.crt", web.authority()));
        }
        settings
    }

    /// Replaces the folder with the login.
    pub(super) fn credentials(&self, files: &[(&str, &str)]) -> PathBuf {
        let folder = self.folder.path().join("credentials");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        folder
    }

    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// The commit that sets the tag in `FILE` to `tag`, on `parent`.
pub(super) async fn bump(repo: &Repo, parent: CommitId, tag: &str) -> NewCommit {
    let path = RepoPath::parse(FILE).unwrap();
    let file = repo.files(parent, vec![path.clone()]).await.unwrap().files.remove(0);
    let bytes = repo.blobs(vec![file.blob], 1 << 20).await.unwrap().remove(0).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let old = text.split("web:").nth(1).unwrap().lines().next().unwrap();
    let bytes = text.replace(&format!("web:{old}"), &format!("web:{tag}")).into_bytes();
    NewCommit {
        parent,
        edits: vec![FileEdit {
            path,
            from: file.blob,
            bytes,
        }],
        message: format!("Bump shop/web to {tag}"),
        author: None,
        time: jiff::Timestamp::from_second(1_790_000_000).unwrap(),
    }
}

/// Bumps to `tag` on `parent` and expects it to land.
pub(super) async fn landed(repo: &Repo, parent: CommitId, tag: &str) -> CommitId {
    let plan = bump(repo, parent, tag).await;
    match repo.commit_and_push(vec![plan]).await.unwrap() {
        PushOutcome::Landed(ours) => ours,
        other => panic!("it was to land, not {other:?}"),
    }
}

/// The processes on the server that wait for an update of the repository.
pub(super) fn waiting(repository: &Path) -> Vec<i32> {
    let is_one = |process: &Path| {
        let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let arguments: Vec<&[u8]> = arguments.split(|byte| *byte == 0).collect();
        let program = arguments.first().copied().unwrap_or_default();
        (program.ends_with(b"git") || program.ends_with(b"git-receive-pack"))
            && arguments.iter().any(|part| part.ends_with(b"receive-pack"))
            && arguments.contains(&repository.as_os_str().as_encoded_bytes())
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let found = processes.filter(|process| is_one(process));
    found
        .filter_map(|process| process.file_name()?.to_str()?.parse().ok())
        .collect()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Scene {
    /// Waits until a push is ready.
    pub(super) async fn is_ready(&self) {
        until("no push is made ready", || !waiting(self.bare.path()).is_empty()).await;
        // The advertisement follows at once.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// Ends the processes that wait for a push, and waits until the agent has heard of that: it closes its half of their channels.
    pub(super) async fn ends_what_waits(&self, relay: &Relay) {
        let before = relay.bytes(Direction::ToTarget);
        for process in waiting(self.bare.path()) {
            Command::new("kill")
                .arg("-9")
                .arg(process.to_string())
                .status()
                .unwrap();
        }
        self.is_left_alone().await;
        until("the agent does not hear of the end", || {
            relay.bytes(Direction::ToTarget) > before
        })
        .await;
    }

    /// Waits until no process of ours is left on the server.
    pub(super) async fn is_left_alone(&self) {
        until("a process of ours stays", || waiting(self.bare.path()).is_empty()).await;
    }

    pub(super) fn landed_once(&self, commits: usize) {
        assert_eq!(self.bare.log().unwrap().len(), commits);
        self.bare.git(&["fsck", "--strict"]).unwrap();
    }
}
