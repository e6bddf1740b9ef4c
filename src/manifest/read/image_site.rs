use crate::manifest::image_field::{ImageField, Slot, SlotContent};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::events::Style;
use crate::manifest::yaml::path::{Path, pointer};
use crate::model::{FieldName, ImageRef, Position};
use std::ops::Range;

/// An image field, and the scalars that its image is written in.
#[derive(Debug, Clone)]
pub(crate) struct ImageSite {
    pub field: ImageField,
    pub registry: Option<ScalarSpan>,
    /// The name, with tag and digest if they have no scalar of their own. `None` for a tag whose repository is named by
    /// a comment.
    pub repository: Option<ScalarSpan>,
    pub tag: Option<ScalarSpan>,
    pub digest: Option<ScalarSpan>,
    /// Whether the repository's scalar never contains a tag or a digest.
    pub name_alone: bool,
    /// Whether the name selects the images that the entry is for, so that the name must not change (`images` of a
    /// kustomization).
    pub name_matches: bool,
}

impl ImageSite {
    /// An image field whose tag, or whole reference, is in the scalar `main`. None of its scalars is set.
    pub(crate) fn new(field: FieldName, image: ImageRef, main: &ScalarSpan, content: SlotContent) -> Self {
        Self {
            field: ImageField {
                field,
                image,
                has_repository: true,
                position: main.position,
                pointer: String::new(),
                slot: Slot {
                    span: main.span.clone(),
                    style: main.style,
                    content,
                },
                marker: None,
            },
            registry: None,
            repository: None,
            tag: None,
            digest: None,
            name_alone: false,
            name_matches: false,
        }
    }

    /// The scalar at the field's position.
    pub(crate) fn main(&self) -> Option<&ScalarSpan> {
        match self.field.slot.content {
            SlotContent::Reference => self.repository.as_ref(),
            SlotContent::Tag => self.tag.as_ref(),
            SlotContent::Digest => self.digest.as_ref(),
        }
    }

    /// The image field of an object that stands at a path of the document.
    pub(crate) fn field_of(&self, object: &Path) -> ImageField {
        let path = self.main().map(|scalar| &scalar.path);
        let below = path.and_then(|path| path.0.get(object.0.len()..));
        ImageField {
            pointer: below.map(pointer).unwrap_or_default(),
            ..self.field.clone()
        }
    }

    /// All scalars of the field.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = &ScalarSpan> {
        [&self.registry, &self.repository, &self.tag, &self.digest]
            .into_iter()
            .flatten()
    }
}

/// One scalar: its text, and where it is in the file.
#[derive(Debug, Clone)]
pub(crate) struct ScalarSpan {
    /// The path from the file's document to the scalar.
    pub path: Path,
    /// The index of the scalar's event.
    pub event: usize,
    pub text: String,
    pub position: Position,
    /// The bytes of the scalar's content, within its quotes.
    pub span: Range<usize>,
    pub style: Style,
}

impl ScalarSpan {
    /// The scalar at a cursor; `None` for a list or a map. `tokens` has the bytes of each event's token.
    pub(crate) fn of(cursor: &Cursor<'_>, tokens: &[Range<usize>]) -> Option<Self> {
        let scalar = cursor.scalar()?;
        let token = tokens.get(cursor.event()).cloned().unwrap_or_default();
        let (style, span) = match scalar.style {
            Style::SingleQuoted | Style::DoubleQuoted => {
                (scalar.style, token.start + 1..token.end.max(token.start + 2) - 1)
            }
            Style::Plain if cursor.is_null() => (Style::Empty, token),
            style => (style, token),
        };
        Some(Self {
            path: cursor.path().clone(),
            event: cursor.event(),
            text: scalar.value.clone(),
            position: cursor.position(),
            span,
            style,
        })
    }
}

/// Something in a file that cannot be used, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub position: Position,
    pub message: String,
}
