use crate::catalog::Catalog;
use crate::history::{self, Hold, Step, Transition};
use crate::model::{CommitId, FieldId, RepoPath, Tag};
use crate::port::{ConfigRepo, FileChange, HistoryCommit, RepoFailure, TreeFile};
use std::collections::BTreeMap;

/// Reads the branch's history for holds, and after the first time only what is new.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    tip: Option<CommitId>,
    steps: Vec<Step>,
}

/// How far back bumps are looked for.
const LONGEST_HISTORY: usize = 100_000;

impl Timeline {
    /// The holds at `tip`.
    pub(super) async fn holds(
        &mut self,
        repo: &impl ConfigRepo,
        catalog: &mut Catalog,
        tip: CommitId,
    ) -> Result<BTreeMap<FieldId, Hold>, RepoFailure> {
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
        Ok(history::holds(&self.steps))
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

/// How the image fields' tags moved in a commit; an object that only changed its file has not moved.
async fn transitions(
    repo: &impl ConfigRepo,
    catalog: &mut Catalog,
    changes: &[FileChange],
) -> Result<Vec<Transition>, RepoFailure> {
    let before = tags(repo, catalog, changes, |change| change.before).await?;
    let after = tags(repo, catalog, changes, |change| change.after).await?;
    let mut fields: Vec<&FieldId> = before.keys().chain(after.keys()).collect();
    fields.sort();
    fields.dedup();
    Ok(fields
        .into_iter()
        .map(|field| Transition {
            field: field.clone(),
            from: before.get(field).cloned().flatten(),
            to: after.get(field).cloned().flatten(),
        })
        .filter(|transition| transition.from != transition.to)
        .collect())
}

async fn tags(
    repo: &impl ConfigRepo,
    catalog: &mut Catalog,
    changes: &[FileChange],
    side: impl Fn(&FileChange) -> Option<crate::model::BlobId>,
) -> Result<BTreeMap<FieldId, Option<Tag>>, RepoFailure> {
    let files: Vec<TreeFile> = changes
        .iter()
        .filter(|change| is_yaml(&change.path))
        .filter_map(|change| Some(TreeFile { path: change.path.clone(), blob: side(change)? }))
        .collect();
    let readings = catalog.readings(repo, &files).await?;
    Ok(readings
        .iter()
        .flat_map(|reading| &reading.documents)
        .flat_map(|document| {
            document.images.iter().map(|image| {
                let field = FieldId { object: document.object.clone(), field: image.field.clone() };
                (field, image.image.tag().cloned())
            })
        })
        .collect())
}

fn is_yaml(path: &RepoPath) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.as_str().ends_with(ending))
}
