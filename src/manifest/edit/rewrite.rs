use crate::manifest::document::Style;
use crate::manifest::read::images::{Site, Spot};
use crate::manifest::yaml::value;
use crate::model::{Digest, ImageRef, Tag};
use std::ops::Range;

/// What an image field shall say.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// Another tag of the same image.
    Tag(Tag, Option<Digest>),
    /// Another image.
    Image(ImageRef),
}

/// A replacement of bytes, and the scalar's text after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub span: Range<usize>,
    pub with: String,
    pub text: String,
}

/// The scalars that change, each with its replacement; none if the field says so already. Who asks for a whole
/// image gets the tag in quotes, too, where it needs them.
///
/// # Errors
/// Why it cannot be written with certainty.
pub(crate) fn rewrite<'a>(site: &'a Site, wanted: &Wanted, json: bool) -> Result<Vec<(&'a Spot, Edit)>, String> {
    let old = &site.field.image;
    let new = match wanted {
        Wanted::Tag(_, None) if old.digest().is_some() => {
            return Err("it is pinned to a digest, which a new tag would contradict; remove the digest".to_owned());
        }
        Wanted::Tag(tag, digest) => old.with(Some(tag.clone()), digest.clone()),
        Wanted::Image(image) => image.clone(),
    };
    if new == *old {
        let asked = matches!(wanted, Wanted::Image(_)) && !json;
        let tag = site.tag.iter().filter(|tag| asked && is_misread(tag));
        return tag.map(|tag| Ok((tag, edit(tag, tag.text.clone(), json)?))).collect();
    }
    texts(site, &new)?
        .into_iter()
        .filter(|(spot, text)| spot.text != *text)
        .map(|(spot, text)| Ok((spot, edit(spot, text, json)?)))
        .collect()
}

/// The tag is right and stands without the quotes that it needs.
fn is_misread(tag: &Spot) -> bool {
    tag.style == Style::Plain && value::is_retyped(&tag.text)
}

/// What each scalar of the field shall say.
fn texts<'a>(site: &'a Site, new: &ImageRef) -> Result<Vec<(&'a Spot, String)>, String> {
    let mut texts = Vec::new();
    let (registry, name) = names(site, new)?;
    texts.extend(site.registry.as_ref().zip(registry));
    let beside_tag = site.tag.as_ref().is_some_and(|tag| tag.text.contains('@'));
    let digest = site.digest.as_ref().filter(|_| !beside_tag);
    let suffix = match new.digest().filter(|_| digest.is_none()) {
        Some(written) => format!("@{written}"),
        None => String::new(),
    };
    match (&site.tag, &site.repository) {
        (Some(tag), repository) => {
            let new_tag = new
                .tag()
                .ok_or("its tag stands by itself, and the new image has none; name a tag")?;
            texts.push((tag, format!("{new_tag}{suffix}")));
            texts.extend(repository.as_ref().zip(name));
        }
        (None, Some(_)) if site.name_alone && new.tag().is_some() && new.digest().is_none() => {
            return Err("it has no tag; add one where it stands, or name a digest".to_owned());
        }
        (None, Some(repository)) if site.name_alone => texts.extend(name.map(|name| (repository, name))),
        (None, Some(repository)) => {
            let name = name.unwrap_or_else(|| bare(&repository.text).to_owned());
            let tag = new.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
            texts.push((repository, format!("{name}{tag}{suffix}")));
        }
        (None, None) => {
            new.digest()
                .ok_or("only its digest stands here, and the new image has none; name a digest")?;
        }
    }
    texts.extend(digest.map(|spot| (spot, new.digest().map(ToString::to_string).unwrap_or_default())));
    Ok(texts)
}

/// What the scalars of registry and name shall say; nothing where the name stays.
fn names(site: &Site, new: &ImageRef) -> Result<(Option<String>, Option<String>), String> {
    if new.name() == site.field.image.name() || !site.field.is_named {
        return Ok((None, None));
    }
    if site.name_matches {
        return Err("its name says which images are meant; give it a newName to change".to_owned());
    }
    if site.repository.is_none() {
        return Err("only its tag stands here; change the name where it is written".to_owned());
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
            "its registry stands by itself, and {new} names none; write the registry, too (docker.io)"
        )),
    }
}

/// A reference without its tag and digest.
pub(crate) fn bare(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or_default();
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

fn edit(spot: &Spot, text: String, json: bool) -> Result<Edit, String> {
    match spot.style {
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {}
        Style::Block => return Err("it is written as a block (| or >); write it in one line".to_owned()),
        Style::ManyLines => return Err("it is written over several lines; write it in one line".to_owned()),
        Style::Empty => return Err("nothing is written there; write a tag or \"\" there".to_owned()),
    }
    if spot.span.len() != spot.text.len() {
        return Err("it is written with escapes or line breaks; write it plainly".to_owned());
    }
    let quoted = spot.style == Style::Plain && (json || value::is_retyped(&text) || text.starts_with('['));
    Ok(Edit {
        span: spot.span.clone(),
        with: if quoted { format!("\"{text}\"") } else { text.clone() },
        text,
    })
}
