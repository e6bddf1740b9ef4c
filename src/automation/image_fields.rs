use super::automated_fields::fields;
use crate::model::{FieldId, HoldUntil, ImageRef, RepoPath};
use crate::plan::AutomatedField;
use crate::port::DeclaredState;
use std::collections::{BTreeMap, BTreeSet};

/// An image field that can be held or bumped, automated or not.
#[derive(Debug, Clone)]
pub(crate) struct DeclaredField {
    /// The file that the field is in.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// The image, named as bumps name it.
    pub image: ImageRef,
    /// The name that the next bump writes: it differs from the image's name if a marker asks for another.
    pub bumped_name: String,
    /// What ends a hold, where the workload says it.
    pub hold: Option<HoldUntil>,
}

/// All image fields of a commit, in the order of their files. Several files can have the same field: an object, and a patch of
/// an overlay. Then the files whose field is bumped count, or the first file if none of them is bumped.
pub(crate) fn image_fields(declared: &DeclaredState) -> Vec<DeclaredField> {
    let bumped: BTreeMap<(RepoPath, FieldId), AutomatedField> = fields(declared)
        .into_iter()
        .map(|field| ((field.path.clone(), field.field.clone()), field))
        .collect();
    let bumped_ids: BTreeSet<&FieldId> = bumped.keys().map(|(_, field)| field).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for document in declared.images.documents() {
        for image in &document.images {
            let field = FieldId {
                object: document.object.id.clone(),
                field: image.field.clone(),
            };
            let key = (document.path().clone(), field.clone());
            let bumped = bumped.get(&key);
            let counts = match bumped {
                Some(_) => seen.insert(key),
                None => !bumped_ids.contains(&field) && seen.insert((RepoPath::default(), field.clone())),
            };
            if !counts {
                continue;
            }
            found.push(DeclaredField {
                path: document.path().clone(),
                image: bumped.map_or_else(|| image.image.clone(), |bumped| bumped.image.clone()),
                bumped_name: bumped
                    .map_or(&image.image, AutomatedField::bumped_image)
                    .name()
                    .to_owned(),
                hold: bumped.map_or(document.automation.hold, |bumped| bumped.hold),
                field,
            });
        }
    }
    found
}
