//! An agent with helm, on a repository with a chart and a HelmRelease.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::{Api, Client};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::git::{Access, GitServer, Repo, WorkCopy};
use tidegate_stack::{ControlPlane, Tools};

/// Long enough for a busy machine; what is waited for takes seconds.
const SOON: Duration = Duration::from_secs(60);

pub struct Scene {
    /// Runs as long as the scene.
    _git: GitServer,
    pub repo: Repo,
    pub person: WorkCopy,
    pub agent: Agent,
    pub client: Client,
    pub namespace: String,
    kubeconfig: PathBuf,
    helm_home: TempDir,
}

/// A chart whose only object is a ConfigMap with the values, and whatever `more` adds.
pub fn chart(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut files = vec![
        (
            "charts/web/Chart.yaml".to_owned(),
            "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned(),
        ),
        (
            "charts/web/values.yaml".to_owned(),
            "text: of the chart\nother: of the chart\n".to_owned(),
        ),
        (
            "charts/web/templates/map.yaml".to_owned(),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata:\n  text: {{ .Values.text | quote }}\n  \
             other: {{ .Values.other | quote }}\n"
                .to_owned(),
        ),
    ];
    for (path, text) in more {
        let path = format!("charts/web/{path}");
        files.retain(|(known, _)| *known != path);
        files.push((path, (*text).to_owned()));
    }
    files
}

/// A HelmRelease `web` of that chart; `spec` is indented by two blanks.
pub fn release(namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: web\n  namespace: {namespace}\nspec:\n  \
         releaseName: web\n  chart: {{path: charts/web}}\n{spec}"
    )
}

impl Scene {
    /// The agent runs on a repository with the namespace, the chart and these files.
    pub async fn start(cluster: &ControlPlane, name: &str, chart: Vec<(String, String)>, spec: &str) -> Self {
        let mut scene = Self::prepare(cluster, name, chart, spec).await;
        scene.agent.run().await.unwrap();
        scene
    }

    pub async fn prepare(cluster: &ControlPlane, name: &str, chart: Vec<(String, String)>, spec: &str) -> Self {
        let namespace = format!("{name}-{}", std::process::id());
        let mut files = chart;
        files.push((
            "namespace.yaml".to_owned(),
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ));
        files.push(("web.yaml".to_owned(), release(&namespace, spec)));
        let client = cluster.client_named("somebody").await.unwrap();
        agent::make_namespace(&client).await.unwrap();
        install_definition(&client).await;
        let git = GitServer::start().unwrap();
        let repo = git.create_repo("fleet").unwrap();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        repo.seed(&files).unwrap();
        let helm = Tools::get("helm").unwrap();
        let agent = Agent::prepare(agent::Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            repo_url: repo.url().to_owned(),
            known_hosts: git.known_hosts_lines(),
            kubeconfig: Some(cluster.kubeconfig().to_owned()),
            poll: "1s".to_owned(),
            more: format!(
                "sync: {{set: {name}}}\nautomation: {{enabled: false}}\nreleases: {{program: {}}}\n",
                helm.display()
            ),
            ..agent::Options::default()
        })
        .unwrap();
        let key = agent.identity().await.unwrap();
        git.authorize(&key, Access::ReadWrite).unwrap();
        Self {
            person: repo.work_copy().unwrap(),
            _git: git,
            repo,
            agent,
            client,
            namespace,
            kubeconfig: cluster.kubeconfig().to_owned(),
            helm_home: tempfile::tempdir().unwrap(),
        }
    }

    /// Commits the file of the HelmRelease and pushes.
    pub fn declare(&self, spec: &str) -> String {
        self.commit(&[("web.yaml", &release(&self.namespace, spec))])
    }

    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        self.person.pull().unwrap();
        for (path, text) in files {
            self.person.write(path, text).unwrap();
        }
        let commit = self.person.commit("a person's change").unwrap();
        self.person.push().unwrap();
        commit
    }

    /// What a person with helm sees.
    pub fn helm(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(Tools::get("helm").unwrap())
            .args(arguments)
            .args(["--namespace", &self.namespace])
            .env_clear()
            .env("HOME", self.helm_home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(out),
            false => Err(out + &String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Number and status of each revision.
    pub fn history(&self) -> Vec<(u64, String)> {
        let Ok(text) = self.helm(&["history", "web", "-o", "json"]) else {
            return Vec::new();
        };
        let all: Vec<Value> = serde_json::from_str(&text).unwrap();
        let row = |row: &Value| {
            (
                row["revision"].as_u64().unwrap(),
                row["status"].as_str().unwrap().to_owned(),
            )
        };
        all.iter().map(row).collect()
    }

    pub fn releases(&self) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: "helm.fluxcd.io".into(),
            version: "v1".into(),
            api_version: "helm.fluxcd.io/v1".into(),
            kind: "HelmRelease".into(),
            plural: "helmreleases".into(),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    pub fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A key of the chart's ConfigMap.
    pub async fn live(&self, key: &str) -> Option<String> {
        let map = self.maps().get_opt("web").await.unwrap()?;
        map.data.unwrap_or_default().get(key).cloned()
    }

    pub async fn status(&self) -> Value {
        let release = self.releases().get_opt("web").await.unwrap();
        release
            .map(|release| release.data["status"].clone())
            .unwrap_or_default()
    }

    /// Waits until a look meets the condition.
    pub async fn until<T: std::fmt::Debug>(
        &mut self,
        what: &str,
        look: impl AsyncFn(&Self) -> T,
        is: impl Fn(&T) -> bool,
    ) -> T {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let seen = look(self).await;
            if is(&seen) {
                return seen;
            }
            if tokio::time::Instant::now() > deadline {
                let status = self.status().await;
                let history = self.history();
                if let Ok(process) = self.agent.process() {
                    process.print_log_tail();
                }
                panic!("not in time: {what}; last seen: {seen:?}\nstatus: {status:#}\nhistory: {history:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the status has this phase for the newest generation, and the chart's ConfigMap this text. Returns the status.
    pub async fn settled(&mut self, phase: &str, text: &str) -> Value {
        let look = async |scene: &Self| {
            let release = scene.releases().get_opt("web").await.unwrap();
            let status = release
                .as_ref()
                .map(|release| release.data["status"].clone())
                .unwrap_or_default();
            let generation = release.and_then(|release| release.metadata.generation);
            let is_current = generation.is_some() && status["observedGeneration"].as_i64() == generation;
            (is_current, status, scene.live("text").await)
        };
        let is = |(is_current, status, live): &(bool, Value, Option<String>)| {
            *is_current && status["phase"] == phase && live.as_deref() == Some(text)
        };
        self.until(&format!("{phase} with {text:?}"), look, is).await.1
    }
}

async fn install_definition(client: &Client) {
    let text = include_str!("../../../charts/tidegate/crds/helmreleases.helm.fluxcd.io.yaml");
    let definition: CustomResourceDefinition = serde_yaml::from_str(text).unwrap();
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    match api.create(&PostParams::default(), &definition).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        other => drop(other.unwrap()),
    }
}
