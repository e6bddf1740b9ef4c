use super::spec::{Place, is_kustomization, is_of_flux_itself};
use crate::model::{Finding, RepoPath, Severity};
use crate::plan::FluxSources;
use crate::resource::Object;
use std::sync::Arc;

/// The Kustomizations among the objects of `repo.paths`.
pub(super) struct Seeds {
    /// Those that are carried out first, with the places that declare them.
    pub(super) first: Vec<(Arc<Object>, Place)>,
    /// The folders of all.
    pub(super) claimed: Vec<RepoPath>,
    pub(super) findings: Vec<Finding>,
}

/// The Kustomizations of `repo.paths` that are to be carried out first. One that lies in the folder of another comes from what that
/// one renders.
pub(super) fn seeds(declared: &[Arc<Object>], sources: &FluxSources<'_>) -> Seeds {
    let mut findings = Vec::new();
    let own = |object: &&Arc<Object>| is_kustomization(object) && !sources.is_elsewhere(&object.value.value(), None);
    for object in declared
        .iter()
        .filter(|object| is_kustomization(object) && !own(object))
    {
        let place = Place::of(object);
        findings.push(Finding {
            path: place.path,
            position: place.position,
            object: Some(object.id.clone()),
            severity: Severity::Error,
            message: "it follows another repository or branch, which the agent does not read; give that repository an agent of its \
                      own, and remove the Kustomization"
                .to_owned(),
        });
    }
    let all: Vec<(&Arc<Object>, RepoPath)> = declared
        .iter()
        .filter(own)
        .map(|object| (object, folder_of(object)))
        .collect();
    let lies_in_another = |(object, path): &&(&Arc<Object>, RepoPath)| {
        let at = object.origin.path();
        !at.is_within(path) && all.iter().any(|(_, other)| at.is_within(other))
    };
    let first = all.iter().filter(|seed| !lies_in_another(seed));
    let first = first
        .map(|(object, _)| (Arc::clone(object), Place::of(object)))
        .collect();
    findings.extend(flux_itself(declared));
    Seeds {
        first,
        claimed: all.into_iter().map(|(_, path)| path).collect(),
        findings,
    }
}

/// One notice for all objects of Flux, which are not applied.
fn flux_itself(declared: &[Arc<Object>]) -> Option<Finding> {
    let first = declared.iter().find(|object| is_of_flux_itself(object))?;
    let place = Place::of(first);
    Some(Finding {
        path: place.path,
        position: place.position,
        object: None,
        severity: Severity::Notice,
        message: "the controllers of Flux and their rights are not applied, since their work is done here (sync.flux: carry-out); remove \
                  them from the repository when nobody needs them"
            .to_owned(),
    })
}

/// The folder that a Kustomization names.
fn folder_of(object: &Object) -> RepoPath {
    let value = object.value.value();
    let text = value
        .pointer("/spec/path")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let path = RepoPath::default().join(text.trim_start_matches('/'));
    path.and_then(Result::ok).unwrap_or_default()
}
