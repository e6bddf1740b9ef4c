use super::Generator;
use super::images::IMAGES;
use super::workload::{Workload, api};
use std::fmt::Write as _;

/// A patch in a file, which other overlays may use too.
#[derive(Debug, Clone)]
pub(super) struct Written {
    path: String,
    key: String,
    target: Option<String>,
}

impl Generator<'_> {
    pub(super) fn patch(&mut self, folder: &str, key: &str, workloads: &[Workload]) -> String {
        let again = self.patches.len();
        if again > 0 && self.random.one_in(8) {
            let written = self.patches[self.random.below(again)].clone();
            if written.key == key && !written.path.starts_with(&format!("{folder}/")) {
                return item(key, &format!("../{}", written.path), written.target.as_deref());
            }
        }
        let workload = workloads[self.random.below(workloads.len())].clone();
        let is_json = key == "patchesJson6902" || key == "patches" && self.random.one_in(3);
        let target = (is_json || key == "patches" && self.random.one_in(2)).then(|| self.target(&workload, key));
        let body = if is_json {
            self.operations(&workload)
        } else if target.is_none() && workloads.len() > 1 && self.random.one_in(5) {
            let mut others = workloads.iter().filter(|other| other.name != workload.name);
            let other = others.next_back().unwrap_or(&workload).clone();
            format!("{}---\n{}", self.part(&workload, false), self.part(&other, false))
        } else {
            self.part(&workload, target.is_some())
        };
        if self.random.one_in(3) {
            let indented: String = body.lines().map(|line| format!("    {line}\n")).collect();
            let mut text = match key {
                "patchesStrategicMerge" => format!("- |-\n{indented}"),
                _ => format!("- patch: |-\n{indented}"),
            };
            if let Some(target) = target {
                writeln!(text, "  target: {{{target}}}").unwrap();
            }
            return text;
        }
        let file = format!("patch{}.yaml", self.repository.files.len());
        self.write(format!("{folder}/{file}"), body);
        let text = item(key, &file, target.as_deref());
        self.patches.push(Written {
            path: format!("{folder}/{file}"),
            key: key.to_owned(),
            target,
        });
        text
    }

    fn target(&mut self, workload: &Workload, key: &str) -> String {
        let mut parts = vec![format!("kind: {}", workload.kind)];
        if self.random.one_in(5) {
            parts = vec!["kind: \".*[st]et|Deploy.*\"".to_owned()];
        }
        let (name, namespace) = self.known_as(workload);
        if key == "patchesJson6902" || self.random.one_in(3) {
            let name = match self.random.below(5) {
                0 => "\".*\"".to_owned(),
                1 => format!("\".*{}\"", name.get(1..).unwrap_or_default()),
                2 => format!("\"{}|other\"", name),
                3 => name.chars().take(5).collect(),
                _ => name,
            };
            parts.push(format!("name: {name}"));
        }
        if self.random.one_in(3) {
            parts.push(format!("version: {}", self.random.pick(&["v1", "v2", "v.*"])));
        }
        if self.random.one_in(6) {
            parts.push(format!(
                "group: {}",
                self.random.pick(&["apps", "batch", "\"\"", "\".+\""])
            ));
        }
        if self.random.one_in(3) {
            let app = self.random.pick(&[
                "app=web",
                "app!=web",
                "\"app in (api,web),!gone\"",
                "tier=front",
                "tier notin (front)",
                "app",
            ]);
            parts.push(format!("labelSelector: {app}"));
        }
        if self.random.one_in(5) {
            let note = self
                .random
                .pick(&["note=here", "tidegate.dev/automated=true", "\"!note\""]);
            parts.push(format!("annotationSelector: {note}"));
        }
        if self.random.one_in(5) {
            let own = namespace.unwrap_or_else(|| "default".to_owned());
            let other = self.random.pick(&["shop", "default", "s.*|prod"]);
            let namespace = if self.random.one_in(2) { &*own } else { other };
            parts.push(format!("namespace: {namespace}"));
        }
        parts.join(", ")
    }

    /// The name and namespace of a workload, as they are or as they once were.
    fn known_as(&mut self, workload: &Workload) -> (String, Option<String>) {
        let count = workload.former.len();
        if count > 0 && self.random.one_in(3) {
            return workload.former[self.random.below(count)].clone();
        }
        (workload.name.clone(), workload.namespace.clone())
    }

    /// A part of a workload. With a target, its name and its kind need not be the workload's.
    fn part(&mut self, workload: &Workload, has_target: bool) -> String {
        let (mut name, mut namespace) = self.known_as(workload);
        let mut kind = workload.kind;
        if has_target && self.random.one_in(4) {
            (name, namespace) = ("any".to_owned(), None);
        }
        if has_target && self.random.one_in(6) {
            kind = "Any";
        }
        let mut text = format!(
            "apiVersion: {}\nkind: {kind}\nmetadata:\n  name: {name}\n",
            api(workload.kind)
        );
        if let Some(namespace) = &namespace {
            writeln!(text, "  namespace: {namespace}").unwrap();
        }
        match self.random.below(10) {
            0 => text += "  annotations: {tidegate.dev/locked: \"true\"}\n",
            1 => text += "  annotations: {tidegate.dev/automated: null, note: here}\n",
            2 => text += "  annotations: {tidegate.dev/policy.main: semver:3.x}\n",
            3 => text += "  labels: {app: web}\n",
            4 if self.random.one_in(6) => return text + "$patch: delete\n",
            _ => {}
        }
        if workload.kind == "HelmRelease" {
            return text + &self.values_part();
        }
        let open: String = workload.pod_spec().iter().map(|key| format!("{key}: {{")).collect();
        let close = "}".repeat(workload.pod_spec().len());
        writeln!(text, "{open}{}{close}", self.pod_part(workload)).unwrap();
        text
    }

    fn pod_part(&mut self, workload: &Workload) -> String {
        if self.random.one_in(10) {
            let image = self.image();
            let more = self.random.pick(&["data", "more"]);
            return format!("volumes: [{{name: {more}, image: {{reference: {image}}}}}]");
        }
        let name = workload.containers[self.random.below(workload.containers.len())].clone();
        let list = match &*name {
            "init" => "initContainers",
            "debug" => "ephemeralContainers",
            _ => "containers",
        };
        let name = if self.random.one_in(5) { "added" } else { &name };
        let image = self.image();
        let container = match self.random.below(16) {
            0 | 1 => format!("{{name: {name}, $patch: delete}}"),
            2 => format!("{{name: {name}, image: {image}}}, {{$patch: replace}}"),
            3 => format!("{{name: {name}, $patch: replace, image: {image}}}"),
            4 => format!("{{name: {name}, image: null}}"),
            5 => format!(
                "{{name: {name}, image: {image}}}, {{name: second, image: {}}}",
                self.image()
            ),
            6 | 7 => format!("{{name: {name}, command: [run], image: {image}}}"),
            8 | 9 => format!("{{name: {name}, args: [run]}}"),
            10 => return format!("{list}: null, volumes: null"),
            _ => format!("{{name: {name}, image: {image}}}"),
        };
        format!("{list}: [{container}]")
    }

    /// A part of the values of a HelmRelease.
    fn values_part(&mut self) -> String {
        let tag = format!("3.{}.0", self.random.below(3));
        let image = self.random.pick(&IMAGES);
        let key = self.random.pick(&["worker", "cron", "other"]);
        let values = match self.random.below(6) {
            0 => format!("image: {{repository: {image}, tag: {tag}}}"),
            1 => format!("image: {{tag: {tag}}}"),
            2 => format!("image: {image}:{tag}"),
            3 => format!("{key}: {{image: {{repository: {image}, tag: {tag}}}}}"),
            4 => format!("{key}: {{tag: {tag}}}"),
            _ => "replicas: 2".to_owned(),
        };
        format!("spec: {{values: {{{values}}}}}\n")
    }

    /// Operations on a workload.
    fn operations(&mut self, workload: &Workload) -> String {
        let spec = format!("/{}", workload.pod_spec().join("/"));
        let mut text = String::new();
        for number in 0..1 + self.random.below(2) {
            let image = self.image();
            let at = self.random.below(2);
            let fresh = 10 * self.repository.files.len() + number;
            let operation = if workload.kind == "HelmRelease" && !self.random.one_in(3) {
                self.operation_on_values()
            } else {
                match self.random.below(16) {
                    0 => format!("{{op: replace, path: {spec}/containers/{at}/image, value: {image}}}"),
                    1 => {
                        format!("{{op: add, path: {spec}/containers/-, value: {{name: added{fresh}, image: {image}}}}}")
                    }
                    2 => {
                        format!("{{op: add, path: {spec}/containers/0, value: {{name: first{fresh}, image: {image}}}}}")
                    }
                    3 => format!("{{op: replace, path: {spec}/containers, value: [{{name: main, image: {image}}}]}}"),
                    4 => format!(
                        "{{op: replace, path: {spec}/containers/0, value: {{name: other{fresh}, image: {image}}}}}"
                    ),
                    5 => "{op: add, path: /metadata/labels/app, value: web}".to_owned(),
                    6 => "{op: replace, path: /metadata/annotations/tidegate.dev~1automated, value: \"false\"}"
                        .to_owned(),
                    7 => format!("{{op: copy, from: {spec}/containers/0/image, path: {spec}/containers/{at}/image}}"),
                    8 => format!("{{op: remove, path: {spec}/containers/{at}}}"),
                    9 => format!("{{op: move, from: {spec}/containers/0, path: {spec}/containers/1}}"),
                    10 => format!("{{op: copy, from: {spec}/containers/0, path: {spec}/initContainers/-}}"),
                    11 => format!("{{op: test, path: {spec}/containers/0/name, value: main}}"),
                    12 => format!("{{op: test, path: {spec}/containers/0/image, value: {image}}}"),
                    13 => format!("{{op: add, path: {spec}/initContainers, value: [{{name: init, image: {image}}}]}}"),
                    14 => format!("{{op: replace, path: {spec}/containers/0/name, value: renamed}}"),
                    _ => format!("{{op: add, path: {spec}/containers/0/command, value: [run]}}"),
                }
            };
            writeln!(text, "- {operation}").unwrap();
        }
        text
    }

    fn operation_on_values(&mut self) -> String {
        let key = self.random.pick(&["worker", "cron"]);
        match self.random.below(6) {
            0 => "{op: replace, path: /spec/values/replicas, value: 3}".to_owned(),
            1 => "{op: add, path: /spec/values/image/tag, value: 4.0.0}".to_owned(),
            2 => format!("{{op: remove, path: /spec/values/{key}}}"),
            3 => format!("{{op: add, path: /spec/values/{key}/tag, value: 4.1.0}}"),
            4 => "{op: replace, path: /spec/values/image, value: web:4.2.0}".to_owned(),
            _ => format!("{{op: add, path: /spec/values/{key}/env, value: [a]}}"),
        }
    }
}

/// An item of a list of patches, for a patch in a file.
fn item(key: &str, path: &str, target: Option<&str>) -> String {
    if key == "patchesStrategicMerge" {
        return format!("- {path}\n");
    }
    let target = target.map(|target| format!("  target: {{{target}}}\n"));
    format!("- path: {path}\n{}", target.unwrap_or_default())
}
