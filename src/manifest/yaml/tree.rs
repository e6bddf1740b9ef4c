use crate::manifest::yaml::events::{Event, EventKind, Scalar, Style};
use crate::manifest::yaml::limits::{FileError, MAX_DEPTH, MAX_NODES, NODES_OF_A_MAP};
use crate::model::Position;
use std::collections::HashMap;

/// A node's index in its tree.
pub(crate) type NodeId = usize;

/// The nodes of one document, with their positions in the text.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    root: NodeId,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub kind: NodeKind,
    pub position: Position,
    /// The index of the event that starts the node.
    pub event: usize,
}

/// The kind of a node. An alias stays an alias: a scalar that several fields share is one node.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Scalar(Scalar),
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias(NodeId),
}

impl Tree {
    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    /// The node itself, without following an alias.
    pub(crate) fn raw(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The node, or the target of an alias.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        let node = &self.nodes[id];
        match node.kind {
            NodeKind::Alias(target) => &self.nodes[target],
            _ => node,
        }
    }
}

/// A list or map whose end has not been reached.
struct Open {
    id: NodeId,
    anchor: usize,
    children: Vec<NodeId>,
    size: usize,
    height: usize,
}

/// A finished node, with its size and height once its aliases are expanded.
#[derive(Clone, Copy)]
struct Finished {
    id: NodeId,
    size: usize,
    height: usize,
}

/// Builds the documents of a stream.
///
/// # Errors
/// The tree exceeds a limit once its aliases are expanded. Sizes and heights are computed before any alias is expanded,
/// so that an alias bomb costs no more than its text.
pub(crate) fn build(events: Vec<Event>) -> Result<Vec<Tree>, FileError> {
    let mut trees = Vec::new();
    let mut builder = Builder::default();
    let mut total = 0usize;
    for (index, event) in events.into_iter().enumerate() {
        match event.kind {
            EventKind::DocumentStart => builder = Builder::default(),
            EventKind::DocumentEnd => {
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
    anchors: HashMap<usize, Finished>,
    root: Option<Finished>,
}

impl Builder {
    /// Adds an event. `budget` is the number of nodes that the document may still have.
    fn add(&mut self, event: Event, index: usize, budget: usize) -> Result<(), FileError> {
        let position = event.position;
        let id = self.nodes.len();
        match event.kind {
            EventKind::Scalar(scalar) => {
                let anchor = scalar.anchor;
                self.push(NodeKind::Scalar(scalar), position, index);
                let finished = Finished { id, size: 1, height: 1 };
                self.finish(anchor, finished, position, budget)
            }
            EventKind::Alias(anchor) => {
                let target = *self.anchors.get(&anchor).ok_or_else(|| {
                    FileError::at(
                        position,
                        "has an alias inside the very value that it names; write the value out",
                    )
                })?;
                self.push(NodeKind::Alias(target.id), position, index);
                self.finish(0, Finished { id, ..target }, position, budget)
            }
            EventKind::SequenceStart { anchor, .. } => {
                self.push(NodeKind::Sequence(Vec::new()), position, index);
                self.start(id, anchor);
                Ok(())
            }
            EventKind::MappingStart { anchor, .. } => {
                self.push(NodeKind::Mapping(Vec::new()), position, index);
                self.start(id, anchor);
                Ok(())
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => self.end(position, budget),
            EventKind::DocumentStart | EventKind::DocumentEnd => Ok(()),
        }
    }

    fn push(&mut self, kind: NodeKind, position: Position, event: usize) {
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

    /// Ends the innermost open list or map.
    fn end(&mut self, position: Position, budget: usize) -> Result<(), FileError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        if let Some(node) = self.nodes.get_mut(open.id) {
            match &mut node.kind {
                NodeKind::Sequence(items) => *items = open.children,
                NodeKind::Mapping(entries) => {
                    let mut children = open.children.into_iter();
                    while let (Some(key), Some(value)) = (children.next(), children.next()) {
                        entries.push((key, value));
                    }
                }
                NodeKind::Scalar(_) | NodeKind::Alias(_) => {}
            }
        }
        self.correct_positions(open.id);
        let is_map = matches!(
            self.nodes.get(open.id).map(|node| &node.kind),
            Some(NodeKind::Mapping(_))
        );
        let own = if is_map { NODES_OF_A_MAP } else { 1 };
        let finished = Finished {
            id: open.id,
            size: open.size.saturating_add(own),
            height: open.height + 1,
        };
        self.finish(open.anchor, finished, position, budget)
    }

    /// Moves a mapping to its first key, and an empty value to its key. yaml-rust2 reports a mapping at its first colon
    /// and an empty value at the token that comes next.
    fn correct_positions(&mut self, id: NodeId) {
        let Some(NodeKind::Mapping(entries)) = self.nodes.get(id).map(|node| &node.kind) else {
            return;
        };
        let empty = |node: &Node| matches!(&node.kind, NodeKind::Scalar(scalar) if scalar.style == Style::Empty);
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

    /// Records a finished node in its parent, and checks the parent against the limits.
    fn finish(
        &mut self,
        anchor: usize,
        finished: Finished,
        position: Position,
        budget: usize,
    ) -> Result<(), FileError> {
        if anchor != 0 {
            self.anchors.insert(anchor, finished);
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(finished);
            return Ok(());
        };
        parent.children.push(finished.id);
        parent.size = parent.size.saturating_add(finished.size);
        parent.height = parent.height.max(finished.height);
        let exceeded = if parent.size > budget {
            format!("has more than {MAX_NODES} values, where a map counts as {NODES_OF_A_MAP}")
        } else if self.open.len() + finished.height > MAX_DEPTH + 1 {
            format!("nests deeper than {MAX_DEPTH} levels")
        } else {
            return Ok(());
        };
        let reason =
            format!("{exceeded} once its aliases are expanded, which is the limit; split it, or use fewer aliases");
        Err(FileError::at(position, reason))
    }
}
