//! The real parts, an agent that runs on them, and the requests that the agent sent to each part.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::control_plane::{ControlPlane, Mark, Options};
use tidegate_stack::ecr::EcrServer;
use tidegate_stack::git::{Access, GitServer, Repo};
use tidegate_stack::relay::Relay;

/// The agent's user agent in the audit log.
const USER_AGENT: &str = concat!("tidegate/", env!("CARGO_PKG_VERSION"));

/// The longest wait for a pass. A pass that applies a thousand objects takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// The real parts, with an empty repository.
pub struct Scene {
    pub cluster: ControlPlane,
    pub client: kube::Client,
    pub git: GitServer,
    /// The relay between the agent and sshd: counts bytes, and can simulate a distance.
    pub relay: Relay,
    pub repo: Repo,
    pub ecr: EcrServer,
}

impl Scene {
    pub async fn set() -> Result<Scene> {
        let cluster = ControlPlane::start(Options::default()).await?;
        let client = cluster.client_named("bench").await?;
        agent::make_namespace(&client).await?;
        let git = GitServer::start()?;
        Ok(Scene {
            relay: Relay::start(git.addr())?,
            repo: git.create_repo("fleet")?,
            ecr: EcrServer::start().await?,
            cluster,
            client,
            git,
        })
    }

    /// Starts an agent that scans registries and fetches the repository at these periods. Waits until all declared objects are
    /// applied.
    pub async fn agent(&self, scan: &str, poll: &str) -> Result<Running> {
        let mut agent = Agent::prepare(agent::Options {
            program: std::env::var_os("PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_tidegate").into(), Into::into),
            repo_url: self.repo.url_through(self.relay.addr()),
            known_hosts: self.git.known_hosts_lines_for(self.relay.addr()),
            kubeconfig: Some(self.cluster.kubeconfig().to_owned()),
            env: self.ecr.env(),
            poll: poll.to_owned(),
            scan: scan.to_owned(),
            ..agent::Options::default()
        })?;
        let key = agent.identity().await?;
        self.git.authorize(&key, Access::ReadWrite)?;
        agent.run().await?;
        let token = fs::read_to_string(agent.token_file())?.trim().to_owned();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let running = Running { agent, http, token };
        let report = running.wake("sync", &json!({})).await?;
        ensure!(report["ok"] == true, "the first sync failed: {report}");
        Ok(running)
    }

    /// The agent's requests to the API server since the mark, by kind.
    pub async fn requests(&self, mark: &Mark) -> Result<Requests> {
        let mut counts = BTreeMap::new();
        let mut on_objects = 0;
        for request in self.cluster.requests_since(mark).await? {
            if !request.user_agent.starts_with(USER_AGENT) {
                continue;
            }
            let is_own = request.namespace == agent::NAMESPACE || request.resource == "events";
            let kind = match (request.verb.as_str(), request.resource.as_str()) {
                (_, "events") => "event",
                ("watch", _) => "watch",
                ("patch", _) if !is_own => "apply",
                ("patch" | "create" | "update", _) => "record",
                ("get" | "list", "") => "discovery",
                _ => "other",
            };
            if kind != "watch" && !is_own && !request.name.is_empty() {
                on_objects += 1;
            }
            *counts.entry(kind).or_default() += 1;
        }
        Ok(Requests { counts, on_objects })
    }

    /// The number of git commands that sshd has run so far.
    pub fn git_commands(&self) -> usize {
        let log = fs::read_to_string(self.git.log_path()).unwrap_or_default();
        log.lines().filter(|line| line.contains("Starting session:")).count()
    }
}

/// The requests of the agent.
pub struct Requests {
    counts: BTreeMap<&'static str, usize>,
    /// The requests that name an object of the set.
    pub on_objects: usize,
}

impl Requests {
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// Each kind with its count, divided by `times` repetitions.
    pub fn by_kind(&self, times: usize) -> String {
        let each: Vec<String> = self
            .counts
            .iter()
            .map(|(kind, count)| format!("{kind} {}", per(*count, times)))
            .collect();
        each.join(", ")
    }
}

/// `count` divided by `times`, without superfluous digits.
pub fn per(count: usize, times: usize) -> String {
    if times > 0 && count.is_multiple_of(times) {
        return (count / times).to_string();
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let share = count as f64 / times as f64;
    format!("{share:.2}")
}

/// A running agent.
pub struct Running {
    pub agent: Agent,
    http: reqwest::Client,
    token: String,
}

impl Running {
    /// Wakes a loop by an HTTP call, and waits for its report.
    pub async fn wake(&self, what: &str, body: &Value) -> Result<Value> {
        self.call(what, body).await
    }

    /// As [`wake`](Self::wake), without waiting: the task returns the report.
    pub fn wake_only(&self, what: &str, body: Value) -> tokio::task::JoinHandle<Result<Value>> {
        let call = self.request(what, &body);
        tokio::spawn(async move { answer(call.send().await?).await })
    }

    async fn call(&self, what: &str, body: &Value) -> Result<Value> {
        answer(self.request(what, body).send().await?).await
    }

    fn request(&self, what: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/v1/{what}", self.agent.server());
        self.http.post(url).bearer_auth(&self.token).json(body)
    }

    /// The value of a counter in the agent's metrics; zero if the counter does not exist.
    pub async fn counter(&self, series: &str) -> Result<u64> {
        let (_, text) = self.agent.get("/metrics").await?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or("0").trim().parse().context("a count")
    }
}

async fn answer(response: reqwest::Response) -> Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    ensure!(status.is_success(), "the agent responded with {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}
