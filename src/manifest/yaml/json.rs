use crate::manifest::yaml::events::{Scalar, Style};
use crate::manifest::yaml::limits::{FileError, TEMPLATE_ADVICE};
use crate::manifest::yaml::tree::{Node, NodeId, NodeKind, Tree};
use crate::manifest::yaml::value;
use crate::model::Position;
use std::collections::{HashMap, HashSet};

/// A key that occurs twice in one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DuplicateKey {
    pub position: Position,
    pub key: String,
}

/// The JSON value of a node, as kubectl would send it. Keys that occur twice in one mapping are added to `duplicates`.
///
/// # Errors
/// The value has no JSON form.
pub(crate) fn value(
    tree: &Tree,
    id: NodeId,
    duplicates: &mut Vec<DuplicateKey>,
) -> Result<serde_json::Value, FileError> {
    let node = tree.node(id);
    match &node.kind {
        NodeKind::Scalar(scalar) => value::json(scalar).map_err(|reason| FileError::at(node.position, reason)),
        NodeKind::Sequence(items) => items.iter().map(|item| value(tree, *item, duplicates)).collect(),
        NodeKind::Mapping(_) => {
            let mut entries = Entries::of(tree, id)?;
            duplicates.append(&mut entries.duplicates);
            entries
                .found
                .into_iter()
                .map(|(key, id)| Ok((key, value(tree, id, duplicates)?)))
                .collect::<Result<serde_json::Map<_, _>, FileError>>()
                .map(Into::into)
        }
        NodeKind::Alias(_) => Ok(serde_json::Value::Null),
    }
}

/// A mapping's entries as go-yaml version 2 reads them: in order, and a later entry (merged or written) replaces an
/// earlier one.
#[derive(Default)]
pub(crate) struct Entries {
    pub found: Vec<(String, NodeId)>,
    /// The index in `found` of each key.
    index: HashMap<String, usize>,
    /// The keys that the mapping itself has, without those that it merges.
    written: HashSet<String>,
    duplicates: Vec<DuplicateKey>,
}

impl Entries {
    /// The entries of the mapping `id`.
    ///
    /// # Errors
    /// A key has no JSON form, or something other than a map is merged.
    pub(crate) fn of(tree: &Tree, id: NodeId) -> Result<Self, FileError> {
        let mut entries = Self::default();
        entries.add(tree, id, true)?;
        Ok(entries)
    }

    fn add(&mut self, tree: &Tree, id: NodeId, own: bool) -> Result<(), FileError> {
        let NodeKind::Mapping(entries) = &tree.node(id).kind else {
            return Err(FileError::at(
                tree.raw(id).position,
                "merges (<<) a value that is not a map; merge a map or a list of maps",
            ));
        };
        for (key, value) in entries {
            let node = tree.node(*key);
            let NodeKind::Scalar(scalar) = &node.kind else {
                return Err(key_is_no_scalar(node));
            };
            if is_merge(scalar) {
                self.merge(tree, *value)?;
                continue;
            }
            let name = value::key(scalar).map_err(|reason| FileError::at(node.position, reason))?;
            if own && !self.written.insert(name.clone()) {
                self.duplicates.push(DuplicateKey {
                    position: node.position,
                    key: name.clone(),
                });
            }
            match self.index.get(&name).and_then(|at| self.found.get_mut(*at)) {
                Some(entry) => entry.1 = *value,
                None => {
                    self.index.insert(name.clone(), self.found.len());
                    self.found.push((name, *value));
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, tree: &Tree, id: NodeId) -> Result<(), FileError> {
        match &tree.node(id).kind {
            NodeKind::Sequence(items) if !matches!(tree.raw(id).kind, NodeKind::Alias(_)) => {
                items.iter().rev().try_for_each(|item| self.add(tree, *item, false))
            }
            _ => self.add(tree, id, false),
        }
    }
}

fn key_is_no_scalar(node: &Node) -> FileError {
    let reason = "has a list or a map as a key, expected a string; quote the key if it is text";
    match node.kind {
        NodeKind::Mapping(_) => FileError::at(
            node.position,
            format!("{reason}, and if this is a template, {TEMPLATE_ADVICE}"),
        ),
        _ => FileError::at(node.position, reason),
    }
}

fn is_merge(scalar: &Scalar) -> bool {
    scalar.value == "<<" && scalar.style == Style::Plain
}
