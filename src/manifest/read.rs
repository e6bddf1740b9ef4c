pub(crate) mod annotations;
pub(crate) mod helm;
pub(crate) mod identity;
pub(crate) mod images;
pub(crate) mod kustomize;
mod object;
pub(crate) mod patches;
mod values;

use crate::manifest::document::{Document, Reading};
use crate::manifest::markers::apply::{self, Comment};
use crate::manifest::read::identity::{Head, TEMPLATES, identity};
use crate::manifest::read::images::{Site, Trouble};
use crate::manifest::read::kustomize::Kustomization;
use crate::manifest::yaml::cursor::{Path, Place};
use crate::manifest::yaml::events::{self, What};
use crate::manifest::yaml::limits::{self, Broken, MAX_FINDINGS};
use crate::manifest::yaml::tree::{self, Tree};
use crate::model::{FieldName, Finding, ObjectId, Position, RepoPath, Severity};
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

/// Reads a file of the config repo: YAML with any number of documents, or JSON. What cannot be used becomes a finding;
/// nothing is an error of the whole.
pub fn read(path: &RepoPath, bytes: &[u8]) -> Reading {
    let file = open(path, bytes);
    let (objects, values): (Vec<Object>, Vec<Object>) = file.objects.into_iter().partition(|object| object.applied);
    let documents = |objects: Vec<Object>| objects.into_iter().map(|object| object.document).collect();
    Reading {
        documents: documents(objects),
        values: documents(values),
        kustomization: file.kustomization,
        operations: file.operations,
        findings: file.findings,
    }
}

/// A file as the editor needs it: objects with the scalars behind their image fields.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub objects: Vec<Object>,
    pub findings: Vec<Finding>,
    /// Objects that stand in the file more than once.
    pub doubled: BTreeSet<ObjectId>,
    /// Whether any document is encrypted.
    pub encrypted: bool,
    /// What made the file unreadable as a whole.
    pub broken: Option<Broken>,
    pub kustomization: Option<Kustomization>,
    pub operations: Vec<String>,
    /// The documents' trees; [`Object::tree`] is an index of it.
    pub trees: Vec<Tree>,
}

/// One object, and which document of the file it is or is an item of.
#[derive(Debug)]
pub(crate) struct Object {
    pub document: Document,
    pub tree: usize,
    pub sites: Vec<Site>,
    /// The names of all its image fields, also of those that cannot be used.
    pub names: BTreeSet<FieldName>,
    /// What is wrong with its images, whether it matters to a bump or not.
    pub troubles: Vec<Trouble>,
    /// The way to it from its document.
    pub path: Path,
    /// Whether it is an object; else it only holds image fields.
    pub applied: bool,
}

impl Object {
    /// What is wrong with its images and is told in these words.
    pub(crate) fn trouble(&self, words: &str) -> Option<&Trouble> {
        let mut troubles = self.troubles.iter();
        troubles.find(|trouble| trouble.message.starts_with(words))
    }
}

/// Reads a file, keeping what the editor needs.
pub(crate) fn open(path: &RepoPath, bytes: &[u8]) -> File {
    let mut reader = Reader {
        path,
        file: File::default(),
        seen: HashSet::new(),
        tokens: Vec::new(),
        comments: Vec::new(),
        untold: 0,
        worst_untold: None,
    };
    match parse(bytes) {
        Err(broken) => {
            let mut message = broken.reason.clone();
            if message.starts_with("does not parse") {
                message.push_str(&hint(bytes));
            }
            reader.find(Severity::Error, broken.position, None, message);
            reader.file.broken = Some(broken);
        }
        Ok((trees, tokens)) => {
            reader.tokens = tokens;
            reader.comments(bytes);
            for (index, tree) in trees.iter().enumerate() {
                reader.document(index, &Place::root(tree));
            }
            reader.file.trees = trees;
            if !reader.file.encrypted {
                for Trouble { position, message } in apply::unused(&reader.comments) {
                    reader.find(Severity::Warning, Some(position), None, message);
                }
            }
        }
    }
    reader.finish()
}

/// The trees of a file and the byte range of each event's token.
fn parse(bytes: &[u8]) -> Result<(Vec<Tree>, Vec<Range<usize>>), Broken> {
    let text = limits::text(bytes)?;
    let events = events::parse(text.text).map_err(events::Failure::into_broken)?;
    let shift = |token: &Range<usize>| token.start + text.skipped..token.end + text.skipped;
    let tokens = events
        .iter()
        .map(|event| match event.what {
            What::Scalar(_) => shift(&event.token),
            _ => 0..0,
        })
        .collect();
    Ok((tree::build(events)?, tokens))
}

fn hint(bytes: &[u8]) -> String {
    if bytes.windows(2).any(|pair| pair == b"{{") {
        return format!("; it looks like a template, {TEMPLATES}");
    }
    let mut json = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    if json.next().is_some_and(|first| first.is_ok()) && json.next().is_some() {
        return "; of several JSON objects in one file, make the items of a List".to_owned();
    }
    "; mend it, until then nothing of this file is applied".to_owned()
}

/// Why a document is not an object.
enum NotOurs {
    Kustomization,
    Because(Severity, String),
}

struct Reader<'a> {
    path: &'a RepoPath,
    file: File,
    seen: HashSet<ObjectId>,
    tokens: Vec<Range<usize>>,
    comments: Vec<Comment>,
    untold: usize,
    worst_untold: Option<Severity>,
}

impl Reader<'_> {
    fn find(&mut self, severity: Severity, position: Option<Position>, object: Option<&ObjectId>, message: String) {
        if self.file.findings.len() >= MAX_FINDINGS {
            self.untold += 1;
            self.worst_untold = self.worst_untold.max(Some(severity));
            return;
        }
        self.file.findings.push(Finding {
            path: self.path.clone(),
            position,
            object: object.cloned(),
            severity,
            message: limits::message(&message),
        });
    }

    fn finish(mut self) -> File {
        if let Some(severity) = self.worst_untold {
            self.file.findings.push(Finding {
                path: self.path.clone(),
                position: None,
                object: None,
                severity,
                message: format!("has {} more findings; mend the ones above first", self.untold),
            });
        }
        self.file
    }

    fn comments(&mut self, bytes: &[u8]) {
        if !apply::any(bytes) {
            return;
        }
        let Ok(text) = limits::text(bytes) else { return };
        let (comments, troubles) = apply::find(text.text, text.skipped);
        self.comments = comments;
        for Trouble { position, message } in troubles {
            self.find(Severity::Warning, Some(position), None, message);
        }
    }

    fn document(&mut self, index: usize, root: &Place<'_>) {
        if root.is_null() {
            return;
        }
        let at = Some(root.position());
        if !root.is_mapping() {
            self.file.operations.extend(patches::operations(root));
            if self.file.encrypted || !self.plain(index, root) {
                let message = "is not a Kubernetes object but a list or a text; passed over".to_owned();
                self.find(Severity::Notice, at, None, message);
            }
            return;
        }
        let encrypted = root.walk(&["sops", "mac"]).is_some();
        self.file.encrypted |= encrypted;
        let head = match self.head(root) {
            Ok(head) => head,
            Err(NotOurs::Kustomization) => return self.kustomization(index, root),
            Err(NotOurs::Because(severity, message)) => {
                if encrypted {
                    let message = "is encrypted with SOPS; passed over".to_owned();
                    self.find(Severity::Notice, at, None, message);
                } else if self.file.encrypted || !self.plain(index, root) {
                    self.find(severity, at, None, message);
                }
                return;
            }
        };
        if encrypted {
            let object = identity(root, &head).ok();
            let message = "is encrypted with SOPS; not applied".to_owned();
            return self.find(Severity::Error, at, object.as_ref(), message);
        }
        let is_list = head.kind == "List" || root.walk(&["metadata", "name"]).is_none();
        let items = root
            .key("items")
            .filter(|items| head.kind.ends_with("List") && (items.is_sequence() || is_list && items.is_null()));
        match items {
            Some(items) => {
                let item_kind = head.kind.strip_suffix("List").filter(|kind| !kind.is_empty());
                for item in items.items() {
                    self.item(index, &item, &head, item_kind);
                }
            }
            None => self.object(index, root, &head),
        }
    }

    /// The items of a typed list need not repeat what the list says.
    fn item(&mut self, index: usize, item: &Place<'_>, list: &Head, kind: Option<&str>) {
        let bare = item.key("apiVersion").is_none() && item.key("kind").is_none();
        match kind.filter(|_| bare && item.is_mapping()) {
            Some(kind) => {
                let head = Head {
                    api_version: list.api_version.clone(),
                    kind: kind.to_owned(),
                };
                self.object(index, item, &head);
            }
            None => self.document(index, item),
        }
    }
}
