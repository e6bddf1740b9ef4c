use crate::manifest::document::{ImageChange, Refused, TagChange};
use crate::manifest::edit::rewrite::{self, Edit, Wanted};
use crate::manifest::edit::verify::{self, Planned};
use crate::manifest::read::images::Site;
use crate::manifest::read::{self, File, Object};
use crate::manifest::yaml::limits;
use crate::model::{FieldName, ObjectId, Position, RepoPath};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Writes new tags into a file: only the bytes of the tags change. A tag that stands alone and that a YAML reader would
/// take for a number, a date or the like is written in double quotes.
///
/// # Errors
/// A field that is not there, or that cannot be rewritten with certainty; the reason says which and why.
pub fn set_tags(path: &RepoPath, bytes: &[u8], changes: &[TagChange]) -> Result<Vec<u8>, Refused> {
    let wanted = changes.iter().map(|change| {
        let wanted = Wanted::Tag(change.tag.clone(), change.digest.clone());
        (&change.object, &change.field, wanted)
    });
    set(path, bytes, wanted.collect())
}

/// Writes new images into a file: name, tag and digest go where the field keeps them (one scalar, or those of
/// registry, repository, tag and digest), and only their bytes change. A digest that the new image does not have is
/// taken away.
///
/// # Errors
/// As [`set_tags`], and an image whose parts the field has no place for.
pub fn set_images(path: &RepoPath, bytes: &[u8], changes: &[ImageChange]) -> Result<Vec<u8>, Refused> {
    if changes.is_empty() {
        return Ok(bytes.to_vec());
    }
    let file = read::open(path, bytes);
    let refuse = |(position, reason): (Position, String)| Refused {
        path: path.clone(),
        position,
        reason: limits::message(&reason),
    };
    let mut images = HashMap::new();
    for ImageChange { object, field, image } in changes {
        is_one(&file, object, field).map_err(refuse)?;
        if let Some(other) = images.insert((object, field), image).filter(|other| *other != image) {
            let position = find(&file, object, field).map_err(refuse)?.1.field.position;
            let reason = format!("the image {field} is named twice, with {other} and {image}; name it once");
            return Err(refuse((position, reason)));
        }
    }
    let wanted = changes
        .iter()
        .map(|change| (&change.object, &change.field, Wanted::Image(change.image.clone())));
    set(path, bytes, wanted.collect())
}

/// The names of all image fields of an object, also of those that cannot be read: nothing that stands for all of them may
/// leave one out.
pub fn image_fields(path: &RepoPath, bytes: &[u8], wanted: &ObjectId) -> BTreeSet<FieldName> {
    let file = read::open(path, bytes);
    let mut objects = file.objects.into_iter();
    let object = objects.find(|object| object.document.object.id == *wanted);
    object.map(|object| object.names).unwrap_or_default()
}

/// A name that two fields have names neither: a bump has to take one, a person is asked.
fn is_one(file: &File, object: &ObjectId, field: &FieldName) -> Result<(), (Position, String)> {
    let object = find_object(file, object)?;
    let Some(trouble) = object.trouble(&format!("there are two images with the name {field}; only the first")) else {
        return Ok(());
    };
    let mut sites = object.sites.iter();
    let other = sites
        .find(|site| site.field.field == *field)
        .map(|site| format!(", the other is at {}", site.field.position));
    let other = other.unwrap_or_default();
    let reason = format!("there are two images with the name {field}{other}; rename one of the two");
    Err((trouble.position, reason))
}

fn set(path: &RepoPath, bytes: &[u8], changes: Vec<(&ObjectId, &FieldName, Wanted)>) -> Result<Vec<u8>, Refused> {
    if changes.is_empty() {
        return Ok(bytes.to_vec());
    }
    let refuse = |position, reason: String| Refused {
        path: path.clone(),
        position,
        reason: limits::message(&reason),
    };
    let file = read::open(path, bytes);
    check_file(&file).map_err(|(position, reason)| refuse(position, reason))?;
    let json = verify::is_json(bytes);
    let sites = sites(&file);
    let mut edits: BTreeMap<usize, Edit> = BTreeMap::new();
    let mut planned = Vec::new();
    for (object, field, wanted) in &changes {
        let (tree, site) = match sites.get(&(*object, *field)) {
            Some(found) => *found,
            None => find(&file, object, field).map_err(|(position, reason)| refuse(position, reason))?,
        };
        let rewritten = rewrite::rewrite(site, wanted, json).map_err(|reason| refuse(site.field.position, reason))?;
        for (spot, edit) in rewritten {
            planned.push(Planned {
                tree,
                path: spot.path.clone(),
                event: spot.event,
                text: edit.text.clone(),
                position: spot.position,
            });
            if let Some(other) = edits
                .insert(edit.span.start, edit.clone())
                .filter(|other| *other != edit)
            {
                let reason = format!(
                    "its text would be set to both {:?} and {:?}, since both fields share one; set both to the same",
                    other.text, edit.text
                );
                return Err(refuse(spot.position, reason));
            }
        }
    }
    let edited = apply(bytes, edits.values()).ok_or_else(|| {
        let first = planned.first().map_or(START, |planned| planned.position);
        refuse(first, "two of the changes overlap".to_owned())
    })?;
    verify::check(bytes, &edited, &file, &planned, json).map_err(|(position, reason)| refuse(position, reason))?;
    others_stay(&file, &changes, &planned).map_err(|(position, reason)| refuse(position, reason))?;
    Ok(edited)
}

/// The image fields of the objects that stand in the file once.
fn sites(file: &File) -> HashMap<(&ObjectId, &FieldName), (usize, &Site)> {
    let objects = file.objects.iter();
    let once = objects.filter(|object| !file.doubled.contains(&object.document.object.id));
    once.flat_map(|object| {
        let sites = object.sites.iter();
        sites.map(move |site| ((&object.document.object.id, &site.field.field), (object.tree, site)))
    })
    .collect()
}

/// Fields that nobody asked to change keep their image, also where it takes its name from a scalar that changes.
fn others_stay(
    file: &File,
    changes: &[(&ObjectId, &FieldName, Wanted)],
    planned: &[Planned],
) -> Result<(), (Position, String)> {
    let all: HashSet<(&ObjectId, &FieldName)> = changes.iter().map(|(id, field, _)| (*id, *field)).collect();
    let mut texts = HashMap::new();
    for one in planned {
        texts.entry(one.event).or_insert(one);
    }
    for object in &file.objects {
        let asked = |site: &&Site| all.contains(&(&object.document.object.id, &site.field.field));
        for site in object.sites.iter().filter(|site| !asked(site)) {
            let main = site.main().map(|spot| spot.event);
            for spot in [&site.registry, &site.repository, &site.tag, &site.digest]
                .into_iter()
                .flatten()
            {
                let taken = texts.get(&spot.event).copied();
                let changes = |planned: &&Planned| {
                    main == Some(spot.event) || rewrite::bare(&planned.text) != rewrite::bare(&spot.text)
                };
                if let Some(planned) = taken.filter(changes) {
                    let field = &site.field.field;
                    return Err((
                        planned.position,
                        format!("the image {field} takes this text, too, and would change; set both"),
                    ));
                }
            }
        }
    }
    Ok(())
}

const START: Position = Position { line: 1, column: 1 };

pub(crate) fn check_file(file: &File) -> Result<(), (Position, String)> {
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

/// The one object of this name in the file.
pub(crate) fn find_object<'a>(file: &'a File, wanted: &ObjectId) -> Result<&'a Object, (Position, String)> {
    let Some(object) = file.objects.iter().find(|object| object.document.object.id == *wanted) else {
        return Err((START, format!("{wanted} is not in this file")));
    };
    if file.doubled.contains(wanted) {
        let reason = format!("{wanted} is in this file twice; remove one of the two");
        return Err((object.document.position, reason));
    }
    Ok(object)
}

fn find<'a>(file: &'a File, wanted: &ObjectId, field: &FieldName) -> Result<(usize, &'a Site), (Position, String)> {
    let object = find_object(file, wanted)?;
    object
        .sites
        .iter()
        .find(|site| site.field.field == *field)
        .map(|site| (object.tree, site))
        .ok_or_else(|| {
            let why = format!("{field} is not bumped: ");
            if let Some(trouble) = object.trouble(&why) {
                let why = trouble.message.strip_prefix(&why).unwrap_or_default();
                return (trouble.position, format!("the image {field} of {wanted} cannot be read: {why}"));
            }
            let reason = if object.names.contains(field) {
                format!("the image {field} of {wanted} is no reference that can be read; write registry/name:tag in one line")
            } else {
                format!("{wanted} has no image {field}")
            };
            (object.document.position, reason)
        })
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
