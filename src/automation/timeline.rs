use crate::catalog::Catalog;
use crate::history::{self, FileFields, Hold, Step, Transition};
use crate::model::{BlobId, CommitId, FieldId, RepoPath, Tag};
use crate::port::{ConfigRepo, FileChange, HistoryCommit, RepoFailure, TreeFile};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Reads the branch's history for holds, and after the first time only what is new.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    tip: Option<CommitId>,
    steps: Vec<Step>,
}

/// What the history says of image fields.
pub(super) struct Past {
    /// What is held.
    pub(super) holds: BTreeMap<FieldId, Hold>,
    /// When fields were last written, as far back as there are bumps.
    pub(super) since: BTreeMap<FieldId, Timestamp>,
}

/// How far back bumps are looked for.
const LONGEST_HISTORY: usize = 100_000;

impl Timeline {
    /// What the history up to `tip` says.
    pub(super) async fn read(
        &mut self,
        repo: &impl ConfigRepo,
        catalog: &mut Catalog,
        tip: CommitId,
    ) -> Result<Past, RepoFailure> {
        if self.tip != Some(tip) {
            let known = match self.tip {
                Some(known) if repo.is_ancestor(known, tip).await? => Some(known),
                _ => {
                    self.steps.clear();
                    None
                }
            };
            let new = repo.history(tip, known, LONGEST_HISTORY).await?;
            self.extend(repo, catalog, new).await?;
            self.tip = Some(tip);
        }
        Ok(Past {
            holds: history::holds(&self.steps),
            since: history::standing_since(&self.steps),
        })
    }

    /// What happened before the first bump concerns no hold, and its files need not be read.
    async fn extend(
        &mut self,
        repo: &impl ConfigRepo,
        catalog: &mut Catalog,
        newest_first: Vec<HistoryCommit>,
    ) -> Result<(), RepoFailure> {
        for commit in newest_first.into_iter().rev() {
            let ours = history::bumps(&commit.message);
            let resumes = history::resumes(&commit.message);
            if self.steps.is_empty() && ours.is_empty() {
                continue;
            }
            let transitions = transitions(repo, catalog, &commit.changes).await?;
            self.steps.push(Step {
                commit: commit.id,
                author: commit.author,
                committed_at: commit.committed_at,
                ours,
                resumes,
                transitions,
            });
        }
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
) -> Result<Vec<(FieldId, Option<Tag>)>, RepoFailure> {
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
        .flat_map(|reading| &reading.documents)
        .flat_map(|document| {
            document.images.iter().map(|image| {
                let field = FieldId {
                    object: document.object.clone(),
                    field: image.field.clone(),
                };
                (field, image.image.tag().cloned())
            })
        })
        .collect())
}

fn is_yaml(path: &RepoPath) -> bool {
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| path.as_str().ends_with(ending))
}
