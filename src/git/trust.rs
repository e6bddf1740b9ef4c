//! Whose commits count: what ours are signed with, and whose signature the branch's tip must have.

use super::allowed_signers::AllowedSigners;
use super::error::Error;
use super::history;
use super::identity::DeployKey;
use super::signature;
use super::wire::{Wire, locked};
use crate::model::CommitId;
use crate::port::VerifiedHead;
use git2::{Oid, Repository};
use std::fmt::Display;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Signatures on commits. By default none is made and none is asked for.
#[derive(Default)]
pub struct Trust {
    /// What our commits are signed with.
    pub signing: Option<Signing>,
    /// Whose signature the branch's tip must have in order to be applied.
    pub signers: Option<Signers>,
    judged: Mutex<Option<(CommitId, AllowedSigners, VerifiedHead)>>,
}

/// A key for signatures.
#[derive(Clone)]
pub enum Signing {
    /// The one that is logged in with, whichever it is by then.
    DeployKey,
    /// One of its own.
    Key(Arc<DeployKey>),
}

/// Where the allowed signers come from.
#[derive(Clone, Debug)]
pub enum Signers {
    /// A text that was read already.
    Given(AllowedSigners),
    /// A file, read anew each time, so that a changed one needs no restart.
    File(PathBuf),
}

/// An allowed_signers file larger than this is none.
const LARGEST: u64 = 4 << 20;
/// How far back the newest verified commit is looked for: a day's work of a large team.
const FAR_BACK: usize = 1000;

impl Signers {
    /// The list as it is now.
    ///
    /// # Errors
    /// The file cannot be read or is no list.
    pub fn read(&self) -> Result<AllowedSigners, Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::Given(allowed) => Ok(allowed.clone()),
            Self::File(path) => {
                let about = |error: std::io::Error| format!("{}: {error}", path.display());
                let mut text = String::new();
                let file = std::fs::File::open(path).map_err(about)?;
                file.take(LARGEST).read_to_string(&mut text).map_err(about)?;
                Ok(AllowedSigners::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?)
            }
        }
    }
}

impl Trust {
    /// Signatures made with `signing` and asked for from `signers`.
    pub fn new(signing: Option<Signing>, signers: Option<Signers>) -> Self {
        Self {
            signing,
            signers,
            judged: Mutex::default(),
        }
    }

    pub(super) fn signing_key(&self, wire: &Wire) -> Option<Arc<DeployKey>> {
        self.signing.as_ref().map(|signing| match signing {
            Signing::DeployKey => wire.key(),
            Signing::Key(key) => Arc::clone(key),
        })
    }

    /// A commit of ours that we would not apply ourselves is not made.
    pub(super) fn check_own(&self, repo: &Repository, made: Oid) -> Result<(), Error> {
        let Some(signers) = &self.signers else { return Ok(()) };
        let allowed = signers.read().map_err(Error::AllowedSigners)?;
        let commit = repo.find_commit(made).map_err(|source| Error::Git {
            doing: "read back the commit",
            source,
        })?;
        signature::verdict(repo, &commit, &allowed)
            .map(drop)
            .map_err(|why| Error::Plan {
                rule: format!(
                    "it would not be applied: {why}; set automation.signing, and add the agent's key to \
                 repo.verify.allowedSigners (`tidegate identity` prints the line)"
                ),
            })
    }

    /// The tip if its signature counts; else the newest commit before it whose does.
    pub(super) fn judge(&self, repo: &Repository, place: &dyn Display, tip: CommitId) -> Result<VerifiedHead, Error> {
        let Some(signers) = &self.signers else {
            return Ok(VerifiedHead {
                commit: Some(tip),
                problem: None,
            });
        };
        let allowed = signers.read().map_err(Error::AllowedSigners)?;
        let mut judged = locked(&self.judged);
        if let Some((_, _, known)) = judged.as_ref().filter(|(of, by, _)| *of == tip && *by == allowed) {
            return Ok(known.clone());
        }
        let found = newest(repo, place, tip, &allowed)?;
        *judged = Some((tip, allowed, found.clone()));
        Ok(found)
    }
}

fn newest(
    repo: &Repository,
    place: &dyn Display,
    tip: CommitId,
    allowed: &AllowedSigners,
) -> Result<VerifiedHead, Error> {
    let mut commit = history::commit(repo, place, tip)?;
    let mut problem = None;
    for _ in 0..FAR_BACK {
        match signature::verdict(repo, &commit, allowed) {
            Ok(_) => {
                return Ok(VerifiedHead {
                    commit: Some(super::mirror::commit_id(commit.id())),
                    problem,
                });
            }
            Err(why) => problem.get_or_insert_with(|| refusal(&commit, &why)),
        };
        match commit.parent(0) {
            Ok(parent) => commit = parent,
            Err(_) => break,
        }
    }
    Ok(VerifiedHead { commit: None, problem })
}

fn refusal(commit: &git2::Commit<'_>, why: &str) -> String {
    let author = super::words::scrub(history::author(commit).as_bytes());
    format!("commit {} by {author} is not applied: {why}", commit.id())
}
