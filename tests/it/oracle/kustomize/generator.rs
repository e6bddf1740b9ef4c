//! Repositories of kustomizations: bases, overlays, components and patches of all forms, by chance.

mod images;
mod parts;
mod patches;
mod workload;

use super::super::Random;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use workload::Workload;

/// The names that kustomize looks for in a folder.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The files of a repository, and the folders that are built.
#[derive(Debug, Clone, Default)]
pub(super) struct Repository {
    pub(super) files: BTreeMap<String, String>,
    pub(super) tops: Vec<String>,
}

impl Repository {
    /// Whether a kustomization has a key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        let key = format!("{key}:");
        let mut kustomizations = self.files.iter().filter(|(path, _)| is_kustomization(path));
        kustomizations.any(|(_, text)| text.lines().any(|line| line.starts_with(&key)))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, text) in &self.files {
            writeln!(f, "--- {path}\n{text}")?;
        }
        write!(f, "tops: {:?}", self.tops)
    }
}

fn is_kustomization(path: &str) -> bool {
    NAMES.iter().any(|name| path.ends_with(name))
}

/// A folder that others build on, and its workloads as it names them.
#[derive(Debug, Clone)]
struct Layer {
    folder: String,
    workloads: Vec<Workload>,
}

pub(super) fn generate(random: &mut Random) -> Repository {
    let mut made = Generator {
        random,
        repository: Repository::default(),
        patches: Vec::new(),
        component: None,
    };
    let mut below: Vec<Layer> = (0..1 + made.random.below(2)).map(|at| made.base(at)).collect();
    if made.random.one_in(4) {
        let mut workloads = all(&below);
        let text = made.component_text("shared", 2, &mut workloads, false);
        made.kustomization("shared", text);
        made.component = Some("shared".to_owned());
    }
    for depth in 0..made.random.below(3) {
        let count = if made.random.one_in(5) { 2 } else { 1 };
        below = (0..count)
            .map(|at| {
                let prefix = (count > 1).then(|| ["left-", "right-"][at]);
                made.overlay(&format!("level{depth}-{at}"), &below, prefix)
            })
            .collect();
    }
    for top in 0..1 + made.random.below(3) {
        let name = format!("top{top}");
        made.overlay(&name, &below, None);
        made.repository.tops.push(name);
    }
    made.repository
}

fn all(layers: &[Layer]) -> Vec<Workload> {
    layers.iter().flat_map(|layer| layer.workloads.clone()).collect()
}

struct Generator<'r> {
    random: &'r mut Random,
    repository: Repository,
    /// The patches in files so far: a target's text, if the patch needs one, and the file.
    patches: Vec<patches::Written>,
    /// A component that several overlays may share.
    component: Option<String>,
}

impl Generator<'_> {
    fn write(&mut self, path: String, text: String) {
        self.repository.files.insert(path, text);
    }

    fn kustomization(&mut self, folder: &str, text: String) {
        let name = if self.random.one_in(4) {
            self.random.pick(&NAMES)
        } else {
            NAMES[0]
        };
        self.write(format!("{folder}/{name}"), text);
    }

    /// A folder with workloads.
    fn base(&mut self, at: usize) -> Layer {
        let folder = format!("base{at}");
        let count = 1 + self.random.below(3);
        let mut workloads: Vec<Workload> = (0..count).map(|at| self.workload(&folder, at)).collect();
        let mut text = "resources:\n".to_owned();
        let is_one_file = self.random.one_in(4);
        let mut documents = Vec::new();
        for (at, workload) in workloads.iter().enumerate() {
            let manifest = self.manifest(workload);
            if is_one_file {
                documents.push(manifest);
                continue;
            }
            self.write(format!("{folder}/{at}.yaml"), manifest);
            writeln!(text, "- {at}.yaml").unwrap();
        }
        if is_one_file {
            self.write(format!("{folder}/all.yaml"), documents.join("---\n"));
            text += "- all.yaml\n";
        }
        if self.random.one_in(4) {
            text += "- config.yaml\n";
            let config =
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {tag: \"7.0.0\", image: web:7.1.0}\n";
            let config = config.replace("name: config", &format!("name: config{folder}"));
            self.write(format!("{folder}/config.yaml"), config);
        }
        if self.random.one_in(6) {
            self.parts(&folder, &mut text, &mut workloads, None);
        } else if self.random.one_in(4) {
            text += &self.images();
        }
        self.kustomization(&folder, text);
        Layer { folder, workloads }
    }

    /// A kustomization on others.
    fn overlay(&mut self, folder: &str, below: &[Layer], prefix: Option<&str>) -> Layer {
        let mut workloads = all(below);
        let key = if self.random.one_in(8) { "bases" } else { "resources" };
        let mut text = format!("{key}:\n");
        for layer in below {
            writeln!(text, "- ../{}", layer.folder).unwrap();
        }
        if key == "resources" && self.random.one_in(6) {
            let own = self.workload(folder, 0);
            let manifest = self.manifest(&own);
            self.write(format!("{folder}/own.yaml"), manifest);
            text += "- own.yaml\n";
            workloads.push(own);
        }
        let mut components = Vec::new();
        if self.random.one_in(3) {
            components.push(self.component(folder, 0, &mut workloads));
        }
        components.extend(self.component.clone().filter(|_| self.random.one_in(2)));
        if !components.is_empty() {
            text += "components:\n";
        }
        for component in components {
            writeln!(text, "- ../{component}").unwrap();
        }
        self.parts(folder, &mut text, &mut workloads, prefix);
        self.kustomization(folder, text);
        Layer {
            folder: folder.to_owned(),
            workloads,
        }
    }

    /// A component, perhaps with workloads and components of its own.
    fn component(&mut self, owner: &str, depth: usize, workloads: &mut Vec<Workload>) -> String {
        let folder = format!("component-{owner}-{depth}");
        let owns = self.random.one_in(2);
        let text = self.component_text(&folder, depth, workloads, owns);
        self.kustomization(&folder, text);
        folder
    }

    fn component_text(&mut self, folder: &str, depth: usize, workloads: &mut Vec<Workload>, owns: bool) -> String {
        let mut text = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n".to_owned();
        if owns {
            let workload = self.workload(folder, 0);
            let manifest = self.manifest(&workload);
            self.write(format!("{folder}/own.yaml"), manifest);
            text += "resources:\n- own.yaml\n";
            workloads.push(workload);
        }
        if depth < 2 && self.random.one_in(3) {
            let inner = self.component(folder, depth + 1, workloads);
            write!(text, "components:\n- ../{inner}\n").unwrap();
        }
        self.parts(folder, &mut text, workloads, None);
        text
    }
}
