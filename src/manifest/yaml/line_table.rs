use crate::model::Position;

/// Where each line of a text starts. Parsers tell (line, column in characters); bytes come from here, because
/// yaml-rust2's own index drifts after block scalars with characters of several bytes.
#[derive(Debug, Clone)]
pub(crate) struct LineTable {
    starts: Vec<usize>,
}

impl LineTable {
    /// Lines end in LF, CR LF or a lone CR.
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

    /// The position of a byte offset.
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

/// Turns (line, column) into byte offsets. It remembers the last answer, so that a file of one long line costs one
/// walk and not one for each token.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    lines: LineTable,
    last: (usize, usize, usize),
}

impl<'a> Cursor<'a> {
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
        let mut cursor = Cursor::new(text);
        for (line, column, want) in [(1, 0, "a"), (2, 0, "b"), (3, 0, "c"), (4, 0, "d"), (4, 2, "x")] {
            assert!(text[cursor.offset(line, column)..].starts_with(want), "{want}");
        }
        assert_eq!(LineTable::new(text).position(text, text.len() - 1).to_string(), "4:3");
    }

    #[test]
    fn going_back_and_past_the_end_is_safe() {
        let mut cursor = Cursor::new("\u{e9}\u{e9}b");
        assert_eq!(cursor.offset(1, 2), 4);
        assert_eq!(cursor.offset(1, 1), 2);
        assert_eq!(cursor.offset(9, 9), 5);
    }
}
