//! A client and its stand-in.

use tempfile::TempDir;
use tidegate::aws::{CallLimits, Endpoint, Identity, Sdk, Signer};
use tidegate::forge::{self, RequestScope};
use tidegate::model::{BranchName, Secret};
use tidegate::port::Forge;
use tidegate_stack::forge::{ACCESS_KEY, Api, CodeCommit, ForgeServer, GitHub, GitLab, SECRET_KEY, Stands, TOKEN};

pub struct Scene<A: Api> {
    pub forge: Box<dyn Forge>,
    pub server: ForgeServer<A>,
    pub folder: TempDir,
}

pub fn scope(project: &str) -> RequestScope {
    RequestScope {
        project: project.to_owned(),
        from: BranchName::parse("tidegate/main").unwrap(),
        into: BranchName::parse("main").unwrap(),
        labels: vec!["tidegate".to_owned(), "images of the week".to_owned()],
    }
}

fn token() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    folder
}

pub async fn github() -> Scene<GitHub> {
    let server = GitHub::start(include_str!("../../fixtures/forges/github.json"))
        .await
        .unwrap();
    let folder = token();
    let client = forge::GitHub::new(&server.url(), folder.path().join("token"), scope("acme/fleet")).unwrap();
    Scene {
        forge: Box::new(client),
        server,
        folder,
    }
}

pub async fn gitlab() -> Scene<GitLab> {
    let server = GitLab::start(include_str!("../../fixtures/forges/gitlab.yaml"))
        .await
        .unwrap();
    let folder = token();
    let client = forge::GitLab::new(&server.url(), folder.path().join("token"), scope("acme/infra/fleet")).unwrap();
    Scene {
        forge: Box::new(client),
        server,
        folder,
    }
}

pub async fn codecommit() -> Scene<CodeCommit> {
    let server = CodeCommit::start(include_str!("../../fixtures/forges/codecommit.json"))
        .await
        .unwrap();
    let sdk = Sdk::fixed(server.url(), ACCESS_KEY, Secret::new(SECRET_KEY), CallLimits::default());
    let endpoint = Endpoint {
        region: "eu-west-1".to_owned(),
        fips: false,
        dual_stack: false,
    };
    let signer = Signer::new(&sdk, &Identity::Agent, &endpoint, "codecommit").await;
    let client = forge::CodeCommit::new(&server.url(), "eu-west-1", signer, scope("fleet")).unwrap();
    Scene {
        forge: Box::new(client),
        server,
        folder: tempfile::tempdir().unwrap(),
    }
}

impl<A: Api + Stands> Scene<A> {
    /// No request and no answer breaks the forge's description.
    pub fn assert_as_described(&self) {
        let faults = self.server.faults();
        assert!(faults.is_empty(), "{faults:#?}");
    }
}
