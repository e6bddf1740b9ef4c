use crate::manifest::{Document, ImageField, MarkerPolicy};
use crate::model::{Digest, FieldName, ImageRef, ObjectId, Position, Tag};
use crate::plan::{self, ImagePolicies};
use serde::Serialize;

/// One image field.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) position: Position,
    object: ObjectId,
    pub(super) field: FieldName,
    /// The image as it stands in the file. Where only the marker's ImagePolicy names the image, its repository with the tag
    /// in the file; `None` where that ImagePolicy is not among the files.
    image: Option<String>,
    /// The name that the image gets with its next tag, if its marker asks for another name.
    #[serde(rename = "newName", skip_serializing_if = "Option::is_none")]
    new_name: Option<String>,
    tag: Option<Tag>,
    digest: Option<Digest>,
    pub(super) automated: bool,
    pub(super) locked: bool,
    pub(super) policy: Option<String>,
}

impl Row {
    /// The cells of the table: field, image, state, policy, position.
    pub(super) fn cells(&self) -> [String; 5] {
        let object = &self.object;
        let namespace = object.namespace.as_ref().map(|name| format!("{name}/"));
        let namespace = namespace.unwrap_or_default();
        let image = self
            .image
            .clone()
            .unwrap_or_else(|| with_version("?", self.tag.as_ref(), self.digest.as_ref()));
        let image = match &self.new_name {
            Some(name) => format!("{image} -> {name}"),
            None => image,
        };
        let state = match (self.automated, self.locked) {
            (true, true) => "automated, locked",
            (true, false) => "automated",
            (false, true) => "locked",
            (false, false) => "-",
        };
        [
            format!("{} {namespace}{} {}", object.kind, object.name, self.field),
            image,
            state.to_owned(),
            self.policy.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}:{}", self.path, self.position),
        ]
    }
}

/// The rows of a document in a file.
pub(super) fn of_document(file: &str, document: &Document, policies: &ImagePolicies<'_>) -> Vec<Row> {
    let row = |image: &ImageField| Row {
        path: file.to_owned(),
        position: image.position,
        object: document.object.id.clone(),
        field: image.field.clone(),
        image: match repository(image, policies) {
            None => Some(image.image.to_string()),
            Some(found) => found
                .ok()
                .map(|repository| with_version(repository.name(), image.image.tag(), image.image.digest())),
        },
        new_name: plan::new_name(image, policies)
            .ok()
            .flatten()
            .map(|name| name.name().to_owned()),
        tag: image.image.tag().cloned(),
        digest: image.image.digest().cloned(),
        automated: document.automation.automated || image.marker.is_some(),
        locked: document.automation.lock.is_some(),
        policy: match &image.marker {
            Some(marker) => written(&marker.policy),
            None => document
                .automation
                .policy(&image.field)
                .map(|policy| policy.text.clone()),
        },
    };
    document.images.iter().map(row).collect()
}

fn with_version(name: &str, tag: Option<&Tag>, digest: Option<&Digest>) -> String {
    let tag = tag.map_or(String::new(), |tag| format!(":{tag}"));
    let digest = digest.map_or(String::new(), |digest| format!("@{digest}"));
    format!("{name}{tag}{digest}")
}

/// The repository of an image that only its marker's ImagePolicy names.
pub(super) fn repository(image: &ImageField, policies: &ImagePolicies<'_>) -> Option<Result<ImageRef, String>> {
    match &image.marker.as_ref().filter(|_| !image.has_repository)?.policy {
        MarkerPolicy::ImagePolicy { namespace, name } => Some(policies.repository(namespace, name)),
        MarkerPolicy::Text(_) => None,
    }
}

/// A marker's policy as output shows it; `None` where the marker has none.
fn written(policy: &MarkerPolicy) -> Option<String> {
    match policy {
        MarkerPolicy::Text(text) => (!text.is_empty()).then(|| text.clone()),
        MarkerPolicy::ImagePolicy { namespace, name } => Some(format!("ImagePolicy {namespace}/{name}")),
    }
}
