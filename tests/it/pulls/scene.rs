//! What the stories happen on: a repository on Gitea with one automated Deployment, an ECR stand-in, the agent.

use std::path::PathBuf;

use crate::agent::world::deployment;
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::ecr::EcrServer;
use tidegate_stack::git::Access;
use tidegate_stack::gitea::{Project, Pull};
use tidegate_stack::{ControlPlane, Gitea};

/// The branch that the agent writes.
pub const SIDE: &str = "tidegate/main";

pub struct Scene {
    pub gitea: &'static Gitea,
    pub project: Project<'static>,
    pub ecr: EcrServer,
    pub agent: Agent,
}

/// `automation:` for pull requests.
pub fn pull_requests(gitea: &Gitea) -> String {
    format!(
        "automation:\n  push: pull-request\n  pullRequest: {{forge: gitea, api: \"{}\", tokenFile: {}, labels: [tidegate, images]}}\n",
        gitea.api(),
        gitea.token_file().display()
    )
}

impl Scene {
    /// A Deployment `web` on `shop/web:1111aaa`, and the agent on it, prepared and let in.
    pub async fn prepare(name: &str, automation: impl FnOnce(&Gitea) -> String) -> Scene {
        Self::prepare_with(name, automation, |_| ()).await
    }

    /// The same with other options.
    pub async fn prepare_with(
        name: &str,
        automation: impl FnOnce(&Gitea) -> String,
        change: impl FnOnce(&mut agent::Options),
    ) -> Scene {
        let gitea = Gitea::shared().await.unwrap();
        let project = gitea.create_repo(name).await.unwrap();
        project
            .seed(&[("apps/web.yaml", &deployment(name, "1111aaa"))])
            .await
            .unwrap();
        let cluster = ControlPlane::shared().await.unwrap();
        let client = cluster.client_named("somebody").await.unwrap();
        agent::make_namespace(&client).await.unwrap();
        let ecr = EcrServer::start().await.unwrap();
        ecr.push_tag("shop/web", "1111aaa").unwrap();
        let mut options = agent::Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            repo_url: project.git().url().to_owned(),
            known_hosts: gitea.known_hosts_lines().unwrap(),
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            env: ecr.env(),
            more: format!("sync: {{enabled: false, set: {name}}}\n{}", automation(gitea)),
            ..agent::Options::default()
        };
        change(&mut options);
        let agent = Agent::prepare(options).unwrap();
        let key = agent.identity().await.unwrap();
        project.deploy_key(&key, Access::ReadWrite).await.unwrap();
        Scene {
            gitea,
            project,
            ecr,
            agent,
        }
    }

    /// Has the agent look at everything now; what it says.
    pub async fn scan(&self) -> String {
        let output = self.agent.call(&["scan"]).await.unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// The only pull request.
    pub async fn pull(&self) -> Pull {
        let pulls = self.project.pulls().await.unwrap();
        assert_eq!(pulls.len(), 1, "{pulls:#?}\n{}", self.agent.log());
        pulls.into_iter().next().unwrap()
    }

    /// What the file at a revision says the image's tag is.
    pub fn tag_at(&self, revision: &str) -> String {
        let text = self.project.git().file_at(revision, "apps/web.yaml").unwrap();
        let line = text.lines().find(|line| line.contains("image:")).unwrap();
        let (_, tag) = line.split('#').next().unwrap().trim().rsplit_once(':').unwrap();
        tag.to_owned()
    }

    pub fn parent_of(&self, revision: &str) -> String {
        self.project.git().git(&["rev-parse", &format!("{revision}^")]).unwrap()
    }

    pub fn tip(&self) -> String {
        self.project.git().tip().unwrap().unwrap()
    }

    pub fn side(&self) -> Option<String> {
        self.project.git().tip_of(SIDE).unwrap()
    }

    /// The agent's decision about the one field.
    pub async fn decision(&self) -> serde_json::Value {
        let status: serde_json::Value = serde_json::from_str(&self.agent.get("/v1/status").await.unwrap().1).unwrap();
        status["fields"][0].clone()
    }
}
