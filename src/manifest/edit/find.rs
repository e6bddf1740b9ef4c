use crate::manifest::edit::change::Refusal;
use crate::manifest::edit::verify::reread::START;
use crate::manifest::read::file::{File, FileObject};
use crate::manifest::read::image_site::{ImageSite, Problem};
use crate::model::{FieldName, ObjectId};
use std::collections::HashMap;

/// An image field, and the index of its document.
pub(crate) type Found<'a> = (usize, &'a ImageSite);

/// Checks that a file can be edited at all.
pub(crate) fn check_file(file: &File) -> Result<(), Refusal> {
    if let Some(error) = &file.error {
        return Err((error.position.unwrap_or(START), format!("the file {}", error.reason)));
    }
    if file.encrypted {
        return Err((
            START,
            "the file is encrypted with SOPS, and an edit would break its checksum; edit it with sops".to_owned(),
        ));
    }
    Ok(())
}

/// The image fields of the objects that the file declares once.
pub(crate) fn sites(file: &File) -> HashMap<(&ObjectId, &FieldName), Found<'_>> {
    let objects = file.objects.iter();
    let once = objects.filter(|object| !file.duplicates.contains(&object.document.object.id));
    once.flat_map(|object| {
        let sites = object.sites.iter();
        sites.map(move |site| ((&object.document.object.id, &site.field.field), (object.tree, site)))
    })
    .collect()
}

/// The object in a file.
///
/// # Errors
/// The file does not declare the object, or declares it twice.
pub(crate) fn find_object<'a>(file: &'a File, id: &ObjectId) -> Result<&'a FileObject, Refusal> {
    let Some(object) = file.objects.iter().find(|object| object.document.object.id == *id) else {
        return Err((START, format!("{id} is not in this file")));
    };
    if file.duplicates.contains(id) {
        let reason = format!("{id} is in this file twice; remove one of the two");
        return Err((object.document.position, reason));
    }
    Ok(object)
}

/// The image field of an object.
///
/// # Errors
/// The object has no such field, or the field's image cannot be read.
pub(crate) fn find<'a>(file: &'a File, id: &ObjectId, field: &FieldName) -> Result<Found<'a>, Refusal> {
    let object = find_object(file, id)?;
    object
        .sites
        .iter()
        .find(|site| site.field.field == *field)
        .map(|site| (object.tree, site))
        .ok_or_else(|| {
            if let Some(Problem { position, message }) = object.unreadable.get(field) {
                return (
                    *position,
                    format!("the image {field} of {id} cannot be read: {message}"),
                );
            }
            let reason = if object.names.contains(field) {
                format!(
                    "the image {field} of {id} is not a reference that can be read; write registry/name:tag on one line"
                )
            } else {
                format!("{id} has no image {field}")
            };
            (object.document.position, reason)
        })
}

/// Checks that only one field of an object has a name. A person who names a field that exists twice must choose; a bump
/// uses the first.
pub(crate) fn check_is_unique(file: &File, id: &ObjectId, field: &FieldName) -> Result<(), Refusal> {
    let object = find_object(file, id)?;
    let Some(duplicate) = object.duplicate_names.get(field) else {
        return Ok(());
    };
    let mut sites = object.sites.iter();
    let other = sites
        .find(|site| site.field.field == *field)
        .map(|site| format!(", the other is at {}", site.field.position));
    let other = other.unwrap_or_default();
    let reason = format!("there are two images with the name {field}{other}; rename one of the two");
    Err((*duplicate, reason))
}
