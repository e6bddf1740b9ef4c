use super::{Doubt, Editor};
use std::ops::Range;

impl Editor<'_> {
    pub(crate) fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rfind(['\n', '\r']).map_or(0, |end| end + 1)
    }

    /// Where the line of a byte is over, its line end counted in.
    pub(crate) fn line_after(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// A new line at the end of one that may be the file's last and have no end.
    pub(crate) fn line(&self, at: usize, text: &str) -> String {
        match self.text.get(..at).unwrap_or_default().ends_with('\n') {
            true => format!("{text}{}", self.line_end),
            false => format!("{}{text}", self.line_end),
        }
    }

    pub(crate) fn several_lines(&self, token: &Range<usize>) -> bool {
        self.text
            .get(token.clone())
            .is_none_or(|text| text.contains(['\n', '\r']))
    }

    /// The lines from one byte to another, if nothing else stands before it on the first; at the end of a file without a
    /// last line end, the line end before them instead.
    pub(crate) fn whole_lines(&self, from: usize, to: usize) -> Result<Range<usize>, Doubt> {
        let start = self.line_start(from);
        let blank = self
            .text
            .get(start..from)
            .is_some_and(|before| before.trim().is_empty());
        if !blank {
            return Err(self.unsure());
        }
        let end = self.line_after(to);
        let open = end == self.text.len() && !self.text.ends_with('\n');
        let before = self.text.get(..start).unwrap_or_default();
        let start = match open {
            true => before
                .strip_suffix('\n')
                .map_or(before, |before| before.strip_suffix('\r').unwrap_or(before))
                .len(),
            false => start,
        };
        Ok(start..end)
    }
}
