//! The branch that people merge bumps from, and the forge that asks them to.

use crate::automation::ProposalBranch;
use crate::aws::{Endpoint, Identity, Sdk, Signer};
use crate::config::{Push, Settings};
use crate::forge::{self, ForgeKind, RequestScope};
use crate::port::Forge;
use std::sync::Arc;

/// The proposal branch and its forge; `None` if bumps are pushed to the followed branch. Uses no network.
pub(super) async fn branch(settings: &Settings, aws: &Sdk) -> anyhow::Result<Option<ProposalBranch>> {
    let (branch, request) = match &settings.automation.push {
        Push::Direct => return Ok(None),
        Push::Branch(branch) => return Ok(Some(ProposalBranch::new(branch.clone(), None))),
        Push::PullRequest(branch, request) => (branch.clone(), request),
    };
    let scope = RequestScope {
        project: request.project.clone(),
        from: branch.clone(),
        into: settings.repo.branch.clone(),
        labels: request.labels.clone(),
    };
    let (api, token) = (&*request.api, request.token_file.clone());
    let forge: Arc<dyn Forge> = match &request.forge {
        ForgeKind::GitHub => Arc::new(forge::GitHub::new(api, token, scope)?),
        ForgeKind::GitLab => Arc::new(forge::GitLab::new(api, token, scope)?),
        ForgeKind::Gitea => Arc::new(forge::Gitea::new(api, token, scope)?),
        ForgeKind::CodeCommit(region) => {
            let endpoint = Endpoint::of_region(region);
            let signer = Signer::new(aws, &Identity::Agent, &endpoint, "codecommit").await;
            Arc::new(forge::CodeCommit::new(api, region, signer, scope)?)
        }
    };
    Ok(Some(ProposalBranch::new(branch, Some(forge))))
}
