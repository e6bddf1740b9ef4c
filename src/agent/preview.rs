use super::{AgentConfig, keys, wiring};
use crate::automation;
use crate::aws::{CallLimits, Sdk};
use crate::catalog::Catalog;
use crate::model::{CommitId, Finding};
use crate::plan::{Decision, PlannedBump};
use crate::port::{ConfigRepo, DeclaredState, Registry, Scan, ScanState};
use crate::registry::{ReadLimits, Router};
use crate::scan::read_platforms;
use crate::sync::{self, Syncer, approval};
use crate::telemetry::Metrics;
use futures::StreamExt;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// What the agent would do now.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// The branch's tip.
    pub commit: CommitId,
    /// What would be bumped.
    pub bumps: Vec<PlannedBump>,
    /// The decision for every automated field, bumped or not.
    pub fields: Vec<Decision>,
    /// What would be applied and pruned, at the tip as it is (a bump makes a further commit).
    pub sync: Option<sync::Preview>,
    /// Why that could not be found out.
    pub sync_problem: Option<String>,
    /// What could not be used in the config repo.
    pub findings: Vec<Finding>,
}

/// Reads everything and writes nothing but the mirror.
///
/// # Errors
/// The config repo could not be read. Registries and cluster that cannot be read are told in the preview.
pub async fn preview(checked: AgentConfig) -> anyhow::Result<Preview> {
    let rules = checked.scan_rules();
    let scratch = tempfile::tempdir()?;
    let settings = wiring::git_settings(&checked, keys::existing(&checked).await?, scratch.path());
    let repo = wiring::reading_repo(&checked, settings)?;
    let commit = repo.fetch().await?;
    let mut catalog = Catalog::new(checked.settings.repo.paths.clone(), Metrics::new());
    let declared = catalog.read(&repo, commit).await?;
    let scan_state = ScanState::default();
    let enabled = checked.settings.automation.enabled;
    let registry = enabled.then(|| Router::new(Sdk::new(CallLimits::default()), ReadLimits::default(), Metrics::new()));
    if let Some(registry) = &registry {
        automation::request_scans(&declared, &scan_state, &rules);
        scan_all(registry, &scan_state).await;
    }
    let until = checked.settings.automation.hold;
    let mut plan = automation::preview(&repo, &mut catalog, &scan_state, &rules, until, commit).await?;
    if let Some(registry) = &registry {
        for _ in 0..LOOKS {
            if !read_platforms(registry, &scan_state, false).await {
                break;
            }
            plan = automation::preview(&repo, &mut catalog, &scan_state, &rules, until, commit).await?;
        }
    }
    let (sync, sync_problem) = match preview_sync(&checked, &repo, &declared).await {
        Ok(sync) => (sync, None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Ok(Preview {
        commit,
        bumps: plan.bumps,
        fields: plan.decisions,
        sync,
        sync_problem,
        findings: declared.findings.clone(),
    })
}

/// Images in a row, of one field, that turn out to be built for other platforms.
const LOOKS: usize = 20;

/// Listings under way at once; the registry room keeps each account to its rate.
const IN_FLIGHT: usize = 8;

async fn scan_all(registry: &impl Registry, scan_state: &ScanState) {
    let scans = futures::stream::iter(scan_state.repositories())
        .map(|repository| async move {
            let result = registry.list(&repository).await.map(Arc::new);
            (
                repository,
                Scan {
                    result,
                    at: tokio::time::Instant::now(),
                },
            )
        })
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<_>>()
        .await;
    for (repository, scan) in scans {
        scan_state.record(&repository, scan);
    }
}

async fn preview_sync(
    checked: &AgentConfig,
    repo: &impl ConfigRepo,
    declared: &DeclaredState,
) -> anyhow::Result<Option<sync::Preview>> {
    let settings = &checked.settings.sync;
    let Some(target) = settings.targets.first().filter(|_| settings.enabled) else {
        return Ok(None);
    };
    let Some(state) = declared.target(&target.id) else {
        return Ok(None);
    };
    let target = wiring::Home::connect(checked).await?.target(target);
    let mut syncer = Syncer::new(target, settings.deletions);
    let last = syncer.last_applied().await?;
    let approval = approval(repo, settings.confirm, last, declared.commit).await?;
    Ok(Some(syncer.preview(state, approval).await?))
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "commit {}", self.commit)?;
        for bump in &self.bumps {
            let from = bump
                .from
                .as_ref()
                .map_or_else(|| "no tag".to_owned(), ToString::to_string);
            writeln!(
                f,
                "bump   {}: {from} -> {} ({}:{})",
                bump.field, bump.to, bump.path, bump.position
            )?;
        }
        let moved = |field: &Decision| {
            self.bumps
                .iter()
                .any(|bump| (&bump.path, &bump.field) == (&field.path, &field.field))
        };
        for field in self.fields.iter().filter(|field| !moved(field)) {
            writeln!(f, "stay   {}: {}", field.field, field.reason)?;
        }
        if let Some(sync) = &self.sync {
            write!(f, "{sync}")?;
        }
        if let Some(problem) = &self.sync_problem {
            writeln!(f, "fail   the cluster cannot be read: {problem}")?;
        }
        for finding in &self.findings {
            writeln!(f, "note   {finding}")?;
        }
        Ok(())
    }
}
