//! Making a pass's commits and pushing them at once, by compare-and-swap on the remote's branch.
//!
//! The update names the first one's parent as the old value; the server moves the branch only if that is still its tip. A refusal is
//! believed to be a lost race only if the branch has really moved. After any doubt the remote's branch decides.

use super::commit::{self, Made};
use super::error::Error;
use super::mirror::{Mirror, commit_id, oid, open_mirror};
use super::receive_pack::{self, Answer, Unanswered, Update};
use super::words::{self, Refusal};
use crate::model::CommitId;
use crate::port::{NewCommit, PushOutcome};
use git2::{ErrorCode, ObjectType, Oid, Repository};
use std::io::Write as _;
use tokio::time::Instant;

/// A push is a few packets; this many silences of the server in a row are not a slow one.
const SILENCES: u32 = 3;

pub(super) fn commit_and_push(mirror: &mut Mirror, plans: &[NewCommit]) -> Result<PushOutcome, Error> {
    let settings = mirror.settings.clone();
    let parent = plans.first().map(|plan| plan.parent).ok_or_else(|| Error::Plan {
        rule: "there is none to make".to_owned(),
    })?;
    let Some(ours) = prepare(mirror, plans, parent)? else {
        return Ok(PushOutcome::Lost);
    };
    let parent = oid(parent.as_bytes())?;
    let update = Update {
        branch: settings.branch.full(),
        old: parent.to_string(),
        new: ours.id().to_string(),
        pack: ours.pack.clone(),
    };
    let until = Instant::now() + settings.timeout.saturating_mul(SILENCES);
    let mut refused_once = false;
    loop {
        let (wire, runtime) = (mirror.wire.clone(), mirror.runtime.clone());
        match runtime.block_on(receive_pack::push(&wire, &update, until)) {
            Ok(Answer::Done) => return Ok(landed(mirror, &ours)),
            Ok(Answer::Moved) => return Ok(settle(mirror, &ours, parent)?.unwrap_or(PushOutcome::Lost)),
            Ok(Answer::Declined { status, said }) if is_race(&status) => match settle(mirror, &ours, parent)? {
                Some(outcome) => return Ok(outcome),
                None if refused_once => return Ok(declined(&status, &said)),
                None => refused_once = true,
            },
            Ok(Answer::Declined { status, said }) => return Ok(declined(&status, &said)),
            Err(Unanswered { cause, sent }) => return unanswered(mirror, cause, sent, &ours, parent),
        }
    }
}

/// Commits that are made and packed, and not in the mirror.
pub(super) struct Prepared {
    made: Made,
    desk: Repository,
    /// All their objects.
    pub(super) pack: Vec<u8>,
}

/// With more objects than this a pack of their own is written rather than a file for each.
const LOOSE: usize = 50;

impl Prepared {
    /// The last one.
    pub(super) fn id(&self) -> Oid {
        self.made.id
    }

    /// Puts them into the mirror. Only what has landed goes there: a lost race leaves nothing behind.
    pub(super) fn keep(&self, mirror: &mut Mirror) -> Result<(), Error> {
        let write = |repo: &Repository| -> Result<(), git2::Error> {
            let (from, into) = (self.desk.odb()?, repo.odb()?);
            if self.made.objects.len() > LOOSE {
                let mut writer = into.packwriter()?;
                let written = writer.write_all(&self.pack);
                written.map_err(|error| git2::Error::from_str(&error.to_string()))?;
                return writer.commit().map(drop);
            }
            // A commit that is there is believed to be whole.
            for commits in [false, true] {
                for id in &self.made.objects {
                    let object = from.read(*id)?;
                    if (object.kind() == ObjectType::Commit) == commits {
                        into.write(object.kind(), object.data())?;
                    }
                }
            }
            Ok(())
        };
        mirror.with(|repo| {
            write(repo).map_err(|source| Error::Git {
                doing: "keep the pushed commit in the mirror",
                source,
            })
        })
    }
}

/// Makes the commits and packs them. A mirror that is damaged, full or gone is fetched anew first; none if the branch has
/// left the parent meanwhile.
pub(super) fn prepare(mirror: &mut Mirror, plans: &[NewCommit], parent: CommitId) -> Result<Option<Prepared>, Error> {
    let settings = mirror.settings.clone();
    let trust = mirror.trust.clone();
    let key = trust.signing_key(&mirror.wire);
    let attempt = |mirror: &mut Mirror| {
        mirror.with(|repo| {
            let desk = desk(repo).map_err(|source| Error::Git {
                doing: "open the mirror",
                source,
            })?;
            let made = commit::make_all(&desk, &settings.url, &settings.author, key.as_deref(), plans)?;
            trust.check_own(&desk, made.id)?;
            let pack = pack(&desk, &made).map_err(|source| Error::Git {
                doing: "pack the commit",
                source,
            })?;
            Ok(Prepared { made, desk, pack })
        })
    };
    match attempt(mirror) {
        Err(error) if error.is_damage() || error.is_full() || matches!(error, Error::NoCommit { .. }) => {
            tracing::info!(%error, "the mirror cannot be used and is fetched anew");
            if mirror.fetch()? == parent {
                attempt(mirror).map(Some)
            } else {
                Ok(None)
            }
        }
        made => made.map(Some),
    }
}

/// The mirror once more, with what is written to it staying in memory: five hundred new files take no time there.
fn desk(mirror: &Repository) -> Result<Repository, git2::Error> {
    let desk = open_mirror(mirror.path())?;
    desk.odb()?.add_new_mempack_backend(BEFORE_THE_DISK)?;
    Ok(desk)
}

/// Above those of the backends that libgit2 opens by itself.
const BEFORE_THE_DISK: i32 = 1000;

/// Exactly the objects that were made, each whole.
fn pack(repo: &Repository, made: &Made) -> Result<Vec<u8>, git2::Error> {
    let mut builder = repo.packbuilder()?;
    builder.set_threads(1);
    for object in &made.objects {
        builder.insert_object(*object, None)?;
    }
    let mut bytes = git2::Buf::new();
    builder.write_buf(&mut bytes)?;
    Ok(bytes.to_vec())
}

/// Once landed it has landed, whether or not the mirror can note it; the next fetch does otherwise.
fn landed(mirror: &mut Mirror, ours: &Prepared) -> PushOutcome {
    let _ = ours.keep(mirror).and_then(|()| mirror.note_tip(ours.id()));
    PushOutcome::Landed(commit_id(ours.id()))
}

/// What a push without an answer comes to: a refusal in words, or what the branch tells.
fn unanswered(
    mirror: &mut Mirror,
    cause: Error,
    sent: bool,
    ours: &Prepared,
    parent: Oid,
) -> Result<PushOutcome, Error> {
    let words = match cause {
        Error::Remote {
            kind: Refusal::NoWrite,
            words,
            ..
        } => return Ok(PushOutcome::ReadOnly(words)),
        Error::Remote {
            kind: Refusal::Other,
            ref words,
            ..
        } => words.clone(),
        _ => String::new(),
    };
    if !sent {
        return if words.is_empty() {
            Err(cause)
        } else {
            Ok(PushOutcome::Refused(words))
        };
    }
    let url = mirror.settings.url.to_string();
    match settle(mirror, ours, parent) {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) if !words.is_empty() => Ok(PushOutcome::Refused(words)),
        Ok(None) => Err(Error::CutOff {
            url,
            source: cause.into(),
        }),
        Err(source) => Err(Error::Doubt {
            url,
            source: source.into(),
        }),
    }
}

/// Reads the remote's branch: landed, lost, or (none) still where it was.
fn settle(mirror: &mut Mirror, ours: &Prepared, parent: Oid) -> Result<Option<PushOutcome>, Error> {
    let tip = mirror.remote_tip()?;
    if tip == ours.id() {
        return Ok(Some(landed(mirror, ours)));
    }
    if tip == parent {
        return Ok(None);
    }
    let ours = ours.id();
    let tip = oid(mirror.fetch()?.as_bytes())?;
    let below = mirror.with(|repo| {
        let found = repo.find_commit(ours).and_then(|_| repo.graph_descendant_of(tip, ours));
        match found {
            Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
            other => other.map_err(|source| Error::Git {
                doing: "look for our commit on the branch",
                source,
            }),
        }
    })?;
    Ok(Some(if below {
        PushOutcome::Landed(commit_id(ours))
    } else {
        PushOutcome::Lost
    }))
}

pub(super) fn declined(status: &str, said: &str) -> PushOutcome {
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
pub(super) fn is_race(status: &str) -> bool {
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
