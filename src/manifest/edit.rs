use super::bounds;
use super::images::Site;
use super::read::{self, File};
use super::verify::{self, Planned};
use super::{Holds, Refused, Style, TagChange, value};
use crate::model::{Position, RepoPath, Tag};
use std::collections::BTreeMap;
use std::ops::Range;

/// Writes new tags into a file: only the bytes of the tags change. A tag that stands alone and that a YAML reader would
/// take for a number, a date or the like is written in double quotes.
///
/// # Errors
/// A field that is not there, or that cannot be rewritten with certainty; the reason says which and why.
pub fn set_tags(path: &RepoPath, bytes: &[u8], changes: &[TagChange]) -> Result<Vec<u8>, Refused> {
    if changes.is_empty() {
        return Ok(bytes.to_vec());
    }
    let refuse = |position, reason: String| Refused {
        path: path.clone(),
        position,
        reason: bounds::message(&reason),
    };
    let file = read::open(path, bytes);
    check_file(&file).map_err(|(position, reason)| refuse(position, reason))?;
    let json = verify::is_json(bytes);
    let mut edits: BTreeMap<usize, Edit> = BTreeMap::new();
    let mut planned = Vec::new();
    for change in changes {
        let (tree, site) = find(&file, change).map_err(|(position, reason)| refuse(position, reason))?;
        let position = site.field.position;
        let edit = rewrite(site, &change.tag, json).map_err(|reason| refuse(position, reason))?;
        let Some(edit) = edit else { continue };
        planned.push(Planned {
            tree,
            path: site.path.clone(),
            event: site.event,
            text: edit.text.clone(),
            position,
        });
        if let Some(other) = edits
            .insert(edit.span.start, edit.clone())
            .filter(|other| *other != edit)
        {
            let reason = format!(
                "its tag would be set to both {:?} and {:?}, since both fields share one text; set both to the same",
                other.text, edit.text
            );
            return Err(refuse(position, reason));
        }
    }
    let edited = apply(bytes, edits.values()).ok_or_else(|| {
        let first = planned.first().map_or(START, |planned| planned.position);
        refuse(first, "two of the changes overlap".to_owned())
    })?;
    verify::check(bytes, &edited, &file, &planned, json).map_err(|(position, reason)| refuse(position, reason))?;
    Ok(edited)
}

const START: Position = Position { line: 1, column: 1 };

/// A replacement of bytes, and the scalar's text after it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    span: Range<usize>,
    with: String,
    text: String,
}

fn check_file(file: &File) -> Result<(), (Position, String)> {
    if let Some(broken) = &file.broken {
        return Err((broken.position.unwrap_or(START), format!("the file {}", broken.reason)));
    }
    if file.encrypted {
        return Err((
            START,
            "the file is encrypted with SOPS, whose checksum an edit would break; edit it with sops".to_owned(),
        ));
    }
    Ok(())
}

fn find<'a>(file: &'a File, change: &TagChange) -> Result<(usize, &'a Site), (Position, String)> {
    let Some(object) = file
        .objects
        .iter()
        .find(|object| object.document.object == change.object)
    else {
        return Err((START, format!("{} is not in this file", change.object)));
    };
    if file.doubled.contains(&change.object) {
        let reason = format!("{} is in this file twice; remove one of the two", change.object);
        return Err((object.document.position, reason));
    }
    object
        .sites
        .iter()
        .find(|site| site.field.field == change.field)
        .map(|site| (object.tree, site))
        .ok_or_else(|| {
            let reason = if object.names.contains(&change.field) {
                format!("the image {} of {} is not a reference", change.field, change.object)
            } else {
                format!("{} has no image {}", change.object, change.field)
            };
            (object.document.position, reason)
        })
}

/// The replacement that puts the tag in; `None` if it is there already.
fn rewrite(site: &Site, tag: &Tag, json: bool) -> Result<Option<Edit>, String> {
    let field = &site.field;
    if field.image.digest().is_some() {
        return Err("it is pinned to a digest, which a new tag would contradict; remove the digest".to_owned());
    }
    let span = &field.slot.span;
    match field.slot.style {
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {}
        Style::Block => return Err("it is written as a block (| or >); write it in one line".to_owned()),
        Style::ManyLines => return Err("it is written over several lines; write it in one line".to_owned()),
        Style::Empty => return Err("nothing is written there; write a tag or \"\" there".to_owned()),
    }
    if span.len() != site.text.len() {
        return Err("it is written with escapes or line breaks; write it plainly".to_owned());
    }
    let kept = match field.slot.holds {
        Holds::Tag => 0,
        Holds::Reference => {
            let colon = site.text.rfind(':');
            colon
                .filter(|at| !site.text.get(*at..).unwrap_or_default().contains('/'))
                .map_or(site.text.len(), |at| at + 1)
        }
    };
    let untagged = field.slot.holds == Holds::Reference && kept == site.text.len() && !site.text.ends_with(':');
    let with = if untagged { format!(":{tag}") } else { tag.to_string() };
    let text = format!("{}{with}", site.text.get(..kept).unwrap_or_default());
    if text == site.text {
        return Ok(None);
    }
    if field.slot.style == Style::Plain && (json || value::is_retyped(&text)) {
        return Ok(Some(Edit {
            span: span.clone(),
            with: format!("\"{text}\""),
            text,
        }));
    }
    Ok(Some(Edit {
        span: span.start + kept..span.end,
        with,
        text,
    }))
}

/// Makes all replacements, or none if two overlap or one is outside the bytes.
fn apply<'a>(bytes: &[u8], edits: impl Iterator<Item = &'a Edit>) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(bytes.len() + 64);
    let mut done = 0;
    for edit in edits {
        edited.extend_from_slice(bytes.get(done..edit.span.start)?);
        edited.extend_from_slice(edit.with.as_bytes());
        done = edit.span.end;
    }
    edited.extend_from_slice(bytes.get(done..)?);
    Some(edited)
}
