//! The answer to `tidegate plan` from the running agent: its mirror and its cache serve it, so that no second clone takes the
//! pod's disk and memory.

use super::AgentConfig;
use super::preview::preview_of;
use super::wiring::Wiring;
use crate::git;
use crate::http::{CommandError, PlanReport};
use crate::port::DeclaredSource;
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;

/// Makes previews once the repository is open. Clones share it.
#[derive(Clone, Default)]
pub(super) struct PlanCommand(Arc<OnceLock<Running>>);

/// What the agent has.
struct Running {
    config: Arc<AgentConfig>,
    repo: Arc<git::Repo>,
    declared: Arc<dyn DeclaredSource>,
    /// One preview at a time: each lists the registries and compares the cluster.
    turn: Mutex<()>,
}

impl PlanCommand {
    /// From now on previews are made from what the agent has.
    pub(super) fn open(&self, wiring: &Wiring) {
        self.0.get_or_init(|| Running {
            config: Arc::clone(&wiring.config),
            repo: Arc::clone(&wiring.repo),
            declared: Arc::clone(&wiring.declared),
            turn: Mutex::default(),
        });
    }

    /// What the agent would do now.
    pub(super) async fn run(&self) -> Result<PlanReport, CommandError> {
        let failed = |why: String| CommandError::Unavailable(why);
        let Some(running) = self.0.get() else {
            return Err(failed(
                "the agent starts, and its repository is not open yet".to_owned(),
            ));
        };
        let _turn = running.turn.lock().await;
        let preview = preview_of(&running.config, &running.repo, &*running.declared).await;
        let preview = preview.map_err(|error| failed(format!("{error:#}")))?;
        Ok(PlanReport {
            text: preview.to_string(),
            is_well: preview.is_well(),
            has_changes: preview.has_changes(),
            preview: serde_json::to_value(&preview).map_err(|error| failed(error.to_string()))?,
        })
    }
}
