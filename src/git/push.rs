//! Pushing one commit by compare-and-swap on the remote's branch.
//!
//! The update names the parent as the old value; the server moves the branch only if that is still its tip. Before
//! anything is sent, what the server advertises is compared with the parent as well: libgit2 would otherwise take the
//! advertised tip as the old value and go on top of somebody's reset. A refusal is believed to be a lost race only if the
//! branch has really moved. After any doubt the remote's branch decides.

use super::commit;
use super::error::Error;
use super::mirror::{Mirror, commit_id, oid};
use super::receive_pack::Expected;
use super::transport;
use super::words::{self, Refusal};
use crate::port::{NewCommit, PushOutcome};
use git2::{Oid, PushOptions, RemoteCallbacks, Repository};
use std::cell::RefCell;
use std::sync::Arc;

/// How one attempt went, as far as the server's answer tells.
enum Attempt {
    Landed,
    /// The server advertised another tip than the parent.
    Moved,
    /// The server answered no, with a status and what hooks printed.
    Declined {
        status: String,
        said: String,
    },
}

pub(super) fn commit_and_push(mirror: &mut Mirror, plan: &NewCommit) -> Result<PushOutcome, Error> {
    let author = mirror.settings.author.clone();
    let ours = mirror.with(|repo| commit::make(repo, &author, plan))?;
    let parent = oid(plan.parent.as_bytes())?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let outcome = match attempt(mirror, ours, parent) {
            Ok(Attempt::Landed) => {
                mirror.note_tip(ours)?;
                PushOutcome::Landed(commit_id(ours))
            }
            Ok(Attempt::Moved) => settle(mirror, ours, parent)?.unwrap_or(PushOutcome::Lost),
            Ok(Attempt::Declined { status, said }) => {
                let lockish = is_race(&status);
                match if lockish { settle(mirror, ours, parent)? } else { None } {
                    Some(outcome) => outcome,
                    None if lockish && attempts == 1 => continue,
                    None => declined(&status, &said),
                }
            }
            Err(Error::Remote {
                kind: Refusal::NoWrite,
                words,
                ..
            }) => PushOutcome::ReadOnly(words),
            Err(
                error @ Error::Remote {
                    kind: Refusal::NoRepository,
                    ..
                },
            ) => return Err(error),
            Err(Error::Remote { words, .. }) if !words.is_empty() => PushOutcome::Refused(words),
            Err(error) if error.leaves_doubt() => match settle(mirror, ours, parent) {
                Ok(Some(outcome)) => outcome,
                Ok(None) => {
                    return Err(Error::CutOff {
                        url: mirror.settings.url.to_string(),
                        source: error.into(),
                    });
                }
                Err(source) => {
                    return Err(Error::Doubt {
                        url: mirror.settings.url.to_string(),
                        source: source.into(),
                    });
                }
            },
            Err(error) => return Err(error),
        };
        return Ok(outcome);
    }
}

fn attempt(mirror: &mut Mirror, ours: Oid, parent: Oid) -> Result<Attempt, Error> {
    let (wire, runtime, settings) = (
        Arc::clone(&mirror.wire),
        mirror.runtime.clone(),
        Arc::clone(&mirror.settings),
    );
    let limit = settings.timeout.saturating_mul(3);
    mirror.with(|repo| {
        let answer = RefCell::new(Answer::default());
        let expected = Expected {
            branch: settings.branch.full(),
            tip: parent.to_string(),
        };
        let pushed = transport::run(&wire, &runtime, limit, "push the commit", Some(expected), || {
            send(
                repo,
                &settings.url.to_string(),
                &format!("{ours}:{}", settings.branch.full()),
                parent,
                &answer,
            )
        });
        let answer = answer.into_inner();
        match (pushed, answer.status) {
            _ if answer.moved => Ok(Attempt::Moved),
            (Err(Error::Moved { .. }), _) => Ok(Attempt::Moved),
            (Ok(()), Some(None)) => Ok(Attempt::Landed),
            (_, Some(Some(status))) => Ok(Attempt::Declined {
                status,
                said: words::scrub(&answer.said),
            }),
            (Err(Error::Git { source, .. }), None)
                if source.class() == git2::ErrorClass::Net && !answer.said.is_empty() =>
            {
                let status = source.message().to_owned();
                Ok(Attempt::Declined {
                    status,
                    said: words::scrub(&answer.said),
                })
            }
            (Ok(()), None) => Err(Error::Broken {
                place: settings.url.place(),
                words: words::scrub(&answer.said),
            }),
            (Err(error), _) => Err(error),
        }
    })
}

#[derive(Default)]
struct Answer {
    moved: bool,
    /// The server's status for our branch: none yet, fine, or declined with words.
    status: Option<Option<String>>,
    said: Vec<u8>,
}

fn send(repo: &Repository, url: &str, refspec: &str, parent: Oid, answer: &RefCell<Answer>) -> Result<(), git2::Error> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.push_negotiation(|updates| {
        if updates.iter().all(|update| update.src() == parent) {
            return Ok(());
        }
        answer.borrow_mut().moved = true;
        Err(git2::Error::from_str("the branch has moved"))
    });
    callbacks.push_update_reference(|_, status| {
        answer.borrow_mut().status = Some(status.map(str::to_owned));
        Ok(())
    });
    callbacks.sideband_progress(|text| {
        let said = &mut answer.borrow_mut().said;
        let room = (words::MOST * 2).saturating_sub(said.len());
        said.extend(text.iter().take(room));
        true
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks).packbuilder_parallelism(1);
    repo.remote_anonymous(url)?.push(&[refspec], Some(&mut options))
}

/// Reads the remote's branch: landed, lost, or (none) still where it was.
fn settle(mirror: &mut Mirror, ours: Oid, parent: Oid) -> Result<Option<PushOutcome>, Error> {
    let tip = mirror.remote_tip()?;
    if tip == ours {
        mirror.note_tip(ours)?;
        return Ok(Some(PushOutcome::Landed(commit_id(ours))));
    }
    if tip == parent {
        return Ok(None);
    }
    let tip = oid(mirror.fetch()?.as_bytes())?;
    let below = mirror.with(|repo| {
        let found = repo.graph_descendant_of(tip, ours);
        found.map_err(|source| Error::Git {
            doing: "look for our commit on the branch",
            source,
        })
    })?;
    Ok(Some(if below {
        PushOutcome::Landed(commit_id(ours))
    } else {
        PushOutcome::Lost
    }))
}

fn declined(status: &str, said: &str) -> PushOutcome {
    let status = words::scrub(status.as_bytes());
    let text = if said.is_empty() {
        status
    } else {
        format!("{status}; {said}")
    };
    match words::meaning(&text, true) {
        Refusal::NoWrite if !status_is_hook(&text) => PushOutcome::ReadOnly(text),
        _ => PushOutcome::Refused(text),
    }
}

/// A hook or rule that says no is about this push, not about the key.
fn status_is_hook(text: &str) -> bool {
    ["hook declined", "protected branch", "rule violation"]
        .iter()
        .any(|phrase| text.contains(phrase))
}

/// What git servers say when the branch moved, or was being moved, between their advertisement and our update.
fn is_race(status: &str) -> bool {
    let status = status.to_lowercase();
    [
        "failed to update ref",
        "fetch first",
        "non-fast-forward",
        "non fast forward",
        "stale info",
        "remote ref has changed",
        "incorrect old value",
        "failed to lock",
        "cannot lock ref",
        "unable to lock",
        "lock_failure",
        "but expected",
        "reference already exists",
    ]
    .iter()
    .any(|phrase| status.contains(phrase))
}
