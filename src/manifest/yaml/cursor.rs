use crate::manifest::yaml::events::Scalar;
use crate::manifest::yaml::json::{self, DuplicateKey, Entries};
use crate::manifest::yaml::limits::FileError;
use crate::manifest::yaml::path::{Path, Step};
use crate::manifest::yaml::tree::{NodeId, NodeKind, Tree};
use crate::manifest::yaml::value::{self, Resolved};
use crate::model::Position;

/// A node of a tree, and the path to it.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    tree: &'a Tree,
    id: NodeId,
    path: Path,
}

impl<'a> Cursor<'a> {
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

    /// The node's position in the text. For an alias: the position of the alias, not of its target.
    pub(crate) fn position(&self) -> Position {
        self.tree.raw(self.id).position
    }

    /// The index of the event that starts the node; for an alias: of its target.
    pub(crate) fn event(&self) -> usize {
        self.tree.node(self.id).event
    }

    pub(crate) fn is_mapping(&self) -> bool {
        matches!(self.tree.node(self.id).kind, NodeKind::Mapping(_))
    }

    /// Whether the node is what YAML makes of `{{ … }}`: a map whose first key is a map.
    pub(crate) fn is_template(&self) -> bool {
        let is_map = |id: &NodeId| matches!(self.tree.node(*id).kind, NodeKind::Mapping(_));
        matches!(&self.tree.node(self.id).kind, NodeKind::Mapping(entries) if entries.first().is_some_and(|(key, _)| is_map(key)))
    }

    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self.tree.node(self.id).kind, NodeKind::Sequence(_))
    }

    pub(crate) fn scalar(&self) -> Option<&'a Scalar> {
        match &self.tree.node(self.id).kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a string; `None` for every other type.
    pub(crate) fn text(&self) -> Option<String> {
        match value::resolve(self.scalar()?) {
            Ok(Resolved::Text(text)) => Some(text.into_owned()),
            _ => None,
        }
    }

    /// The string under a key; `None` if it is absent or empty.
    pub(crate) fn text_at(&self, key: &str) -> Option<String> {
        self.key(key)?.text().filter(|text| !text.is_empty())
    }

    /// The scalar as written, whatever its type; `None` for null and for lists and maps.
    pub(crate) fn written(&self) -> Option<&'a str> {
        let scalar = self.scalar()?;
        (!self.is_null()).then_some(&*scalar.value)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar()
            .is_some_and(|scalar| matches!(value::resolve(scalar), Ok(Resolved::Null)))
    }

    /// The value under a key. If the key is there several times, the last one counts.
    pub(crate) fn key(&self, key: &str) -> Option<Cursor<'a>> {
        self.entries()
            .into_iter()
            .find(|(name, _)| name == key)
            .map(|(_, cursor)| cursor)
    }

    /// The value under each of the keys in turn.
    pub(crate) fn walk(&self, keys: &[&str]) -> Option<Cursor<'a>> {
        keys.iter().try_fold(self.clone(), |cursor, key| cursor.key(key))
    }

    /// The value at the end of a path from the document's root. `self` must be on that path.
    pub(crate) fn follow(&self, steps: &[Step]) -> Option<Cursor<'a>> {
        let rest = steps.strip_prefix(&*self.path.0)?;
        rest.iter().try_fold(self.clone(), |cursor, step| match step {
            Step::Key(key) => cursor.key(key),
            Step::Index(index) => cursor.items().into_iter().nth(*index),
        })
    }

    /// The entries of a mapping, merges applied; none for other nodes.
    pub(crate) fn entries(&self) -> Vec<(String, Cursor<'a>)> {
        let entries = match self.is_mapping() {
            true => Entries::of(self.tree, self.id),
            false => return Vec::new(),
        };
        let found = entries.map(|entries| entries.found).unwrap_or_default();
        let below = |(key, id): (String, NodeId)| {
            let step = Step::Key(key.as_str().into());
            (key, self.below(id, step))
        };
        found.into_iter().map(below).collect()
    }

    /// The items of a list; none for other nodes.
    pub(crate) fn items(&self) -> Vec<Cursor<'a>> {
        let NodeKind::Sequence(items) = &self.tree.node(self.id).kind else {
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items.map(|(index, id)| self.below(*id, Step::Index(index))).collect()
    }

    /// The items of the list under a key; none if there is no list.
    pub(crate) fn items_at(&self, key: &str) -> Vec<Cursor<'a>> {
        self.key(key).map(|list| list.items()).unwrap_or_default()
    }

    fn below(&self, id: NodeId, step: Step) -> Self {
        Self {
            tree: self.tree,
            id,
            path: self.path.join(step),
        }
    }

    /// The value as kubectl would send it. Keys that occur twice in one mapping are added to `duplicates`.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub(crate) fn json(&self, duplicates: &mut Vec<DuplicateKey>) -> Result<serde_json::Value, FileError> {
        json::value(self.tree, self.id, duplicates)
    }
}
