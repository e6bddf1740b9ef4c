//! Tries what the agent needs from outside, step by step, for `tidegate doctor`.

use super::AgentConfig;
use super::preview::{Previewer, with_clone};
use super::{keys, repo};
use crate::aws::{CallLimits, EcrHost, Endpoint, Identity, Sdk, caller, statements_for_reading};
use crate::config::{TargetAccess, TargetSettings};
use crate::git;
use crate::model::Repository;
use crate::port::{ListFailure, Registry as _};
use futures::StreamExt as _;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// The steps, in the order in which they were tried.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One thing that was tried.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What it is about: the config repo, an AWS identity, a repository, a target.
    pub subject: String,
    /// What was called.
    pub call: String,
    /// Who called, if that is known.
    pub identity: Option<String>,
    /// Whether it succeeded.
    pub ok: bool,
    /// What came of it; for a failure, why, and what to do.
    pub detail: String,
    /// What to add, and where.
    pub add: Vec<Addition>,
}

/// A statement to add to a policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addition {
    /// The policy.
    pub to: String,
    /// The statement, in JSON.
    pub statement: serde_json::Value,
}

/// Listings at the same time. The registry room keeps the rate of each account.
const IN_FLIGHT: usize = 8;

/// Tries each step for the config repo, the AWS identities, the registries' repositories and the targets. Writes nothing.
pub async fn diagnose(config: AgentConfig) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    diagnosis.steps.extend(config_repo(&config).await);
    let more = with_clone(&config, async |previewer| Ok(outside(previewer).await)).await;
    match more {
        Ok(steps) => diagnosis.steps.extend(steps),
        Err(error) => diagnosis
            .steps
            .push(Step::new("config repo", "read", Err(format!("{error:#}")))),
    }
    diagnosis
}

impl Diagnosis {
    /// Whether every step succeeded.
    pub fn is_well(&self) -> bool {
        self.steps.iter().all(|step| step.ok)
    }
}

impl Step {
    fn new(subject: impl Into<String>, call: &str, result: Result<String, String>) -> Self {
        Self {
            subject: subject.into(),
            call: call.to_owned(),
            identity: None,
            ok: result.is_ok(),
            detail: result.unwrap_or_else(|why| why),
            add: Vec::new(),
        }
    }

    fn by(self, identity: impl Into<String>) -> Self {
        Self {
            identity: Some(identity.into()),
            ..self
        }
    }
}

async fn config_repo(config: &AgentConfig) -> Vec<Step> {
    let address = format!("config repo {}", config.settings.repo.url);
    let scratch = tempfile::tempdir().map_err(anyhow::Error::from);
    let probed = async {
        let scratch = scratch?;
        let settings = repo::git_settings(config, keys::existing(config).await?, scratch.path());
        Ok::<_, anyhow::Error>(git::probe(&settings).await?)
    };
    match probed.await {
        Ok(probe) => {
            let head = format!("head {}", probe.tip.short());
            let writes = config.settings.automation.enabled;
            let write = match probe.read_only {
                None => Ok("may push".to_owned()),
                Some(why) if writes => Err(format!("read-only: {why}; give the deploy key or login write access")),
                Some(_) => Ok("read-only, and automation.enabled is false".to_owned()),
            };
            vec![
                Step::new(&address, "git fetch", Ok(head)),
                Step::new(&address, "git push", write),
            ]
        }
        Err(error) => vec![Step::new(&address, "git fetch", Err(format!("{error:#}")))],
    }
}

async fn outside(previewer: &Previewer<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let repositories = match previewer.repositories().await {
        Ok(repositories) => repositories,
        Err(error) => {
            steps.push(Step::new("config repo", "read", Err(format!("{error:#}"))));
            Vec::new()
        }
    };
    let targets = &previewer.config.settings.sync.targets;
    let callers = callers(previewer, &repositories, targets, &mut steps).await;
    let listed = futures::stream::iter(&repositories).map(|repository| list(previewer, repository, &callers));
    steps.extend(listed.buffered(IN_FLIGHT).collect::<Vec<_>>().await);
    for target in targets.iter().filter(|_| previewer.config.settings.sync.enabled) {
        steps.push(reach(previewer, target).await);
    }
    steps
}

type Callers = Vec<((Identity, String), String)>;

/// Asks STS who each identity is, in each region that it is used in.
async fn callers(
    previewer: &Previewer<'_>,
    repositories: &[Repository],
    targets: &[TargetSettings],
    steps: &mut Vec<Step>,
) -> Callers {
    let hosts = repositories.iter().filter_map(|repository| {
        let region = EcrHost::parse(&repository.host)?.region;
        Some((previewer.registry.identity(&repository.host).clone(), region))
    });
    let clusters = targets.iter().filter_map(|target| match &target.access {
        TargetAccess::Eks { region, identity, .. } => Some((identity.clone(), region.clone())),
        TargetAccess::Home | TargetAccess::Kubeconfig { .. } => None,
    });
    let used: BTreeSet<(Identity, String)> = hosts.chain(clusters).collect();
    let (sdk, mut callers) = (Sdk::new(CallLimits::default()), Vec::new());
    for (identity, region) in used {
        let name = match identity.role() {
            Some(role) => format!("AWS role {} in {region}", role.arn),
            None => format!("AWS identity of the agent in {region}"),
        };
        let found = caller(&sdk, &identity, &Endpoint::of_region(&region)).await;
        if let Ok(arn) = &found {
            callers.push(((identity, region), arn.clone()));
        }
        steps.push(Step::new(name, "sts:GetCallerIdentity", found));
    }
    callers
}

async fn list(previewer: &Previewer<'_>, repository: &Repository, callers: &Callers) -> Step {
    let host = EcrHost::parse(&repository.host);
    let call = if host.is_some() {
        "ecr:DescribeImages"
    } else {
        "list tags"
    };
    let identity = previewer.registry.identity(&repository.host);
    let who = host.as_ref().and_then(|host| {
        let mut known = callers.iter();
        let found = known.find(|((known, region), _)| known == identity && *region == host.region);
        found.map(|(_, arn)| arn.clone())
    });
    let listed = previewer.registry.list(repository).await;
    let denied = matches!(&listed, Err(ListFailure::Denied { .. }));
    let result = listed.map(|listing| format!("{} tags", listing.images.len()));
    let mut step = Step::new(
        format!("repository {repository}"),
        call,
        result.map_err(|failure| failure.to_string()),
    );
    if let (Some(host), Some(who)) = (&host, &who) {
        if denied {
            let statements = statements_for_reading(who, host, &repository.path);
            step.add = statements
                .into_iter()
                .map(|(to, statement)| Addition {
                    to,
                    statement: serde_json::from_str(&statement).unwrap_or_default(),
                })
                .collect();
        }
        step = step.by(who);
    }
    step
}

/// A dry run of a whole pass: reaches the cluster, reads what is there, and asks the server about each object that would change.
async fn reach(previewer: &Previewer<'_>, target: &TargetSettings) -> Step {
    let subject = format!("target {}", target.id);
    let step = match previewer.preview_target(target).await {
        Ok(preview) => {
            let errors: Vec<String> = preview.errors().collect();
            let result = match &*errors {
                [] => Ok("reached, and everything may be applied".to_owned()),
                errors => Err(errors.join("; ")),
            };
            Step::new(subject, "dry run of a pass", result)
        }
        Err(error) => Step::new(subject, "dry run of a pass", Err(format!("{error:#}"))),
    };
    match (&target.account, &target.access) {
        (Some(account), _) => step.by(format!("service account {}/{}", account.namespace, account.name)),
        (None, TargetAccess::Eks { identity, .. }) => match identity.role() {
            Some(role) => step.by(role.arn.to_string()),
            None => step,
        },
        (None, _) => step,
    }
}

/// For people: a line for each step, and below a failed one what to add.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let mark = if step.ok { "ok    " } else { "failed" };
            write!(f, "{mark} {}: {}", step.subject, step.call)?;
            if let Some(identity) = &step.identity {
                write!(f, " as {identity}")?;
            }
            writeln!(f, ": {}", step.detail)?;
            for addition in &step.add {
                writeln!(f, "       add to {}:\n         {}", addition.to, addition.statement)?;
            }
        }
        Ok(())
    }
}
