//! An agent with rules for pull secrets, and the people around it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::ecr::EcrServer;
use tidegate_stack::git::{Access, GitServer};

/// Long enough for a busy machine; what is waited for takes milliseconds.
const SOON: Duration = Duration::from_secs(60);

pub const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
pub const JSON_ENTRY: &str = ".dockerconfigjson";
pub const JSON_TYPE: &str = "kubernetes.io/dockerconfigjson";

pub struct Scene {
    /// Runs as long as the scene.
    _git: GitServer,
    pub ecr: EcrServer,
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
        let ecr = EcrServer::start().await.unwrap();
        let agent = Agent::prepare(agent::Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            repo_url: repo.url().to_owned(),
            known_hosts: git.known_hosts_lines(),
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            env: ecr.env(),
            ..agent::Options::default()
        })
        .unwrap();
        let key = agent.identity().await.unwrap();
        git.authorize(&key, Access::ReadWrite).unwrap();
        Self {
            _git: git,
            ecr,
            agent,
            client,
            name: name.to_owned(),
        }
    }

    /// These rules apply from the next start on.
    pub fn rules(&mut self, rules: &str) {
        let more = format!(
            "sync: {{set: {}}}\nautomation: {{enabled: false}}\nreleases: {{enabled: false}}\npullSecrets: [{rules}]\n",
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
        let labels: BTreeMap<String, String> = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let api: Api<Namespace> = Api::all(self.client.clone());
        api.create(&PostParams::default(), &namespace).await.unwrap();
        name
    }

    pub fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub fn accounts(&self, namespace: &str) -> Api<ServiceAccount> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Makes a Secret of a person.
    pub async fn make_secret(&self, namespace: &str, name: &str, kind: &str, entry: &str, text: &str) -> Secret {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some([("app".to_owned(), "shop".to_owned())].into()),
                annotations: Some([("note".to_owned(), "by hand".to_owned())].into()),
                ..ObjectMeta::default()
            },
            type_: Some(kind.to_owned()),
            data: Some([(entry.to_owned(), ByteString(text.as_bytes().to_vec()))].into()),
            ..Secret::default()
        };
        let api = self.secrets(namespace);
        api.create(&PostParams::default(), &secret).await.unwrap()
    }

    /// Changes an object as `kubectl patch` does.
    pub async fn patch(&self, namespace: &str, name: &str, patch: Value) -> Secret {
        let api = self.secrets(namespace);
        let patch = Patch::Merge(patch);
        api.patch(name, &PatchParams::default(), &patch).await.unwrap()
    }

    pub async fn delete_secret(&self, namespace: &str, name: &str) {
        let api = self.secrets(namespace);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until the Secret is as `is_right` says.
    pub async fn secret_where(&mut self, namespace: &str, name: &str, is_right: impl Fn(&Secret) -> bool) -> Secret {
        let deadline = tokio::time::Instant::now() + SOON;
        let api = self.secrets(namespace);
        loop {
            let live = api.get_opt(name).await.unwrap();
            if let Some(live) = live.as_ref().filter(|live| is_right(live)) {
                return live.clone();
            }
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("Secret {namespace}/{name} is not as it should be: {live:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until there is no such Secret.
    pub async fn gone(&mut self, namespace: &str, name: &str) {
        let deadline = tokio::time::Instant::now() + SOON;
        let api = self.secrets(namespace);
        while api.get_opt(name).await.unwrap().is_some() {
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("Secret {namespace}/{name} is left");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the ServiceAccount names these Secrets.
    pub async fn account_names(&mut self, namespace: &str, name: &str, secrets: &[&str]) {
        let deadline = tokio::time::Instant::now() + SOON;
        let api = self.accounts(namespace);
        loop {
            let account = api.get(name).await.unwrap();
            let references = account.image_pull_secrets.iter().flatten();
            let names: Vec<&str> = references.map(|reference| reference.name.as_str()).collect();
            if names == secrets {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("ServiceAccount {namespace}/{name} names {names:?}, not {secrets:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the agent reports as not as the rules say.
    pub async fn problems(&self) -> String {
        let (_, status) = self.agent.get("/v1/status").await.unwrap();
        let status: Value = serde_json::from_str(&status).unwrap();
        status["pullSecrets"]["problems"].to_string()
    }

    /// Waits until a problem has this text.
    pub async fn problem_with(&mut self, part: &str) -> String {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let problems = self.problems().await;
            if problems.contains(part) {
                return problems;
            }
            if tokio::time::Instant::now() > deadline {
                self.agent.process().unwrap().print_log_tail();
                panic!("no problem {part:?}: {problems}");
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

/// The logins of a Secret.
pub fn logins(secret: &Secret, entry: &str) -> Value {
    let data = secret.data.as_ref().and_then(|data| data.get(entry));
    let all: Value = data.map_or(json!({}), |bytes| serde_json::from_slice(&bytes.0).unwrap());
    match entry {
        ".dockercfg" => all,
        _ => all["auths"].clone(),
    }
}

/// The password of a host's login, if there is one. `auth` and `password` say the same.
pub fn password(secret: &Secret, entry: &str, key: &str) -> Option<String> {
    let logins = logins(secret, entry);
    let login = logins.get(key)?;
    let password = login["password"].as_str()?.to_owned();
    let auth = STANDARD.decode(login["auth"].as_str()?).unwrap();
    assert_eq!(String::from_utf8(auth).unwrap(), format!("AWS:{password}"));
    assert_eq!(login["username"], "AWS");
    Some(password)
}

pub fn has_login(secret: &Secret) -> bool {
    password(secret, JSON_ENTRY, HOST).is_some()
}

pub fn uid(secret: &Secret) -> String {
    secret.metadata.uid.clone().unwrap()
}
