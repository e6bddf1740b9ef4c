//! What bad input is tried on: a repository behind sshd, an ECR stand-in, a namespace and a set on an API server.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::runtime::wait::await_condition;
use tidegate_stack::agent::{self, Agent, Options};
use tidegate_stack::ecr::{DEFAULT_ACCOUNT, DEFAULT_REGION, EcrServer};
use tidegate_stack::git::{Access, GitServer, Repo};
use tidegate_stack::{ControlPlane, Process};

/// Long enough for a busy machine; what is waited for takes milliseconds to seconds.
pub const SOON: Duration = Duration::from_secs(60);

pub const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

pub struct Scene {
    pub git: GitServer,
    pub repo: Repo,
    pub ecr: EcrServer,
    pub client: kube::Client,
    /// The workloads' namespace, and the name of the set.
    pub name: String,
    kubeconfig: PathBuf,
}

impl Scene {
    /// A repository that declares its namespace and `files`.
    pub async fn set(cluster: &ControlPlane, name: &str, files: &[(&str, String)]) -> Scene {
        let client = cluster.client_named("somebody").await.unwrap();
        agent::make_namespace(&client).await.unwrap();
        let git = GitServer::start().unwrap();
        let repo = git.create_repo("fleet").unwrap();
        let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
        let mut all = vec![("namespace.yaml", namespace.as_str())];
        all.extend(files.iter().map(|(path, text)| (*path, text.as_str())));
        repo.seed(&all).unwrap();
        Scene {
            git,
            repo,
            ecr: EcrServer::start().await.unwrap(),
            client,
            name: name.to_owned(),
            kubeconfig: cluster.kubeconfig().to_owned(),
        }
    }

    /// An agent that looks every second.
    pub fn options(&self) -> Options {
        Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            repo_url: self.repo.url().to_owned(),
            known_hosts: self.git.known_hosts_lines(),
            kubeconfig: Some(self.kubeconfig.clone()),
            env: self.ecr.env(),
            poll: "1s".into(),
            scan: "1s".into(),
            more: format!("sync: {{set: {}}}\n", self.name),
            ..Options::default()
        }
    }

    /// An agent whose key the repository knows; not started.
    pub async fn agent(&self, options: Options, access: Access) -> Agent {
        let agent = Agent::prepare(options).unwrap();
        let key = agent.identity().await.unwrap();
        self.git.authorize(&key, access).unwrap();
        agent
    }

    /// An agent with nothing wrong of its own, ready.
    pub async fn running(&self) -> Agent {
        let mut agent = self.agent(self.options(), Access::ReadWrite).await;
        agent.run().await.unwrap();
        agent
    }

    /// A repository in ECR with this tag.
    pub fn pushed(&self, repository: &str, tag: &str) {
        self.ecr
            .create_repository(DEFAULT_ACCOUNT, DEFAULT_REGION, repository)
            .ok();
        self.ecr.push_tag(repository, tag).unwrap();
    }

    /// Somebody commits files on the branch (`None` removes one) and pushes; the commit.
    pub fn commits(&self, message: &str, files: &[(&str, Option<String>)]) -> String {
        let copy = self.repo.work_copy().unwrap();
        for (path, text) in files {
            match text {
                Some(text) => copy.write(path, text).unwrap(),
                None => copy.remove(path).unwrap(),
            }
        }
        let id = copy.commit(message).unwrap();
        copy.push().unwrap();
        id
    }

    pub fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    pub fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Waits until a ConfigMap that [`config_map`] declares is live with this value.
    pub async fn applied(&self, name: &str, value: &str) {
        let wanted = value.to_owned();
        let has = move |live: Option<&ConfigMap>| {
            live.and_then(|live| live.data.as_ref()?.get("value").map(|have| *have == wanted))
                .unwrap_or(false)
        };
        let waited = await_condition(self.config_maps(), name, has);
        tokio::time::timeout(SOON, waited)
            .await
            .unwrap_or_else(|_| panic!("ConfigMap {}/{name} has not become {value:?}", self.name))
            .unwrap();
    }

    /// Waits until a live Deployment's image has this tag.
    pub async fn runs(&self, name: &str, tag: &str) {
        let ending = format!(":{tag}");
        let has = move |live: Option<&Deployment>| live.is_some_and(|live| image(live).ends_with(&ending));
        let waited = await_condition(self.deployments(), name, has);
        tokio::time::timeout(SOON, waited)
            .await
            .unwrap_or_else(|_| panic!("Deployment {}/{name} has not come to run {tag}", self.name))
            .unwrap();
    }

    /// Waits until the branch's newest version of a file holds a text; the tip.
    pub async fn committed(&self, path: &str, text: &str) -> String {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let tip = self.repo.tip().unwrap().unwrap();
            let file = self.repo.file_at(&tip, path).unwrap();
            if file.contains(text) {
                return tip;
            }
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            self.repo
                .wait_for_tip_change(Some(&tip), left)
                .await
                .unwrap_or_else(|_| panic!("{path} has not come to hold {text}:\n{file}"));
        }
    }
}

pub fn config_map(namespace: &str, name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{value: \"{value}\"}}\n"
    )
}

/// A Deployment of one container `app`, on [`HOST`]; the annotations stand from line 7 on.
pub fn workload(namespace: &str, name: &str, image: &str, annotations: &[&str]) -> String {
    let annotations: String = annotations.iter().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  \
         annotations:\n{annotations}spec:\n  replicas: 0\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    \
         metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n      - name: app\n        \
         image: {HOST}/{image}\n"
    )
}

pub const AUTOMATED: &str = "tidegate.dev/automated: \"true\"";

fn image(deployment: &Deployment) -> &str {
    let pod = deployment.spec.template.spec.as_ref();
    pod.and_then(|pod| pod.containers.first()?.image.as_deref())
        .unwrap_or_default()
}

/// Waits until the agent has logged a line with all the parts; that line.
pub async fn logged(agent: &mut Agent, parts: &[&str]) -> String {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let ended = !agent.process().is_ok_and(Process::is_running);
        let log = agent.log();
        if let Some(line) = log.lines().find(|line| parts.iter().all(|part| line.contains(part))) {
            return line.to_owned();
        }
        assert!(
            !ended && tokio::time::Instant::now() < deadline,
            "no line with {parts:?} in the log (ended: {ended}):\n{log}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lines at WARN or ERROR that hold a text.
pub fn warnings(agent: &Agent, text: &str) -> Vec<String> {
    let log = agent.log();
    let loud = log
        .lines()
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
    loud.filter(|line| line.contains(text)).map(str::to_owned).collect()
}

/// Waits until `/readyz` answers with this status and a text; the text.
pub async fn readiness(agent: &Agent, status: u16, part: &str) -> String {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let answer = agent.get("/readyz").await;
        if let Ok((code, body)) = &answer
            && *code == status
            && body.contains(part)
        {
            return body.clone();
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "/readyz answers {answer:?}, not {status} with {part:?}; the log:\n{}",
            agent.log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a metric (its name with its labels) has at least this value.
pub async fn counted(agent: &Agent, metric: &str, at_least: f64) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let text = agent.get("/metrics").await.map(|(_, text)| text).unwrap_or_default();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.trim().parse::<f64>().ok());
        if value.is_some_and(|value| value >= at_least) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{metric} is {value:?}, not {at_least}:\n{text}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A message must say all of this.
#[track_caller]
pub fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

/// What a command printed, and its exit code.
pub async fn told(agent: &Agent, arguments: &[&str]) -> (i32, String) {
    let output = agent.call(arguments).await.unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().unwrap_or(-1), text)
}
