use crate::manifest::edit::annotate::editor::Editor;
use crate::manifest::edit::annotate::mapping::Map;
use crate::manifest::edit::change::Refusal;
use crate::manifest::yaml::events::{EventKind, Style};
use std::ops::Range;

/// A replacement, and the event before which its events come.
type Insertion = ((Range<usize>, String), usize);

impl Editor<'_> {
    /// Inserts an entry into a mapping: after the last entry if that ends on one line, otherwise before the first.
    pub(crate) fn insert(&self, map: &Map, entry: &str) -> Result<Insertion, Refusal> {
        let open = self.event(map.start)?.token.start + 1;
        let Some(first) = map.entries.first() else {
            return match map.flow {
                true => Ok(((open..open, entry.to_owned()), map.end)),
                false => Err(self.uncertain()),
            };
        };
        let start = self.event(first.key)?.token.start;
        if map.flow {
            let blank = self
                .text
                .get(open..start)
                .filter(|blank| blank.trim().is_empty())
                .ok_or_else(|| self.uncertain())?;
            let between = match (blank.contains('\n'), self.colon(map)) {
                (true, _) => blank,
                (false, ":") => "",
                (false, _) => " ",
            };
            return Ok(((start..start, format!("{entry},{between}")), first.key));
        }
        let indent = " ".repeat(self.indent(map));
        if let Some(end) = self.last_line_end(map)? {
            return Ok(((end..end, self.line(end, &format!("{indent}{entry}"))), map.end));
        }
        Ok(((start..start, format!("{entry}{}{indent}", self.line_end)), first.key))
    }

    /// The first byte after the line on which a block mapping's last value ends; `None` if that value is not certain to
    /// end on its line.
    fn last_line_end(&self, map: &Map) -> Result<Option<usize>, Refusal> {
        let mut last = map.end - 1;
        while matches!(self.event(last)?.kind, EventKind::MappingEnd | EventKind::SequenceEnd)
            && !self.closes_flow(last)?
        {
            last -= 1;
        }
        let event = self.event(last)?;
        let ends_on_line = match &event.kind {
            EventKind::Scalar(scalar) => scalar.style.is_editable(),
            EventKind::Alias(_) | EventKind::MappingEnd | EventKind::SequenceEnd => true,
            _ => false,
        };
        Ok((ends_on_line && !event.token.is_empty()).then(|| self.line_after(event.token.end)))
    }

    /// An entry of the annotations, with the quotes of its neighbours.
    pub(crate) fn entry_text(&self, map: &Map, value: &str) -> String {
        let style = |at: usize| match self.events.get(at).map(|event| &event.kind) {
            Some(EventKind::Scalar(scalar)) => Some(scalar.style),
            _ => None,
        };
        let mut styles = map.entries.iter().filter_map(|entry| style(entry.value.start));
        let first_quoted = styles.find(|style| matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
        let style = first_quoted.unwrap_or(Style::DoubleQuoted);
        self.pair(value, style, self.json, self.colon(map))
    }

    /// `annotations` with one entry. `step` is the indent of the entry relative to `annotations`.
    pub(crate) fn annotations_text(&self, map: &Map, step: usize, value: &str) -> String {
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

    /// The annotation's key and a value.
    pub(crate) fn pair(&self, value: &str, style: Style, quoted_key: bool, colon: &str) -> String {
        let value = quote(value, style);
        match quoted_key {
            true => format!("\"{}\"{colon}{value}", self.key),
            false => format!("{}{colon}{value}", self.key),
        }
    }
}

/// A text as a quoted scalar. A text that needs escapes is written in double quotes; every YAML reader accepts the JSON
/// form.
pub(crate) fn quote(text: &str, style: Style) -> String {
    if style == Style::SingleQuoted && !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    serde_json::Value::from(text).to_string()
}
