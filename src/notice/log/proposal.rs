use crate::notice::proposal::ProposalEvent;

pub(super) fn log(event: &ProposalEvent) {
    match event {
        ProposalEvent::Proposed { branch, commit, bumps } => {
            for bump in bumps {
                let from = bump.from.as_ref().map(tracing::field::display);
                tracing::info!(%branch, %commit, field = %bump.field, from, to = %bump.to, "proposed");
            }
        }
        ProposalEvent::RequestOpened { url, title } => tracing::info!(request = %url, %title, "request opened"),
        ProposalEvent::RequestUpdated { url } => tracing::info!(request = %url, "request brought up to date"),
        ProposalEvent::RequestClosed { url } => {
            tracing::info!(request = %url, "request closed: nothing of it is left to do");
        }
        ProposalEvent::BranchRemoved { branch } => tracing::info!(%branch, "proposal branch removed"),
    }
}
