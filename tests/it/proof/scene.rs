//! A repository behind sshd and a relay, an ECR stand-in, and an agent that only bumps.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_stack::agent::{Agent, Options};
use tidegate_stack::ecr::EcrServer;
use tidegate_stack::git::{Access, GitServer, Repo};
use tidegate_stack::history::{AGENT, History, Pushed, Verdict};
use tidegate_stack::relay::Relay;
use tokio::time::Instant;

/// Long enough for a busy machine; what is waited for takes milliseconds to seconds.
pub const SOON: Duration = Duration::from_secs(60);

pub const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// A cluster that is not there: with `sync.enabled: false` it is asked for nothing but events, which may be lost.
const NO_CLUSTER: &str = "apiVersion: v1\nkind: Config\ncurrent-context: none\ncontexts: [{name: none, context: {cluster: none, user: none}}]\n\
                          clusters: [{name: none, cluster: {server: \"http://127.0.0.1:1\"}}]\nusers: [{name: none, user: {}}]\n";

pub struct Scene {
    pub git: GitServer,
    pub repo: Repo,
    pub ecr: EcrServer,
    pub relay: Relay,
    pub agent: Agent,
    /// In the order of their pushes.
    pub pushed: Vec<Pushed>,
}

impl Scene {
    /// An agent that looks at nothing by itself, on a repository of `workloads` (one file and one image each, at tag
    /// `old`), prepared and let in.
    pub async fn prepare(workloads: &[&str]) -> Scene {
        let files: Vec<(String, String)> = workloads
            .iter()
            .map(|name| (file(name), workload(name, "old")))
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        Self::with(|repo| drop(repo.seed(&files).unwrap()), |_| {}).await
    }

    pub async fn with(seed: impl FnOnce(&Repo), change: impl FnOnce(&mut Options)) -> Scene {
        let git = GitServer::start().unwrap();
        let repo = git.create_repo("fleet").unwrap();
        seed(&repo);
        let ecr = EcrServer::start().await.unwrap();
        let relay = Relay::start(git.addr()).unwrap();
        let kubeconfig = git.dir().join("kubeconfig");
        std::fs::write(&kubeconfig, NO_CLUSTER).unwrap();
        let mut options = Options {
            program: program(),
            repo_url: repo.url_through(relay.addr()),
            known_hosts: git.known_hosts_lines_for(relay.addr()),
            kubeconfig: Some(kubeconfig),
            env: ecr.env(),
            more: "sync: {enabled: false}\n".into(),
            ..Options::default()
        };
        change(&mut options);
        let agent = Agent::prepare(options).unwrap();
        let key = agent.identity().await.unwrap();
        git.authorize(&key, Access::ReadWrite).unwrap();
        Scene {
            git,
            repo,
            ecr,
            relay,
            agent,
            pushed: Vec::new(),
        }
    }

    /// A new image under this tag, now.
    pub fn push(&mut self, workload: &str, tag: &str) {
        self.ecr.push_tag(&format!("shop/{workload}"), tag).unwrap();
        self.pushed.push(Pushed {
            image: image(workload),
            tag: tag.to_owned(),
            at: jiff::Timestamp::now().as_second(),
        });
    }

    /// Whether the workload's file has this tag at the branch's tip.
    pub fn has(&self, workload: &str, tag: &str) -> bool {
        let text = self.repo.file_at("main", &file(workload)).unwrap();
        text.contains(&format!("{}:{tag} ", image(workload)))
    }

    /// Waits until the workload's file has this tag at the branch's tip.
    pub async fn landed(&self, workload: &str, tag: &str) {
        let deadline = Instant::now() + SOON;
        while !self.has(workload, tag) {
            assert!(
                Instant::now() < deadline,
                "{workload}:{tag} does not land:\n{}",
                self.agent.log()
            );
            let tip = self.repo.tip().unwrap();
            if self.has(workload, tag) {
                return;
            }
            let _ = self
                .repo
                .wait_for_tip_change(tip.as_deref(), Duration::from_secs(1))
                .await;
        }
    }

    /// Judges the branch, and its repository by `git fsck`.
    #[track_caller]
    pub fn judged(&self) -> Verdict {
        self.repo.git(&["fsck", "--strict"]).unwrap();
        let images: BTreeSet<&str> = self.pushed.iter().map(|tag| tag.image.as_str()).collect();
        let history = History::read(&self.repo, &images).unwrap();
        match history.judge(AGENT, &self.pushed).clean() {
            Ok(verdict) => verdict,
            Err(faults) => panic!("{faults}\n{}", self.repo.git(&["log", "--format=%h %an %s"]).unwrap()),
        }
    }
}

/// The agent as built for the tests, or as `make rivals` has built it for use.
fn program() -> PathBuf {
    std::env::var_os("TIDEGATE_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_tidegate").into(), PathBuf::from)
}

pub fn image(workload: &str) -> String {
    format!("{HOST}/shop/{workload}")
}

pub fn file(workload: &str) -> String {
    format!("apps/{workload}.yaml")
}

pub fn workload(name: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: shop\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\nspec:\n  replicas: 0\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    \
         metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n      - name: app\n        \
         image: {}:{tag} # by CI\n",
        image(name)
    )
}
