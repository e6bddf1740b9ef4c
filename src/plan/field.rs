use crate::manifest::{Document, Lock};
use crate::model::{FieldId, ImageRef, Position, RepoPath};
use crate::policy::Policy;

/// An image field that somebody asked us to keep up to date.
#[derive(Debug, Clone, PartialEq)]
pub struct AutomatedField {
    /// The file.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// The image as written.
    pub image: ImageRef,
    /// Where its tag stands.
    pub position: Position,
    /// The policy, or why the one that is written cannot be used, with its place.
    pub policy: Result<Policy, String>,
    /// Present when the workload is locked.
    pub lock: Option<Lock>,
}

/// The automated fields of a document, in file order; none if it is not automated.
pub fn automated(path: &RepoPath, document: &Document) -> Vec<AutomatedField> {
    if !document.intent.automated {
        return Vec::new();
    }
    document
        .images
        .iter()
        .map(|image| AutomatedField {
            path: path.clone(),
            field: FieldId {
                object: document.object.clone(),
                field: image.field.clone(),
            },
            image: image.image.clone(),
            position: image.position,
            policy: match document.intent.policy(&image.field) {
                None => Ok(Policy::default()),
                Some(written) => Policy::parse(&written.text)
                    .map_err(|error| format!("{path}:{}: {}: {error}", written.position, written.annotation)),
            },
            lock: document.intent.lock.clone(),
        })
        .collect()
}
