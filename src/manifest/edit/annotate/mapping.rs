use crate::manifest::edit::annotate::editor::Editor;
use crate::manifest::edit::change::Refusal;
use crate::manifest::yaml::events::EventKind;
use std::ops::Range;

/// An entry of a mapping: the event of its key, and the events of its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: usize,
    pub value: Range<usize>,
}

/// A mapping: the events of its start and its end, and its entries.
pub(crate) struct Map {
    pub start: usize,
    pub end: usize,
    pub entries: Vec<Entry>,
    /// Whether it is written as `{…}`.
    pub flow: bool,
}

impl Editor<'_> {
    /// The mapping that starts at an event.
    pub(crate) fn map(&self, start: usize) -> Option<Map> {
        let first = self.events.get(start)?;
        matches!(first.kind, EventKind::MappingStart { .. }).then_some(())?;
        let (mut entries, mut at) = (Vec::new(), start + 1);
        while !matches!(self.events.get(at)?.kind, EventKind::MappingEnd) {
            let value = self.node_end(at)?;
            let end = self.node_end(value)?;
            entries.push(Entry {
                key: at,
                value: value..end,
            });
            at = end;
        }
        let flow = self.text.as_bytes().get(first.token.start) == Some(&b'{');
        Some(Map {
            start,
            end: at,
            entries,
            flow,
        })
    }

    /// The event after the node that starts at an event.
    fn node_end(&self, start: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (at, event) in self.events.iter().enumerate().skip(start) {
            match event.kind {
                EventKind::MappingStart { .. } | EventKind::SequenceStart { .. } => depth += 1,
                EventKind::MappingEnd | EventKind::SequenceEnd => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                return Some(at + 1);
            }
        }
        None
    }

    /// The last entry with this key.
    pub(crate) fn entry(&self, map: &Map, name: &str) -> Option<Entry> {
        let has_key = |entry: &&Entry| match self.events.get(entry.key).map(|event| &event.kind) {
            Some(EventKind::Scalar(scalar)) => scalar.value == name,
            _ => false,
        };
        map.entries.iter().rev().find(has_key).cloned()
    }

    /// The indent of the keys of a block mapping, in characters.
    pub(crate) fn indent(&self, map: &Map) -> usize {
        let first = map.entries.first().and_then(|entry| self.events.get(entry.key));
        first.map_or(0, |event| event.position.column.saturating_sub(1))
    }

    /// The colon with or without a blank, as in the mapping's first entry.
    pub(crate) fn colon(&self, map: &Map) -> &'static str {
        let first = map.entries.first().and_then(|entry| self.events.get(entry.key));
        let after = first.and_then(|event| self.text.get(event.token.end..)).unwrap_or(": ");
        match self.json && after.starts_with(':') && !after.starts_with(": ") {
            true => ":",
            false => ": ",
        }
    }

    /// Whether an event is the bracket that closes a flow list or a flow mapping.
    pub(crate) fn closes_flow(&self, at: usize) -> Result<bool, Refusal> {
        let token = &self.event(at)?.token;
        Ok(self
            .text
            .get(token.clone())
            .is_some_and(|text| text == "}" || text == "]"))
    }
}
