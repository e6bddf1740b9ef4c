//! What the agent's stories happen on: a namespace of a control plane, a repository behind sshd, an ECR stand-in.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::ecr::EcrServer;
use tidegate_stack::git::{Access, Commit, GitServer, Repo};
use tidegate_stack::{ControlPlane, Process};

/// Long enough for a busy machine; what is waited for takes milliseconds.
pub const SOON: Duration = Duration::from_secs(60);

pub const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

pub struct World {
    pub git: GitServer,
    pub repo: Repo,
    pub ecr: EcrServer,
    pub agent: Agent,
    pub client: kube::Client,
    pub namespace: String,
}

/// The manifest of the namespace.
pub fn namespace_file(namespace: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n")
}

/// Twelve ConfigMaps, more than are deleted without a confirmation.
pub fn twelve_maps(namespace: &str) -> String {
    (0..12)
        .map(|n| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}, namespace: {namespace}}}\n"))
        .collect()
}

impl World {
    /// A repository with a namespace and one automated Deployment `web` on `shop/web:<tag>`, and the agent on it,
    /// prepared and let in. `name` makes the namespace and the set differ from those of other tests.
    pub async fn prepare(cluster: &ControlPlane, name: &str, tag: &str) -> World {
        let namespace = format!("{name}-{}", std::process::id());
        let files = [
            ("namespace.yaml", namespace_file(&namespace)),
            ("apps/web.yaml", deployment(&namespace, tag)),
        ];
        Self::with(cluster, name, &namespace, &files).await
    }

    pub async fn with(cluster: &ControlPlane, name: &str, namespace: &str, files: &[(&str, String)]) -> World {
        let client = cluster.client_named("somebody").await.unwrap();
        agent::make_namespace(&client).await.unwrap();
        let git = GitServer::start().unwrap();
        let repo = git.create_repo("fleet").unwrap();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        repo.seed(&files).unwrap();
        let ecr = EcrServer::start().await.unwrap();
        let agent = Agent::prepare(agent::Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            repo_url: repo.url().to_owned(),
            known_hosts: git.known_hosts_lines(),
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            env: ecr.env(),
            more: format!("sync: {{set: {name}}}\n"),
            ..agent::Options::default()
        })
        .unwrap();
        let key = agent.identity().await.unwrap();
        git.authorize(&key, Access::ReadWrite).unwrap();
        World {
            git,
            repo,
            ecr,
            agent,
            client,
            namespace: namespace.to_owned(),
        }
    }

    pub fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn live_image(&self) -> String {
        image(&self.deployments().get("web").await.unwrap())
    }

    /// Waits until the live Deployment's image ends in `:<tag>`.
    pub async fn runs(&mut self, tag: &str) {
        let deadline = tokio::time::Instant::now() + SOON;
        let api = self.deployments();
        loop {
            let live = api
                .get_opt("web")
                .await
                .unwrap()
                .map(|live| image(&live))
                .unwrap_or_default();
            if live.ends_with(&format!(":{tag}")) {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("the live image is {live:?}, not {tag}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Commits on the branch that bump to the tag, newest first.
    pub fn bumps_to(&self, tag: &str) -> Vec<Commit> {
        self.repo
            .log()
            .unwrap()
            .into_iter()
            .filter(|commit| {
                commit.message.lines().any(|line| {
                    line.starts_with("Tidegate-Bump:")
                        && line.split_whitespace().any(|word| word == format!("new={tag}"))
                })
            })
            .collect()
    }

    pub fn is_running(&mut self) -> bool {
        self.agent.process().is_ok_and(Process::is_running)
    }
}

pub fn image(deployment: &Deployment) -> String {
    deployment
        .spec
        .template
        .spec
        .as_ref()
        .and_then(|pod| pod.containers.first())
        .and_then(|container| container.image.clone())
        .unwrap_or_default()
}

pub fn deployment(namespace: &str, tag: &str) -> String {
    format!(
        "# The shop's front.\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: {namespace}\n  \
         annotations:\n    fluxcd.io/automated: \"true\"\nspec:\n  replicas: 0\n  selector:\n    matchLabels: {{app: web}}\n  \
         template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      containers:\n      - name: web\n        \
         image: {HOST}/shop/web:{tag}   # by CI\n"
    )
}
