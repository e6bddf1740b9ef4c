//! An agent with rules for mirrors, and the people around it.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::git::{Access, GitServer};

/// Long enough for a busy machine; what is waited for takes milliseconds.
pub const SOON: Duration = Duration::from_secs(120);

pub struct Scene {
    /// Runs as long as the scene.
    _git: GitServer,
    pub agent: Agent,
    pub client: Client,
    name: String,
}

impl Scene {
    /// An agent that is prepared and does not run yet. `name` makes it differ from those of other tests.
    pub async fn prepare(cluster: &ControlPlane, name: &str) -> Self {
        let client = cluster.client_named("somebody").await.unwrap();
        agent::make_namespace(&client).await.unwrap();
        let git = GitServer::start().unwrap();
        let repo = git.create_repo("fleet").unwrap();
        repo.seed(&[("README.md", "Nothing is declared.\n")]).unwrap();
        let agent = Agent::prepare(agent::Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            repo_url: repo.url().to_owned(),
            known_hosts: git.known_hosts_lines(),
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            ..agent::Options::default()
        })
        .unwrap();
        let key = agent.identity().await.unwrap();
        git.authorize(&key, Access::ReadWrite).unwrap();
        Self {
            _git: git,
            agent,
            client,
            name: name.to_owned(),
        }
    }

    /// These rules, and further configuration, apply from the next start on.
    pub fn rules(&mut self, rules: &str, more: &str) {
        let more = format!(
            "sync: {{set: {}}}\nautomation: {{enabled: false}}\nreleases: {{enabled: false}}\nmirrors: [{rules}]\n{more}",
            self.name
        );
        self.agent.configure(|options| options.more = more).unwrap();
    }

    pub async fn restart(&mut self) {
        self.agent.stop().await.unwrap();
        self.agent.run().await.unwrap();
    }

    /// A name that no other test has.
    pub fn namespace(&self, suffix: &str) -> String {
        format!("{}-{}-{suffix}", self.name, std::process::id())
    }

    pub async fn make_namespace(&self, suffix: &str, labels: &[(&str, &str)]) -> String {
        let name = self.namespace(suffix);
        make_namespace(&self.client, &name, labels).await;
        name
    }

    pub fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub fn maps(&self, namespace: &str) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Waits until the object is as `is_right` says.
    pub async fn becomes<K>(&mut self, api: Api<K>, name: &str, is_right: impl Fn(&K) -> bool) -> K
    where
        K: Resource + Clone + DeserializeOwned + Debug,
    {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let live = api.get_opt(name).await.unwrap();
            if let Some(live) = live.as_ref().filter(|live| is_right(live)) {
                return live.clone();
            }
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("{name} is not as it should be: {live:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until there is no such object.
    pub async fn gone<K>(&mut self, api: Api<K>, name: &str)
    where
        K: Resource + Clone + DeserializeOwned + Debug,
    {
        let deadline = tokio::time::Instant::now() + SOON;
        while let Some(live) = api.get_opt(name).await.unwrap() {
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("{name} is left: {live:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the agent says of the mirrors of a target.
    pub async fn mirrors(&self, target: &str) -> Value {
        let (_, status) = self.agent.get("/v1/status").await.unwrap();
        let status: Value = serde_json::from_str(&status).unwrap();
        status["mirrors"][target].clone()
    }

    /// Waits until the status of the mirrors of a target has this text.
    pub async fn says(&mut self, target: &str, part: &str) {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let found = self.mirrors(target).await;
            if found.to_string().contains(part) {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("no {part:?} in {found}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything that people see of the agent.
    pub async fn shown(&self) -> String {
        let (_, status) = self.agent.get("/v1/status").await.unwrap();
        let (_, metrics) = self.agent.get("/metrics").await.unwrap();
        let events: Api<k8s_openapi::api::core::v1::Event> = Api::all(self.client.clone());
        let events = events.list(&ListParams::default()).await.unwrap();
        format!("{}{status}{metrics}{events:?}", self.agent.log())
    }
}

pub async fn make_namespace(client: &Client, name: &str, labels: &[(&str, &str)]) {
    let namespace = Namespace {
        metadata: meta(name, labels, &[]),
        ..Namespace::default()
    };
    let api: Api<Namespace> = Api::all(client.clone());
    api.create(&PostParams::default(), &namespace).await.unwrap();
}

pub fn meta(name: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> ObjectMeta {
    let map = |texts: &[(&str, &str)]| -> BTreeMap<String, String> {
        let texts = texts.iter();
        texts
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(map(labels)),
        annotations: Some(map(annotations)),
        ..ObjectMeta::default()
    }
}

/// A Secret with these entries.
pub fn secret(metadata: ObjectMeta, entries: &[(&str, &[u8])]) -> Secret {
    let entries = entries.iter();
    let data = entries.map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec())));
    Secret {
        metadata,
        data: Some(data.collect()),
        ..Secret::default()
    }
}

pub async fn create<K>(api: &Api<K>, object: &K) -> K
where
    K: Resource + Clone + DeserializeOwned + serde::Serialize + Debug,
{
    api.create(&PostParams::default(), object).await.unwrap()
}

/// Changes an object as `kubectl patch` does.
pub async fn patch<K>(api: &Api<K>, name: &str, patch: Value) -> K
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let patch = Patch::Merge(patch);
    api.patch(name, &PatchParams::default(), &patch).await.unwrap()
}

pub async fn delete<K>(api: &Api<K>, name: &str)
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    api.delete(name, &DeleteParams::default()).await.unwrap();
}

pub fn entry(secret: &Secret, key: &str) -> Option<Vec<u8>> {
    let data = secret.data.as_ref()?;
    data.get(key).map(|value| value.0.clone())
}

/// Whether an entry of the Secret holds these bytes.
pub fn holds(key: &'static str, value: &'static [u8]) -> impl Fn(&Secret) -> bool {
    move |secret| entry(secret, key).as_deref() == Some(value)
}

pub fn uid(secret: &Secret) -> &str {
    secret.metadata.uid.as_deref().unwrap()
}
