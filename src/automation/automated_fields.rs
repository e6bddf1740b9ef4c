use crate::manifest::Document;
use crate::model::Repository;
use crate::plan::{self, AutomatedField, ImagePolicies, Overlay, OverlayIndex, Tags};
use crate::policy::{Candidate, ScanRules};
use crate::port::{DeclaredState, Scan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The automated image fields: those of workloads with a policy, and those with a marker. Fields of applied objects come
/// first, in the order of their files; fields in kustomization folders and values follow. A policy on a kustomize base
/// applies to the field that sets the base's tag.
pub(super) fn fields(declared: &DeclaredState) -> Vec<AutomatedField> {
    let images = &declared.images;
    let automated = |documents: &[Arc<Document>]| -> Vec<AutomatedField> {
        let fields = documents
            .iter()
            .map(|document| plan::automated(document.path(), document));
        fields.flatten().collect()
    };
    let documents = images.applied.iter().chain(&images.bases);
    let policies = ImagePolicies::among(documents.map(|document| (document.path(), &**document)));
    let overlays = images.kustomizations.iter();
    let mut index = OverlayIndex {
        overlays: overlays
            .map(|(values, kustomization)| Overlay {
                path: values.path(),
                kustomization,
                document: values,
            })
            .collect(),
        ..OverlayIndex::default()
    };
    for document in &images.bases {
        index.add(document.path(), [&**document]);
    }
    for (path, operations) in &images.operations {
        index.operations.insert(path, operations);
    }
    let mut fields = automated(&images.applied);
    fields.extend(plan::through_overlays(automated(&images.bases), &index));
    for document in images.documents() {
        fields.extend(plan::marked(document.path(), document, &policies));
    }
    let mut seen = BTreeSet::new();
    fields.retain(|field| seen.insert((field.path.clone(), field.field.clone())));
    fields
}

/// The repositories whose tags a decision needs: those of fields with a usable policy.
pub(super) fn repositories(fields: &[AutomatedField], rules: &ScanRules) -> BTreeSet<Repository> {
    fields
        .iter()
        .filter(|field| field.policy.is_ok())
        .map(|field| field.image.repository())
        .filter(|repository| rules.allows(repository).is_ok())
        .collect()
}

/// The tags of each repository, or why they are not known.
pub(super) fn tags(
    fields: &[AutomatedField],
    rules: &ScanRules,
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
                            unfit: None,
                        })
                        .collect(),
                ),
            };
            (repository, known)
        })
        .collect()
}
