//! What a commit declares, read from its files by `git cat-file`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize as _;
use serde_json::Value;

use super::encrypted::decrypted;
use crate::git::Repo;
use crate::tools::Tools;

/// An object, as people name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::chaos) struct Key {
    pub(in crate::chaos) kind: String,
    pub(in crate::chaos) namespace: String,
    pub(in crate::chaos) name: String,
}

impl Key {
    /// The object that a manifest or a live object is about.
    pub(in crate::chaos) fn of(value: &Value) -> Option<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            kind: text("/kind")?,
            namespace: text("/metadata/namespace").unwrap_or_default(),
            name: text("/metadata/name")?,
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// An object of a file.
#[derive(Debug, Clone)]
pub(in crate::chaos) struct Declared {
    pub(in crate::chaos) value: Value,
    pub(in crate::chaos) path: String,
}

impl Declared {
    /// An annotation.
    pub(in crate::chaos) fn annotation(&self, name: &str) -> Option<&str> {
        self.value.pointer("/metadata/annotations")?.get(name)?.as_str()
    }

    /// The image of the first container.
    pub(in crate::chaos) fn image(&self) -> Option<&str> {
        self.value.pointer("/spec/template/spec/containers/0/image")?.as_str()
    }
}

/// Everything that a commit declares.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Tree {
    pub(in crate::chaos) objects: BTreeMap<Key, Declared>,
    /// Objects that several files declare. What becomes of them is not judged.
    pub(in crate::chaos) twins: Vec<Key>,
    /// The entries and folders that cannot be read. While there is one, nothing is deleted.
    pub(in crate::chaos) unread: Vec<String>,
}

/// The objects of a file, or why it cannot be read.
type Content = std::result::Result<Vec<Value>, String>;

/// Reads commits, and remembers them.
#[derive(Default)]
pub(in crate::chaos) struct Reader {
    blobs: HashMap<String, Arc<Content>>,
    trees: HashMap<String, Arc<Tree>>,
    /// The file with the key for encrypted files.
    key: PathBuf,
}

impl Reader {
    /// A reader that decrypts with this key.
    pub(in crate::chaos) fn with_key(key: PathBuf) -> Self {
        Self { key, ..Self::default() }
    }

    /// What a commit declares.
    pub(in crate::chaos) fn read(&mut self, repo: &Repo, commit: &str) -> Result<Arc<Tree>> {
        if let Some(tree) = self.trees.get(commit) {
            return Ok(Arc::clone(tree));
        }
        let listing = repo.git_bytes(&["ls-tree", "-r", "-z", commit], &[])?;
        let listing = String::from_utf8_lossy(&listing).into_owned();
        let mut entries = Vec::new();
        for entry in listing.split('\0').filter(|entry| !entry.is_empty()) {
            let (head, path) = entry
                .split_once('\t')
                .context("git ls-tree printed a line without a path")?;
            let words: Vec<&str> = head.split(' ').collect();
            let [mode, _, id] = words.as_slice() else {
                anyhow::bail!("git ls-tree printed {entry:?}");
            };
            entries.push((*mode, *id, path));
        }
        let folders_of = |name: &str| -> Vec<&str> {
            let files = entries.iter().map(|(_, _, path)| *path);
            files.filter_map(|path| path.strip_suffix(name)).collect()
        };
        let (charts, kustomizations) = (folders_of("Chart.yaml"), folders_of("kustomization.yaml"));
        let mut tree = Tree::default();
        if !kustomizations.is_empty() {
            let rendered = rendered(repo, commit, &kustomizations)?;
            rendered
                .into_iter()
                .for_each(|(folder, content)| tree.take(&content, &folder));
        }
        let is_below = |path: &str, folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        for (mode, id, path) in &entries {
            if !is_below(path, &charts) && !is_below(path, &kustomizations) {
                self.add(repo, &mut tree, mode, id, path)?;
            }
        }
        let tree = Arc::new(tree);
        self.trees.insert(commit.to_owned(), Arc::clone(&tree));
        Ok(tree)
    }

    fn add(&mut self, repo: &Repo, tree: &mut Tree, mode: &str, id: &str, path: &str) -> Result<()> {
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending));
        let why = match mode {
            "160000" => Some("a submodule"),
            "120000" => Some("a symbolic link"),
            _ if !is_manifest => return Ok(()),
            _ => None,
        };
        if let Some(why) = why {
            tree.unread.push(format!("{path}: {why}"));
            return Ok(());
        }
        let content = match self.blobs.get(id) {
            Some(content) => Arc::clone(content),
            None => {
                let bytes = repo.git_bytes(&["cat-file", "blob", id], &[])?;
                let content = Arc::new(self.content(&bytes)?);
                self.blobs.insert((*id).to_owned(), Arc::clone(&content));
                content
            }
        };
        tree.take(&content, path);
        Ok(())
    }
}

impl Reader {
    /// The objects of a file, which may be encrypted.
    fn content(&self, bytes: &[u8]) -> Result<Content> {
        let content = parse(bytes);
        let is_encrypted = |value: &Value| value.get("sops").is_some();
        if !content.as_ref().is_ok_and(|values| values.iter().any(is_encrypted)) {
            return Ok(content);
        }
        Ok(decrypted(bytes, &self.key)?.and_then(|plain| parse(&plain)))
    }
}

impl Tree {
    /// Takes the objects of a file or folder, or the reason why it cannot be read.
    fn take(&mut self, content: &Content, path: &str) {
        let values = match content {
            Ok(values) => values,
            Err(why) => return self.unread.push(format!("{path}: {why}")),
        };
        for value in values {
            let Some(key) = Key::of(value) else { continue };
            let declared = Declared {
                value: value.clone(),
                path: path.to_owned(),
            };
            if self.objects.insert(key.clone(), declared).is_some() {
                self.twins.push(key);
            }
        }
    }
}

/// What the kustomize program makes of the folders that no other one of them names.
fn rendered(repo: &Repo, commit: &str, folders: &[&str]) -> Result<Vec<(String, Content)>> {
    let program = Tools::get("kustomize")?;
    let place = tempfile::tempdir()?;
    let archive = repo.git_bytes(&["archive", "--format=tar", commit], &[])?;
    fs::write(place.path().join(".tar"), archive)?;
    let unpacked = Command::new("tar")
        .args(["-xf", ".tar"])
        .current_dir(place.path())
        .status()?;
    ensure!(unpacked.success(), "tar does not read what git archive wrote");
    let mut included = Vec::new();
    for folder in folders {
        let text = fs::read_to_string(place.path().join(folder).join("kustomization.yaml")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("- ../"));
        let (parent, _) = folder.trim_end_matches('/').rsplit_once('/').unwrap_or(("", ""));
        included.extend(lines.map(|name| format!("{parent}/{name}/")));
    }
    let mut all = Vec::new();
    for folder in folders.iter().filter(|folder| !included.contains(&folder.to_string())) {
        let built = Command::new(&program)
            .arg("build")
            .arg(place.path().join(folder))
            .output()?;
        let content = match built.status.success() {
            true => parse(&built.stdout),
            false => Err(format!("kustomize: {}", String::from_utf8_lossy(&built.stderr))),
        };
        all.push(((*folder).to_owned(), content));
    }
    Ok(all)
}

/// The documents of a file.
fn parse(bytes: &[u8]) -> Content {
    let text = std::str::from_utf8(bytes).map_err(|_| "no UTF-8".to_owned())?;
    if text.starts_with("version https://git-lfs") {
        return Err("a pointer of Git LFS".to_owned());
    }
    let documents = serde_yaml::Deserializer::from_str(text);
    let read = documents.map(|document| Value::deserialize(document).map_err(|error| error.to_string()));
    let values: Vec<Value> = read.collect::<std::result::Result<_, _>>()?;
    match values.iter().find(|value| !value.is_null() && Key::of(value).is_none()) {
        Some(_) => Err("no manifest".to_owned()),
        None => Ok(values),
    }
}
