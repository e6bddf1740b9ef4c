//! Makes commits and packs them, without writing to the mirror.

use super::error::Error;
use super::repository::{Mirror, open_bare};
use crate::git::libgit2_error::Libgit2Error;
use crate::git::objects::commit::{self, Made};
use crate::model::{CommitId, with_causes};
use crate::port::NewCommit;
use git2::{ObjectType, Oid, Repository};
use std::io::Write as _;
use std::sync::Arc;

/// Above this number of objects a pack is written to the mirror instead of a file for each object.
const MOST_LOOSE: usize = 50;

/// Above the priorities of the backends that libgit2 opens by itself.
const FIRST_BACKEND: i32 = 1000;

/// Finished commits that are not in the mirror yet.
pub(crate) struct Prepared {
    made: Made,
    /// The mirror with the new objects in memory.
    scratch: Repository,
    /// All new objects.
    pub pack: Vec<u8>,
}

impl Prepared {
    /// Makes the commits and packs them. A mirror that is damaged, full or gone is fetched again first; `None` if the branch has
    /// left the parent meanwhile.
    pub(crate) fn new(mirror: &mut Mirror, plans: &[NewCommit], parent: CommitId) -> Result<Option<Self>, Error> {
        match Self::attempt(mirror, plans) {
            Err(error) if error.is_damage() || error.is_full() || error.is_missing_commit() => {
                tracing::info!(
                    error = with_causes(&error),
                    "the mirror cannot be used and is fetched again"
                );
                if mirror.fetch()? == parent {
                    Self::attempt(mirror, plans).map(Some)
                } else {
                    Ok(None)
                }
            }
            made => made.map(Some),
        }
    }

    fn attempt(mirror: &mut Mirror, plans: &[NewCommit]) -> Result<Self, Error> {
        let (settings, trust) = (Arc::clone(&mirror.settings), Arc::clone(&mirror.trust));
        let key = trust.signing_key(|| mirror.connection.key());
        mirror.with(|repo| {
            let scratch = scratch(repo)?;
            let made = commit::make_all(&scratch, &settings.url, &settings.author, key.as_deref(), plans)?;
            trust.check_own(&scratch, made.id)?;
            let pack = pack(&scratch, &made).map_err(Libgit2Error::doing("pack the commit"))?;
            Ok::<_, Error>(Self { made, scratch, pack })
        })
    }

    /// The last commit.
    pub(crate) fn id(&self) -> Oid {
        self.made.id
    }

    /// Writes the commits into the mirror. Only what has landed is written: a lost race leaves nothing behind.
    pub(crate) fn keep(&self, mirror: &mut Mirror) -> Result<(), Error> {
        mirror.with(|repo| {
            self.write(repo)
                .map_err(Libgit2Error::doing("keep the pushed commit in the mirror"))
        })
    }

    fn write(&self, repo: &Repository) -> Result<(), git2::Error> {
        let (from, into) = (self.scratch.odb()?, repo.odb()?);
        if self.made.objects.len() > MOST_LOOSE {
            let mut writer = into.packwriter()?;
            let written = writer.write_all(&self.pack);
            written.map_err(|error| git2::Error::from_str(&error.to_string()))?;
            return writer.commit().map(drop);
        }
        // Commits come last, because a commit that exists is taken to be whole.
        for commits in [false, true] {
            for id in &self.made.objects {
                let object = from.read(*id)?;
                if (object.kind() == ObjectType::Commit) == commits {
                    into.write(object.kind(), object.data())?;
                }
            }
        }
        Ok(())
    }
}

/// The mirror opened once more, with new objects in memory alone: five hundred new files take no time there.
fn scratch(mirror: &Repository) -> Result<Repository, Libgit2Error> {
    let scratch = open_bare(mirror.path())?;
    let in_memory = scratch
        .odb()
        .and_then(|odb| odb.add_new_mempack_backend(FIRST_BACKEND).map(drop));
    in_memory.map_err(Libgit2Error::doing("open the mirror"))?;
    Ok(scratch)
}

/// The objects that were made, each of them whole, and no others.
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
