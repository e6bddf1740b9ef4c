use crate::manifest::edit::annotate::editor::Editor;
use crate::manifest::edit::annotate::insert::quote;
use crate::manifest::edit::annotate::mapping::{Entry, Map};
use crate::manifest::edit::change::Refusal;
use crate::manifest::edit::verify::annotation::Expected;
use crate::manifest::yaml::events::{EventKind, Style};
use std::ops::Range;

/// The change of one annotation: replacements in the text, and their effect on the events.
pub(crate) struct Change {
    pub edits: Vec<(Range<usize>, String)>,
    /// The events of the old text that the edit removes.
    pub removed: Range<usize>,
    /// The events that replace them.
    pub added: Vec<Expected>,
    /// Whether the key `annotations` is removed with its last entry.
    pub removes_map: bool,
}

impl Change {
    fn of(edit: (Range<usize>, String), removed: Range<usize>, added: Vec<Expected>) -> Self {
        Self {
            edits: vec![edit],
            removed,
            added,
            removes_map: false,
        }
    }
}

impl Editor<'_> {
    /// The change that sets the annotation to a value, or removes it; `None` if the file has that value already.
    /// `metadata` is the event of the object's metadata.
    pub(crate) fn change(&self, metadata: usize, value: Option<&str>) -> Result<Option<Change>, Refusal> {
        let metadata = self.map(metadata).ok_or_else(|| self.uncertain())?;
        let Some(holder) = self.entry(&metadata, "annotations") else {
            return value.map(|value| self.add_map(&metadata, value)).transpose();
        };
        let Some(annotations) = self.map(holder.value.start) else {
            return self.fill_empty(&metadata, &holder, value);
        };
        match (self.entry(&annotations, self.key), value) {
            (None, None) => Ok(None),
            (None, Some(value)) => {
                let entry = self.entry_text(&annotations, value);
                let (edit, at) = self.insert(&annotations, &entry)?;
                let added = vec![
                    Expected::Scalar(self.key.to_owned()),
                    Expected::Scalar(value.to_owned()),
                ];
                Ok(Some(Change::of(edit, at..at, added)))
            }
            (Some(entry), Some(value)) => self.replace_value(&entry, value),
            (Some(entry), None) => self.remove(&metadata, &holder, &annotations, &entry).map(Some),
        }
    }

    /// Adds `annotations` with one entry.
    fn add_map(&self, metadata: &Map, value: &str) -> Result<Change, Refusal> {
        let step = self.indent(metadata).saturating_sub(self.object_indent(metadata));
        let text = self.annotations_text(metadata, step.max(2), value);
        let (edit, at) = self.insert(metadata, &text)?;
        let mut added = vec![Expected::Scalar("annotations".to_owned())];
        added.extend(self.new_map(value));
        Ok(Change::of(edit, at..at, added))
    }

    /// Adds the first entry to an `annotations` whose value is null.
    fn fill_empty(&self, metadata: &Map, holder: &Entry, value: Option<&str>) -> Result<Option<Change>, Refusal> {
        let event = self.event(holder.value.start)?;
        let EventKind::Scalar(scalar) = &event.kind else {
            return Err(self.uncertain());
        };
        let key = self.event(holder.key)?;
        let is_null = matches!(&*scalar.value, "" | "~" | "null")
            && !matches!(scalar.style, Style::SingleQuoted | Style::DoubleQuoted | Style::Block);
        if !is_null {
            let reason = "the annotations are not a map; correct them first";
            return Err((key.position, reason.to_owned()));
        }
        let Some(value) = value else { return Ok(None) };
        let edit = if scalar.style == Style::Empty && !metadata.flow {
            let end = self.line_after(key.token.end);
            let indent = " ".repeat(self.indent(metadata) + 2);
            let pair = self.pair(value, Style::DoubleQuoted, false, ": ");
            (end..end, self.line(end, &format!("{indent}{pair}")))
        } else if scalar.style == Style::Plain {
            let pair = self.pair(value, Style::DoubleQuoted, self.json, ": ");
            (event.token.clone(), format!("{{{pair}}}"))
        } else {
            return Err(self.uncertain());
        };
        Ok(Some(Change::of(edit, holder.value.clone(), self.new_map(value))))
    }

    /// The events of a new mapping with the annotation as its only entry.
    fn new_map(&self, value: &str) -> Vec<Expected> {
        vec![
            Expected::MappingStart,
            Expected::Scalar(self.key.to_owned()),
            Expected::Scalar(value.to_owned()),
            Expected::MappingEnd,
        ]
    }

    /// Replaces the value of an entry.
    fn replace_value(&self, entry: &Entry, value: &str) -> Result<Option<Change>, Refusal> {
        let event = self.event(entry.value.start)?;
        let EventKind::Scalar(scalar) = &event.kind else {
            let reason = format!(
                "{} has an alias, a list or a map as its value; change it by hand",
                self.key
            );
            return Err((event.position, reason));
        };
        if !scalar.style.is_editable() || self.has_line_break(&event.token) {
            let reason = format!("{} is empty or written over several lines; change it by hand", self.key);
            return Err((event.position, reason));
        }
        if scalar.value == value && scalar.style != Style::Plain {
            return Ok(None);
        }
        let edit = (event.token.clone(), quote(value, scalar.style));
        let added = vec![Expected::Changed(entry.value.start, value.to_owned())];
        Ok(Some(Change::of(edit, entry.value.clone(), added)))
    }

    /// The indent of the keys of the object that has the metadata.
    fn object_indent(&self, metadata: &Map) -> usize {
        let key = self.events.get(metadata.start.saturating_sub(1));
        key.map_or(0, |event| event.position.column.saturating_sub(1))
    }
}
