//! A git server with one repository, and what opening it takes.

use std::sync::Arc;
use std::time::Duration;
use tidegate::git::{DeployKey, HostKeys, KnownHosts, Repo, RepoUrl, Settings};
use tidegate::model::{Author, BranchName, CommitId, RepoPath};
use tidegate::port::{ConfigRepo, FileEdit, NewCommit};
use tidegate_stack::GitServer;
use tidegate_stack::git::{Access, Repo as BareRepo};

pub const FILE: &str = "apps/web.yaml";

pub struct Scene {
    pub server: GitServer,
    pub bare: BareRepo,
    pub key: Arc<DeployKey>,
    pub folder: tempfile::TempDir,
}

impl Scene {
    pub fn start() -> Self {
        let server = GitServer::start().unwrap();
        let bare = server.create_repo("fleet").unwrap();
        bare.seed(&[(FILE, "image: shop/web:1.0.0\n")]).unwrap();
        let key = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
        let scene = Self {
            server,
            bare,
            key,
            folder: tempfile::tempdir().unwrap(),
        };
        scene.authorize(&scene.key, Access::ReadWrite);
        scene
    }

    pub fn authorize(&self, key: &DeployKey, access: Access) {
        self.server.authorize(&key.public_line("tidegate"), access).unwrap();
    }

    pub fn settings(&self, key: &Arc<DeployKey>) -> Settings {
        Settings {
            url: RepoUrl::parse(self.bare.url()).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            mirror_dir: self.folder.path().join("mirror"),
            paths: Vec::new(),
            key: Arc::clone(key),
            host_keys: HostKeys::Given(KnownHosts::parse(&self.server.known_hosts_lines().join("\n")).unwrap()),
            author: Author::parse("Tidegate <tidegate@acme.example>").unwrap(),
            http: tidegate::git::HttpAccess::default(),
            timeout: Duration::from_secs(20),
            limits: tidegate::git::Limits::default(),
        }
    }
}

/// The commit that sets the file to this text, on `parent`.
pub async fn edit(repo: &Repo, parent: CommitId, text: &str) -> NewCommit {
    let path = RepoPath::parse(FILE).unwrap();
    let file = repo.files(parent, vec![path.clone()]).await.unwrap().files.remove(0);
    NewCommit {
        parent,
        edits: vec![FileEdit {
            path,
            from: file.blob,
            bytes: text.as_bytes().to_vec(),
        }],
        message: format!("Set {}\n\nTidegate-Image: none", text.trim()),
        author: None,
        time: jiff::Timestamp::from_second(1_790_000_000).unwrap(),
    }
}
