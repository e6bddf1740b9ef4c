//! What the agent would do now, for `tidegate plan`.

use super::home::Home;
use super::renderers::renderers;
use super::wire_sync::syncer;
use super::wiring::source_reader;
use super::{AgentConfig, keys, registries, repo};
use crate::automation::DecisionPreview;
use crate::automation::{self, SharedHistory};
use crate::aws::{CallLimits, Sdk};
use crate::cluster::{ApiServer, RecordMap};
use crate::config::TargetSettings;
use crate::driver::Shutdown;
use crate::git;
use crate::model::{CommitId, CommitPrefix, Finding, Repository, Severity, TargetId};
use crate::notice::{Log, Reporter};
use crate::plan::{BumpPlan, Decision, PlannedBump, as_list};
use crate::policy::ScanRules;
use crate::port::{
    Branch, ConfigRepo, DeclaredSource, DeclaredState, DeniedObjects, ListFailure, ObjectHealths, Registry, Scan,
    ScanState,
};
use crate::registry::Router;
use crate::scan::read_platforms;
use crate::source;
use crate::sync::{self, Approval, Syncer, approval};
use crate::telemetry::Metrics;
use anyhow::Context as _;
use futures::StreamExt;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// What the agent would do now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The branch's head, which the preview is about.
    pub commit: CommitId,
    /// The bumps that the agent would commit.
    pub bumps: Vec<PlannedBump>,
    /// The decision for every automated field, bumped or not.
    #[serde(serialize_with = "as_list")]
    pub fields: Vec<Arc<Decision>>,
    /// What the agent would apply and prune at this commit, without the bumps: they make a further commit. `None` if sync is
    /// switched off, or for the reason in `sync_problem`.
    pub sync: Option<sync::Preview>,
    /// Why the cluster could not be compared.
    pub sync_problem: Option<String>,
    /// Why repositories could not be listed, one sentence each. Registries that Tidegate does not scan are left out.
    pub scan_problems: Vec<String>,
    /// What could not be used in the config repo.
    pub findings: Vec<Finding>,
}

/// What a preview is made from.
pub(super) struct Previewer<'a> {
    pub(super) config: &'a AgentConfig,
    pub(super) repo: &'a git::Repo,
    pub(super) source: &'a dyn DeclaredSource,
    pub(super) registry: &'a Router,
    pub(super) history: &'a SharedHistory,
    /// How the workloads are; nothing is known outside the running agent.
    pub(super) healths: &'a ObjectHealths,
    /// The cluster; `None`: it could not be reached so far.
    pub(super) home: Option<&'a Home>,
}

/// Reads the config repo, the registries and the cluster. Writes nothing but a mirror in a temporary folder.
///
/// # Errors
/// The config repo could not be read. The preview itself says which registries or which cluster could not be read.
pub async fn preview(config: AgentConfig) -> anyhow::Result<Preview> {
    with_clone(&config, async |previewer| previewer.preview().await).await
}

/// How the cluster differs from the branch's head, or from another commit. Reads as [`preview`] does.
///
/// # Errors
/// The config repo or the cluster could not be read.
pub async fn diff(config: AgentConfig, commit: Option<&CommitPrefix>) -> anyhow::Result<sync::Diff> {
    with_clone(&config, async |previewer| previewer.diff(commit).await).await
}

/// Answers from a mirror in a temporary folder.
pub(super) async fn with_clone<T>(
    config: &AgentConfig,
    answer: impl AsyncFnOnce(&Previewer<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let scratch = tempfile::tempdir()?;
    let settings = repo::git_settings(config, keys::existing(config).await?, scratch.path());
    let repo = Arc::new(repo::open_to_read(config, settings)?);
    let aws = Sdk::new(CallLimits::default());
    let home = Home::connect(config, &aws).await.ok();
    let reader = source_reader(
        config,
        renderers(config, home.as_ref()).await,
        home.as_ref().map(Home::inputs),
        Metrics::new(),
    );
    let (declared, publisher) = source::publisher(reader, Arc::clone(&repo), Branch::default());
    let previewer = Previewer {
        config,
        repo: &repo,
        source: &declared,
        registry: &registries::router(&config.settings.registries, &aws, Metrics::new()),
        history: &SharedHistory::default(),
        healths: &ObjectHealths::default(),
        home: home.as_ref(),
    };
    tokio::select! {
        answer = answer(&previewer) => answer,
        () = publisher.run(Shutdown::default()) => anyhow::bail!("the reading of the config repo has ended"),
    }
}

impl Previewer<'_> {
    /// What the agent would do now.
    pub(super) async fn preview(&self) -> anyhow::Result<Preview> {
        let commit = self.repo.fetch().await?;
        let declared = self.source.at(commit).await?;
        let (mut plan, scan_problems) = self.plan(&declared).await?;
        let (sync, sync_problem) = match self.preview_sync(&declared).await {
            Ok(sync) => (sync, None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        if let Some(sync) = &sync {
            let denied = DeniedObjects::default();
            denied.note(&TargetId::here(), Some(sync.denied()));
            automation::leave_out_denied(&mut plan, &denied);
        }
        Ok(Preview {
            commit,
            bumps: plan.bumps,
            fields: plan.decisions,
            sync,
            sync_problem,
            scan_problems,
            findings: declared.findings.clone(),
        })
    }

    /// How the cluster differs from the branch's head, or from another commit.
    pub(super) async fn diff(&self, commit: Option<&CommitPrefix>) -> anyhow::Result<sync::Diff> {
        let head = self.repo.fetch().await?;
        let commit = match commit {
            Some(prefix) if !prefix.names(head) => CommitId::parse(&prefix.to_string()).map_err(|_| {
                anyhow::anyhow!("commit {prefix} is not the head of the branch: name it by all of its 40 digits")
            })?,
            _ => head,
        };
        let declared = self.source.at(commit).await?;
        let settings = &self.config.settings.sync;
        let target = settings.targets.first().filter(|_| settings.enabled);
        let target = target.context("sync.enabled is false in the configuration: there is nothing to compare with")?;
        let state = declared
            .target(&target.id)
            .context("the target has no paths in the config repo")?;
        let mut syncer = self.syncer(target).await?;
        let approval = self.approval(&mut syncer, declared.commit).await?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).context("no random numbers")?;
        Ok(syncer.diff(state, approval, &key).await?)
    }

    /// The bumps, and why repositories could not be listed.
    async fn plan(&self, declared: &DeclaredState) -> anyhow::Result<(BumpPlan, Vec<String>)> {
        let (scan_state, rules) = (ScanState::default(), self.config.scan_rules());
        let (_, plan, scan_problems) = self.decided(declared, (&scan_state, &rules)).await?;
        Ok((plan, scan_problems))
    }

    /// The decisions about all fields, and why repositories could not be listed.
    pub(super) async fn decided<'b>(
        &self,
        declared: &DeclaredState,
        (scan_state, rules): (&'b ScanState, &'b ScanRules),
    ) -> anyhow::Result<(DecisionPreview<'b>, BumpPlan, Vec<String>)>
    where
        Self: 'b,
    {
        let settings = &self.config.settings.automation;
        let reporter = Reporter::new(vec![Box::new(Log)]);
        let mut preview = DecisionPreview::new(declared, scan_state, rules, self.healths, settings.hold);
        if !settings.enabled {
            let plan = preview.decide(self.repo, self.history, &reporter).await?;
            return Ok((preview, plan, Vec::new()));
        }
        let scan_problems = scan_all(self.registry, scan_state).await;
        let mut plan = preview.decide(self.repo, self.history, &reporter).await?;
        for _ in 0..PLATFORM_READS {
            if !read_platforms(self.registry, scan_state, &reporter, false).await {
                break;
            }
            plan = preview.decide(self.repo, self.history, &reporter).await?;
        }
        Ok((preview, plan, scan_problems))
    }

    async fn preview_sync(&self, declared: &DeclaredState) -> anyhow::Result<Option<sync::Preview>> {
        let settings = &self.config.settings.sync;
        let Some(target) = settings.targets.first().filter(|_| settings.enabled) else {
            return Ok(None);
        };
        let Some(state) = declared.target(&target.id) else {
            return Ok(None);
        };
        let mut syncer = self.syncer(target).await?;
        let approval = self.approval(&mut syncer, declared.commit).await?;
        Ok(Some(syncer.preview(state, approval).await?))
    }

    /// The repositories that automated fields name at the head of the branch, as far as they may be scanned.
    pub(super) async fn repositories(&self) -> anyhow::Result<Vec<Repository>> {
        let declared = self.source.at(self.repo.fetch().await?).await?;
        let settings = &self.config.settings.automation;
        let (rules, scan_state) = (self.config.scan_rules(), ScanState::default());
        if settings.enabled {
            let reporter = Reporter::new(vec![Box::new(Log)]);
            let mut preview = DecisionPreview::new(&declared, &scan_state, &rules, self.healths, settings.hold);
            preview.decide(self.repo, self.history, &reporter).await?;
        }
        Ok(scan_state.repositories().iter().cloned().collect())
    }

    /// What a pass over a target would do at the head of the branch.
    pub(super) async fn preview_target(&self, target: &TargetSettings) -> anyhow::Result<sync::Preview> {
        let declared = self.source.at(self.repo.fetch().await?).await?;
        let state = declared
            .target(&target.id)
            .context("the target has no paths in the config repo")?;
        let mut syncer = self.syncer(target).await?;
        let approval = self.approval(&mut syncer, declared.commit).await?;
        Ok(syncer.preview(state, approval).await?)
    }

    async fn syncer(&self, target: &TargetSettings) -> anyhow::Result<Syncer<ApiServer, RecordMap>> {
        let home = match self.home {
            Some(home) => home.clone(),
            None => Home::connect(self.config, &Sdk::new(CallLimits::default())).await?,
        };
        Ok(syncer(&self.config.settings.sync, home.target(target).await?))
    }

    /// What may be deleted at a commit. The syncer learns what the commit before it declared.
    async fn approval(&self, syncer: &mut Syncer<ApiServer, RecordMap>, commit: CommitId) -> anyhow::Result<Approval> {
        let confirm = self.config.settings.sync.confirm;
        let last = syncer.last_applied().await?;
        let approval = approval(self.repo, confirm, last, commit, syncer.has_waited()).await?;
        if let Some(last) = last.filter(|last| *last != commit && !approval.history_broken) {
            let previous = self.source.at(last).await?;
            if let Some(state) = previous.target(syncer.target()) {
                syncer.note_state(state);
            }
        }
        Ok(approval)
    }
}

/// How many images of one field, one after another, may be built for other platforms before the preview gives up.
const PLATFORM_READS: usize = 20;

/// Listings at the same time. The registry room keeps the rate of each account.
const IN_FLIGHT: usize = 8;

/// Lists all requested repositories. Returns why some of them could not be listed.
async fn scan_all(registry: &impl Registry, scan_state: &ScanState) -> Vec<String> {
    let scans = futures::stream::iter(scan_state.repositories().iter().cloned())
        .map(|repository| async move {
            let result = registry.list(&repository).await.map(Arc::new);
            (repository, Scan { result })
        })
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<_>>()
        .await;
    let mut problems = Vec::new();
    for (repository, scan) in scans {
        match &scan.result {
            Ok(_) | Err(ListFailure::Unsupported { .. }) => {}
            Err(failure) => problems.push(failure.to_string()),
        }
        scan_state.record(&repository, scan);
    }
    problems.sort();
    problems
}

impl Preview {
    /// Whether everything could be read and could be applied. What is left to do does not matter.
    pub fn is_well(&self) -> bool {
        let is_refused = |sync: &sync::Preview| !sync.failed.is_empty() || sync.prune_blocked.is_some();
        self.sync_problem.is_none()
            && self.scan_problems.is_empty()
            && !self.findings.iter().any(Finding::is_error)
            && !self.sync.as_ref().is_some_and(is_refused)
    }

    /// Whether the agent would change something: in the repository or in the cluster.
    pub fn has_changes(&self) -> bool {
        !self.bumps.is_empty() || self.sync.as_ref().is_some_and(sync::Preview::has_changes)
    }

    /// What could not be read or would be refused.
    fn write_errors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(problem) = &self.sync_problem {
            writeln!(f, "error  the cluster cannot be read: {problem}")?;
        }
        for problem in &self.scan_problems {
            writeln!(f, "error  {problem}")?;
        }
        for finding in self.findings.iter().filter(|finding| finding.is_error()) {
            write_finding(f, finding)?;
        }
        for line in self.sync.iter().flat_map(sync::Preview::errors) {
            writeln!(f, "error  {line}")?;
        }
        Ok(())
    }
}

/// Writes a finding behind its severity.
pub(super) fn write_finding(f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warn",
        Severity::Notice => "note",
    };
    writeln!(f, "{severity:<6} {finding}")
}

/// Errors first: a reader of the first lines must not take a partial answer for a whole one.
impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "commit {}", self.commit)?;
        self.write_errors(f)?;
        for bump in &self.bumps {
            let from = bump
                .from
                .as_ref()
                .map_or_else(|| "no tag".to_owned(), ToString::to_string);
            let name = bump.new_name.as_ref();
            let name = name.map_or(String::new(), |name| format!("{} ", name.name()));
            writeln!(
                f,
                "bump   {}: {from} -> {name}{} ({}:{})",
                bump.field, bump.to, bump.path, bump.position
            )?;
        }
        let is_bumped = |field: &Decision| {
            let mut bumps = self.bumps.iter();
            bumps.any(|bump| (&bump.path, &bump.field) == (&field.path, &field.field))
        };
        for field in self.fields.iter().filter(|field| !is_bumped(field)) {
            writeln!(f, "stay   {}: {}", field.field, field.reason)?;
        }
        if let Some(sync) = &self.sync {
            write!(f, "{sync}")?;
        }
        for finding in self.findings.iter().filter(|finding| !finding.is_error()) {
            write_finding(f, finding)?;
        }
        Ok(())
    }
}
