use crate::catalog::Declared;
use crate::model::{FieldId, Repository};
use crate::plan::AutomatedField;
use crate::policy::Candidate;
use crate::port::ListFailure;
use crate::scan::{Rules, Scan};
use std::collections::{BTreeMap, BTreeSet};

/// The image fields of automated workloads, in the order of their files.
pub(super) fn fields(declared: &Declared) -> Vec<AutomatedField> {
    declared
        .objects
        .iter()
        .filter(|object| object.document.intent.automated)
        .flat_map(|object| {
            let document = &object.document;
            document.images.iter().map(|image| AutomatedField {
                path: object.path.clone(),
                position: image.position,
                field: FieldId { object: document.object.clone(), field: image.field.clone() },
                image: image.image.clone(),
                policy: document.intent.policy(&image.field).cloned(),
                lock: document.intent.lock.clone(),
            })
        })
        .collect()
}

/// The repositories whose tags have to be known.
pub(super) fn repositories(fields: &[AutomatedField], rules: &Rules) -> BTreeSet<Repository> {
    fields.iter().map(|field| field.image.repository()).filter(|repository| rules.allows(repository).is_ok()).collect()
}

/// What is known of each repository's tags: the candidates, or why there are none.
pub(super) fn candidates(
    fields: &[AutomatedField],
    rules: &Rules,
    scans: &BTreeMap<Repository, Scan>,
) -> BTreeMap<Repository, Result<Vec<Candidate>, String>> {
    let repositories: BTreeSet<Repository> = fields.iter().map(|field| field.image.repository()).collect();
    repositories
        .into_iter()
        .map(|repository| {
            let known = rules.allows(&repository).and_then(|()| match scans.get(&repository).map(|scan| &scan.result) {
                None => Err("not scanned yet".to_owned()),
                Some(Err(failure)) => Err(ListFailure::to_string(failure)),
                Some(Ok(listing)) => Ok(listing
                    .images
                    .iter()
                    .filter(|image| rules.allows_tag(&repository, &image.tag).is_ok())
                    .map(|image| Candidate {
                        tag: image.tag.clone(),
                        digest: Some(image.digest.clone()),
                        pushed_at: image.pushed_at,
                        media_type: image.media_type.clone(),
                        pullable: image.pullable,
                    })
                    .collect()),
            });
            (repository, known)
        })
        .collect()
}
