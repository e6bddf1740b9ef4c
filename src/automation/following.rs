//! Fields that take the tag of another field of the repository after it has run well there.

use crate::model::{FieldId, ImageRef, ObjectId, RepoPath, Tag, TargetId};
use crate::plan::{AutomatedField, FollowedObject, Outcome, SeenObject, followed_tag};
use crate::policy::{Follow, Policy};
use crate::port::{DeclaredState, ObjectHealths};
use crate::resource::{ContainerImage, DesiredHash, Object, Origin, container_images};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A field, by its file.
type Place = (RepoPath, FieldId);

/// The followed fields, each under its follower.
pub(super) type Followed = BTreeMap<Place, FollowedField>;

/// A field that another one follows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FollowedField {
    place: Place,
    image: ImageRef,
    /// The objects that are declared with the image.
    objects: Vec<DeclaredObject>,
}

#[derive(Debug, Clone, PartialEq)]
struct DeclaredObject {
    target: TargetId,
    id: ObjectId,
    manifest: DesiredHash,
    images: Vec<ContainerImage>,
}

/// Finds the followed fields. A reference that leads nowhere, or in a circle, becomes the error of its follower's policy.
pub(super) fn resolve(declared: &DeclaredState, fields: &mut [AutomatedField]) -> Followed {
    let mut followed = Followed::new();
    for field in &mut *fields {
        let Some(follow) = field.policy.as_ref().ok().and_then(Policy::follows).cloned() else {
            continue;
        };
        match find(declared, &follow) {
            Ok(found) => drop(followed.insert((field.path.clone(), field.field.clone()), found)),
            Err(problem) => field.policy = Err(error(declared, field, &problem)),
        }
    }
    let circles: Vec<Place> = followed
        .keys()
        .filter(|place| is_circle(&followed, place))
        .cloned()
        .collect();
    for field in fields {
        let place = (field.path.clone(), field.field.clone());
        if circles.contains(&place) {
            followed.remove(&place);
            field.policy = Err(error(declared, field, "the fields follow each other in a circle"));
        }
    }
    followed
}

/// Whether a field follows itself, over however many others.
fn is_circle(followed: &Followed, start: &Place) -> bool {
    let mut seen = BTreeSet::new();
    let mut place = start;
    while let Some(next) = followed.get(place) {
        if next.place == *start {
            return true;
        }
        if !seen.insert(&next.place) {
            return false;
        }
        place = &next.place;
    }
    false
}

/// The problem with the place of the policy, where it stands in the file of the field.
fn error(declared: &DeclaredState, field: &AutomatedField, problem: &str) -> String {
    let mut documents = declared.images.documents();
    let document =
        documents.find(|document| *document.path() == field.path && document.object.id == field.field.object);
    let written = document.and_then(|document| document.automation.policy(&field.field.field));
    let position = written.map_or(field.position, |written| written.position);
    let policy = field.policy.as_ref().map(Policy::to_string).unwrap_or_default();
    format!("{}:{position}: policy {policy:?} cannot be used: {problem}", field.path)
}

fn find(declared: &DeclaredState, follow: &Follow) -> Result<FollowedField, String> {
    let documents = declared
        .images
        .documents()
        .filter(|document| *document.path() == follow.path);
    let mut is_file = false;
    let mut found = Vec::new();
    for document in documents {
        is_file = true;
        let id = &document.object.id;
        for image in &document.images {
            let short = format!("{}/{}/{}", id.kind, id.name, image.field.0);
            let namespace = id.namespace.as_deref().unwrap_or_default();
            let long = format!("{}/{namespace}/{}/{}", id.kind, id.name, image.field.0);
            if follow.field == short || follow.field == long {
                let field = FieldId {
                    object: id.clone(),
                    field: image.field.clone(),
                };
                found.push((field, image.image.clone()));
            }
        }
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some((field, image)), None) => Ok(FollowedField {
            objects: objects(declared, &follow.path, &field, &image),
            place: (follow.path.clone(), field),
            image,
        }),
        (Some(_), Some(_)) => Err(format!("{} has several fields {}", follow.path, follow.field)),
        (None, _) if is_file => Err(format!("{} has no image field {}", follow.path, follow.field)),
        (None, _) => Err(format!("no image is read in {}", follow.path)),
    }
}

/// The objects that are declared with the image of a field: the field's own, and those that are rendered of its folder.
fn objects(declared: &DeclaredState, path: &RepoPath, field: &FieldId, image: &ImageRef) -> Vec<DeclaredObject> {
    let is_of = |object: &Object| match &object.origin {
        Origin::File { path: of, .. } | Origin::Release { path: of, .. } => of == path && object.id == field.object,
        Origin::Rendered { folder } => {
            path.is_within(folder)
                && container_images(&object.value.value())
                    .iter()
                    .filter_map(|found| ImageRef::parse(&found.image).ok())
                    .any(|found| found.tag() == image.tag() && found.repository() == image.repository())
        }
    };
    let all = declared.targets.iter().flat_map(|(target, state)| {
        let own = state.objects.iter().filter(|object| is_of(object));
        own.map(|object| {
            let manifest = object.value.value();
            DeclaredObject {
                target: target.clone(),
                id: object.id.clone(),
                manifest: DesiredHash::of(&manifest),
                images: container_images(&manifest),
            }
        })
    });
    all.collect()
}

/// A field with the policy that takes exactly the tag that it follows; the field and the reason if it takes none now.
pub(super) fn effective(
    field: &AutomatedField,
    followed: &Followed,
    healths: &ObjectHealths,
    written: impl Fn(&FieldId) -> Timestamp,
    now: Timestamp,
) -> Result<AutomatedField, (Outcome, String)> {
    let follow = field.policy.as_ref().ok().and_then(Policy::follows);
    let place = (field.path.clone(), field.field.clone());
    let (Some(follow), Some(target)) = (follow, followed.get(&place)) else {
        return Err((Outcome::Unknown, "the field that it follows is not known".to_owned()));
    };
    let objects = target.objects.iter().map(|declared| {
        let known = healths.of(&declared.id).into_iter();
        let mut known = known.filter(|(of, _)| *of == declared.target);
        FollowedObject {
            object: declared.id.clone(),
            manifest: declared.manifest,
            images: declared.images.clone(),
            seen: known.next().map(|(_, health)| SeenObject {
                manifest: health.manifest,
                images: health.images,
                health: health.health,
                last_ready: health.last_ready,
            }),
        }
    });
    let objects: Vec<FollowedObject> = objects.collect();
    let tag: Tag = followed_tag(follow, &target.image, &objects, written(&target.place.1), now)?;
    Ok(AutomatedField {
        policy: Ok(Policy::only(&tag)),
        ..field.clone()
    })
}
