//! Repositories of kustomizations: bases, overlays, components and patches of all forms, by chance.

use super::super::Random;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The files of a repository, and the folders that are built.
#[derive(Debug, Clone, Default)]
pub(super) struct Repository {
    pub(super) files: BTreeMap<String, String>,
    pub(super) tops: Vec<String>,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, text) in &self.files {
            writeln!(f, "--- {path}\n{text}")?;
        }
        write!(f, "tops: {:?}", self.tops)
    }
}

const IMAGES: [&str; 5] = ["web", "r.example/web", "r.example:5000/shop/api", "api", "side"];
const KINDS: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Pod", "Rollout"];
const CONTAINERS: [&str; 3] = ["main", "side", "init"];

/// A workload as a file declares it, and as the overlays so far have named it.
#[derive(Debug, Clone)]
struct Workload {
    kind: &'static str,
    name: String,
    namespace: Option<String>,
    labels: Vec<(String, String)>,
    containers: Vec<String>,
}

pub(super) fn generate(random: &mut Random) -> Repository {
    let mut made = Generator {
        random,
        repository: Repository::default(),
        patches: 0,
    };
    let mut workloads = Vec::new();
    for base in 0..1 + made.random.below(2) {
        workloads.extend(made.base(&format!("base{base}")));
    }
    let bases = made
        .repository
        .files
        .keys()
        .filter(|path| path.ends_with("kustomization.yaml"))
        .count();
    let mut below: Vec<String> = (0..bases).map(|base| format!("base{base}")).collect();
    if made.random.one_in(2) {
        let (_, renamed) = made.overlay("middle", &below, &workloads);
        (below, workloads) = (vec!["middle".to_owned()], renamed);
    }
    for top in 0..1 + made.random.below(3) {
        let name = format!("top{top}");
        made.overlay(&name, &below, &workloads);
        made.repository.tops.push(name);
    }
    made.repository
}

struct Generator<'r> {
    random: &'r mut Random,
    repository: Repository,
    patches: usize,
}

impl Generator<'_> {
    fn write(&mut self, path: String, text: String) {
        self.repository.files.insert(path, text);
    }

    /// A folder with workloads.
    fn base(&mut self, folder: &str) -> Vec<Workload> {
        let count = 1 + self.random.below(3);
        let workloads: Vec<Workload> = (0..count).map(|at| self.workload(folder, at)).collect();
        let mut text = "resources:\n".to_owned();
        for (at, workload) in workloads.iter().enumerate() {
            let manifest = self.manifest(workload);
            self.write(format!("{folder}/{at}.yaml"), manifest);
            writeln!(text, "- {at}.yaml").unwrap();
        }
        if self.random.one_in(4) {
            text += "- config.yaml\n";
            let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {a: b}\n";
            self.write(format!("{folder}/config.yaml"), config.to_owned());
        }
        if self.random.one_in(4) {
            text += &self.images();
        }
        self.write(format!("{folder}/kustomization.yaml"), text);
        workloads
    }

    fn workload(&mut self, folder: &str, at: usize) -> Workload {
        let kind = KINDS[self.random.below(KINDS.len() + 3) % KINDS.len()];
        let mut containers = vec!["main".to_owned()];
        for more in &CONTAINERS[1..] {
            if self.random.one_in(3) {
                containers.push((*more).to_owned());
            }
        }
        let app = self.random.pick(&["web", "api"]);
        Workload {
            kind,
            name: format!("{app}-{folder}-{at}"),
            namespace: self.random.one_in(4).then(|| "shop".to_owned()),
            labels: vec![("app".to_owned(), app.to_owned())],
            containers,
        }
    }

    fn manifest(&mut self, workload: &Workload) -> String {
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
        if !annotations.is_empty() {
            writeln!(text, "  annotations: {{{}}}", annotations.join(", ")).unwrap();
        }
        let spec = self.pod(workload);
        let (head, indent) = match workload.kind {
            "Pod" => ("spec:\n", 2),
            "CronJob" => (
                "spec:\n  schedule: 1 1 * * *\n  jobTemplate:\n    spec:\n      template:\n        spec:\n",
                10,
            ),
            _ => ("spec:\n  template:\n    spec:\n", 6),
        };
        text += head;
        for line in spec.lines() {
            writeln!(text, "{:indent$}{line}", "").unwrap();
        }
        text
    }

    fn pod(&mut self, workload: &Workload) -> String {
        let mut text = "containers:\n".to_owned();
        for name in workload.containers.iter().filter(|name| *name != "init") {
            let image = self.image();
            write!(text, "- name: {name}\n  image: {image}\n").unwrap();
        }
        if workload.containers.iter().any(|name| name == "init") {
            write!(text, "initContainers:\n- name: init\n  image: {}\n", self.image()).unwrap();
        }
        if self.random.one_in(6) {
            write!(
                text,
                "volumes:\n- name: data\n  image: {{reference: {}}}\n",
                self.image()
            )
            .unwrap();
        }
        text
    }

    fn image(&mut self) -> String {
        let name = self.random.pick(&IMAGES);
        match self.random.below(6) {
            0 => name.to_owned(),
            1 => format!("{name}:1.0.0@sha256:{}", "a".repeat(64)),
            _ => format!("{name}:1.{}.0", self.random.below(4)),
        }
    }

    /// A kustomization on others. Returns its text's folder and the workloads as it names them.
    fn overlay(&mut self, folder: &str, below: &[String], workloads: &[Workload]) -> (String, Vec<Workload>) {
        let mut workloads = workloads.to_vec();
        let key = if self.random.one_in(8) { "bases" } else { "resources" };
        let mut text = format!("{key}:\n");
        for folder in below {
            writeln!(text, "- ../{folder}").unwrap();
        }
        if self.random.one_in(3) {
            let component = self.component(folder, 0, &mut workloads);
            write!(text, "components:\n- ../{component}\n").unwrap();
        }
        self.parts(folder, &mut text, &mut workloads);
        self.write(format!("{folder}/kustomization.yaml"), text);
        (folder.to_owned(), workloads)
    }

    /// A component, perhaps with workloads and components of its own.
    fn component(&mut self, owner: &str, depth: usize, workloads: &mut Vec<Workload>) -> String {
        let folder = format!("component-{owner}-{depth}");
        let mut text = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n".to_owned();
        if self.random.one_in(2) {
            let workload = self.workload(&folder, 0);
            let manifest = self.manifest(&workload);
            self.write(format!("{folder}/own.yaml"), manifest);
            text += "resources:\n- own.yaml\n";
            workloads.push(workload);
        }
        if depth < 2 && self.random.one_in(3) {
            let inner = self.component(owner, depth + 1, workloads);
            write!(text, "components:\n- ../{inner}\n").unwrap();
        }
        self.parts(&folder, &mut text, workloads);
        self.write(format!("{folder}/kustomization.yaml"), text);
        folder
    }

    /// Patches, names, labels and images.
    fn parts(&mut self, folder: &str, text: &mut String, workloads: &mut [Workload]) {
        for (key, count) in [("patchesStrategicMerge", 1), ("patches", 3), ("patchesJson6902", 1)] {
            let patches: String = (0..self.random.below(count + 1))
                .map(|_| self.patch(folder, key, workloads))
                .collect();
            if !patches.is_empty() {
                write!(text, "{key}:\n{patches}").unwrap();
            }
        }
        if self.random.one_in(4) {
            let namespace = self.random.pick(&["prod", "shop"]);
            writeln!(text, "namespace: {namespace}").unwrap();
            for workload in workloads.iter_mut() {
                workload.namespace = Some(namespace.to_owned());
            }
        }
        if self.random.one_in(4) {
            *text += "namePrefix: pre-\n";
            workloads
                .iter_mut()
                .for_each(|workload| workload.name.insert_str(0, "pre-"));
        }
        if self.random.one_in(5) {
            *text += "nameSuffix: -suf\n";
            workloads.iter_mut().for_each(|workload| workload.name.push_str("-suf"));
        }
        if self.random.one_in(5) {
            *text += "commonAnnotations: {note: here}\n";
        }
        if self.random.one_in(12) {
            *text += "commonAnnotations: {tidegate.dev/locked: \"true\"}\n"
                .replace(
                    "commonAnnotations",
                    if text.contains("commonAnn") {
                        "generatorOptions"
                    } else {
                        "commonAnnotations"
                    },
                )
                .as_str();
        }
        if self.random.one_in(4) {
            *text += "labels:\n- pairs: {tier: front}\n";
            workloads
                .iter_mut()
                .for_each(|workload| workload.labels.push(("tier".to_owned(), "front".to_owned())));
        }
        if self.random.one_in(2) {
            *text += &self.images();
        }
    }

    fn images(&mut self) -> String {
        let key = if self.random.one_in(8) { "imageTags" } else { "images" };
        let mut text = format!("{key}:\n");
        for _ in 0..1 + self.random.below(3) {
            writeln!(text, "- name: {}", self.random.pick(&IMAGES)).unwrap();
            let mut empty = true;
            if self.random.one_in(3) {
                writeln!(text, "  newName: {}", self.random.pick(&IMAGES)).unwrap();
                empty = false;
            }
            if self.random.one_in(8) {
                text += "  tagSuffix: -alpine\n";
            } else if self.random.one_in(10) {
                writeln!(text, "  digest: sha256:{}", "b".repeat(64)).unwrap();
            } else if empty || self.random.one_in(2) {
                writeln!(text, "  newTag: 2.{}.0", self.random.below(3)).unwrap();
            }
        }
        text
    }

    fn patch(&mut self, folder: &str, key: &str, workloads: &[Workload]) -> String {
        self.patches += 1;
        let workload = workloads[self.random.below(workloads.len())].clone();
        let is_json = key == "patchesJson6902" || key == "patches" && self.random.one_in(3);
        let target = self.target(&workload, key);
        let body = if is_json {
            self.operations(&workload)
        } else {
            self.part(&workload)
        };
        let needs_target = is_json || key == "patches" && self.random.one_in(2);
        let is_inline = self.random.one_in(3);
        let mut text = String::new();
        let indented: String = body.lines().map(|line| format!("    {line}\n")).collect();
        if key == "patchesStrategicMerge" {
            if is_inline {
                return format!("- |-\n{indented}");
            }
            let path = format!("patch{}.yaml", self.patches);
            self.write(format!("{folder}/{path}"), body);
            return format!("- {path}\n");
        }
        if is_inline {
            write!(text, "- patch: |-\n{indented}").unwrap();
        } else {
            let path = format!("patch{}.yaml", self.patches);
            writeln!(text, "- path: {path}").unwrap();
            self.write(format!("{folder}/{path}"), body);
        }
        if needs_target {
            writeln!(text, "  target: {{{target}}}").unwrap();
        }
        text
    }

    fn target(&mut self, workload: &Workload, key: &str) -> String {
        let mut parts = vec![format!("kind: {}", workload.kind)];
        if key == "patchesJson6902" || self.random.one_in(3) {
            let name = match self.random.below(3) {
                0 => "\".*\"".to_owned(),
                1 => format!("\".*{}\"", workload.name.get(1..).unwrap_or_default()),
                _ => workload.name.clone(),
            };
            parts.push(format!("name: {name}"));
        }
        if self.random.one_in(3) {
            parts.push(format!("version: {}", self.random.pick(&["v1", "v2", "v.*"])));
        }
        if self.random.one_in(3) {
            let app = self
                .random
                .pick(&["app=web", "app!=web", "\"app in (api,web),!gone\"", "tier=front"]);
            parts.push(format!("labelSelector: {app}"));
        }
        if self.random.one_in(5) {
            let note = self
                .random
                .pick(&["note=here", "tidegate.dev/automated=true", "\"!note\""]);
            parts.push(format!("annotationSelector: {note}"));
        }
        if self.random.one_in(5) {
            parts.push(format!(
                "namespace: {}",
                self.random.pick(&["shop", "default", "s.*|prod"])
            ));
        }
        parts.join(", ")
    }

    /// A part of a workload.
    fn part(&mut self, workload: &Workload) -> String {
        let mut text = format!(
            "apiVersion: {}\nkind: {}\nmetadata:\n  name: {}\n",
            api(workload.kind),
            workload.kind,
            workload.name
        );
        if let Some(namespace) = &workload.namespace {
            writeln!(text, "  namespace: {namespace}").unwrap();
        }
        match self.random.below(8) {
            0 => text += "  annotations: {tidegate.dev/locked: \"true\"}\n",
            1 => text += "  annotations: {tidegate.dev/automated: null, note: here}\n",
            2 => text += "  labels: {app: web}\n",
            _ => {}
        }
        let name = workload.containers[self.random.below(workload.containers.len())].clone();
        let name = if self.random.one_in(5) {
            "added".to_owned()
        } else {
            name
        };
        let list = if name == "init" { "initContainers" } else { "containers" };
        let container = match self.random.below(6) {
            0 => format!("{{name: {name}, $patch: delete}}"),
            1 => format!("{{name: {name}, command: [run], image: {}}}", self.image()),
            2 => format!("{{name: {name}, args: [run]}}"),
            _ => format!("{{name: {name}, image: {}}}", self.image()),
        };
        let path = match workload.kind {
            "Pod" => "spec: {",
            "CronJob" => "spec: {jobTemplate: {spec: {template: {spec: {",
            _ => "spec: {template: {spec: {",
        };
        let close = "}".repeat(path.matches('{').count());
        writeln!(text, "{path}{list}: [{container}]{close}").unwrap();
        text
    }

    /// Operations on a workload.
    fn operations(&mut self, workload: &Workload) -> String {
        let spec = match workload.kind {
            "Pod" => "/spec",
            "CronJob" => "/spec/jobTemplate/spec/template/spec",
            _ => "/spec/template/spec",
        };
        let mut text = String::new();
        for _ in 0..1 + self.random.below(2) {
            let image = self.image();
            let at = self.random.below(2);
            let operation = match self.random.below(9) {
                0 => format!("{{op: replace, path: {spec}/containers/{at}/image, value: {image}}}"),
                1 => format!(
                    "{{op: add, path: {spec}/containers/-, value: {{name: added{}, image: {image}}}}}",
                    self.patches
                ),
                2 => format!(
                    "{{op: add, path: {spec}/containers/0, value: {{name: first{}, image: {image}}}}}",
                    self.patches
                ),
                3 => format!("{{op: replace, path: {spec}/containers, value: [{{name: main, image: {image}}}]}}"),
                4 => format!(
                    "{{op: replace, path: {spec}/containers/0, value: {{name: other{}, image: {image}}}}}",
                    self.patches
                ),
                5 => "{op: add, path: /metadata/labels/app, value: web}".to_owned(),
                6 => "{op: replace, path: /metadata/annotations/tidegate.dev~1automated, value: \"false\"}".to_owned(),
                7 => format!("{{op: copy, from: {spec}/containers/0/image, path: {spec}/containers/{at}/image}}"),
                _ => format!("{{op: add, path: {spec}/containers/0/command, value: [run]}}"),
            };
            writeln!(text, "- {operation}").unwrap();
        }
        text
    }
}

fn api(kind: &str) -> &'static str {
    match kind {
        "Pod" => "v1",
        "CronJob" => "batch/v1",
        "Rollout" => "argoproj.io/v1alpha1",
        _ => "apps/v1",
    }
}
