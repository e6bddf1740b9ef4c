use crate::manifest::image_field::SlotContent;
use crate::manifest::markers::repository::TagRepository;
use crate::manifest::markers::scalars::{NAME_KEYS, Parent};
use crate::manifest::read::image_site::{ImageSite, ScalarSpan};
use crate::manifest::read::images::tag_and_digest;
use crate::model::{Digest, FieldName, ImageRef};
use std::fmt::Display;

/// The name of the field in a document that is one text and nothing else.
const WHOLE_DOCUMENT: &str = "value";

fn not_bumped(error: impl Display) -> String {
    format!("is behind a value that cannot be bumped: {error}")
}

/// The image field of a value that is a whole reference.
///
/// # Errors
/// The value is not a reference, or its tag has a field of its own.
pub(crate) fn whole(parent: Option<&Parent<'_>>, span: &ScalarSpan) -> Result<ImageSite, String> {
    let image = ImageRef::parse(&span.text).map_err(not_bumped)?;
    let is_name = span.path.last_key().is_some_and(|key| NAME_KEYS.contains(&key));
    if is_name && image.tag().is_none() && parent.is_some_and(|parent| parent.has_tag) {
        return Err(
            "is behind the name of an image whose tag has a field of its own; move it behind the tag".to_owned(),
        );
    }
    Ok(ImageSite {
        repository: Some(span.clone()),
        ..site(span, image, SlotContent::Reference)
    })
}

/// The image field of a value that is a tag.
///
/// # Errors
/// The value is not a tag.
pub(crate) fn tag(span: &ScalarSpan, repository: TagRepository) -> Result<ImageSite, String> {
    let (tag, digest) = tag_and_digest(&span.text).map_err(not_bumped)?;
    let image = repository.name.with(Some(tag), digest);
    Ok(ImageSite {
        tag: Some(span.clone()),
        ..site_of(span, image, SlotContent::Tag, repository)
    })
}

/// The image field of a value that is a digest.
///
/// # Errors
/// The value is not a digest.
pub(crate) fn digest(span: &ScalarSpan, repository: TagRepository) -> Result<ImageSite, String> {
    let digest = Digest::parse(&span.text).map_err(not_bumped)?;
    let image = repository.name.with(None, Some(digest));
    Ok(ImageSite {
        digest: Some(span.clone()),
        name_alone: true,
        ..site_of(span, image, SlotContent::Digest, repository)
    })
}

fn site_of(span: &ScalarSpan, image: ImageRef, content: SlotContent, repository: TagRepository) -> ImageSite {
    let mut site = site(span, image, content);
    site.field.has_repository = repository.is_known;
    ImageSite {
        registry: repository.registry,
        repository: repository.repository,
        ..site
    }
}

/// An image field with the value's path as its name.
fn site(span: &ScalarSpan, image: ImageRef, content: SlotContent) -> ImageSite {
    let name = match span.path.0.is_empty() {
        true => WHOLE_DOCUMENT.to_owned(),
        false => span.path.to_string(),
    };
    ImageSite::new(FieldName(name), image, span, content)
}
