use super::rendered::Image;
use std::collections::BTreeSet;
use tidegate::manifest::Reading;
use tidegate::model::{Digest, FieldId, RepoPath};
use tidegate::plan::{AutomatedField, OverlayIndex, overlay_fields};

/// An image field that can be edited, and the tag that it gets.
pub(super) struct Candidate {
    pub(super) path: RepoPath,
    pub(super) field: FieldId,
    pub(super) tag: String,
    /// Written behind the tag where the field has a digest.
    pub(super) digest: Option<Digest>,
}

impl Candidate {
    pub(super) fn reaches(&self, image: &Image) -> bool {
        image.tag.starts_with(&self.tag) || self.digest.is_some() && image.digest == self.digest
    }
}

/// All image fields of a repository.
pub(super) fn candidates(readings: &[(RepoPath, Reading)]) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (path, reading) in readings {
        for document in reading.documents.iter().chain(&reading.values) {
            for image in &document.images {
                let digest = image.image.digest();
                found.push(Candidate {
                    path: path.clone(),
                    field: FieldId {
                        object: document.object.id.clone(),
                        field: image.field.clone(),
                    },
                    tag: format!("9.{}.9", found.len()),
                    digest: digest.map(|_| Digest::parse(&format!("sha256:{:064x}", found.len())).unwrap()),
                });
            }
        }
    }
    found
}

/// What Tidegate says about the fields.
pub(super) fn fields(readings: &[(RepoPath, Reading)]) -> Vec<AutomatedField> {
    let index = OverlayIndex::of(readings.iter().map(|(path, reading)| (path, reading)));
    overlay_fields(&index).automated
}

/// Whether a tag reaches automated workloads only, which can change, are not locked and have one policy.
pub(super) fn may_be_bumped(reached: &[Image], candidate: &Candidate) -> bool {
    let policies: BTreeSet<&Option<String>> = reached.iter().map(|image| &image.policy).collect();
    let is_whole =
        |image: &Image| image.tag == candidate.tag || image.tag.is_empty() && image.digest == candidate.digest;
    let is_free = |image: &Image| {
        image.field.is_some() && image.automated && !image.locked && !image.immutable && is_whole(image)
    };
    !reached.is_empty() && reached.iter().all(is_free) && policies.len() == 1
}
