//! The parts and the agent.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::agent::{self, Agent};
use crate::control_plane::{ControlPlane, Options};
use crate::ecr::EcrServer;
use crate::git::{Access, GitServer, Repo, WorkCopy};
use crate::tools::Tools;

/// What everything happens on.
pub(super) struct Scene {
    pub(super) cluster: ControlPlane,
    pub(super) client: kube::Client,
    pub(super) git: GitServer,
    pub(super) repo: Repo,
    pub(super) person: WorkCopy,
    pub(super) ecr: EcrServer,
    pub(super) agent: Agent,
}

/// The repositories of the example, with the tags that it has written down.
const PUSHED: [(&str, &str); 3] = [
    ("shop/web", "3f9c2ab"),
    ("shop/api", "1.2.3"),
    ("shop/storefront", "9b1d4e7"),
];

impl Scene {
    pub(super) async fn set() -> Result<Scene> {
        println!("Setting the scene on loopback");
        let start = Instant::now();
        let cluster = ControlPlane::start(Options {
            pods: true,
            ..Options::default()
        })
        .await?;
        let client = cluster.client_named("demo").await?;
        agent::make_namespace(&client).await?;
        report(start, "kube-apiserver, etcd, controllers and a simulated node");

        let start = Instant::now();
        let git = GitServer::start()?;
        let repo = git.create_repo("fleet")?;
        repo.seed_from_dir(&super::workspace().join("config-repo-example"))?;
        let person = repo.work_copy()?;
        let ecr = EcrServer::start().await?;
        for (repository, tag) in PUSHED {
            let (account, region) = (crate::ecr::DEFAULT_ACCOUNT, crate::ecr::DEFAULT_REGION);
            ecr.create_repository(account, region, repository)?;
            ecr.push_tag(repository, tag)?;
        }
        report(
            start,
            "sshd with config-repo-example in a bare repository; ECR with three repositories",
        );

        let start = Instant::now();
        let mut agent = Agent::prepare(agent::Options {
            program: super::program()?,
            repo_url: repo.url().to_owned(),
            known_hosts: git.known_hosts_lines(),
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            env: ecr.env(),
            poll: "1s".into(),
            scan: "1s".into(),
            more: format!("releases: {{program: {}}}\n", Tools::get("helm")?.display()),
            ..agent::Options::default()
        })?;
        let key = agent.identity().await?;
        git.authorize(&key, Access::ReadWrite)?;
        agent.run().await?;
        report(
            start,
            "tidegate run: deploy key made and authorized, repository cloned, everything applied",
        );
        Ok(Scene {
            cluster,
            client,
            git,
            repo,
            person,
            ecr,
            agent,
        })
    }

    /// What a person with helm sees.
    pub(super) async fn helm(&self, arguments: &[&str]) -> Result<String> {
        let output = tokio::process::Command::new(Tools::get("helm")?)
            .args(arguments)
            .env_clear()
            .env("HOME", self.agent.dir())
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .kill_on_drop(true)
            .output()
            .await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "helm {arguments:?}: {errors}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// How to play with what stays up.
    pub(super) fn explain(&self) {
        let kubectl = Tools::get("kubectl").map_or_else(|_| "kubectl".to_owned(), |path| path.display().to_string());
        println!(
            "\nEverything stays up until Ctrl-C. In another terminal:\n\n\
             export KUBECONFIG={kubeconfig}\n\
             export TIDEGATE_SERVER={server} TIDEGATE_TOKEN_FILE={token} TIDEGATE_CONFIG={config}\n\
             export POD_NAMESPACE={namespace} {aws}\n\
             alias kubectl={kubectl} helm={helm} tidegate={program}\n\n\
             # push a tag to ECR\n\
             curl -X POST '{ecr}/_admin/push?repository=shop/web&tag=c0ffee1'\n\
             tidegate scan            # look now instead of within a second\n\
             git clone {repo} fleet   # then edit, commit, push, revert\n\
             kubectl -n shop get deployments,services,helmreleases\n\
             helm -n shop history storefront\n\
             tidegate plan\n\
             tail -f {log}",
            kubeconfig = self.cluster.kubeconfig().display(),
            helm = Tools::get("helm").map_or_else(|_| "helm".to_owned(), |path| path.display().to_string()),
            server = self.agent.server(),
            token = self.agent.token_file().display(),
            config = self.agent.config_file().display(),
            namespace = agent::NAMESPACE,
            aws = self
                .ecr
                .env()
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
            program = super::program().map_or_else(|_| "tidegate".into(), |path| path.display().to_string()),
            ecr = self.ecr.endpoint(),
            repo = self.repo.path().display(),
            log = self.agent.log_file().display(),
        );
    }

    /// Ends the agent as an operator would; the parts end with their handles.
    pub(super) async fn strike(mut self) -> Result<()> {
        let code = self.agent.stop().await.context("the agent does not end")?;
        ensure!(code == 0, "the agent ended with code {code} upon SIGTERM");
        self.git.stop();
        Ok(())
    }
}

pub(super) fn report(start: Instant, what: &str) {
    println!("  {:>6.2} s  {what}", start.elapsed().as_secs_f64());
}
