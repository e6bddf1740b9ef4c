//! The commands about the config repo, answered from what the running agent has: its mirror, its cache, its clients. A command
//! that runs beside the agent asks for them, so that no second clone takes the pod's disk and memory.

use super::AgentConfig;
use super::confirm::Scene;
use super::declared::Declared;
use super::holds::{HeldBranch, query};
use super::home::Home;
use super::preview::Previewer;
use super::wiring::Wiring;
use crate::automation::SharedHistory;
use crate::driver::Wake;
use crate::git;
use crate::holds::{self, HoldList, HoldSelector, LiftMode, ObjectName};
use crate::http::{
    Answer, CommandError, ConfirmCall, DiffCall, DiffReport, LiftCall, NamedObject, PlanReport, Question, WhyCall,
};
use crate::model::with_causes;
use crate::notice::Reporter;
use crate::port::{DeclaredSource, ObjectHealths};
use crate::registry::Router;
use serde::Serialize;
use std::sync::{Arc, OnceLock};
use tokio::sync::Mutex;

/// Answers once the repository is open. Clones share it.
#[derive(Clone, Default)]
pub(super) struct RepoCommands {
    /// The digest of the agent's configuration.
    configuration: Arc<str>,
    running: Arc<OnceLock<Running>>,
}

/// What the agent has.
struct Running {
    config: Arc<AgentConfig>,
    repo: Arc<git::Repo>,
    declared: Arc<dyn DeclaredSource>,
    registry: Arc<Router>,
    history: SharedHistory,
    healths: ObjectHealths,
    reporter: Reporter,
    home: Home,
    /// Makes the loops see a commit of a command.
    follow: Wake,
    /// One preview at a time: each lists the registries and compares the cluster.
    turn: Mutex<()>,
}

impl RepoCommands {
    /// Answers callers that mean this configuration.
    pub(super) fn new(config: &AgentConfig) -> Self {
        Self {
            configuration: config.settings.digest.as_str().into(),
            running: Arc::default(),
        }
    }

    /// From now on commands are answered from what the agent has.
    pub(super) fn open(&self, wiring: &Wiring) {
        self.running.get_or_init(|| Running {
            config: Arc::clone(&wiring.config),
            repo: Arc::clone(&wiring.repo),
            declared: Arc::clone(&wiring.declared),
            registry: Arc::clone(&wiring.registry),
            history: Arc::clone(&wiring.history),
            healths: wiring.healths.clone(),
            reporter: wiring.reporter.clone(),
            home: wiring.home.clone(),
            follow: Wake::from(&wiring.wakes.source),
            turn: Mutex::default(),
        });
    }

    /// `configuration`: the digest of the configuration that the caller means.
    fn running(&self, configuration: Option<&str>) -> Result<&Running, CommandError> {
        if configuration.is_some_and(|digest| *digest != *self.configuration) {
            return Err(CommandError::OtherConfiguration);
        }
        let starting = || CommandError::Unavailable("the agent starts, and its repository is not open yet".to_owned());
        self.running.get().ok_or_else(starting)
    }

    /// What the agent would do now.
    pub(super) async fn plan(&self, question: Question) -> Result<PlanReport, CommandError> {
        let running = self.running(question.configuration.as_deref())?;
        let _turn = running.turn.lock().await;
        let preview = running.previewer().preview().await;
        let preview = preview.map_err(|error| CommandError::Failed(format!("{error:#}")))?;
        Ok(PlanReport {
            text: preview.to_string(),
            is_well: preview.is_well(),
            has_changes: preview.has_changes(),
            preview: json(&preview)?,
        })
    }

    /// How the cluster differs from a commit.
    pub(super) async fn diff(&self, call: DiffCall) -> Result<DiffReport, CommandError> {
        let running = self.running(call.configuration.as_deref())?;
        let _turn = running.turn.lock().await;
        let diff = running.previewer().diff(call.commit.as_ref()).await;
        let diff = diff.map_err(|error| CommandError::Failed(format!("{error:#}")))?;
        Ok(DiffReport {
            text: diff.to_string(),
            is_well: diff.failed.is_empty(),
            has_differences: diff.has_differences(),
            diff: json(&diff)?,
        })
    }

    /// Why the images of an object move to a tag, and to no other.
    pub(super) async fn why(&self, call: WhyCall) -> Result<Answer, CommandError> {
        let running = self.running(call.configuration.as_deref())?;
        let _turn = running.turn.lock().await;
        match running.previewer().why(&object_name(call.object), call.tags).await {
            Ok(why) => answer(why.to_string(), &why),
            Err(error) => Err(CommandError::Failed(format!("{error:#}"))),
        }
    }

    /// What is held.
    pub(super) async fn holds(&self, question: Question) -> Result<Answer, CommandError> {
        let running = self.running(question.configuration.as_deref())?;
        let listed = holds::list(&running.branch(), &query(&running.config)).await;
        let list = HoldList {
            holds: listed.map_err(|error| CommandError::Failed(with_causes(&error)))?,
        };
        answer(list.to_string(), &list)
    }

    /// Lifts holds.
    pub(super) async fn lift(&self, mode: LiftMode, call: LiftCall) -> Result<Answer, CommandError> {
        let running = self.running(call.configuration.as_deref())?;
        let (author, query) = (call.author.clone(), query(&running.config));
        let selector = selector(call);
        let lifted = holds::lift(&*running.repo, &running.branch(), &query, mode, &selector, author).await;
        let lifted = lifted.map_err(|error| CommandError::Failed(with_causes(&error)))?;
        if lifted.commit.is_some() {
            running.follow.wake();
        }
        answer(lifted.describe(mode), &lifted)
    }

    /// Confirms deletions that wait.
    pub(super) async fn confirm(&self, call: ConfirmCall) -> Result<Answer, CommandError> {
        let running = self.running(call.configuration.as_deref())?;
        let scene = Scene {
            config: &running.config,
            home: running.home.clone(),
            declared: Declared::Agent(&*running.declared),
        };
        let confirmed = scene.confirm(&*running.repo, call.author, &call.commit).await;
        let confirmed = confirmed.map_err(|error| CommandError::Failed(format!("{error:#}")))?;
        if confirmed.commit.is_some() {
            running.follow.wake();
        }
        answer(confirmed.to_string(), &confirmed)
    }
}

impl Running {
    fn previewer(&self) -> Previewer<'_> {
        Previewer {
            config: &self.config,
            repo: &self.repo,
            source: &*self.declared,
            registry: &self.registry,
            history: &self.history,
            healths: &self.healths,
            home: Some(&self.home),
        }
    }

    fn branch(&self) -> HeldBranch<'_, git::Repo> {
        HeldBranch {
            repo: &self.repo,
            declared: Declared::Agent(&*self.declared),
            history: Arc::clone(&self.history),
            reporter: self.reporter.clone(),
        }
    }
}

fn selector(call: LiftCall) -> HoldSelector {
    let objects = call.objects.into_iter().map(object_name);
    HoldSelector {
        objects: objects.collect(),
        namespace: call.namespace,
        field: call.field,
        tag: call.tag,
    }
}

fn object_name(object: NamedObject) -> ObjectName {
    ObjectName {
        namespace: object.namespace,
        kind: object.kind,
        name: object.name,
    }
}

fn answer(text: String, answer: &impl Serialize) -> Result<Answer, CommandError> {
    let answer = json(answer)?;
    Ok(Answer { text, answer })
}

fn json(value: &impl Serialize) -> Result<serde_json::Value, CommandError> {
    serde_json::to_value(value).map_err(|error| CommandError::Failed(error.to_string()))
}
