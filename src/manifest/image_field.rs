use crate::manifest::yaml::events::Style;
use crate::model::{FieldName, ImageRef, Position};
use std::ops::Range;

/// A field of a file that names an image, and the scalar that a new tag is written into.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageField {
    /// Container name, or HelmRelease values key or alias.
    pub field: FieldName,
    /// The whole reference, composed of its parts.
    pub image: ImageRef,
    /// Whether the file names the repository. If not, the marker's ImagePolicy names the repository, and `image` has a
    /// placeholder: see [`ImageField::with_repository`].
    pub has_repository: bool,
    /// Position of the tag, or of the whole reference.
    pub position: Position,
    /// The JSON pointer (RFC 6901) from the object to the scalar that is rewritten for a new tag.
    pub pointer: String,
    /// The scalar that is rewritten for a new tag.
    pub slot: Slot,
    /// The marker comment on the field's line.
    pub marker: Option<Marker>,
}

impl ImageField {
    /// The image, with this repository if the file names none.
    #[must_use]
    pub fn with_repository(&self, repository: &ImageRef) -> ImageRef {
        match self.has_repository {
            true => self.image.clone(),
            false => repository.with(self.image.tag().cloned(), self.image.digest().cloned()),
        }
    }
}

/// A comment on the line of an image, or of its tag, that automates the field whatever the object's annotations say.
///
/// - `# tidegate.dev/image: <policy>` behind a whole reference, or behind a tag with its repository in the same map.
/// - `# tidegate.dev/tag of <repository>: <policy>` behind any other tag.
/// - `# {"$imagepolicy": "<namespace>:<name>[:tag|:name|:digest]"}`, as Flux v2 has it. Its ImagePolicy also names the
///   repository of a tag or digest that has no repository in the same map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The policy that the comment names.
    pub policy: MarkerPolicy,
    /// Whether a bump writes the image's name, too, if the ImagePolicy chooses from another repository.
    pub name: MarkedName,
    /// Position of the comment's `#`.
    pub position: Position,
}

/// What a marker asks of the image's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MarkedName {
    /// The name stays as it is.
    #[default]
    Stays,
    /// The name becomes that of the repository that the ImagePolicy chooses from: the marker is behind a whole image, or the
    /// name has a marker with `:name`.
    Follows,
    /// As [`MarkedName::Follows`], but the name cannot be written, for this reason.
    Fixed(String),
}

/// The policy of a marker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MarkerPolicy {
    /// A policy as in an annotation. An empty text means the default policy.
    Text(String),
    /// The policy of an `ImagePolicy` object.
    ImagePolicy {
        /// Namespace of the `ImagePolicy`.
        namespace: String,
        /// Name of the `ImagePolicy`.
        name: String,
    },
}

/// The scalar that carries an image field's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Byte range of the scalar's content: within its quotes, or the whole plain scalar.
    pub span: Range<usize>,
    /// How the scalar is written.
    pub style: Style,
    /// The part of the reference that the scalar contains.
    pub content: SlotContent,
}

/// The part of an image reference that a scalar contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotContent {
    /// The whole reference, or name and tag without the registry. An edit replaces what follows the last colon, or
    /// appends `:tag` if there is no tag.
    Reference,
    /// The tag alone.
    Tag,
    /// The digest alone, where the file has no tag.
    Digest,
}
