use crate::model::Repository;
use crate::plan::{self, AutomatedField, ImagePolicies, Overlay, OverlayFile, OverlayIndex};
use crate::policy::{Candidate, ScanRules};
use crate::port::{DeclaredImages, DeclaredState, Listing};
use std::collections::BTreeSet;

/// The automated image fields: those of workloads with a policy, and those with a marker. Fields of applied objects come
/// first, in the order of their files; fields in kustomization folders and values follow. A policy on a kustomize base
/// applies to the field that sets the base's tag.
pub(super) fn fields(declared: &DeclaredState) -> Vec<AutomatedField> {
    let images = &declared.images;
    let documents = images.applied.iter().chain(&images.bases);
    let documents = documents.map(|document| (document.path(), &**document));
    let policies = ImagePolicies::of_repository(images.own.as_deref(), documents);
    let overlays = images
        .overlays
        .get_or_init(|| plan::overlay_fields(&overlay_index(images)));
    let applied = images.applied.iter();
    let mut fields: Vec<AutomatedField> = applied
        .flat_map(|document| plan::automated(document.path(), document))
        .collect();
    fields.extend(overlays.automated.iter().cloned());
    for document in images.documents() {
        let marked = plan::marked(document.path(), document, &policies).into_iter();
        fields.extend(marked.map(|field| overlays.asked(field)));
    }
    let mut seen = BTreeSet::new();
    fields.retain(|field| seen.insert((field.path.clone(), field.field.clone())));
    fields
}

/// The folders with kustomizations.
fn overlay_index(images: &DeclaredImages) -> OverlayIndex<'_> {
    let overlays = images.kustomizations.iter();
    let mut index = OverlayIndex {
        overlays: overlays
            .map(|(values, kustomization)| Overlay {
                path: values.path(),
                kustomization,
                document: values,
            })
            .collect(),
        files: images.files.iter().map(|path| (path, OverlayFile::default())).collect(),
    };
    for document in &images.bases {
        index.files.entry(document.path()).or_default().documents.push(document);
    }
    for (path, operations) in &images.operations {
        index.files.entry(path).or_default().operations = operations;
    }
    for path in &images.incomplete {
        index.files.entry(path).or_default().is_incomplete = true;
    }
    index
}

/// The repositories whose tags a decision needs: those of fields with a usable policy.
pub(super) fn repositories(fields: &[AutomatedField], rules: &ScanRules) -> BTreeSet<Repository> {
    fields
        .iter()
        .filter(|field| field.policy.is_ok())
        .flat_map(AutomatedField::repositories)
        .filter(|repository| rules.allows(repository).is_ok())
        .collect()
}

/// The tags of a listing as a policy judges them.
pub(super) fn candidates(listing: &Listing) -> Vec<Candidate> {
    let candidates = listing.images.iter().map(|image| Candidate {
        tag: image.tag,
        digest: image.digest,
        pushed_at: image.pushed_at,
        media_type: image.media_type,
        pullable: image.pullable,
        unfit: None,
    });
    candidates.collect()
}
