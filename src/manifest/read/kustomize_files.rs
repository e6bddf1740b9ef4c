use crate::manifest::read::open::parse_text;
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::limits;
use serde_json::{Map, Value};

/// What a kustomization refers to, as far as it decides which files `kustomize build` opens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct KustomizationFiles {
    /// Whether the file is a component, which is nothing by itself.
    pub is_component: bool,
    /// The files and folders that the kustomization names, in order.
    pub references: Vec<Reference>,
    /// Parts that need what is never given: charts that kustomize would fetch and have helm render.
    pub refused: Vec<&'static str>,
}

/// A file or folder that a kustomization names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The key, e.g. `resources`.
    pub key: &'static str,
    /// The path as written, relative to the kustomization's folder.
    pub path: String,
    /// What may stand at the path.
    pub kind: ReferenceKind,
}

/// What may stand at the path of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferenceKind {
    /// A file, or the folder of another kustomization.
    Base,
    /// A file.
    File,
    /// The configuration of a generator, a transformer or a validator: a file, or the folder of another kustomization.
    Plugin,
    /// A path that an inline configuration of a plugin names, if there is a file.
    Maybe,
}

/// The keys whose entries are files or folders.
const LISTS: [(&str, ReferenceKind); 8] = [
    ("resources", ReferenceKind::Base),
    ("bases", ReferenceKind::Base),
    ("components", ReferenceKind::Base),
    ("crds", ReferenceKind::File),
    ("configurations", ReferenceKind::File),
    ("generators", ReferenceKind::Plugin),
    ("transformers", ReferenceKind::Plugin),
    ("validators", ReferenceKind::Plugin),
];
/// The keys whose entries name a file in `path`.
const WITH_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];
/// The keys whose entries make a ConfigMap or a Secret of files.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];
/// The keys that need helm.
const CHARTS: [&str; 2] = ["helmCharts", "helmChartInflationGenerator"];
/// The keys under which a plugin's configuration names files.
const PLUGIN_KEYS: [&str; 5] = ["path", "paths", "files", "envs", "env"];

/// Reads which files a kustomization names.
///
/// # Errors
/// Why the file cannot be read. The reason continues the sentence "the file …".
pub(crate) fn read_kustomization_files(bytes: &[u8]) -> Result<KustomizationFiles, String> {
    let mut found = KustomizationFiles::default();
    for value in documents(bytes)? {
        let Value::Object(map) = value else { continue };
        let map = Folded(map);
        found.is_component |= map.get("kind").and_then(Value::as_str) == Some("Component");
        found
            .refused
            .extend(CHARTS.into_iter().filter(|key| map.get(key).is_some()));
        for (key, kind) in LISTS {
            for text in map.texts(key) {
                match (kind, is_inline(text)) {
                    (ReferenceKind::Plugin, true) => found.references.extend(read_plugin_files(key, text.as_bytes())),
                    _ => found.add(key, text, kind),
                }
            }
        }
        for text in map.texts("patchesStrategicMerge").filter(|text| !is_inline(text)) {
            found.add("patchesStrategicMerge", text, ReferenceKind::File);
        }
        for key in WITH_PATH {
            for text in map.items(key).filter_map(|item| item.text("path")) {
                found.add(key, &text, ReferenceKind::File);
            }
        }
        for key in GENERATORS {
            map.items(key).for_each(|item| found.add_sources(key, &item));
        }
        if let Some(Value::Object(schema)) = map.get("openapi")
            && let Some(path) = Folded(schema.clone()).text("path")
        {
            found.add("openapi", &path, ReferenceKind::File);
        }
    }
    Ok(found)
}

/// The files that the configuration of a plugin may name. Nothing is an error: kustomize reads the file itself.
pub(crate) fn read_plugin_files(key: &'static str, bytes: &[u8]) -> Vec<Reference> {
    let mut references = Vec::new();
    for value in documents(bytes).unwrap_or_default() {
        paths(key, &value, false, &mut references);
    }
    references
}

impl KustomizationFiles {
    fn add(&mut self, key: &'static str, path: &str, kind: ReferenceKind) {
        if !path.is_empty() {
            self.references.push(Reference {
                key,
                path: path.to_owned(),
                kind,
            });
        }
    }

    /// Adds the files of an entry of `configMapGenerator` or `secretGenerator`.
    fn add_sources(&mut self, key: &'static str, item: &Folded) {
        for source in item.texts("files") {
            let path = source.split_once('=').map_or(source, |(_, path)| path);
            self.add(key, path, ReferenceKind::File);
        }
        for path in item.texts("envs").map(str::to_owned).chain(item.text("env")) {
            self.add(key, &path, ReferenceKind::File);
        }
    }
}

fn documents(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let parsed = limits::decode(bytes).and_then(|text| parse_text(&text));
    let (trees, _) = parsed.map_err(|error| error.reason)?;
    let value = |tree| Cursor::root(tree).json(&mut Vec::new()).map_err(|error| error.reason);
    trees.iter().map(value).collect()
}

/// Whether an entry is a document and not a path.
fn is_inline(text: &str) -> bool {
    text.contains(['\n', '{']) || text.contains(": ")
}

fn paths(key: &'static str, value: &Value, is_path: bool, found: &mut Vec<Reference>) {
    match value {
        Value::String(text) if is_path => {
            let path = text.split_once('=').map_or(&**text, |(_, path)| path);
            found.push(Reference {
                key,
                path: path.to_owned(),
                kind: ReferenceKind::Maybe,
            });
        }
        Value::Array(items) => items.iter().for_each(|item| paths(key, item, is_path, found)),
        Value::Object(entries) => {
            for (name, entry) in entries {
                paths(key, entry, PLUGIN_KEYS.contains(&&*folded(name)), found);
            }
        }
        _ => {}
    }
}

/// A map whose keys are compared as kustomize does, whose reader of JSON knows no case.
struct Folded(Map<String, Value>);

impl Folded {
    fn get(&self, key: &str) -> Option<&Value> {
        let key = folded(key);
        let exact = self.0.iter().find(|(name, _)| folded(name) == key);
        exact.map(|(_, value)| value)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    fn list(&self, key: &str) -> &[Value] {
        let list = self.get(key).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        self.list(key).iter().filter_map(Value::as_str)
    }

    fn items(&self, key: &str) -> impl Iterator<Item = Folded> {
        let maps = self.list(key).iter().filter_map(Value::as_object);
        maps.cloned().map(Folded)
    }
}

/// The key as Go's `encoding/json` compares keys.
fn folded(key: &str) -> String {
    key.to_lowercase().replace('ſ', "s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&'static str, String, ReferenceKind)> {
        let read = read_kustomization_files(text.as_bytes()).unwrap();
        let references = read.references.into_iter();
        references
            .map(|reference| (reference.key, reference.path, reference.kind))
            .collect()
    }

    fn paths(text: &str) -> Vec<String> {
        read(text).into_iter().map(|(_, path, _)| path).collect()
    }

    #[test]
    fn every_part_that_names_files_is_read() {
        let text = "
resources: [web.yaml, ../base]
bases: [../old]
components: [../c]
crds: [crd.json]
configurations: [names.yaml]
generators: [g.yaml]
transformers:
- |
  kind: PatchTransformer
  path: t-patch.yaml
openapi: {path: schema.json}
patches: [{path: p.yaml}, {patch: 'a: b'}]
patchesStrategicMerge: [s.yaml, '{kind: Deployment}']
patchesJson6902: [{path: j.json, target: {kind: Deployment, name: web}}]
replacements: [{path: r.yaml}]
configMapGenerator: [{name: a, files: [f.txt, k=g.txt], envs: [a.env]}]
secretGenerator: [{name: b, env: b.env, literals: [x=y]}]
";
        let expected = [
            "web.yaml",
            "../base",
            "../old",
            "../c",
            "crd.json",
            "names.yaml",
            "g.yaml",
            "t-patch.yaml",
            "s.yaml",
            "p.yaml",
            "j.json",
            "r.yaml",
            "f.txt",
            "g.txt",
            "a.env",
            "b.env",
            "schema.json",
        ];
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn keys_are_compared_as_kustomize_compares_them() {
        assert_eq!(
            paths("Resources: [https://example.com/a.yaml]"),
            ["https://example.com/a.yaml"]
        );
        assert_eq!(paths("reſourceſ: [a.yaml]"), ["a.yaml"]);
    }

    #[test]
    fn charts_are_named_and_components_are_known() {
        let read = read_kustomization_files(b"kind: Component\nhelmCharts: [{name: minecraft}]").unwrap();
        assert!(read.is_component);
        assert_eq!(read.refused, ["helmCharts"]);
        assert!(read_kustomization_files(b"resources: [").is_err());
    }
}
