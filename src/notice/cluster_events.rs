use super::automation::AutomationEvent;
use super::event::Event;
use super::key::{Access, Credential, KeyEvent};
use super::mirror::MirrorEvent;
use super::pull_secret::PullSecretEvent;
use super::release::ReleaseEvent;
use super::repo::RepoEvent;
use super::reporter::{Notice, Sink};
use super::sync::SyncEvent;
use crate::model::CommitId;
use crate::port::{ClusterEvent, EventWriter};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// The API server takes hundreds of events a second; more than this many waiting ones means that the server is away, and
/// then nobody can read them either.
const QUEUE: usize = 256;

/// After the drain has begun, the last events (of passes that end now) have this long.
const LAST_EVENTS: Duration = Duration::from_secs(3);

/// Commits of ours that may wait for their apply at the same time. A target applies the newest commit and skips the others.
const BUMPED: usize = 64;

/// Queues a Kubernetes event for what people look for with kubectl.
#[derive(Debug)]
pub struct ClusterEvents {
    queue: mpsc::Sender<ClusterEvent>,
    /// The newest commits that have the event `Bumped`. A bump has one event: `Applied` would repeat that event, unless the
    /// commit was applied in part before.
    bumped: Mutex<VecDeque<CommitId>>,
}

/// The events that wait to be written.
#[derive(Debug)]
pub struct ClusterEventQueue(mpsc::Receiver<ClusterEvent>);

impl ClusterEvents {
    /// The sink, and the queue that a task of its own writes out.
    pub fn new() -> (Self, ClusterEventQueue) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let sink = Self {
            queue,
            bumped: Mutex::default(),
        };
        (sink, ClusterEventQueue(receiver))
    }

    /// Whether the event only says that a commit with the event `Bumped` is applied.
    fn repeats_bump(&self, event: &Event) -> bool {
        let mut bumped = self.bumped.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Automation(AutomationEvent::CommitLanded { commit, .. }) => {
                bumped.push_back(*commit);
                if bumped.len() > BUMPED {
                    bumped.pop_front();
                }
                false
            }
            Event::Sync(_, SyncEvent::CommitApplied { commit, problems, .. }) => {
                if problems.is_some() {
                    bumped.retain(|known| known != commit);
                }
                bumped.contains(commit)
            }
            _ => false,
        }
    }
}

impl Sink for ClusterEvents {
    fn receive(&self, notice: Notice<'_>) {
        if let Some(event) = cluster_event(notice)
            && !self.repeats_bump(notice.event)
            && let Err(error) = self.queue.try_send(event)
        {
            tracing::debug!(%error, "event not written");
        }
    }
}

impl ClusterEventQueue {
    /// Writes events until every reporter is gone, or until a few seconds after `drain`.
    pub async fn write_all(mut self, writer: &impl EventWriter, drain: impl Future<Output = ()>) {
        tokio::pin!(drain);
        loop {
            tokio::select! {
                event = self.0.recv() => match event {
                    Some(event) => write(writer, &event).await,
                    None => return,
                },
                () = &mut drain => break,
            }
        }
        let rest = async {
            while let Some(event) = self.0.recv().await {
                write(writer, &event).await;
            }
        };
        if tokio::time::timeout(LAST_EVENTS, rest).await.is_err() {
            tracing::debug!("the agent ends with a loop or an event under way");
        }
    }
}

async fn write(writer: &impl EventWriter, event: &ClusterEvent) {
    if let Err(error) = writer.write(event).await {
        // The sync loop reports an outage, once.
        if error.is_outage() {
            tracing::debug!(%error, "event not written");
        } else {
            tracing::warn!(%error, "event not written");
        }
    }
}

/// The Kubernetes event for a notice, if people look for one.
fn cluster_event(Notice { event, phase }: Notice<'_>) -> Option<ClusterEvent> {
    if !phase.is_news() {
        return None;
    }
    let (warning, reason, message) = match event {
        Event::Repo(event) => of_repo(event)?,
        Event::Automation(AutomationEvent::CommitLanded { commit, bumps }) => {
            let bumps: Vec<String> = bumps
                .iter()
                .map(|bump| format!("{} to {}", bump.field, bump.to))
                .collect();
            (false, "Bumped", format!("commit {commit}: {}", bumps.join(", ")))
        }
        Event::Automation(AutomationEvent::TakenBack { commit, reverts }) => {
            let reverts: Vec<String> = reverts
                .iter()
                .map(|revert| {
                    let to = revert.bump.before();
                    format!(
                        "{} to {to}, since {} failed: {}",
                        revert.field, revert.object, revert.why
                    )
                })
                .collect();
            (true, "TakenBack", format!("commit {commit}: {}", reverts.join("; ")))
        }
        Event::Automation(AutomationEvent::BumpStays { field, reason }) => (
            true,
            "BumpStays",
            format!("{field}: the image fails, and its bump is not taken back: {reason}"),
        ),
        Event::Scan(_) | Event::Automation(_) | Event::Proposal(_) => return None,
        Event::Sync(_, event) => of_sync(event)?,
        Event::Release(_, event) => of_release(event),
        Event::Mirror(_, event) => of_mirror(event)?,
        Event::PullSecret(_, event) => of_pull_secret(event)?,
        Event::Key(event) => of_key(event)?,
    };
    Some(ClusterEvent {
        warning,
        reason,
        message,
    })
}

type Parts = (bool, &'static str, String);

fn of_repo(event: &RepoEvent) -> Option<Parts> {
    match event {
        RepoEvent::HeadNotVerified { message, .. } => Some((true, "TipNotVerified", message.clone())),
        RepoEvent::Doubtful {
            repo,
            commit,
            existing,
            message,
            ..
        } => {
            let message = format!("{repo} at {}: {message} (it holds {existing})", commit.short());
            Some((true, "WrongRepository", message))
        }
        _ => None,
    }
}

fn of_sync(event: &SyncEvent) -> Option<Parts> {
    if let SyncEvent::ObjectsAdopted { objects } = event {
        let each: Vec<String> = objects.iter().map(|(id, owner)| format!("{id} from {owner}")).collect();
        let message = format!("took over {} objects of others: {}", objects.len(), each.join(", "));
        return Some((false, "Adopted", message));
    }
    if let SyncEvent::ObjectUnsettled { id, path, message } = event {
        return Some((true, "NotSettled", format!("{path}: {id}: {message}")));
    }
    if let SyncEvent::CommitJudged {
        commit,
        is_healthy,
        took_time,
        faults,
    } = event
    {
        return match (is_healthy, took_time) {
            (true, true) => Some((false, "Healthy", format!("commit {commit}: every object is ready"))),
            // Nothing rolled out: the event about the apply says all.
            (true, false) => None,
            (false, _) => Some((true, "Degraded", format!("commit {commit}: {}", faults.join("; ")))),
        };
    }
    let SyncEvent::CommitApplied {
        commit,
        objects,
        changed,
        pruned,
        problems,
        ..
    } = event
    else {
        return None;
    };
    let did = format!("{objects} objects, {changed} changed, {pruned} pruned");
    Some(match problems {
        None => (false, "Applied", format!("applied commit {commit}: {did}")),
        Some(problems) => {
            let (count, problems) = (problems.len(), problems.join("; "));
            let message = format!("commit {commit}: {did}, {count} problems: {problems}");
            (true, "AppliedInPart", message)
        }
    })
}

fn of_release(event: &ReleaseEvent) -> Parts {
    match event {
        ReleaseEvent::Happened {
            id,
            release,
            action,
            revision,
            problem: None,
            ..
        } => (
            false,
            action.reason(),
            format!("{id}: release {release}, revision {revision}: {action}"),
        ),
        ReleaseEvent::Happened {
            id,
            release,
            action,
            problem: Some(problem),
            ..
        } => (
            true,
            "FailedRelease",
            format!("{id}: release {release}: helm {} failed: {problem}", action.as_str()),
        ),
        ReleaseEvent::Repaired {
            id,
            release,
            object,
            by,
            fields,
        } => {
            let what = match fields.as_slice() {
                [] => "was gone, and is back".to_owned(),
                fields => format!(
                    "{} put back, changed by {}",
                    fields.join(", "),
                    by.as_deref().unwrap_or("somebody")
                ),
            };
            (
                false,
                "DriftRepaired",
                format!("{id}: release {release}: {object}: {what}"),
            )
        }
        ReleaseEvent::Drifted { id, message } => (true, "ReleaseDrifted", format!("{id}: {message}")),
        ReleaseEvent::Failing { id, message } => (true, "ReleaseNotAsDeclared", format!("{id}: {message}")),
        ReleaseEvent::Off { reason } => (
            true,
            "ReleasesOff",
            format!("HelmReleases are not carried out: {reason}"),
        ),
    }
}

fn of_pull_secret(event: &PullSecretEvent) -> Option<Parts> {
    match event {
        // A line of the log and a metric: people look for trouble only.
        PullSecretEvent::Written { .. } => None,
        PullSecretEvent::Adopted { secret, hosts } => {
            let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
            let message = format!("{secret}: took over the logins of {}", hosts.join(", "));
            Some((false, "PullSecretAdopted", message))
        }
        PullSecretEvent::Problem { about, message } => Some((true, "PullSecretProblem", format!("{about}: {message}"))),
        PullSecretEvent::Off { reason } => Some((true, "PullSecretsOff", format!("no pull secret is kept: {reason}"))),
    }
}

fn of_mirror(event: &MirrorEvent) -> Option<Parts> {
    match event {
        // A line of the log and a metric: people look for trouble only.
        MirrorEvent::Written { .. } => None,
        MirrorEvent::Problem { about, message } => Some((true, "MirrorProblem", format!("{about}: {message}"))),
        MirrorEvent::Off { reason } => Some((true, "MirrorsOff", format!("no mirror is kept: {reason}"))),
    }
}

fn of_key(event: &KeyEvent) -> Option<Parts> {
    match event {
        KeyEvent::Rotated { to, previous, .. } => {
            let message = format!("deploy key {to} is in use; the one before may be removed at the forge: {previous}");
            Some((false, "DeployKeyRotated", message))
        }
        KeyEvent::AccessFound {
            repo,
            credential,
            access: Access::ReadOnly {
                words,
                is_enough: false,
            },
        } => Some(match credential {
            Credential::DeployKey { page, remedy, .. } => {
                let message = format!(
                    "the deploy key may only read {repo} ({words}): it is applied, and no image is bumped until the key \
                     may write; at {page} {remedy}"
                );
                (true, "ReadOnlyDeployKey", message)
            }
            Credential::Login { remedy } => {
                let message = format!(
                    "the login may only read {repo} ({words}): it is applied, and no image is bumped until it may write; \
                     {remedy}"
                );
                (true, "ReadOnlyLogin", message)
            }
        }),
        _ => None,
    }
}
