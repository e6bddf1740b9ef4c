use crate::manifest::document::Style;
use crate::manifest::read::identity::TEMPLATES;
use crate::manifest::yaml::events::Scalar;
use crate::manifest::yaml::limits::Broken;
use crate::manifest::yaml::tree::{Kind, NodeId, Tree};
use crate::manifest::yaml::value::{self, Resolved};
use crate::model::Position;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// One step down an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(Arc<str>),
    Index(usize),
}

/// The way from a document's root to a value, aliases followed and merges made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Path(pub Vec<Step>);

impl Path {
    /// Whether its keys have more bytes together.
    pub(crate) fn is_longer_than(&self, bytes: usize) -> bool {
        let keys = self.0.iter().map(|step| match step {
            Step::Key(key) => key.len() + 1,
            Step::Index(_) => 1,
        });
        keys.sum::<usize>() > bytes
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A node and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    tree: &'a Tree,
    id: NodeId,
    path: Path,
}

impl<'a> Place<'a> {
    pub(crate) fn root(tree: &'a Tree) -> Self {
        Self {
            tree,
            id: tree.root(),
            path: Path::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is written: an alias's place, not its target's.
    pub(crate) fn position(&self) -> Position {
        self.tree.raw(self.id).position
    }

    /// The event of the node that it is or is an alias of.
    pub(crate) fn event(&self) -> usize {
        self.tree.node(self.id).event
    }

    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.tree.node(self.id).kind, Kind::Mapping(_))
    }

    /// Whether it is what YAML makes of `{{ … }}`: a map whose key is a map.
    pub(crate) fn is_template(&self) -> bool {
        let is_map = |id: &NodeId| matches!(self.tree.node(*id).kind, Kind::Mapping(_));
        matches!(&self.tree.node(self.id).kind, Kind::Mapping(entries) if entries.first().is_some_and(|(key, _)| is_map(key)))
    }

    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self.tree.node(self.id).kind, Kind::Sequence(_))
    }

    pub(crate) fn scalar(&self) -> Option<&'a Scalar> {
        match &self.tree.node(self.id).kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of what YAML calls a string.
    pub(crate) fn text(&self) -> Option<String> {
        match value::resolve(self.scalar()?) {
            Ok(Resolved::Text(text)) => Some(text.into_owned()),
            _ => None,
        }
    }

    /// What is written, whatever type a reader makes of it; `None` for null and for lists and maps.
    pub(crate) fn written(&self) -> Option<&'a str> {
        let scalar = self.scalar()?;
        (!self.is_null()).then_some(&*scalar.value)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar()
            .is_some_and(|scalar| matches!(value::resolve(scalar), Ok(Resolved::Null)))
    }

    /// The value under a key; the last one where the key stands several times.
    pub(crate) fn key(&self, key: &str) -> Option<Place<'a>> {
        self.entries()
            .into_iter()
            .find(|(name, _)| name == key)
            .map(|(_, place)| place)
    }

    /// The value under each of the keys in turn.
    pub(crate) fn walk(&self, keys: &[&str]) -> Option<Place<'a>> {
        keys.iter().try_fold(self.clone(), |place, key| place.key(key))
    }

    /// What lies at the end of a way from the document's root, if `self` is that root or on the way.
    pub(crate) fn follow(&self, steps: &[Step]) -> Option<Place<'a>> {
        let rest = steps.strip_prefix(&*self.path.0)?;
        rest.iter().try_fold(self.clone(), |place, step| match step {
            Step::Key(key) => place.key(key),
            Step::Index(index) => place.items().into_iter().nth(*index),
        })
    }

    /// The entries of a mapping, merges made; none for other nodes.
    pub(crate) fn entries(&self) -> Vec<(String, Place<'a>)> {
        let mut entries = Entries::default();
        if !self.is_mapping() || entries.collect(self.tree, self.id).is_err() {
            return Vec::new();
        }
        let below = |key: String, id| {
            let mut path = self.path.clone();
            path.0.push(Step::Key(key.as_str().into()));
            (
                key,
                Place {
                    tree: self.tree,
                    id,
                    path,
                },
            )
        };
        entries.found.into_iter().map(|(key, id)| below(key, id)).collect()
    }

    /// The items of a list; none for other nodes.
    pub(crate) fn items(&self) -> Vec<Place<'a>> {
        let Kind::Sequence(items) = &self.tree.node(self.id).kind else {
            return Vec::new();
        };
        items
            .iter()
            .enumerate()
            .map(|(index, id)| {
                let mut path = self.path.clone();
                path.0.push(Step::Index(index));
                Place {
                    tree: self.tree,
                    id: *id,
                    path,
                }
            })
            .collect()
    }

    /// The value as kubectl would send it.
    ///
    /// # Errors
    /// What has no JSON form.
    pub(crate) fn json(&self, repeated: &mut Vec<Repeated>) -> Result<serde_json::Value, Broken> {
        json(self.tree, self.id, repeated)
    }
}

/// A key that stands twice in one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeated {
    pub position: Position,
    pub key: String,
}

/// A mapping's entries as go-yaml version 2 makes them: in order, a later one (merged or written) winning.
#[derive(Default)]
struct Entries {
    found: Vec<(String, NodeId)>,
    places: HashMap<String, usize>,
    written: HashMap<String, ()>,
    repeated: Vec<Repeated>,
}

impl Entries {
    fn collect(&mut self, tree: &Tree, id: NodeId) -> Result<(), Broken> {
        self.add(tree, id, true)
    }

    fn add(&mut self, tree: &Tree, id: NodeId, own: bool) -> Result<(), Broken> {
        let Kind::Mapping(entries) = &tree.node(id).kind else {
            return Err(Broken::at(
                tree.raw(id).position,
                "merges (<<) something that is not a map; name a map or a list of maps there",
            ));
        };
        for (key, value) in entries {
            let node = tree.node(*key);
            let Kind::Scalar(scalar) = &node.kind else {
                let what = "has a list or a map as a key, which no object has; quote it if it is text";
                return Err(Broken::at(
                    node.position,
                    match node.kind {
                        Kind::Mapping(_) => format!("{what}, and if it is a template, {TEMPLATES}"),
                        _ => what.to_owned(),
                    },
                ));
            };
            if is_merge(scalar) {
                self.merge(tree, *value)?;
                continue;
            }
            let name = value::key(scalar).map_err(value::at(node.position))?;
            if own && self.written.insert(name.clone(), ()).is_some() {
                self.repeated.push(Repeated {
                    position: node.position,
                    key: name.clone(),
                });
            }
            match self.places.get(&name).and_then(|at| self.found.get_mut(*at)) {
                Some(slot) => slot.1 = *value,
                None => {
                    self.places.insert(name.clone(), self.found.len());
                    self.found.push((name, *value));
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, tree: &Tree, id: NodeId) -> Result<(), Broken> {
        match &tree.node(id).kind {
            Kind::Sequence(items) if !matches!(tree.raw(id).kind, Kind::Alias(_)) => {
                items.iter().rev().try_for_each(|item| self.add(tree, *item, false))
            }
            _ => self.add(tree, id, false),
        }
    }
}

fn is_merge(scalar: &Scalar) -> bool {
    scalar.value == "<<" && scalar.style == Style::Plain
}

fn json(tree: &Tree, id: NodeId, repeated: &mut Vec<Repeated>) -> Result<serde_json::Value, Broken> {
    let node = tree.node(id);
    match &node.kind {
        Kind::Scalar(scalar) => value::scalar(scalar).map_err(value::at(node.position)),
        Kind::Sequence(items) => items.iter().map(|item| json(tree, *item, repeated)).collect(),
        Kind::Mapping(_) => {
            let mut entries = Entries::default();
            entries.collect(tree, id)?;
            repeated.append(&mut entries.repeated);
            entries
                .found
                .into_iter()
                .map(|(key, value)| Ok((key, json(tree, value, repeated)?)))
                .collect::<Result<serde_json::Map<_, _>, Broken>>()
                .map(Into::into)
        }
        Kind::Alias(_) => Ok(serde_json::Value::Null),
    }
}
