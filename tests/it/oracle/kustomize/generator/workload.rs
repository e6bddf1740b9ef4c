use super::Generator;
use std::fmt::Write as _;

const KINDS: [&str; 10] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Pod",
    "Rollout",
    "Job",
    "PodTemplate",
    "Service",
    "HelmRelease",
];

/// A workload as a file declares it, and as the overlays so far have named it.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    /// The names and namespaces before.
    pub(super) former: Vec<(String, Option<String>)>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) containers: Vec<String>,
}

impl Workload {
    pub(super) fn rename(&mut self, name: String, namespace: Option<String>) {
        let old = (self.name.clone(), self.namespace.clone());
        if old != (name.clone(), namespace.clone()) {
            self.former.push(old);
            (self.name, self.namespace) = (name, namespace);
        }
    }

    /// The path to the pod spec.
    pub(super) fn pod_spec(&self) -> &'static [&'static str] {
        match self.kind {
            "Pod" => &["spec"],
            "PodTemplate" => &["template", "spec"],
            "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => &["spec", "template", "spec"],
        }
    }
}

pub(super) fn api(kind: &str) -> &'static str {
    match kind {
        "Pod" | "PodTemplate" => "v1",
        "CronJob" | "Job" => "batch/v1",
        "Rollout" => "argoproj.io/v1alpha1",
        "Service" => "serving.knative.dev/v1",
        "HelmRelease" => "helm.toolkit.fluxcd.io/v2",
        _ => "apps/v1",
    }
}

impl Generator<'_> {
    pub(super) fn workload(&mut self, folder: &str, at: usize) -> Workload {
        // Every second one is a Deployment or its like.
        let kinds = if self.random.one_in(2) { KINDS.len() } else { 4 };
        let kind = KINDS[self.random.below(kinds)];
        let mut containers = vec!["main".to_owned()];
        for more in ["side", "init", "debug"] {
            if self.random.one_in(if more == "debug" { 10 } else { 3 }) {
                containers.push(more.to_owned());
            }
        }
        let app = self.random.pick(&["web", "api"]);
        Workload {
            kind,
            name: format!("{app}-{folder}-{at}"),
            namespace: self.random.one_in(4).then(|| "shop".to_owned()),
            former: Vec::new(),
            labels: vec![("app".to_owned(), app.to_owned())],
            containers,
        }
    }

    pub(super) fn manifest(&mut self, workload: &Workload) -> String {
        let mut text = format!(
            "apiVersion: {}\nkind: {}\nmetadata:\n  name: {}\n",
            api(workload.kind),
            workload.kind,
            workload.name
        );
        if let Some(namespace) = &workload.namespace {
            writeln!(text, "  namespace: {namespace}").unwrap();
        }
        for (key, value) in &workload.labels {
            writeln!(text, "  labels: {{{key}: {value}}}").unwrap();
        }
        let annotations = self.annotations();
        if !annotations.is_empty() {
            writeln!(text, "  annotations: {{{}}}", annotations.join(", ")).unwrap();
        }
        if workload.kind == "HelmRelease" {
            text += "spec:\n  values:\n";
            for line in self.values().lines() {
                writeln!(text, "    {line}").unwrap();
            }
            return text;
        }
        let mut indent = 0;
        for key in workload.pod_spec() {
            writeln!(text, "{:indent$}{key}:", "").unwrap();
            indent += 2;
        }
        for line in self.pod(workload).lines() {
            writeln!(text, "{:indent$}{line}", "").unwrap();
        }
        text
    }

    fn annotations(&mut self) -> Vec<&'static str> {
        let mut annotations = Vec::new();
        if !self.random.one_in(4) {
            annotations.push("tidegate.dev/automated: \"true\"");
        }
        if self.random.one_in(8) {
            annotations.push("tidegate.dev/locked: \"true\"");
        }
        if self.random.one_in(6) {
            annotations.push("tidegate.dev/policy: semver:1.x");
        }
        if self.random.one_in(10) {
            annotations.push("tidegate.dev/policy.main: semver:2.x");
        }
        if self.random.one_in(16) {
            annotations.push("tidegate.dev/recreate: \"true\"");
        }
        if self.random.one_in(30) {
            annotations.push("config.kubernetes.io/local-config: \"true\"");
        }
        annotations
    }

    fn pod(&mut self, workload: &Workload) -> String {
        let mut text = "containers:\n".to_owned();
        let is_nameless = workload.kind == "Service" && self.random.one_in(2);
        for name in ["main", "side"] {
            if !workload.containers.iter().any(|own| own == name) {
                continue;
            }
            let image = self.image();
            match is_nameless {
                true => writeln!(text, "- image: {image}").unwrap(),
                false => write!(text, "- name: {name}\n  image: {image}\n").unwrap(),
            }
        }
        for (name, list) in [("init", "initContainers"), ("debug", "ephemeralContainers")] {
            if workload.containers.iter().any(|own| own == name) {
                write!(text, "{list}:\n- name: {name}\n  image: {}\n", self.image()).unwrap();
            }
        }
        if self.random.one_in(5) {
            write!(
                text,
                "volumes:\n- name: data\n  image: {{reference: {}}}\n",
                self.image()
            )
            .unwrap();
        }
        text
    }

    /// The values of a HelmRelease.
    pub(super) fn values(&mut self) -> String {
        let mut text = "replicas: 1\n".to_owned();
        for key in ["", "worker", "cron"] {
            if !key.is_empty() && self.random.one_in(2) {
                continue;
            }
            let image = self.random.pick(&super::images::IMAGES);
            let tag = format!("1.{}.0", self.random.below(4));
            let lines = match self.random.below(3) {
                0 => format!("image: {image}:{tag}\n"),
                1 => format!("image: {image}\ntag: {tag}\n"),
                _ => format!("image:\n  repository: {image}\n  tag: {tag}\n"),
            };
            if key.is_empty() {
                text += &lines;
                continue;
            }
            writeln!(text, "{key}:").unwrap();
            for line in lines.lines() {
                writeln!(text, "  {line}").unwrap();
            }
        }
        text
    }
}
