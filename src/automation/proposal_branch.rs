use crate::model::BranchName;
use crate::notice::{ProposalEvent, Reporter};
use crate::plan;
use crate::port::{ChangeRequest, Forge, ForgeFailure, Proposal, RequestState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The branch that bumps are pushed to for people to merge, and the forge that shows them the request.
pub(crate) struct ProposalBranch {
    /// The branch. Only the agent writes to it.
    pub branch: BranchName,
    /// The forge that requests are opened on. Without a forge the agent only pushes the branch.
    pub forge: Option<Arc<dyn Forge>>,
    /// The end of the pause that the forge asked for, and the message of the failure that asked.
    quiet: Mutex<Option<(Instant, String)>>,
}

/// The comment on a request that we close.
const SUPERSEDED: &str = "Superseded: the followed branch has newer images, or no longer asks for these. Newer tags get a \
                          request of their own.";

impl ProposalBranch {
    /// A proposal branch, and the forge to open requests on.
    pub fn new(branch: BranchName, forge: Option<Arc<dyn Forge>>) -> Self {
        Self {
            branch,
            forge,
            quiet: Mutex::default(),
        }
    }

    /// All requests from the branch; none without a forge. A forge that asked for a pause is not called before the pause ends.
    pub(super) async fn requests(&self) -> Result<Vec<ChangeRequest>, String> {
        let Some(forge) = &self.forge else {
            return Ok(Vec::new());
        };
        let quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((until, message)) = quiet
            && Instant::now() < until
        {
            return Err(message);
        }
        let requests = forge.requests().await;
        requests.map_err(|failure| self.failed(failure))
    }

    /// Makes one open request describe `plan`, and opens one if there is none. Returns the request's web address.
    pub(super) async fn upsert_request(
        &self,
        requests: &[ChangeRequest],
        plan: &plan::BumpPlan,
        template: &plan::Template,
        reporter: &Reporter,
    ) -> Result<Option<String>, String> {
        let Some(forge) = &self.forge else {
            return Ok(None);
        };
        let limits = forge.size_limits();
        let (title, body) = plan::request(plan, template, &self.branch, limits.title, limits.body);
        let proposal = Proposal { title, body };
        let mut open = requests.iter().filter(|request| request.state == RequestState::Open);
        let done = match open.next() {
            Some(request) => forge.update(request, &proposal).await.map(|changed| {
                let url = request.url.clone();
                if changed {
                    reporter.happened(ProposalEvent::RequestUpdated { url: url.clone() });
                }
                url
            }),
            None => forge.open(&proposal).await.map(|request| {
                let (url, title) = (request.url.clone(), request.title);
                reporter.happened(ProposalEvent::RequestOpened { url, title });
                request.url
            }),
        };
        done.map(Some).map_err(|failure| self.failed(failure))
    }

    /// Closes the open requests. Their text records that we closed them, so that this does not count as a person's refusal.
    pub(super) async fn close_requests(&self, requests: &[ChangeRequest], reporter: &Reporter) -> Result<(), String> {
        let Some(forge) = &self.forge else {
            return Ok(());
        };
        for request in requests.iter().filter(|request| request.state == RequestState::Open) {
            let body = plan::superseded(&request.body, forge.size_limits().body);
            let closed = forge.close(request, &body, SUPERSEDED).await;
            closed.map_err(|failure| self.failed(failure))?;
            let url = request.url.clone();
            reporter.happened(ProposalEvent::RequestClosed { url });
        }
        Ok(())
    }

    /// Records the pause that the forge asked for. Returns the failure's message.
    fn failed(&self, failure: ForgeFailure) -> String {
        *self.quiet.lock().unwrap_or_else(PoisonError::into_inner) = failure
            .wait
            .and_then(|wait| Some((Instant::now().checked_add(wait)?, failure.message.clone())));
        failure.message
    }
}
