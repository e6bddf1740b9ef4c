use crate::manifest::{Document, ImageField, MarkerPolicy};
use crate::model::{Digest, FieldName, ImageRef, Tag};
use crate::plan::ImagePolicies;
use serde::Serialize;

/// One image field.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    object: Object,
    pub(super) field: FieldName,
    /// The image's name without tag and digest. Where only the marker's ImagePolicy names the image, the name of its
    /// repository; `None` where that ImagePolicy is not among the files.
    image: Option<String>,
    tag: Option<Tag>,
    digest: Option<Digest>,
    pub(super) automated: bool,
    pub(super) locked: bool,
    pub(super) policy: Option<String>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl Row {
    /// The cells of the table: field, image, state, policy, position.
    pub(super) fn cells(&self) -> [String; 5] {
        let object = &self.object;
        let namespace = object.namespace.as_ref().map(|name| format!("{name}/"));
        let namespace = namespace.unwrap_or_default();
        let mut image = self.image.clone().unwrap_or_else(|| "?".to_owned());
        if let Some(tag) = &self.tag {
            image += &format!(":{tag}");
        }
        if let Some(digest) = &self.digest {
            image += &format!("@{digest}");
        }
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
            format!("{}:{}:{}", self.file, self.line, self.column),
        ]
    }
}

/// The rows of a document in a file.
pub(super) fn of_document(file: &str, document: &Document, policies: &ImagePolicies<'_>) -> Vec<Row> {
    let object = Object {
        api_version: document.object.api_version.clone(),
        kind: document.object.id.kind.clone(),
        namespace: document.object.id.namespace.clone(),
        name: document.object.id.name.clone(),
    };
    let row = |image: &ImageField| Row {
        file: file.to_owned(),
        line: image.position.line,
        column: image.position.column,
        object: object.clone(),
        field: image.field.clone(),
        image: match repository(image, policies) {
            None => Some(image.image.name().to_owned()),
            Some(found) => found.ok().map(|repository| repository.name().to_owned()),
        },
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
