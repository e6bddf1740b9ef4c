//! What happens to the config repo and its branch.

use super::described::{Described, about, condition_with, once, quiet};
use crate::model::Severity;
use crate::notice::automation::{AutomationEvent, FieldBump};
use crate::notice::event::Event;
use crate::notice::key::{Access, KeyEvent};
use crate::notice::proposal::ProposalEvent;
use crate::notice::repo::RepoEvent;
use crate::plan::{Outcome, PlannedRevert};
use crate::port::{Notification, NotificationKind as Kind, NotificationSeverity};

pub(super) fn of_repo(event: &Event, repo: &RepoEvent) -> Described {
    match repo {
        RepoEvent::FetchFailed { message, .. } => {
            let notification = about(Kind::FetchFailed, format!("the branch cannot be fetched: {message}"));
            condition_with("fetch", event.version(), notification)
        }
        RepoEvent::Finding(finding) => {
            let severity = match finding.severity {
                Severity::Notice => NotificationSeverity::Info,
                Severity::Warning => NotificationSeverity::Warning,
                Severity::Error => NotificationSeverity::Error,
            };
            let notification = Notification {
                severity,
                object: finding.object.as_ref().map(ToString::to_string),
                ..about(Kind::Finding, finding.to_string()).in_file(&finding.path)
            };
            condition_with(&format!("finding {}", event.identity()), event.version(), notification)
        }
        RepoEvent::HeadNotVerified { message, .. } => {
            let notification = about(Kind::NotVerified, message.clone());
            condition_with("head", event.version(), notification)
        }
        RepoEvent::Doubtful {
            repo, commit, message, ..
        } => once(about(Kind::NotVerified, format!("{repo} at {}: {message}", commit.short())).at_commit(*commit)),
        RepoEvent::HistoryReplaced { commit, last, .. } => once(
            about(
                Kind::NotVerified,
                format!(
                    "the branch's head {} does not contain the commit {} that was applied last",
                    commit.short(),
                    last.short()
                ),
            )
            .at_commit(*commit),
        ),
        RepoEvent::HeadMoved { .. } | RepoEvent::Recognised { .. } => Described::Nothing,
    }
}

pub(super) fn of_automation(event: &Event, automation: &AutomationEvent) -> Described {
    match automation {
        AutomationEvent::CommitLanded { commit, bumps } => {
            let bump = |bump: &FieldBump| {
                let from = bump
                    .from
                    .as_ref()
                    .map(|from| format!(" from {from}"))
                    .unwrap_or_default();
                let name = bump
                    .new_name
                    .as_ref()
                    .map(|name| format!(" {name}"))
                    .unwrap_or_default();
                let facts = format!("{} bumped{from} to{name} {} in {}", bump.field, bump.to, commit.short());
                about(Kind::Bumped, facts)
                    .of_field(&bump.field, Some(&bump.path))
                    .at_commit(*commit)
            };
            Described::Occurrence(bumps.iter().map(bump).collect())
        }
        AutomationEvent::TakenBack { commit, reverts } => {
            let revert = |revert: &PlannedRevert| {
                let facts = format!(
                    "{} taken back from {} to {} in {}, since {} failed: {}",
                    revert.field,
                    revert.bump.after(),
                    revert.bump.before(),
                    commit.short(),
                    revert.object,
                    revert.why
                );
                Notification {
                    target: Some(revert.target.to_string()),
                    ..about(Kind::Reverted, facts)
                        .of_field(&revert.field, Some(&revert.path))
                        .at_commit(*commit)
                }
            };
            Described::Occurrence(reverts.iter().map(revert).collect())
        }
        AutomationEvent::FieldDecided {
            field,
            path,
            outcome,
            reason,
            ..
        } => {
            let id = format!("field {}", event.identity());
            let kind = match outcome {
                Outcome::Held => Some(Kind::Held),
                Outcome::InvalidPolicy | Outcome::NoCandidate | Outcome::Denied => Some(Kind::NotBumped),
                _ => None,
            };
            let notification = about(kind.unwrap_or(Kind::NotBumped), format!("{field}: {reason}"));
            let notification = notification.of_field(field, Some(path));
            match kind {
                Some(_) => condition_with(&id, event.version(), notification),
                None => quiet(&id, notification),
            }
        }
        AutomationEvent::BumpStays { field, reason } => {
            let facts = format!("{field}: the image fails, and its bump is not taken back: {reason}");
            let notification = about(Kind::RolloutFailed, facts).of_field(field, None);
            condition_with(&format!("rollout {}", event.identity()), event.version(), notification)
        }
        AutomationEvent::BumpsNotMade { problem } => {
            let notification = about(Kind::NotBumped, format!("planned bumps are not made: {problem}"));
            condition_with(&format!("bumps {problem}"), event.version(), notification)
        }
        AutomationEvent::HistoryCut { .. } | AutomationEvent::RaceLost => Described::Nothing,
    }
}

pub(super) fn of_proposal(proposal: &ProposalEvent) -> Described {
    let (facts, commit) = match proposal {
        ProposalEvent::Proposed { branch, commit, bumps } => {
            let bumps: Vec<String> = bumps
                .iter()
                .map(|bump| format!("{} to {}", bump.field, bump.to))
                .collect();
            (format!("{branch} proposes {}", bumps.join(", ")), Some(*commit))
        }
        ProposalEvent::RequestOpened { url, title } => (format!("opened {url}: {title}"), None),
        ProposalEvent::RequestClosed { url } => (format!("closed {url}: nothing is left to propose"), None),
        ProposalEvent::RequestUpdated { .. } | ProposalEvent::BranchRemoved { .. } => return Described::Nothing,
    };
    once(Notification {
        commit,
        ..about(Kind::Proposed, facts)
    })
}

pub(super) fn of_key(event: &Event, key: &KeyEvent) -> Described {
    let (id, facts) = match key {
        KeyEvent::Awaited { reason } => ("awaited", format!("the deploy key cannot be read yet: {reason}")),
        KeyEvent::Unreadable { error } => ("unreadable", format!("the deploy key cannot be read again: {error}")),
        KeyEvent::NextNotReady { reason, .. } => ("next", format!("the next deploy key does not work yet: {reason}")),
        KeyEvent::NotPromoted { error } => {
            let facts = format!("the next deploy key works and could not be stored: {error}");
            return once(about(Kind::KeyProblem, facts));
        }
        KeyEvent::SignerProblem { problem } => ("signer", format!("the agent's signature does not count: {problem}")),
        KeyEvent::AccessFound { repo, access, .. } => match access {
            Access::ReadAndWrite | Access::ReadOnly { is_enough: true, .. } => {
                return quiet(
                    "key access",
                    about(Kind::KeyProblem, format!("{repo} can be read and written")),
                );
            }
            Access::ReadOnly { words, .. } => ("access", format!("{repo} can be read and not written: {words}")),
            Access::Nothing { error, .. } => ("access", format!("{repo} cannot be read: {error}")),
        },
        KeyEvent::InUse { .. } | KeyEvent::Changed { .. } | KeyEvent::NextFound { .. } | KeyEvent::Rotated { .. } => {
            return Described::Nothing;
        }
    };
    condition_with(&format!("key {id}"), event.version(), about(Kind::KeyProblem, facts))
}
