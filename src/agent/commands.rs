use super::repo_commands::RepoCommands;
use super::{scan_command, sync_command};
use crate::automation::AutomationReport;
use crate::driver::{Activator, NoAnswer, Wake};
use crate::holds::LiftMode;
use crate::http::{
    Answer, CommandError, CommandReport, Commands, ConfirmCall, DiffCall, DiffReport, LiftCall, PlanReport, Question,
    WhyCall,
};
use crate::model::{BranchName, CommitId};
use crate::port::{Branch, ScanState};
use crate::scan::ScanReport;
use crate::status::{LandedCommits, Snapshot, StatusBoard};
use crate::sync::Activators;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// What callers of the HTTP port may have the agent do.
pub(super) struct AgentCommands {
    pub(super) scans: Arc<ScanState>,
    pub(super) landed: LandedCommits,
    pub(super) scan: Activator<ScanReport>,
    pub(super) automation: Activator<AutomationReport>,
    pub(super) source: Activator<Result<CommitId, String>>,
    /// Wakes the source loop for a push that a forge reports.
    pub(super) pushed: Wake,
    pub(super) sync: Activators,
    pub(super) deploy_key: Wake,
    pub(super) branch: Branch,
    /// The followed branch's name.
    pub(super) branch_name: BranchName,
    pub(super) status: StatusBoard,
    pub(super) repo: RepoCommands,
    /// `automation.enabled`. If false, nothing scans and nothing bumps.
    pub(super) automation_enabled: bool,
    /// `sync.enabled`. If false, no sync loop runs.
    pub(super) sync_enabled: bool,
}

/// The longest that a caller waits for one pass. A pass that fetches a large repository continues without the caller.
const PATIENCE: Duration = Duration::from_secs(300);

impl AgentCommands {
    async fn scan_now(&self, repository: Option<String>) -> Result<CommandReport, CommandError> {
        if !self.automation_enabled {
            return Err(switched_off("automation.enabled"));
        }
        let requested = self
            .scans
            .request(|known| repository.as_ref().is_none_or(|name| known.to_string() == *name));
        if let (0, Some(name)) = (requested, &repository) {
            let known = self.scans.repositories();
            return Err(CommandError::Unknown(scan_command::unknown_repository(
                name,
                known.iter(),
            )));
        }
        let count = self.landed.count();
        let scan = self.scan.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
        let decided_on = self.scans.revision();
        let mut automation = self.automation.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
        if self.scans.needs_digests() || self.scans.revision() != decided_on {
            // The pass asked for a listing with all digests, which may have come meanwhile. The caller waits for the decision.
            self.scan.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
            automation = self.automation.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
        }
        Ok(scan_command::report(&scan, &automation, &self.landed.since(count)))
    }

    async fn sync_now(&self) -> Result<CommandReport, CommandError> {
        if !self.sync_enabled {
            return Err(switched_off("sync.enabled"));
        }
        self.deploy_key.wake();
        if let Err(reason) = self.source.activate_and_wait(PATIENCE).await.map_err(unavailable)? {
            return Ok(CommandReport {
                summary: "the config repo could not be fetched".into(),
                lines: vec![reason],
                ok: false,
            });
        }
        let ends = self.sync.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
        sync_command::report(&ends, self.branch.unverified()).ok_or_else(|| unavailable(NoAnswer::Ended))
    }
}

fn switched_off(key: &str) -> CommandError {
    CommandError::SwitchedOff(format!(
        "{key} is false in the agent's configuration: set it to true and restart the agent"
    ))
}

fn unavailable(error: NoAnswer) -> CommandError {
    CommandError::Unavailable(error.to_string())
}

impl Commands for AgentCommands {
    fn scan(&self, repository: Option<String>) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        self.scan_now(repository).boxed()
    }

    fn sync(&self) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        self.sync_now().boxed()
    }

    fn plan(&self, question: Question) -> BoxFuture<'_, Result<PlanReport, CommandError>> {
        self.repo.plan(question).boxed()
    }

    fn diff(&self, call: DiffCall) -> BoxFuture<'_, Result<DiffReport, CommandError>> {
        self.repo.diff(call).boxed()
    }

    fn why(&self, call: WhyCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.repo.why(call).boxed()
    }

    fn holds(&self, question: Question) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.repo.holds(question).boxed()
    }

    fn resume(&self, call: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.repo.lift(LiftMode::Resume, call).boxed()
    }

    fn release(&self, call: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.repo.lift(LiftMode::Release, call).boxed()
    }

    fn confirm(&self, call: ConfirmCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        self.repo.confirm(call).boxed()
    }

    fn pushed(&self, branch: Option<&str>) -> bool {
        let is_ours = branch.is_none_or(|branch| branch == self.branch_name.as_str());
        if is_ours {
            self.pushed.wake();
        }
        is_ours
    }

    fn status(&self) -> Snapshot {
        self.status.snapshot()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Health, Loop};

    /// Loops that never run, as the loops that are switched off.
    fn commands() -> AgentCommands {
        fn idle<R: Clone + Send + Sync + 'static>(name: &'static str) -> Activator<R> {
            Loop::new(name, PATIENCE, PATIENCE, &Health::default()).1
        }
        AgentCommands {
            scans: Arc::default(),
            landed: LandedCommits::default(),
            scan: idle("scan"),
            automation: idle("automate"),
            source: idle("follow"),
            pushed: Wake::new(|| {}),
            sync: Activators::default(),
            deploy_key: Wake::new(|| {}),
            branch: Branch::default(),
            branch_name: BranchName::parse("main").unwrap(),
            status: StatusBoard::default(),
            repo: RepoCommands::default(),
            automation_enabled: false,
            sync_enabled: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_switched_off_is_not_waited_for() {
        let commands = commands();
        let start = tokio::time::Instant::now();
        for (answer, key) in [
            (commands.scan(None).await, "automation.enabled"),
            (
                commands.scan(Some("example.com/web".into())).await,
                "automation.enabled",
            ),
            (commands.sync().await, "sync.enabled"),
        ] {
            let error = answer.unwrap_err();
            assert!(matches!(error, CommandError::SwitchedOff(_)), "{error:?}");
            assert!(error.to_string().starts_with(&format!("{key} is false")), "{error}");
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
