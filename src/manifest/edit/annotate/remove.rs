use crate::manifest::edit::annotate::change::Change;
use crate::manifest::edit::annotate::editor::Editor;
use crate::manifest::edit::annotate::mapping::{Entry, Map};
use crate::manifest::edit::change::Refusal;
use crate::manifest::yaml::events::{EventKind, Style};
use std::ops::Range;

impl Editor<'_> {
    /// Removes an entry of the annotations. `holder` is the entry `annotations` of `metadata`.
    pub(crate) fn remove(&self, metadata: &Map, holder: &Entry, map: &Map, entry: &Entry) -> Result<Change, Refusal> {
        let removed = entry.key..entry.value.end;
        let bytes = self.entry_bytes(entry)?;
        if map.flow {
            let range = self.flow_range(map, entry, bytes)?;
            return Ok(removal(vec![(range, String::new())], removed, false));
        }
        let lines = self.whole_lines(bytes.start, bytes.end)?;
        if map.entries.len() > 1 {
            return Ok(removal(vec![(lines, String::new())], removed, false));
        }
        let head = &self.event(holder.key)?.token;
        let adjacent = self.line_after(head.end) == self.line_start(bytes.start);
        if adjacent && !metadata.flow && metadata.entries.len() > 1 {
            let lines = self.whole_lines(head.start, bytes.end)?;
            return Ok(removal(
                vec![(lines, String::new())],
                holder.key..holder.value.end,
                true,
            ));
        }
        if !self.text.get(head.end..).is_some_and(|rest| rest.starts_with(':')) {
            return Err(self.uncertain());
        }
        let colon = head.end + 1;
        let edits = vec![(colon..colon, " {}".to_owned()), (lines, String::new())];
        Ok(removal(edits, removed, false))
    }

    /// The bytes of an entry that is written on one line.
    fn entry_bytes(&self, entry: &Entry) -> Result<Range<usize>, Refusal> {
        let (key, value) = (self.event(entry.key)?, self.event(entry.value.start)?);
        let is_simple = match &value.kind {
            EventKind::Scalar(scalar) => !matches!(scalar.style, Style::Block | Style::ManyLines),
            EventKind::Alias(_) => true,
            _ => false,
        };
        let bytes = key.token.start..value.token.end.max(key.token.end);
        if !is_simple || self.has_line_break(&bytes) {
            let reason = format!("{} is written over several lines; remove it by hand", self.key);
            return Err((key.position, reason));
        }
        Ok(bytes)
    }

    /// The bytes to remove from a flow mapping: the entry, and the comma on one side of it.
    fn flow_range(&self, map: &Map, entry: &Entry, bytes: Range<usize>) -> Result<Range<usize>, Refusal> {
        let at = map
            .entries
            .iter()
            .position(|other| other.key == entry.key)
            .ok_or_else(|| self.uncertain())?;
        let next = map.entries.get(at + 1).map(|next| self.event(next.key)).transpose()?;
        let before = at.checked_sub(1).and_then(|at| map.entries.get(at));
        let before = before.map(|before| self.event(before.value.end - 1)).transpose()?;
        Ok(match (next, before) {
            (Some(next), _) => bytes.start..next.token.start,
            (None, Some(before)) => before.token.end..bytes.end,
            (None, None) => bytes,
        })
    }
}

fn removal(edits: Vec<(Range<usize>, String)>, removed: Range<usize>, removes_map: bool) -> Change {
    Change {
        edits,
        removed,
        added: Vec::new(),
        removes_map,
    }
}
