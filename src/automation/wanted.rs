use crate::manifest::Document;
use crate::model::{FieldId, HoldUntil, ImageRef, RepoPath, Repository};
use crate::plan::{self, AutomatedField, ImagePolicies, Layers, Overlay, Tags};
use crate::policy::{Candidate, ScanRules};
use crate::port::{DeclaredState, Scan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The image fields of automated workloads and those with markers: those of applied objects in the order of their files,
/// then those in kustomization folders and values. A field of a base in a kustomization folder is bumped where the image
/// is written.
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
    let mut layers = Layers {
        overlays: overlays
            .map(|(values, kustomization)| Overlay {
                path: values.path(),
                kustomization,
                document: values,
            })
            .collect(),
        ..Layers::default()
    };
    for document in &images.bases {
        layers.add(document.path(), [&**document]);
    }
    for (path, operations) in &images.operations {
        layers.operations.insert(path, operations);
    }
    let mut fields = automated(&images.applied);
    fields.extend(plan::through_overlays(automated(&images.bases), &layers));
    for document in images.documents() {
        fields.extend(plan::marked(document.path(), document, &policies));
    }
    let mut seen = BTreeSet::new();
    fields.retain(|field| seen.insert((field.path.clone(), field.field.clone())));
    fields
}

/// An image field as it is held or bumped, automated or not.
#[derive(Debug, Clone)]
pub struct DeclaredField {
    /// The file it stands in.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// Its object's `apiVersion`.
    pub api_version: String,
    /// The image, named as bumps name it.
    pub image: ImageRef,
    /// What ends a hold, where its workload says so.
    pub hold: Option<HoldUntil>,
}

/// All image fields of a commit, in the order of their files. Of a field that several files say (an object and the patch of
/// an overlay) those are meant that are bumped, if any are.
pub fn image_fields(declared: &DeclaredState) -> Vec<DeclaredField> {
    let bumped: BTreeMap<(RepoPath, FieldId), AutomatedField> = fields(declared)
        .into_iter()
        .map(|field| ((field.path.clone(), field.field.clone()), field))
        .collect();
    let elsewhere: BTreeSet<&FieldId> = bumped.keys().map(|(_, field)| field).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for document in declared.images.documents() {
        for image in &document.images {
            let field = FieldId {
                object: document.object.id.clone(),
                field: image.field.clone(),
            };
            let key = (document.path().clone(), field.clone());
            let bumped = bumped.get(&key);
            let is_first = match bumped {
                Some(_) => seen.insert(key),
                None => !elsewhere.contains(&field) && seen.insert((RepoPath::default(), field.clone())),
            };
            if !is_first {
                continue;
            }
            found.push(DeclaredField {
                path: document.path().clone(),
                api_version: document.object.api_version.clone(),
                image: bumped.map_or_else(|| image.image.clone(), |bumped| bumped.image.clone()),
                hold: bumped.map_or(document.automation.hold, |bumped| bumped.hold),
                field,
            });
        }
    }
    found
}

/// The repositories whose tags have to be known: no others than those of fields with a policy that can be used.
pub(super) fn repositories(fields: &[AutomatedField], rules: &ScanRules) -> BTreeSet<Repository> {
    fields
        .iter()
        .filter(|field| field.policy.is_ok())
        .map(|field| field.image.repository())
        .filter(|repository| rules.allows(repository).is_ok())
        .collect()
}

/// What is known of each repository's tags.
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
