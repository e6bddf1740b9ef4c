use crate::manifest::document::Style;
use crate::manifest::yaml::events::{Event, Scalar, What};
use crate::manifest::yaml::limits::{Broken, MAX_DEPTH, MAX_NODES};
use crate::model::Position;
use std::collections::HashMap;

/// A node's place in its tree.
pub(crate) type NodeId = usize;

/// One document's nodes, with their places in the text.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    root: NodeId,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    pub kind: Kind,
    pub position: Position,
    /// The index of the event that starts it.
    pub event: usize,
}

/// What a node is. Aliases stay aliases: a scalar that several fields share is one node.
#[derive(Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias(NodeId),
}

impl Tree {
    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    /// The node itself; an alias stays one.
    pub(crate) fn raw(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The node, or what it is an alias of.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        let node = &self.nodes[id];
        match node.kind {
            Kind::Alias(target) => &self.nodes[target],
            _ => node,
        }
    }
}

/// A node being built, with what it will cost when its aliases are written out.
struct Open {
    id: NodeId,
    anchor: usize,
    children: Vec<NodeId>,
    size: usize,
    height: usize,
}

#[derive(Clone, Copy)]
struct Anchored {
    id: NodeId,
    size: usize,
    height: usize,
}

/// Builds the documents of a stream. Sizes and depths with all aliases followed are known before anything is written
/// out, so an alias bomb costs no more than its text.
pub(crate) fn build(events: Vec<Event>) -> Result<Vec<Tree>, Broken> {
    let mut trees = Vec::new();
    let mut builder = Builder::default();
    let mut total = 0usize;
    for (index, event) in events.into_iter().enumerate() {
        match event.what {
            What::DocumentStart => builder = Builder::default(),
            What::DocumentEnd => {
                let builder = std::mem::take(&mut builder);
                if let Some(root) = builder.root {
                    total = total.saturating_add(root.size);
                    trees.push(Tree {
                        nodes: builder.nodes,
                        root: root.id,
                    });
                }
            }
            _ => builder.add(event, index, MAX_NODES.saturating_sub(total))?,
        }
    }
    Ok(trees)
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    root: Option<Anchored>,
}

impl Builder {
    fn add(&mut self, event: Event, index: usize, room: usize) -> Result<(), Broken> {
        let position = event.position;
        let id = self.nodes.len();
        match event.what {
            What::Scalar(scalar) => {
                let anchor = scalar.anchor;
                self.push(Kind::Scalar(scalar), position, index);
                let done = Anchored { id, size: 1, height: 1 };
                self.finish(anchor, done, position, room)
            }
            What::Alias(anchor) => {
                let target = *self.anchors.get(&anchor).ok_or_else(|| {
                    Broken::at(
                        position,
                        "has an alias inside the very value that it names; write the value out",
                    )
                })?;
                self.push(Kind::Alias(target.id), position, index);
                self.finish(0, Anchored { id, ..target }, position, room)
            }
            What::SequenceStart { anchor, .. } => {
                self.push(Kind::Sequence(Vec::new()), position, index);
                self.start(id, anchor);
                Ok(())
            }
            What::MappingStart { anchor, .. } => {
                self.push(Kind::Mapping(Vec::new()), position, index);
                self.start(id, anchor);
                Ok(())
            }
            What::SequenceEnd | What::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                if let Some(node) = self.nodes.get_mut(open.id) {
                    match &mut node.kind {
                        Kind::Sequence(items) => *items = open.children,
                        Kind::Mapping(entries) => {
                            let mut children = open.children.into_iter();
                            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                                entries.push((key, value));
                            }
                        }
                        Kind::Scalar(_) | Kind::Alias(_) => {}
                    }
                }
                self.place(open.id);
                let done = Anchored {
                    id: open.id,
                    size: open.size + 1,
                    height: open.height + 1,
                };
                self.finish(open.anchor, done, position, room)
            }
            What::DocumentStart | What::DocumentEnd => Ok(()),
        }
    }

    /// A mapping starts at its first key, and an empty value stands where its key does: yaml-rust2 marks the one at the
    /// first colon and the other at whatever comes next.
    fn place(&mut self, id: NodeId) {
        let Some(Kind::Mapping(entries)) = self.nodes.get(id).map(|node| &node.kind) else {
            return;
        };
        let empty = |node: &Node| matches!(&node.kind, Kind::Scalar(scalar) if scalar.style == Style::Empty);
        let at = |id: NodeId| self.nodes.get(id).map(|node| node.position);
        let mut moved: Vec<(NodeId, Position)> = entries
            .iter()
            .filter(|(_, value)| self.nodes.get(*value).is_some_and(empty))
            .filter_map(|(key, value)| Some((*value, at(*key)?)))
            .collect();
        let first = entries.first().and_then(|(key, _)| at(*key));
        moved.extend(
            first
                .filter(|first| at(id).is_some_and(|own| *first < own))
                .map(|first| (id, first)),
        );
        for (id, position) in moved {
            if let Some(node) = self.nodes.get_mut(id) {
                node.position = position;
            }
        }
    }

    fn push(&mut self, kind: Kind, position: Position, event: usize) {
        self.nodes.push(Node { kind, position, event });
    }

    fn start(&mut self, id: NodeId, anchor: usize) {
        self.open.push(Open {
            id,
            anchor,
            children: Vec::new(),
            size: 0,
            height: 0,
        });
    }

    fn finish(&mut self, anchor: usize, done: Anchored, position: Position, room: usize) -> Result<(), Broken> {
        if anchor != 0 {
            self.anchors.insert(anchor, done);
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(done);
            return Ok(());
        };
        parent.children.push(done.id);
        parent.size = parent.size.saturating_add(done.size);
        parent.height = parent.height.max(done.height);
        if parent.size > room {
            return Err(Broken::at(
                position,
                format!(
                    "has more than {MAX_NODES} values once its aliases are followed, which is more than is read; use fewer aliases"
                ),
            ));
        }
        if self.open.len() + done.height > MAX_DEPTH + 1 {
            return Err(Broken::at(
                position,
                format!(
                    "nests deeper than {MAX_DEPTH} levels once its aliases are followed, which is more than is read; use fewer aliases"
                ),
            ));
        }
        Ok(())
    }
}
