use crate::model::Position;

/// The byte at which each line of a text starts.
///
/// Parsers report (line, column in characters). Byte offsets are computed here, because yaml-rust2's own index drifts
/// after block scalars that contain multi-byte characters.
#[derive(Debug, Clone)]
pub(crate) struct LineTable {
    starts: Vec<usize>,
}

impl LineTable {
    /// Finds the lines of a text. A line ends in LF, CR LF or a lone CR.
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(at + 1);
            }
        }
        Self { starts }
    }

    /// The line and column of a byte offset.
    pub(crate) fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = text.get(start..offset).map_or(0, |before| before.chars().count());
        Position {
            line,
            column: column + 1,
        }
    }

    fn start(&self, line: usize) -> Option<usize> {
        self.starts.get(line.checked_sub(1)?).copied()
    }
}

/// Turns (line, column) into byte offsets. It continues from the previous answer, so that a file of one long line is
/// walked once and not once for each token.
#[derive(Debug)]
pub(crate) struct OffsetFinder<'a> {
    text: &'a str,
    lines: LineTable,
    /// Line, column and byte offset of the previous answer.
    last: (usize, usize, usize),
}

impl<'a> OffsetFinder<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            lines: LineTable::new(text),
            last: (1, 0, 0),
        }
    }

    /// The byte offset of a line (from 1) and a column (in characters, from 0).
    pub(crate) fn offset(&mut self, line: usize, column: usize) -> usize {
        let (from_column, from) = match self.last {
            (last_line, last_column, offset) if last_line == line && last_column <= column => (last_column, offset),
            _ => (0, self.lines.start(line).unwrap_or(self.text.len())),
        };
        let rest = self.text.get(from..).unwrap_or_default();
        let offset = match rest.char_indices().nth(column - from_column) {
            Some((bytes, _)) => from + bytes,
            None => self.text.len(),
        };
        self.last = (line, column, offset);
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_line_ends_start_a_line() {
        let text = "a\nb\r\nc\rd\u{e9}x";
        let mut offsets = OffsetFinder::new(text);
        for (line, column, expected) in [(1, 0, "a"), (2, 0, "b"), (3, 0, "c"), (4, 0, "d"), (4, 2, "x")] {
            assert!(text[offsets.offset(line, column)..].starts_with(expected), "{expected}");
        }
        assert_eq!(LineTable::new(text).position(text, text.len() - 1).to_string(), "4:3");
    }

    #[test]
    fn going_back_and_past_the_end_is_safe() {
        let mut offsets = OffsetFinder::new("\u{e9}\u{e9}b");
        assert_eq!(offsets.offset(1, 2), 4);
        assert_eq!(offsets.offset(1, 1), 2);
        assert_eq!(offsets.offset(9, 9), 5);
    }
}
