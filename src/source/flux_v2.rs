//! The Kustomizations of Flux v2 that change what they apply: their folders are not plain manifests.

use super::reading::FileReading;
use crate::manifest::Document;
use crate::model::{ConfigBranch, Finding, RepoPath, Severity};
use crate::plan::FluxSources;
use std::sync::Arc;

/// The API group of Flux v2's Kustomization.
const GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// The parts of its `spec` that give the objects other names, another namespace or another content than the files have.
const CHANGES: [&str; 7] = [
    "targetNamespace",
    "namePrefix",
    "nameSuffix",
    "patches",
    "images",
    "components",
    "postBuild",
];

/// A folder that Flux v2 applies with changes.
#[derive(Debug)]
pub(super) struct ForeignFolder {
    path: RepoPath,
    message: String,
}

impl ForeignFolder {
    /// Whether a file lies in the folder.
    pub(super) fn has(&self, path: &RepoPath) -> bool {
        path.is_within(&self.path)
    }

    /// The finding for a target with these paths (all, if empty) that would apply something of the folder.
    pub(super) fn finding(&self, paths: &[RepoPath]) -> Option<Finding> {
        let own = paths.iter().find(|path| path.is_within(&self.path));
        let is_covered = paths.is_empty() || paths.iter().any(|path| self.path.is_within(path));
        let covered = is_covered.then_some(&self.path);
        Some(Finding {
            path: covered.or(own)?.clone(),
            position: None,
            object: None,
            severity: Severity::Error,
            message: self.message.clone(),
        })
    }
}

/// Whether a file declares a Kustomization of Flux v2 or its source. Then more than the file itself changes with the file.
pub(super) fn is_in(reading: &FileReading) -> bool {
    let mut documents = reading.documents.iter();
    documents.any(|document| is_kustomization(document) || is_source(document))
}

/// The folders of the config repo that Kustomizations among the files apply with changes. Without these changes the objects
/// would run a second time. `own` is the branch that the agent follows.
pub(super) fn folders<'r>(
    own: Option<&ConfigBranch>,
    readings: impl Iterator<Item = &'r FileReading> + Clone,
) -> Vec<ForeignFolder> {
    let documents = || readings.clone().flat_map(|reading| &reading.documents);
    let mut kustomizations = documents().filter(|document| is_kustomization(document)).peekable();
    if kustomizations.peek().is_none() {
        return Vec::new();
    }
    let mut sources = FluxSources::new(own);
    documents().for_each(|document| sources.add(document));
    let own = kustomizations.filter(|document| !sources.is_elsewhere(&document.object.value.value(), None));
    own.filter_map(folder).collect()
}

fn is_kustomization(document: &Document) -> bool {
    let id = &document.object.id;
    id.kind == "Kustomization" && id.group == GROUP
}

/// Whether a document is an object of Flux v2 that says which repository another object works on.
fn is_source(document: &Document) -> bool {
    let id = &document.object.id;
    id.kind == "GitRepository" && id.group == "source.toolkit.fluxcd.io"
}

fn folder(document: &Arc<Document>) -> Option<ForeignFolder> {
    let value = document.object.value.value();
    let spec = value.get("spec")?;
    let source = spec.pointer("/sourceRef/kind").and_then(serde_json::Value::as_str);
    if source.is_some_and(|kind| kind != "GitRepository") {
        return None;
    }
    let is_written = |key: &&&str| match spec.get(**key) {
        None | Some(serde_json::Value::Null) => false,
        Some(serde_json::Value::String(text)) => !text.is_empty(),
        Some(serde_json::Value::Array(items)) => !items.is_empty(),
        Some(serde_json::Value::Object(map)) => !map.is_empty(),
        Some(_) => true,
    };
    let changes: Vec<&str> = CHANGES.iter().filter(is_written).copied().collect();
    if changes.is_empty() {
        return None;
    }
    let path = spec.get("path").and_then(serde_json::Value::as_str).unwrap_or_default();
    let path = RepoPath::parse(path.trim_start_matches("./").trim_start_matches('/')).ok()?;
    Some(ForeignFolder {
        path,
        message: format!(
            "Flux v2 applies this folder with {} ({} in {}:{}), so that its objects would run a second time, or otherwise than \
             the files say; nothing of the folder is applied: write the changes into the files and remove that Kustomization, \
             or leave the folder out of repo.paths",
            changes.join(", "),
            document.object.id,
            document.path(),
            document.position
        ),
    })
}
