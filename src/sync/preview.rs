use super::pass::Syncer;
use super::plan::Consent;
use super::report::{Change, FailedObject, WaitingDeletions};
use crate::catalog::Declared;
use crate::model::{CommitId, ObjectId, RepoPath};
use crate::port::{Cluster, ClusterFailure, Mode};
use crate::resource::{Kept, prepare};
use futures::StreamExt as _;
use serde::Serialize;
use std::fmt;

/// What a pass would do now. Made from reads and dry-run applies; nothing is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// The commit.
    pub commit: CommitId,
    /// Every declared object that would be sent to a fresh server, ordered by wave and file.
    pub objects: Vec<PreviewedObject>,
    /// What would be deleted.
    pub deletions: Vec<ObjectId>,
    /// What would wait for a confirmation.
    pub waiting: Option<WaitingDeletions>,
    /// Why nothing would be deleted.
    pub prune_blocked: Option<String>,
    /// Undeclared members that would stay.
    pub kept: Vec<(ObjectId, Kept)>,
    /// What could not be applied.
    pub failed: Vec<FailedObject>,
}

/// What would come of applying an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewedObject {
    /// Which.
    pub id: ObjectId,
    /// Its file.
    pub path: RepoPath,
    /// Created, configured or unchanged.
    pub change: Change,
}

/// Dry runs are as dear to the server as applies.
const IN_FLIGHT: usize = 16;

impl<C: Cluster> Syncer<C> {
    /// Says what [`Syncer::pass`] would do, and writes nothing: each object is applied as a dry run. Objects of kinds or
    /// in namespaces that the same commit would bring are refused by the server, and told as failed in its words.
    ///
    /// # Errors
    /// When the API server is away.
    pub async fn preview(&mut self, declared: &Declared, consent: Consent) -> Result<Preview, ClusterFailure> {
        let (plan, set) = self.look(declared, consent).await?;
        let mut preview = Preview {
            commit: declared.commit,
            objects: Vec::new(),
            deletions: plan.deletions.iter().map(|step| step.id.clone()).collect(),
            waiting: plan.waiting.clone(),
            prune_blocked: plan.prune_blocked.clone(),
            kept: plan.kept.clone(),
            failed: plan.failed.clone(),
        };
        let cluster = self.cluster();
        let requests: Vec<_> = plan
            .applications()
            .map(|application| {
                let set = &set;
                async move {
                    let body = prepare(&application.document.value, &application.id, set);
                    let sent = cluster.apply(&application.served, &application.id, &body, Mode::DryRun);
                    (application, sent.await)
                }
            })
            .collect();
        let mut answers = futures::stream::iter(requests).buffered(IN_FLIGHT);
        while let Some((application, answer)) = answers.next().await {
            match answer {
                Ok(applied) => {
                    let seen = cluster
                        .observed()
                        .read(|observed| observed.object(&application.id).cloned());
                    let unmoved = seen.is_some_and(|seen| {
                        seen.fingerprint == applied.fingerprint && seen.generation == applied.generation
                    });
                    preview.objects.push(PreviewedObject {
                        id: application.id.clone(),
                        path: application.path.clone(),
                        change: match (applied.created, unmoved) {
                            (true, _) => Change::Created,
                            (false, true) => Change::Unchanged,
                            (false, false) => Change::Configured,
                        },
                    });
                }
                Err(failure) if failure.is_outage() => return Err(failure),
                Err(failure) => preview.failed.push(FailedObject {
                    id: application.id.clone(),
                    path: Some(application.path.clone()),
                    message: failure.to_string(),
                }),
            }
        }
        Ok(preview)
    }
}

/// One line for each object that would change, as `tidegate plan` prints it.
impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unchanged = 0;
        for object in &self.objects {
            match object.change {
                Change::Unchanged => unchanged += 1,
                change => writeln!(f, "{change}  {}  ({})", object.id, object.path)?,
            }
        }
        for id in &self.deletions {
            writeln!(f, "deleted  {id}")?;
        }
        for failed in &self.failed {
            match &failed.path {
                Some(path) => writeln!(f, "failed  {}  ({path}): {}", failed.id, failed.message)?,
                None => writeln!(f, "failed  {}: {}", failed.id, failed.message)?,
            }
        }
        for remark in self
            .waiting
            .iter()
            .map(|waiting| &waiting.remedy)
            .chain(&self.prune_blocked)
        {
            writeln!(f, "{remark}")?;
        }
        for (id, kept) in &self.kept {
            writeln!(f, "kept  {id}: {kept}")?;
        }
        write!(f, "{unchanged} unchanged")
    }
}
