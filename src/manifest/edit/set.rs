use crate::manifest::edit::change::{ImageChange, Refusal, Refused, TagChange};
use crate::manifest::edit::find::{check_file, check_is_unique, find, sites};
use crate::manifest::edit::rewrite::{self, Edit, NewImage};
use crate::manifest::edit::verify::reread::{START, is_json};
use crate::manifest::edit::verify::scalars::{self, PlannedScalar};
use crate::manifest::read::file::File;
use crate::manifest::read::image_site::ImageSite;
use crate::manifest::read::open::open;
use crate::manifest::yaml::limits;
use crate::model::{FieldName, ObjectId, RepoPath};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A field of an object, and its new value.
type Change<'a> = (&'a ObjectId, &'a FieldName, NewImage);

/// Writes new tags into a file, and new names where a change has one. Only the bytes of the tags and names change. A tag without quotes that a YAML reader would take
/// for a number, a date or the like is written in double quotes.
///
/// # Errors
/// A field does not exist or cannot be rewritten with certainty; the reason names the field and says why.
pub fn set_tags(path: &RepoPath, bytes: &[u8], changes: &[TagChange]) -> Result<Vec<u8>, Refused> {
    if changes.is_empty() {
        return Ok(bytes.to_vec());
    }
    let changes = changes.iter().map(|change| {
        let new = NewImage::Tag {
            name: change.name.clone(),
            tag: change.tag.clone(),
            digest: change.digest.clone(),
        };
        (&change.object, &change.field, new)
    });
    let changes: Vec<Change<'_>> = changes.collect();
    set(bytes, &open(path, bytes), &changes).map_err(|refusal| refused(path, refusal))
}

/// Writes new images into a file. Name, tag and digest are written where the field keeps them: in one scalar, or in the
/// scalars of registry, repository, tag and digest. Only the bytes of these scalars change. If the new image has no
/// digest, the old digest is removed.
///
/// # Errors
/// As [`set_tags`]; also if the field has no scalar for a part of the image, or if several changes name one field.
pub fn set_images(path: &RepoPath, bytes: &[u8], changes: &[ImageChange]) -> Result<Vec<u8>, Refused> {
    if changes.is_empty() {
        return Ok(bytes.to_vec());
    }
    let file = open(path, bytes);
    check_unambiguous(&file, changes).map_err(|refusal| refused(path, refusal))?;
    let changes = changes
        .iter()
        .map(|change| (&change.object, &change.field, NewImage::Image(change.image.clone())));
    let changes: Vec<Change<'_>> = changes.collect();
    set(bytes, &file, &changes).map_err(|refusal| refused(path, refusal))
}

/// The names of all image fields of an object, including those that cannot be read. A command for all fields of an
/// object must not leave one out.
pub(crate) fn image_fields(path: &RepoPath, bytes: &[u8], id: &ObjectId) -> BTreeSet<FieldName> {
    let file = open(path, bytes);
    let mut objects = file.objects.into_iter();
    let object = objects.find(|object| object.document.object.id == *id);
    object.map(|object| object.names).unwrap_or_default()
}

pub(crate) fn refused(path: &RepoPath, (position, reason): Refusal) -> Refused {
    Refused {
        path: path.clone(),
        position,
        reason: limits::safe_message(&reason),
    }
}

/// Checks that each change names one field, and that no two changes contradict each other.
fn check_unambiguous(file: &File, changes: &[ImageChange]) -> Result<(), Refusal> {
    let mut images = HashMap::new();
    for ImageChange { object, field, image } in changes {
        check_is_unique(file, object, field)?;
        if let Some(other) = images.insert((object, field), image).filter(|other| *other != image) {
            let (_, site) = find(file, object, field)?;
            let reason = format!("the image {field} is named twice, with {other} and {image}; name it once");
            return Err((site.field.position, reason));
        }
    }
    Ok(())
}

fn set(bytes: &[u8], file: &File, changes: &[Change<'_>]) -> Result<Vec<u8>, Refusal> {
    check_file(file)?;
    let json = is_json(bytes);
    let (edits, planned) = plan(file, changes, json)?;
    let edited = apply(bytes, edits.values()).ok_or_else(|| {
        let first = planned.first().map_or(START, |planned| planned.position);
        (first, "two of the changes overlap".to_owned())
    })?;
    scalars::check(bytes, &edited, file, &planned, json)?;
    check_other_fields(file, changes, &planned)?;
    Ok(edited)
}

/// The replacements by their first byte, and the scalars that they change.
fn plan(
    file: &File,
    changes: &[Change<'_>],
    json: bool,
) -> Result<(BTreeMap<usize, Edit>, Vec<PlannedScalar>), Refusal> {
    let sites = sites(file);
    let mut edits: BTreeMap<usize, Edit> = BTreeMap::new();
    let mut planned = Vec::new();
    for (object, field, new) in changes {
        let (tree, site) = match sites.get(&(*object, *field)) {
            Some(found) => *found,
            None => find(file, object, field)?,
        };
        let rewritten = rewrite::rewrite(site, new, json).map_err(|reason| (site.field.position, reason))?;
        for (scalar, edit) in rewritten {
            planned.push(PlannedScalar {
                tree,
                path: scalar.path.clone(),
                event: scalar.event,
                text: edit.text.clone(),
                position: scalar.position,
            });
            if let Some(other) = edits
                .insert(edit.span.start, edit.clone())
                .filter(|other| *other != edit)
            {
                let reason = format!(
                    "two fields share its text, which would be set to both {:?} and {:?}; set both fields to the same image",
                    other.text, edit.text
                );
                return Err((scalar.position, reason));
            }
        }
    }
    Ok((edits, planned))
}

/// Makes all replacements; `None` if two overlap or one is outside the bytes.
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

/// Checks that the fields without a change keep their image. A field may take its name from a scalar of another field.
fn check_other_fields(file: &File, changes: &[Change<'_>], planned: &[PlannedScalar]) -> Result<(), Refusal> {
    let changed: HashSet<(&ObjectId, &FieldName)> = changes.iter().map(|(id, field, _)| (*id, *field)).collect();
    let mut by_event = HashMap::new();
    for one in planned {
        by_event.entry(one.event).or_insert(one);
    }
    for object in &file.objects {
        let is_other = |site: &&ImageSite| !changed.contains(&(&object.document.object.id, &site.field.field));
        for site in object.sites.iter().filter(is_other) {
            let main = site.main().map(|scalar| scalar.event);
            for scalar in site.scalars() {
                let changes = |planned: &&PlannedScalar| {
                    main == Some(scalar.event)
                        || rewrite::without_tag(&planned.text) != rewrite::without_tag(&scalar.text)
                };
                if let Some(planned) = by_event.get(&scalar.event).copied().filter(changes) {
                    let reason = format!(
                        "the image {} uses this text, too, and would change; set both fields",
                        site.field.field
                    );
                    return Err((planned.position, reason));
                }
            }
        }
    }
    Ok(())
}
