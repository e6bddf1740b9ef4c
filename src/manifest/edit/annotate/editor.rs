use crate::manifest::edit::change::Refusal;
use crate::manifest::edit::verify::annotation::Expected;
use crate::manifest::yaml::events::Event;
use crate::model::Position;
use std::ops::Range;

/// A file's text and events, and the annotation that is changed in it.
pub(crate) struct Editor<'a> {
    pub text: &'a str,
    /// The events as granit-parser reports them: it reports the bytes of every event.
    pub events: &'a [Event],
    pub json: bool,
    pub line_end: &'static str,
    /// The annotation's key.
    pub key: &'a str,
    /// The object's position.
    pub position: Position,
}

impl Editor<'_> {
    /// The refusal of a change whose effect is uncertain.
    pub(crate) fn uncertain(&self) -> Refusal {
        let reason = format!(
            "{} cannot be changed with certainty in the form that the file has; change it by hand",
            self.key
        );
        (self.position, reason)
    }

    pub(crate) fn event(&self, at: usize) -> Result<&Event, Refusal> {
        self.events.get(at).ok_or_else(|| self.uncertain())
    }

    /// The events after an edit: `added` replaces `removed`.
    pub(crate) fn expected(&self, removed: Range<usize>, added: Vec<Expected>) -> Vec<Expected> {
        let before = (0..removed.start).map(Expected::Old);
        before
            .chain(added)
            .chain((removed.end..self.events.len()).map(Expected::Old))
            .collect()
    }

    /// The first byte of the line that contains a byte.
    pub(crate) fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rfind(['\n', '\r']).map_or(0, |end| end + 1)
    }

    /// The first byte after the line that contains a byte.
    pub(crate) fn line_after(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// A new line to be inserted at a line's start. At the end of a file without a last line end, the line end comes
    /// before the new line.
    pub(crate) fn line(&self, at: usize, text: &str) -> String {
        match self.text.get(..at).unwrap_or_default().ends_with('\n') {
            true => format!("{text}{}", self.line_end),
            false => format!("{}{text}", self.line_end),
        }
    }

    pub(crate) fn has_line_break(&self, token: &Range<usize>) -> bool {
        self.text
            .get(token.clone())
            .is_none_or(|text| text.contains(['\n', '\r']))
    }

    /// The bytes of the lines from one byte to another. At the end of a file without a last line end, the line end before
    /// the lines is included instead.
    ///
    /// # Errors
    /// Other text precedes `from` on its line.
    pub(crate) fn whole_lines(&self, from: usize, to: usize) -> Result<Range<usize>, Refusal> {
        let start = self.line_start(from);
        let blank = self
            .text
            .get(start..from)
            .is_some_and(|before| before.trim().is_empty());
        if !blank {
            return Err(self.uncertain());
        }
        let end = self.line_after(to);
        let has_no_line_end = end == self.text.len() && !self.text.ends_with('\n');
        let before = self.text.get(..start).unwrap_or_default();
        let start = match has_no_line_end {
            true => before
                .strip_suffix('\n')
                .map_or(before, |before| before.strip_suffix('\r').unwrap_or(before))
                .len(),
            false => start,
        };
        Ok(start..end)
    }
}
