use super::{Doubt, Editor};
use crate::manifest::yaml::events::{Event, What};
use std::ops::Range;

/// A mapping's entry: its key's event, and those of its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: usize,
    pub(crate) value: Range<usize>,
}

pub(crate) struct Map {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) entries: Vec<Entry>,
    pub(crate) flow: bool,
}

impl Editor<'_> {
    pub(crate) fn event(&self, at: usize) -> Result<&Event, Doubt> {
        self.events.get(at).ok_or_else(|| self.unsure())
    }

    /// The mapping that starts at an event.
    pub(crate) fn map(&self, start: usize) -> Option<Map> {
        let first = self.events.get(start)?;
        matches!(first.what, What::MappingStart { .. }).then_some(())?;
        let after = |from: usize| {
            let mut depth = 0usize;
            for (at, event) in self.events.iter().enumerate().skip(from) {
                match event.what {
                    What::MappingStart { .. } | What::SequenceStart { .. } => depth += 1,
                    What::MappingEnd | What::SequenceEnd => depth = depth.checked_sub(1)?,
                    _ => {}
                }
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            None
        };
        let (mut entries, mut at) = (Vec::new(), start + 1);
        while !matches!(self.events.get(at)?.what, What::MappingEnd) {
            let value = after(at)?;
            let end = after(value)?;
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

    pub(crate) fn entry(&self, map: &Map, name: &str) -> Option<Entry> {
        let is = |entry: &&Entry| match self.events.get(entry.key).map(|event| &event.what) {
            Some(What::Scalar(scalar)) => scalar.value == name,
            _ => false,
        };
        map.entries.iter().rev().find(is).cloned()
    }

    /// How far in the keys of a block mapping stand.
    pub(crate) fn indent(&self, map: &Map) -> usize {
        let first = map.entries.first().and_then(|entry| self.events.get(entry.key));
        first.map_or(0, |event| event.position.column.saturating_sub(1))
    }

    /// The colon as the mapping's first entry has it.
    pub(crate) fn colon(&self, map: &Map) -> &'static str {
        let first = map.entries.first().and_then(|entry| self.events.get(entry.key));
        let after = first.and_then(|event| self.text.get(event.token.end..)).unwrap_or(": ");
        match self.json && after.starts_with(':') && !after.starts_with(": ") {
            true => ":",
            false => ": ",
        }
    }

    pub(crate) fn closes_flow(&self, at: usize) -> Result<bool, Doubt> {
        let token = &self.event(at)?.token;
        Ok(self
            .text
            .get(token.clone())
            .is_some_and(|text| text == "}" || text == "]"))
    }
}
