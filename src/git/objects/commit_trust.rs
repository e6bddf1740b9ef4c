use super::error::Error;
use super::ids::commit_id;
use super::{history, signature};
use crate::git::keys::deploy_key::DeployKey;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::lock::locked;
use crate::git::transport::server_message;
use crate::git::trust::{AllowedSigners, Signers};
use crate::model::CommitId;
use crate::port::VerifiedHead;
use git2::{Commit, Oid, Repository};
use std::fmt::Display;
use std::sync::{Arc, Mutex};

/// Signatures of commits: the key that signs our commits, and the signers whose signature the branch's tip needs. The default
/// makes and requires none.
#[derive(Default)]
pub struct Trust {
    signing: Option<Signing>,
    signers: Option<Signers>,
    /// The last verdict, with the tip and the list that it is about.
    last: Mutex<Option<(CommitId, AllowedSigners, VerifiedHead)>>,
}

/// The key that signs our commits.
#[derive(Clone)]
pub enum Signing {
    /// The deploy key that is logged in with at the time of the commit.
    DeployKey,
    /// A key for signatures alone.
    Key(Arc<DeployKey>),
}

/// How many commits back from the tip to look for the newest verified one: a day's work of a large team.
const MOST_COMMITS: usize = 1000;

impl Trust {
    /// Signs with `signing`, and requires a signature of one of the `signers`.
    pub fn new(signing: Option<Signing>, signers: Option<Signers>) -> Self {
        Self {
            signing,
            signers,
            last: Mutex::default(),
        }
    }

    /// The key for our next commit. `deploy_key` is the current one.
    pub(crate) fn signing_key(&self, deploy_key: impl FnOnce() -> Arc<DeployKey>) -> Option<Arc<DeployKey>> {
        self.signing.as_ref().map(|signing| match signing {
            Signing::DeployKey => deploy_key(),
            Signing::Key(key) => Arc::clone(key),
        })
    }

    /// Refuses a commit of ours that we would not apply ourselves.
    pub(crate) fn check_own(&self, repo: &Repository, made: Oid) -> Result<(), Error> {
        let Some(signers) = &self.signers else { return Ok(()) };
        let allowed = signers.read().map_err(Error::AllowedSigners)?;
        let commit = repo.find_commit(made);
        let commit = commit.map_err(Libgit2Error::doing("read back the commit"))?;
        let verified = signature::verify(repo, &commit, &allowed);
        verified.map(drop).map_err(|reason| {
            Error::plan(format!(
                "it would not be applied: {reason}; set automation.signing, and add the agent's key to \
                 repo.verify.allowedSigners (`tidegate identity` prints the line)"
            ))
        })
    }

    /// The tip if its signature is accepted, otherwise the newest commit before it with an accepted signature. `repository` is
    /// for the error.
    pub(crate) fn judge(
        &self,
        repo: &Repository,
        repository: &dyn Display,
        tip: CommitId,
    ) -> Result<VerifiedHead, Error> {
        let Some(signers) = &self.signers else {
            return Ok(VerifiedHead {
                commit: Some(tip),
                problem: None,
            });
        };
        let allowed = signers.read().map_err(Error::AllowedSigners)?;
        let mut last = locked(&self.last);
        if let Some((_, _, known)) = last.as_ref().filter(|(of, by, _)| *of == tip && *by == allowed) {
            return Ok(known.clone());
        }
        let found = newest_verified(repo, repository, tip, &allowed)?;
        *last = Some((tip, allowed, found.clone()));
        Ok(found)
    }
}

fn newest_verified(
    repo: &Repository,
    repository: &dyn Display,
    tip: CommitId,
    allowed: &AllowedSigners,
) -> Result<VerifiedHead, Error> {
    let mut commit = history::commit(repo, repository, tip)?;
    let mut problem = None;
    for _ in 0..MOST_COMMITS {
        match signature::verify(repo, &commit, allowed) {
            Ok(_) => {
                return Ok(VerifiedHead {
                    commit: Some(commit_id(commit.id())),
                    problem,
                });
            }
            Err(reason) => problem.get_or_insert_with(|| describe(&commit, &reason)),
        };
        match commit.parent(0) {
            Ok(parent) => commit = parent,
            Err(_) => break,
        }
    }
    Ok(VerifiedHead { commit: None, problem })
}

fn describe(commit: &Commit<'_>, reason: &str) -> String {
    let author = server_message::plain(history::author(commit).as_bytes());
    format!("commit {} by {author} is not applied: {reason}", commit.id())
}
