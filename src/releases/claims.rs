//! Which HelmRelease a Helm release belongs to.

use crate::model::{ConfigBranch, ObjectId};
use crate::port::{HelmRelease, ReleaseView};
use crate::release::{ReleaseName, Spec, Status};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A HelmRelease as it is meant, or why it cannot be carried out.
pub(super) struct Claim {
    pub(super) release: Arc<HelmRelease>,
    pub(super) status: Status,
    pub(super) spec: Result<Arc<Spec>, String>,
}

/// Reads all HelmReleases. Of two that name the same Helm release, the older one has it.
pub(super) fn read(view: &ReleaseView, own: Option<&ConfigBranch>) -> BTreeMap<ObjectId, Claim> {
    let mut owners: BTreeMap<ReleaseName, Arc<HelmRelease>> = BTreeMap::new();
    let mut claims: BTreeMap<ObjectId, Claim> = BTreeMap::new();
    for (id, release) in &view.releases {
        let spec = Spec::read(&release.value, own)
            .map(Arc::new)
            .map_err(|refusal| refusal.to_string());
        if let Ok(spec) = &spec {
            let owner = owners.entry(spec.name()).or_insert_with(|| Arc::clone(release));
            if (release.created, &release.id) < (owner.created, &owner.id) {
                *owner = Arc::clone(release);
            }
        }
        let claim = Claim {
            status: Status::read(&release.value),
            release: Arc::clone(release),
            spec,
        };
        claims.insert(id.clone(), claim);
    }
    for (id, claim) in &mut claims {
        let Ok(spec) = &claim.spec else { continue };
        if let Some(refusal) = refusal(id, spec, &claim.status, &owners, view) {
            claim.spec = Err(refusal);
        }
    }
    claims
}

fn refusal(
    id: &ObjectId,
    spec: &Spec,
    status: &Status,
    owners: &BTreeMap<ReleaseName, Arc<HelmRelease>>,
    view: &ReleaseView,
) -> Option<String> {
    let name = spec.name();
    let owner = owners.get(&name).filter(|owner| owner.id != *id);
    if let Some(owner) = owner {
        return Some(format!(
            "release {name} belongs to {}, which is older; set another spec.releaseName",
            owner.id
        ));
    }
    let before = ReleaseName {
        name: status.release_name.clone(),
        ..name.clone()
    };
    let is_left = !before.name.is_empty() && before != name && view.stored.contains_key(&before);
    is_left.then(|| {
        format!(
            "spec.releaseName changed to {}, and release {before} would be left behind; put the name back, or run helm uninstall \
             {} --namespace {} first",
            name.name, before.name, before.namespace
        )
    })
}
