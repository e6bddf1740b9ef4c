use crate::manifest::read::image_site::{ImageSite, ScalarSpan};
use crate::manifest::yaml::events::Style;
use crate::manifest::yaml::retyped::is_retyped;
use crate::model::{Digest, ImageRef, Tag};
use std::ops::Range;

/// The new value of an image field.
#[derive(Debug, Clone)]
pub(crate) enum NewImage {
    /// Another tag, and another name if one is given.
    Tag {
        name: Option<ImageRef>,
        tag: Tag,
        digest: Option<Digest>,
    },
    /// Another image.
    Image(ImageRef),
}

/// A replacement of bytes, and the scalar's text after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub span: Range<usize>,
    /// The bytes that replace the span: the text, in quotes if it needs them.
    pub with: String,
    pub text: String,
}

/// The scalars that change, each with its replacement; none if the field has the new value already.
///
/// With [`NewImage::Image`], an unquoted tag that needs quotes gets them even if the tag itself does not change.
///
/// # Errors
/// Why the new value cannot be written with certainty.
pub(crate) fn rewrite<'a>(
    site: &'a ImageSite,
    new_image: &NewImage,
    json: bool,
) -> Result<Vec<(&'a ScalarSpan, Edit)>, String> {
    let old = &site.field.image;
    let new = match new_image {
        NewImage::Tag { digest: None, .. } if old.digest().is_some() => {
            return Err("it is pinned to a digest, which a new tag would contradict; remove the digest".to_owned());
        }
        NewImage::Tag { name: Some(_), .. } if !site.field.has_repository => {
            return Err(
                "the file has no name of the image that could change; write the name beside the tag".to_owned(),
            );
        }
        NewImage::Tag { name, tag, digest } => name.as_ref().unwrap_or(old).with(Some(tag.clone()), digest.clone()),
        NewImage::Image(image) => image.clone(),
    };
    if new == *old {
        let quotes = matches!(new_image, NewImage::Image(_)) && !json;
        let tag = site.tag.iter().filter(|tag| quotes && needs_quotes(tag));
        return tag.map(|tag| Ok((tag, edit(tag, tag.text.clone(), json)?))).collect();
    }
    texts(site, &new)?
        .into_iter()
        .filter(|(scalar, text)| scalar.text != *text)
        .map(|(scalar, text)| Ok((scalar, edit(scalar, text, json)?)))
        .collect()
}

/// Whether a scalar has no quotes, and YAML readers take it for another type.
fn needs_quotes(scalar: &ScalarSpan) -> bool {
    scalar.style == Style::Plain && is_retyped(&scalar.text)
}

/// The new text of each scalar of the field.
fn texts<'a>(site: &'a ImageSite, new: &ImageRef) -> Result<Vec<(&'a ScalarSpan, String)>, String> {
    let mut texts = Vec::new();
    let (registry, name) = names(site, new)?;
    texts.extend(site.registry.as_ref().zip(registry));
    let digest_in_tag = site.tag.as_ref().is_some_and(|tag| tag.text.contains('@'));
    let digest = site.digest.as_ref().filter(|_| !digest_in_tag);
    let suffix = match new.digest().filter(|_| digest.is_none()) {
        Some(written) => format!("@{written}"),
        None => String::new(),
    };
    match (&site.tag, &site.repository) {
        (Some(tag), repository) => {
            let new_tag = new
                .tag()
                .ok_or("its tag has a field of its own, and the new image has no tag; name a tag")?;
            texts.push((tag, format!("{new_tag}{suffix}")));
            texts.extend(repository.as_ref().zip(name));
        }
        (None, Some(_)) if site.name_alone && new.tag().is_some() && new.digest().is_none() => {
            return Err("it has no tag; add a tag to the file, or name a digest".to_owned());
        }
        (None, Some(_)) if site.name_alone && digest.is_some() && new.digest().is_none() => {
            return Err("the file has only its digest, and the new image has none; name a digest".to_owned());
        }
        (None, Some(repository)) if site.name_alone => texts.extend(name.map(|name| (repository, name))),
        (None, Some(repository)) => {
            let name = name.unwrap_or_else(|| without_tag(&repository.text).to_owned());
            let tag = new.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
            texts.push((repository, format!("{name}{tag}{suffix}")));
        }
        (None, None) => {
            new.digest()
                .ok_or("the file has only its digest, and the new image has none; name a digest")?;
        }
    }
    texts.extend(digest.map(|scalar| (scalar, new.digest().map(ToString::to_string).unwrap_or_default())));
    Ok(texts)
}

/// The new texts of the registry's and the name's scalars; `None` for a scalar that does not change.
fn names(site: &ImageSite, new: &ImageRef) -> Result<(Option<String>, Option<String>), String> {
    if new.name() == site.field.image.name() || !site.field.has_repository {
        return Ok((None, None));
    }
    if site.name_matches {
        return Err("its name selects the images that the entry is for; add a newName to change the image".to_owned());
    }
    if site.repository.is_none() {
        return Err("the file has only its tag; change the name in the file that has the name".to_owned());
    }
    let Some(registry) = &site.registry else {
        return Ok((None, Some(new.name().to_owned())));
    };
    let prefix = registry.text.trim_end_matches('/');
    if let Some(path) = new.name().strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) {
        return Ok((None, Some(path.to_owned())));
    }
    match new.host() {
        Some(host) => Ok((Some(host.to_owned()), Some(new.path().to_owned()))),
        None => Err(format!(
            "its registry has a field of its own, and {new} names no registry; name the registry, too (docker.io)"
        )),
    }
}

/// A reference without its tag and digest.
pub(crate) fn without_tag(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or_default();
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

/// The replacement of a scalar's text.
fn edit(scalar: &ScalarSpan, text: String, json: bool) -> Result<Edit, String> {
    match scalar.style {
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {}
        Style::Block => return Err("it is written as a block (| or >); write it on one line".to_owned()),
        Style::ManyLines => return Err("it is written over several lines; write it on one line".to_owned()),
        Style::Empty => return Err("its value is empty; write a tag or \"\" there".to_owned()),
    }
    if scalar.span.len() != scalar.text.len() {
        return Err("it is written with escapes or line breaks; write it without them".to_owned());
    }
    let quoted = scalar.style == Style::Plain && (json || is_retyped(&text) || text.starts_with('['));
    Ok(Edit {
        span: scalar.span.clone(),
        with: if quoted { format!("\"{text}\"") } else { text.clone() },
        text,
    })
}
