use crate::manifest::read::images::{ImageParts, Images, Precedence};
use crate::manifest::yaml::cursor::Cursor;
use crate::model::FieldName;
use std::ops::Range;

/// The pod spec of a Pod, of a CronJob, or of any kind with a pod template.
///
/// A patch is a part of an object. It may have ephemeral containers or volumes and no containers.
pub(crate) fn pod_spec<'a>(object: &Cursor<'a>, kind: &str) -> Option<Cursor<'a>> {
    match kind {
        "Pod" => object.key("spec"),
        "CronJob" => object.walk(&["spec", "jobTemplate", "spec", "template", "spec"]),
        "PodTemplate" => object.walk(&["template", "spec"]),
        _ => object.walk(&["spec", "template", "spec"]),
    }
    .filter(|spec| {
        ["containers", "initContainers", "ephemeralContainers", "volumes"]
            .iter()
            .any(|list| spec.key(list).is_some_and(|list| list.is_sequence()))
    })
}

/// The image fields of a pod spec.
///
/// Containers come first, so that a container takes precedence over an init container of the same name. The image of a
/// volume is the field `volume.<name>`; no container name has a dot. A container without a name, as a Knative Service
/// may have, is named by its index: `containers[0]`.
pub(crate) fn image_fields(spec: &Cursor<'_>, tokens: &[Range<usize>]) -> Images {
    let mut images = Images::default();
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for (at, container) in spec.items_at(list).into_iter().enumerate() {
            let Some(image) = container.key("image").filter(|image| !image.is_null()) else {
                continue;
            };
            let name = container.key("name").and_then(|name| name.text());
            let name = name.unwrap_or_else(|| format!("{list}[{at}]"));
            images.add(FieldName(name), &ImageParts::whole(image), tokens);
        }
    }
    for volume in spec.items_at("volumes") {
        let reference = volume.walk(&["image", "reference"]).filter(|image| !image.is_null());
        if let (Some(name), Some(reference)) = (volume.key("name").and_then(|name| name.text()), reference) {
            images.add(
                FieldName(format!("volume.{name}")),
                &ImageParts::whole(reference),
                tokens,
            );
        }
    }
    images.sort_and_deduplicate(Precedence::First);
    images
}
