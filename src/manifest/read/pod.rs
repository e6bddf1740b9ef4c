use crate::manifest::read::images::{ImageParts, Images, Precedence};
use crate::manifest::yaml::cursor::Cursor;
use crate::model::FieldName;
use crate::resource::{CONTAINERS, container_field, pod_spec_path};
use std::ops::Range;

/// The name of the image field of a volume.
pub(crate) fn volume_field(name: &str) -> String {
    format!("volume.{name}")
}

/// The pod spec of a Pod, of a CronJob, or of any kind with a pod template.
///
/// A patch is a part of an object. It may have ephemeral containers or volumes and no containers.
pub(crate) fn pod_spec<'a>(object: &Cursor<'a>, kind: &str) -> Option<Cursor<'a>> {
    let mut lists = CONTAINERS.iter().chain(&["volumes"]);
    object
        .walk(pod_spec_path(kind))
        .filter(|spec| lists.any(|list| spec.key(list).is_some_and(|list| list.is_sequence())))
}

/// The image fields of a pod spec.
///
/// Containers come first, so that a container takes precedence over an init container of the same name. The image of a
/// volume is the field `volume.<name>`; no container name has a dot. A container without a name, as a Knative Service
/// may have, is named by its index: `containers[0]`.
pub(crate) fn image_fields(spec: &Cursor<'_>, tokens: &[Range<usize>]) -> Images {
    let mut images = Images::default();
    for list in CONTAINERS {
        for (at, container) in spec.items_at(list).into_iter().enumerate() {
            let Some(image) = container.key("image").filter(|image| !image.is_null()) else {
                continue;
            };
            let name = container.key("name").and_then(|name| name.text());
            let name = container_field(name, list, at);
            images.add(FieldName(name), &ImageParts::whole(image), tokens);
        }
    }
    for volume in spec.items_at("volumes") {
        let reference = volume.walk(&["image", "reference"]).filter(|image| !image.is_null());
        if let (Some(name), Some(reference)) = (volume.key("name").and_then(|name| name.text()), reference) {
            images.add(FieldName(volume_field(&name)), &ImageParts::whole(reference), tokens);
        }
    }
    images.sort_and_deduplicate(Precedence::First);
    images
}
