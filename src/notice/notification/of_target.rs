//! What happens to a target.

use super::described::{Described, about, condition_with, once, state_with};
use crate::model::TargetId;
use crate::notice::event::Event;
use crate::notice::mirror::MirrorEvent;
use crate::notice::pull_secret::PullSecretEvent;
use crate::notice::release::ReleaseEvent;
use crate::notice::sync::{ObjectChange, SyncEvent};
use crate::port::{Notification, NotificationKind as Kind};

pub(super) fn of_sync(event: &Event, target: &TargetId, sync: &SyncEvent) -> Described {
    let about = |kind, facts: String| Notification {
        target: Some(target.to_string()),
        ..about(kind, facts)
    };
    match sync {
        SyncEvent::CommitApplied { .. } | SyncEvent::CommitJudged { .. } => of_commit(event, target, sync),
        SyncEvent::ObjectApplied {
            id,
            path,
            change: ObjectChange::Repaired,
            by,
            ..
        } => {
            let by = by.as_deref().unwrap_or("somebody");
            once(
                about(
                    Kind::DriftRepaired,
                    format!("{target}: {id}: put back after a change by {by}"),
                )
                .of_object(id)
                .in_file(path),
            )
        }
        SyncEvent::ObjectsAdopted { objects } => {
            let adopted = objects.iter().map(|(id, owner)| {
                about(Kind::Adopted, format!("{target}: {id}: taken over from {owner}")).of_object(id)
            });
            Described::Occurrence(adopted.collect())
        }
        SyncEvent::ObjectPruned { id } => once(
            about(
                Kind::Deleted,
                format!("{target}: {id}: deleted, since no file declares it"),
            )
            .of_object(id),
        ),
        SyncEvent::Problem { message } => {
            let notification = about(Kind::Problem, format!("{target}: {message}"));
            condition_with(&format!("problem {target} {message}"), event.version(), notification)
        }
        SyncEvent::DeletionsWait { message } => {
            let notification = about(Kind::DeletionsPaused, format!("{target}: {message}"));
            condition_with(&format!("deletions {target} {message}"), event.version(), notification)
        }
        SyncEvent::ObjectUnsettled { id, path, message } => {
            let notification = about(Kind::NotSettled, format!("{target}: {path}: {id}: {message}"));
            let notification = notification.of_object(id).in_file(path);
            condition_with(&format!("unsettled {target} {id}"), event.version(), notification)
        }
        SyncEvent::TargetAway { message } => {
            let notification = about(Kind::TargetAway, format!("{target}: {message}"));
            // Each try fails in other words.
            condition_with(&format!("away {target}"), String::new(), notification)
        }
        SyncEvent::ObjectApplied { .. }
        | SyncEvent::ObjectRefused { .. }
        | SyncEvent::NotReadyInTime { .. }
        | SyncEvent::AuditMissed { .. }
        | SyncEvent::AuditDisagreed { .. } => Described::Nothing,
    }
}

/// The states of the commit that a target is at.
fn of_commit(event: &Event, target: &TargetId, sync: &SyncEvent) -> Described {
    let (id, kind, commit, facts) = match sync {
        SyncEvent::CommitApplied {
            commit,
            objects,
            changed,
            pruned,
            problems,
            ..
        } => {
            let short = commit.short();
            let did = format!("{objects} objects, {changed} changed, {pruned} deleted");
            match problems {
                None => (
                    "commit",
                    Kind::Applied,
                    commit,
                    format!("{target}: {short} is applied: {did}"),
                ),
                Some(problems) => {
                    let (count, problems) = (problems.len(), problems.join("; "));
                    let facts = format!("{target}: {short} is applied in part: {did}, {count} problems: {problems}");
                    ("commit", Kind::AppliedInPart, commit, facts)
                }
            }
        }
        SyncEvent::CommitJudged {
            commit,
            is_healthy,
            faults,
            ..
        } => match is_healthy {
            true => (
                "health",
                Kind::Healthy,
                commit,
                format!("{target}: {} is healthy", commit.short()),
            ),
            false => {
                let facts = format!("{target}: {} is degraded: {}", commit.short(), faults.join("; "));
                ("health", Kind::Degraded, commit, facts)
            }
        },
        _ => return Described::Nothing,
    };
    let notification = Notification {
        target: Some(target.to_string()),
        ..about(kind, facts).at_commit(*commit)
    };
    state_with(&format!("{id} {target}"), event.version(), notification)
}

pub(super) fn of_release(event: &Event, target: &TargetId, release: &ReleaseEvent) -> Described {
    let about = |kind, facts: String| Notification {
        target: Some(target.to_string()),
        ..about(kind, facts)
    };
    match release {
        ReleaseEvent::Happened {
            id,
            release,
            action,
            revision,
            commit,
            problem,
        } => {
            let (kind, facts) = match problem {
                None => (
                    Kind::Released,
                    format!("{target}: {id}: release {release}, revision {revision}: {action}"),
                ),
                Some(problem) => {
                    let facts = format!(
                        "{target}: {id}: release {release}: helm {} failed: {problem}",
                        action.as_str()
                    );
                    (Kind::ReleaseFailed, facts)
                }
            };
            once(about(kind, facts).of_object(id).at_commit(*commit))
        }
        ReleaseEvent::Repaired { id, object, by, .. } => {
            let by = by.as_deref().unwrap_or("somebody");
            let facts = format!("{target}: {id}: {object}: put back after a change by {by}");
            once(about(Kind::DriftRepaired, facts).of_object(object))
        }
        ReleaseEvent::Drifted { id, message } => {
            let notification = about(Kind::Drifted, format!("{target}: {id}: {message}")).of_object(id);
            condition_with(&format!("drifted {target} {id}"), event.version(), notification)
        }
        ReleaseEvent::Failing { id, message } => {
            let notification = about(Kind::ReleaseFailed, format!("{target}: {id}: {message}")).of_object(id);
            condition_with(&format!("release {target} {id}"), event.version(), notification)
        }
        ReleaseEvent::Off { reason } => {
            let facts = format!("{target}: HelmReleases are not carried out: {reason}");
            condition_with(
                &format!("releases {target}"),
                event.version(),
                about(Kind::ReleaseFailed, facts),
            )
        }
    }
}

pub(super) fn of_pull_secret(event: &Event, target: &TargetId, pull_secret: &PullSecretEvent) -> Described {
    let (id, facts) = match pull_secret {
        PullSecretEvent::Problem { about, message } => (about.as_str(), format!("{about}: {message}")),
        PullSecretEvent::Off { reason } => ("", format!("no pull secret is kept: {reason}")),
        PullSecretEvent::Written { .. } | PullSecretEvent::Adopted { .. } => return Described::Nothing,
    };
    let notification = Notification {
        target: Some(target.to_string()),
        ..about(Kind::PullSecretProblem, format!("{target}: {facts}"))
    };
    condition_with(&format!("pull secret {target} {id}"), event.version(), notification)
}

pub(super) fn of_mirror(event: &Event, target: &TargetId, mirror: &MirrorEvent) -> Described {
    let (id, facts) = match mirror {
        MirrorEvent::Problem { about, message } => (about.as_str(), format!("{about}: {message}")),
        MirrorEvent::Off { reason } => ("", format!("no mirror is kept: {reason}")),
        MirrorEvent::Written { .. } => return Described::Nothing,
    };
    let notification = Notification {
        target: Some(target.to_string()),
        ..about(Kind::MirrorProblem, format!("{target}: {facts}"))
    };
    condition_with(&format!("mirror {target} {id}"), event.version(), notification)
}
