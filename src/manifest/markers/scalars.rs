use crate::manifest::markers::comment::MarkerComment;
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::path::Path;
use std::collections::BTreeMap;
use std::ops::Range;

/// The keys whose values are an image's name, or a part of it, in a map that has a tag.
pub(crate) const NAME_KEYS: [&str; 5] = ["registry", "repository", "image", "newName", "name"];

/// A list or a map, as its scalars see it.
#[derive(Default)]
pub(crate) struct Parent<'a> {
    /// The scalars under [`NAME_KEYS`].
    pub names: BTreeMap<String, Cursor<'a>>,
    /// Whether the map has a tag.
    pub has_tag: bool,
}

/// A scalar, and the index of its list or map in [`Scalars::parents`].
pub(crate) struct Leaf<'a> {
    pub cursor: Cursor<'a>,
    pub parent: usize,
}

/// The scalars of a document, in order, and their parents.
#[derive(Default)]
pub(crate) struct Scalars<'a> {
    pub leaves: Vec<Leaf<'a>>,
    pub parents: Vec<Parent<'a>>,
}

/// The scalar that a marker stands behind.
pub(crate) struct Target {
    /// The scalar's index in [`Scalars::leaves`].
    pub leaf: usize,
    event: usize,
    /// Whether the marker stands behind several scalars.
    pub ambiguous: bool,
}

impl<'a> Scalars<'a> {
    pub(crate) fn of(root: &Cursor<'a>) -> Self {
        let mut scalars = Self::default();
        scalars.parents.push(Parent::default());
        scalars.add(root, 0);
        scalars
    }

    fn add(&mut self, cursor: &Cursor<'a>, parent: usize) {
        if cursor.scalar().is_some() {
            let cursor = cursor.clone();
            return self.leaves.push(Leaf { cursor, parent });
        }
        let (entries, items) = (cursor.entries(), cursor.items());
        let parent = self.parents.len();
        let scalars = || entries.iter().filter(|(_, below)| below.scalar().is_some());
        self.parents.push(Parent {
            names: scalars()
                .filter(|(key, _)| NAME_KEYS.contains(&key.as_str()))
                .cloned()
                .collect(),
            has_tag: scalars().any(|(_, below)| is_tag(below.path())),
        });
        for below in entries.iter().map(|(_, below)| below).chain(&items) {
            self.add(below, parent);
        }
    }

    /// The scalars that unused comments stand behind, by the comment's index. `comments` must be in file order.
    pub(crate) fn targets(&self, tokens: &[Range<usize>], comments: &[MarkerComment]) -> BTreeMap<usize, Target> {
        let mut targets: BTreeMap<usize, Target> = BTreeMap::new();
        for (leaf, event) in self.leaves.iter().map(|leaf| leaf.cursor.event()).enumerate() {
            let Some(token) = tokens.get(event).filter(|token| !token.is_empty()) else {
                continue;
            };
            let at = comments.partition_point(|comment| comment.before.end < token.end);
            let Some(comment) = comments.get(at) else { continue };
            if comment.used || token.start < comment.before.start {
                continue;
            }
            let target = targets.entry(at).or_insert(Target {
                leaf,
                event,
                ambiguous: false,
            });
            target.ambiguous |= target.event != event;
        }
        targets
    }
}

/// Whether a value's key is one that charts use for a tag: `tag`, `newTag`, `imageTag`.
pub(crate) fn is_tag(path: &Path) -> bool {
    path.last_key().is_some_and(|key| key == "tag" || key.ends_with("Tag"))
}
