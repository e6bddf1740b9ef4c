use crate::catalog::Declared;
use crate::model::Repository;
use crate::plan::{self, AutomatedField, Tags};
use crate::policy::Candidate;
use crate::scan::{Rules, Scan};
use std::collections::{BTreeMap, BTreeSet};

/// The image fields of automated workloads, in the order of their files.
pub(super) fn fields(declared: &Declared) -> Vec<AutomatedField> {
    declared
        .objects
        .iter()
        .flat_map(|object| plan::automated(&object.path, &object.document))
        .collect()
}

/// The repositories whose tags have to be known.
pub(super) fn repositories(fields: &[AutomatedField], rules: &Rules) -> BTreeSet<Repository> {
    fields
        .iter()
        .map(|field| field.image.repository())
        .filter(|repository| rules.allows(repository).is_ok())
        .collect()
}

/// What is known of each repository's tags.
pub(super) fn tags(
    fields: &[AutomatedField],
    rules: &Rules,
    scans: &BTreeMap<Repository, Scan>,
) -> BTreeMap<Repository, Tags> {
    let repositories: BTreeSet<Repository> = fields.iter().map(|field| field.image.repository()).collect();
    repositories
        .into_iter()
        .map(|repository| {
            let known = match (
                rules.allows(&repository),
                scans.get(&repository).map(|scan| &scan.result),
            ) {
                (Err(reason), _) => Tags::Unknown(reason),
                (Ok(()), None) => Tags::Unknown("not scanned yet".into()),
                (Ok(()), Some(Err(failure))) => Tags::Unknown(failure.to_string()),
                (Ok(()), Some(Ok(listing))) => Tags::Listed(
                    listing
                        .images
                        .iter()
                        .map(|image| Candidate {
                            tag: image.tag.clone(),
                            digest: Some(image.digest.clone()),
                            pushed_at: image.pushed_at,
                            media_type: image.media_type.clone(),
                            pullable: image.pullable,
                        })
                        .collect(),
                ),
            };
            (repository, known)
        })
        .collect()
}
