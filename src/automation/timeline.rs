use crate::catalog::Catalog;
use crate::history::{self, FileFields, Hold, Mark, Step, Transition};
use crate::model::{BlobId, CommitId, FieldId, RepoPath};
use crate::port::{ConfigRepo, FileChange, HistoryCommit, RepoFailure, TreeFile};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Reads the branch's history for holds, and after the first time only what is new.
#[derive(Debug, Default)]
pub struct Timeline {
    tip: Option<CommitId>,
    tip_time: Timestamp,
    steps: Vec<Step>,
    past: Past,
}

/// What the history says of image fields.
#[derive(Debug, Default)]
pub struct Past {
    /// What is held.
    pub holds: BTreeMap<FieldId, Hold>,
    written: BTreeMap<FieldId, Timestamp>,
    otherwise: Timestamp,
}

impl Past {
    /// When a field was last written; for one that nobody wrote since the oldest commit that was looked at, that
    /// commit's time.
    pub fn since(&self, field: &FieldId) -> Timestamp {
        self.written.get(field).copied().unwrap_or(self.otherwise)
    }
}

/// How far back bumps are looked for.
const LONGEST_HISTORY: usize = 100_000;

impl Timeline {
    /// What the history up to `tip` says.
    ///
    /// # Errors
    /// The repository could not be read; what was known stays, and is read on from the next time.
    pub async fn read(
        &mut self,
        repo: &impl ConfigRepo,
        catalog: &mut Catalog,
        tip: CommitId,
    ) -> Result<&Past, RepoFailure> {
        if self.tip != Some(tip) {
            let known = match self.tip {
                Some(known) if repo.is_ancestor(known, tip).await? => Some(known),
                _ => {
                    (self.tip, self.steps) = (None, Vec::new());
                    None
                }
            };
            let new = repo.history(tip, known, LONGEST_HISTORY).await?;
            self.extend(repo, catalog, new).await?;
            self.tip = Some(tip);
            self.past = Past {
                holds: history::holds(&self.steps),
                written: history::standing_since(&self.steps),
                otherwise: self.steps.first().map_or(self.tip_time, |step| step.committed_at),
            };
        }
        Ok(&self.past)
    }

    /// What happened before the first bump concerns no hold, and its files need not be read. A committer's clock that
    /// is ahead counts as the moment at which the commit was first seen.
    async fn extend(
        &mut self,
        repo: &impl ConfigRepo,
        catalog: &mut Catalog,
        newest_first: Vec<HistoryCommit>,
    ) -> Result<(), RepoFailure> {
        let first_seen = Timestamp::now();
        let mut steps = Vec::new();
        for commit in newest_first.into_iter().rev() {
            let ours = history::bumps(&commit.message);
            self.tip_time = commit.committed_at.min(first_seen);
            if self.steps.is_empty() && steps.is_empty() && ours.is_empty() {
                continue;
            }
            let mut merged = Vec::new();
            for changes in &commit.merged {
                merged.push(transitions(repo, catalog, changes).await?);
            }
            steps.push(Step {
                commit: commit.id,
                parents: commit.parents,
                author: commit.author,
                committed_at: commit.committed_at.min(first_seen),
                ours,
                resumes: history::resumes(&commit.message),
                transitions: transitions(repo, catalog, &commit.changes).await?,
                merged,
            });
        }
        self.steps.extend(steps);
        Ok(())
    }
}

/// How the image fields' tags moved in a commit.
async fn transitions(
    repo: &impl ConfigRepo,
    catalog: &mut Catalog,
    changes: &[FileChange],
) -> Result<Vec<Transition>, RepoFailure> {
    let mut files = Vec::new();
    for change in changes.iter().filter(|change| is_yaml(&change.path)) {
        files.push(FileFields {
            before: fields(repo, catalog, &change.path, change.before).await?,
            after: fields(repo, catalog, &change.path, change.after).await?,
        });
    }
    Ok(history::transitions(files))
}

async fn fields(
    repo: &impl ConfigRepo,
    catalog: &mut Catalog,
    path: &RepoPath,
    blob: Option<BlobId>,
) -> Result<Vec<(FieldId, Mark)>, RepoFailure> {
    let Some(blob) = blob else { return Ok(Vec::new()) };
    let readings = catalog
        .readings(
            repo,
            &[TreeFile {
                path: path.clone(),
                blob,
            }],
        )
        .await?;
    Ok(readings
        .iter()
        .flat_map(|reading| reading.documents.iter().chain(&reading.values))
        .flat_map(|document| {
            document.images.iter().map(|image| {
                let field = FieldId {
                    object: document.object.clone(),
                    field: image.field.clone(),
                };
                (field, Mark::of(&image.image))
            })
        })
        .collect())
}

fn is_yaml(path: &RepoPath) -> bool {
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| path.as_str().ends_with(ending))
}
