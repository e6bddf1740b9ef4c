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
    /// The release that the HelmRelease named before, and that is still there.
    pub(super) before: Option<ReleaseName>,
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
            before: None,
        };
        claims.insert(id.clone(), claim);
    }
    for (id, claim) in &mut claims {
        let Ok(spec) = &claim.spec else { continue };
        let name = spec.name();
        let owner = owners.get(&name).filter(|owner| owner.id != *id);
        if let Some(owner) = owner {
            claim.spec = Err(format!(
                "release {name} belongs to {}, which is older; set another spec.releaseName",
                owner.id
            ));
            continue;
        }
        let before = claim.status.release(&name.namespace);
        claim.before = before.filter(|before| {
            let is_others = owners.get(before).is_some_and(|owner| owner.id != *id);
            *before != name && view.stored.contains_key(before) && !is_others
        });
    }
    claims
}
