use super::mapping::{Entry, Map};
use super::{Doubt, Editor};
use crate::manifest::document::Style;
use crate::manifest::yaml::events::What;
use std::ops::Range;

impl Editor<'_> {
    /// Takes an entry out: the replacements, the events that go, and whether `annotations` goes with it.
    #[expect(clippy::type_complexity, reason = "three answers of one question, asked once")]
    pub(crate) fn remove(
        &self,
        metadata: &Map,
        holder: &Entry,
        map: &Map,
        entry: &Entry,
    ) -> Result<(Vec<(Range<usize>, String)>, Range<usize>, bool), Doubt> {
        let gone = entry.key..entry.value.end;
        let (key, value) = (self.event(entry.key)?, self.event(entry.value.start)?);
        let simple = match &value.what {
            What::Scalar(scalar) => !matches!(scalar.style, Style::Block | Style::ManyLines),
            What::Alias(_) => true,
            _ => false,
        };
        let end = value.token.end.max(key.token.end);
        if !simple || self.several_lines(&(key.token.start..end)) {
            let reason = format!("{} is written over several lines; remove it by hand", self.key);
            return Err((key.position, reason));
        }
        let at = map
            .entries
            .iter()
            .position(|other| other.key == entry.key)
            .ok_or_else(|| self.unsure())?;
        if map.flow {
            let next = map.entries.get(at + 1).map(|next| self.event(next.key)).transpose()?;
            let before = at.checked_sub(1).and_then(|at| map.entries.get(at));
            let before = before.map(|before| self.event(before.value.end - 1)).transpose()?;
            let range = match (next, before) {
                (Some(next), _) => key.token.start..next.token.start,
                (None, Some(before)) => before.token.end..end,
                (None, None) => key.token.start..end,
            };
            return Ok((vec![(range, String::new())], gone, false));
        }
        let lines = self.whole_lines(key.token.start, end)?;
        if map.entries.len() > 1 {
            return Ok((vec![(lines, String::new())], gone, false));
        }
        let head = &self.event(holder.key)?.token;
        let adjacent = self.line_after(head.end) == self.line_start(key.token.start);
        if adjacent && !metadata.flow && metadata.entries.len() > 1 {
            let lines = self.whole_lines(head.start, end)?;
            return Ok((vec![(lines, String::new())], holder.key..holder.value.end, true));
        }
        if !self.text.get(head.end..).is_some_and(|rest| rest.starts_with(':')) {
            return Err(self.unsure());
        }
        let colon = head.end + 1;
        Ok((
            vec![(colon..colon, " {}".to_owned()), (lines, String::new())],
            gone,
            false,
        ))
    }
}
