use super::mapping::Map;
use super::{Doubt, Editor};
use crate::manifest::document::Style;
use crate::manifest::yaml::events::What;
use std::ops::Range;

impl Editor<'_> {
    /// Puts an entry into a mapping: behind the last one where that ends in one line, else before the first. Tells also
    /// before which event it comes.
    pub(crate) fn insert(&self, map: &Map, entry: &str) -> Result<((Range<usize>, String), usize), Doubt> {
        let Some(first) = map.entries.first() else {
            let open = self.event(map.start)?.token.start + 1;
            return match map.flow {
                true => Ok(((open..open, entry.to_owned()), map.end)),
                false => Err(self.unsure()),
            };
        };
        let start = self.event(first.key)?.token.start;
        if map.flow {
            let open = self.event(map.start)?.token.start + 1;
            let blank = self
                .text
                .get(open..start)
                .filter(|blank| blank.trim().is_empty())
                .ok_or_else(|| self.unsure())?;
            let between = match (blank.contains('\n'), self.colon(map)) {
                (true, _) => blank,
                (false, ":") => "",
                (false, _) => " ",
            };
            return Ok(((start..start, format!("{entry},{between}")), first.key));
        }
        let indent = " ".repeat(self.indent(map));
        let mut last = map.end - 1;
        while matches!(self.event(last)?.what, What::MappingEnd | What::SequenceEnd) && !self.closes_flow(last)? {
            last -= 1;
        }
        let event = self.event(last)?;
        let in_one_line = match &event.what {
            What::Scalar(scalar) => matches!(scalar.style, Style::Plain | Style::SingleQuoted | Style::DoubleQuoted),
            What::Alias(_) | What::MappingEnd | What::SequenceEnd => true,
            _ => false,
        };
        if in_one_line && !event.token.is_empty() {
            let at = self.line_after(event.token.end);
            return Ok(((at..at, self.line(at, &format!("{indent}{entry}"))), map.end));
        }
        Ok(((start..start, format!("{entry}{}{indent}", self.line_end)), first.key))
    }

    /// An entry of the annotations in the quotes of its neighbours.
    pub(crate) fn entry_text(&self, map: &Map, value: &str) -> String {
        let style = |at: usize| match self.events.get(at).map(|event| &event.what) {
            Some(What::Scalar(scalar)) => Some(scalar.style),
            _ => None,
        };
        let values = map.entries.iter().filter_map(|entry| style(entry.value.start));
        let single = values
            .clone()
            .find(|style| matches!(style, Style::SingleQuoted | Style::DoubleQuoted))
            == Some(Style::SingleQuoted);
        let style = if single {
            Style::SingleQuoted
        } else {
            Style::DoubleQuoted
        };
        self.pair(value, style, self.json, self.colon(map))
    }

    /// `annotations` with one entry.
    pub(crate) fn holder(&self, map: &Map, step: usize, value: &str) -> String {
        let colon = self.colon(map);
        let pair = self.pair(value, Style::DoubleQuoted, self.json, colon);
        match (map.flow, self.json) {
            (true, true) => format!("\"annotations\"{colon}{{{pair}}}"),
            (true, false) => format!("annotations: {{{pair}}}"),
            (false, _) => format!(
                "annotations:{}{}{pair}",
                self.line_end,
                " ".repeat(self.indent(map) + step)
            ),
        }
    }

    pub(crate) fn pair(&self, value: &str, style: Style, quoted: bool, colon: &str) -> String {
        let value = quote(value, style);
        match quoted {
            true => format!("\"{}\"{colon}{value}", self.key),
            false => format!("{}{colon}{value}", self.key),
        }
    }
}

/// A text as a quoted scalar; what needs escapes is in double quotes, whose JSON form every YAML reader takes.
pub(crate) fn quote(text: &str, style: Style) -> String {
    if style == Style::SingleQuoted && !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    serde_json::Value::from(text).to_string()
}
