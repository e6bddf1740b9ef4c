use super::group::{Group, groups};
use crate::manifest::{AutomationIntent, Document, ImageField, Lock};
use crate::model::{FieldId, FieldName, HoldUntil, ImageRef, Position, RepoPath, Repository};
use crate::policy::Policy;
use serde_json::Value;

/// An image field that is kept up to date: its workload is automated, or the field has a marker.
#[derive(Debug, Clone, PartialEq)]
pub struct AutomatedField {
    /// The file.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// The image as written.
    pub image: ImageRef,
    /// The name that the image gets together with its next tag, if the field's marker asks for another name. The tags of this
    /// repository are the candidates then.
    pub new_name: Option<ImageRef>,
    /// The other repositories that the tag is rendered with: overlays may give an image a name of their own. The tag must be
    /// chosen in each of them.
    pub others: Vec<ImageRef>,
    /// The position of the tag in the file.
    pub position: Position,
    /// The policy, or why the written policy cannot be used, with its file and position.
    pub policy: Result<Policy, String>,
    /// The lock, if the workload is locked.
    pub lock: Option<Lock>,
    /// What ends a hold, if the workload says it.
    pub hold: Option<HoldUntil>,
    /// Whether a rollout that fails takes a bump back, if the workload says it.
    pub revert_on_failure: Option<bool>,
    /// The group that the field moves with, if it is in one. A tag that reaches workloads of several groups is in all of them,
    /// and its policy says that it is not bumped.
    pub groups: Vec<Group>,
}

impl AutomatedField {
    /// The image with the name that a bump writes: the tags of its repository are the candidates.
    pub fn bumped_image(&self) -> &ImageRef {
        self.new_name.as_ref().unwrap_or(&self.image)
    }

    /// The repositories whose tags a decision about the field needs.
    pub fn repositories(&self) -> Vec<Repository> {
        let images = std::iter::once(self.bumped_image()).chain(&self.others);
        images.map(ImageRef::repository).collect()
    }
}

/// Why the images of an object can never change, if they cannot: the API server refuses to change the template of a Job.
pub(super) fn immutable(object: &Value) -> Option<String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let is_job = text("/kind") == "Job" && text("/apiVersion").starts_with("batch/");
    let is_recreated = text("/metadata/annotations/tidegate.dev~1recreate") == "true";
    (is_job && !is_recreated).then(|| {
        "the template of a Job cannot change once the Job exists, so that a bump could never be applied; use a CronJob, \
         let what makes the Job write its image and a new name, or annotate the Job tidegate.dev/recreate: \"true\" to have it \
         deleted and run anew"
            .to_owned()
    })
}

/// [`immutable`] for a document; only that of a Job is unpacked.
pub(super) fn immutable_document(document: &Document) -> Option<String> {
    let object = &document.object;
    (object.id.kind == "Job")
        .then(|| immutable(&object.value.value()))
        .flatten()
}

/// The fields of an automated document, in file order. Fields with a marker of their own are left to [`marked`](super::marked()).
pub fn automated(path: &RepoPath, document: &Document) -> Vec<AutomatedField> {
    if !document.automation.automated {
        return Vec::new();
    }
    let immutable = immutable_document(document);
    document
        .images
        .iter()
        .filter(|image| image.marker.is_none())
        .map(|image| {
            let policy = match &immutable {
                Some(reason) => Err(format!("{path}:{}: {reason}", image.position)),
                None => policy(path, &document.automation, &image.field),
            };
            field(path, document, image, policy)
        })
        .collect()
}

/// The policy that annotations give a field.
///
/// # Errors
/// The policy cannot be used. The error names the file and the position.
pub(super) fn policy(path: &RepoPath, automation: &AutomationIntent, field: &FieldName) -> Result<Policy, String> {
    match automation.policy(field) {
        None => Ok(Policy::default()),
        Some(written) if !written.is_text => Err(format!(
            "{path}:{}: {} is not a string; write it in quotes",
            written.position, written.annotation
        )),
        Some(written) => Policy::parse(&written.text)
            .map_err(|error| format!("{path}:{}: {}: {error}", written.position, written.annotation)),
    }
}

/// The field of an image.
pub(super) fn field(
    path: &RepoPath,
    document: &Document,
    image: &ImageField,
    policy: Result<Policy, String>,
) -> AutomatedField {
    let (groups, problem) = groups(path, &document.automation, &image.field);
    AutomatedField {
        path: path.clone(),
        field: FieldId {
            object: document.object.id.clone(),
            field: image.field.clone(),
        },
        image: image.image.clone(),
        new_name: None,
        others: Vec::new(),
        position: image.position,
        policy: problem.map_or(policy, Err),
        lock: document.automation.lock.clone(),
        hold: document.automation.hold,
        revert_on_failure: document.automation.revert_on_failure,
        groups,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;

    #[test]
    fn the_image_of_a_job_is_not_bumped_and_a_cron_jobs_is() {
        let text = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: p, annotations: {tidegate.dev/automated: \"true\"}}\nspec: {template: {spec: {containers: [{name: a, image: x/a:1}]}}}\n";
        let path = RepoPath::parse("a.yaml").unwrap();
        let policy = |text: &str| {
            automated(&path, &read(&path, text.as_bytes()).documents[0])[0]
                .policy
                .clone()
        };
        let reason = policy(text).unwrap_err();
        assert!(reason.contains("the template of a Job cannot change"), "{reason}");
        let recreated = text.replace("annotations: {", "annotations: {tidegate.dev/recreate: \"true\", ");
        let other = text.replace("batch/v1", "batch.volcano.sh/v1");
        assert!(policy(&recreated).is_ok() && policy(&other).is_ok());
    }
}
