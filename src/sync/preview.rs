use super::apply::IN_FLIGHT;
use super::dry_run::Foretold;
use super::first_contact::{Manners, Sent, send};
use super::plan_inputs::Approval;
use super::report::{Change, FailedObject, WaitingDeletions, as_retained, failures};
use super::sync_plan::{ApplyStep, SyncPlan};
use super::syncer::Syncer;
use super::unsettled::{Unsettled, unready};
use super::withheld::{in_the_way, withhold};
use crate::model::{CommitId, ObjectId, RepoPath};
use crate::port::{Applied, ClusterFailure, Mode, RecordStore, TargetApi, TargetState};
use crate::resource::{Additions, RetainReason, is_for_want_of_rights};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// What a pass would do now, by dry runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The declared commit.
    pub commit: CommitId,
    /// Every declared object that a new process would apply, ordered by wave and file.
    pub objects: Vec<PreviewedObject>,
    /// What would be deleted.
    pub deletions: Vec<ObjectId>,
    /// Deletions that would wait for a confirmation.
    pub waiting: Option<WaitingDeletions>,
    /// Why objects that are no longer declared would not be deleted.
    pub prune_blocked: Option<String>,
    /// Undeclared members of the set that would not be deleted.
    #[serde(serialize_with = "as_retained")]
    pub retained: Vec<(ObjectId, RetainReason)>,
    /// Declared objects that hang on a finalizer or are not ready.
    pub unready: Vec<Unsettled>,
    /// What could not be applied.
    pub failed: Vec<FailedObject>,
}

/// The result of the dry run of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewedObject {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// Created, configured, adopted, repaired, recreated or unchanged.
    pub change: Change,
    /// For an adoption: who made the object. For a repair: who added fields.
    pub by: Option<String>,
    /// Fields that people added and that would be removed; some of many.
    pub removed: Vec<String>,
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Predicts what [`Syncer::pass`] would do, and writes nothing: each object is applied as a dry run.
    ///
    /// A server cannot judge objects of kinds or in namespaces that the same commit introduces. They are reported as
    /// created.
    ///
    /// # Errors
    /// The API server is away.
    pub async fn preview(&mut self, declared: &TargetState, approval: Approval) -> Result<Preview, ClusterFailure> {
        let plan = self.plan_only(declared, approval).await?;
        let mut preview = Preview::of_plan(declared.commit, &plan);
        preview.unready = self.observed().read(|observed| unready(&plan.hashes, observed));
        let api = &*self.target.api;
        let manners = Manners {
            set: &self.set,
            adoption: self.adoption,
            mode: Mode::DryRun,
        };
        let ask = |step| send(api, step, manners);
        let note = |foretold: Foretold<'_, Sent>| match foretold {
            Foretold::Answered(step, sent) => {
                let by = sent.adopted.as_ref().map(ToString::to_string);
                let added = step.additions.as_ref().and_then(Additions::who);
                let change = match (&by, &added) {
                    (Some(_), _) => Change::Adopted,
                    (None, Some(_)) => Change::Repaired,
                    (None, None) => self.previewed_change(step, &sent.applied),
                };
                preview.add(step, change, by.or(added));
            }
            Foretold::Introduced(id, path) => preview.objects.push(PreviewedObject {
                id: id.clone(),
                path: path.clone(),
                change: Change::Created,
                by: None,
                removed: Vec::new(),
            }),
            Foretold::Recreated(step, _) => preview.add(step, Change::Recreated, None),
        };
        // Dry runs cost the server as much as applies.
        let failed = self.foretell(&plan, IN_FLIGHT, ask, |sent| sent.applied.created, note);
        preview.failed = failed.await?;
        preview.order_deletions(&plan);
        Ok(preview)
    }

    fn previewed_change(&self, step: &ApplyStep, applied: &Applied) -> Change {
        let seen = self.observed().read(|observed| observed.object(&step.id).cloned());
        let unchanged =
            seen.is_some_and(|seen| seen.fingerprint == applied.fingerprint && seen.generation == applied.generation);
        match (applied.created, unchanged) {
            (true, _) => Change::Created,
            (false, true) => Change::Unchanged,
            (false, false) => Change::Configured,
        }
    }
}

impl Preview {
    fn of_plan(commit: CommitId, plan: &SyncPlan) -> Self {
        Self {
            commit,
            objects: Vec::new(),
            deletions: plan.deletions.iter().map(|step| step.id.clone()).collect(),
            waiting: plan.waiting.clone(),
            prune_blocked: plan.prune_blocked.clone(),
            retained: plan.retained.clone(),
            unready: Vec::new(),
            failed: Vec::new(),
        }
    }

    fn add(&mut self, step: &ApplyStep, change: Change, by: Option<String>) {
        self.objects.push(PreviewedObject {
            id: step.id.clone(),
            path: step.object.origin.path().clone(),
            change,
            by,
            removed: step.additions.as_ref().map(Additions::paths).unwrap_or_default(),
        });
    }

    /// Leaves out the deletions that a pass would not carry out, and accepts the objects that a pass would apply after one of
    /// its deletions.
    fn order_deletions(&mut self, plan: &SyncPlan) {
        let is_in_the_way = |step: &&ApplyStep| !in_the_way(step, &plan.deletions, &self.failed).is_empty();
        let accepted: Vec<ApplyStep> = plan.applies().filter(is_in_the_way).cloned().collect();
        self.failed
            .retain(|failed| !accepted.iter().any(|step| step.id == failed.id));
        for step in &accepted {
            self.add(step, Change::Configured, None);
        }
        let mut deletions = plan.deletions.clone();
        let refused: Vec<&ObjectId> = self.failed.iter().map(|failed| &failed.id).collect();
        if let Some(reason) = withhold(&mut deletions, &refused) {
            let known = self.prune_blocked.take().map(|known| format!("{known}; "));
            self.prune_blocked = Some(known.unwrap_or_default() + &reason);
        }
        self.deletions = deletions.into_iter().map(|step| step.id).collect();
    }
}

impl Preview {
    /// What would be refused, and what would prevent deletions, in the words of a pass's report.
    pub fn errors(&self) -> impl Iterator<Item = String> {
        failures(&self.failed).into_iter().chain(self.prune_blocked.clone())
    }

    /// The objects that the agent has no right to apply.
    pub fn denied(&self) -> BTreeSet<ObjectId> {
        let denied = self
            .failed
            .iter()
            .filter(|failed| is_for_want_of_rights(&failed.message));
        denied.map(|failed| failed.id.clone()).collect()
    }

    /// Whether a pass would change something or would wait for a confirmation.
    pub fn has_changes(&self) -> bool {
        let changed = self.objects.iter().any(|object| object.change != Change::Unchanged);
        changed || !self.deletions.is_empty() || self.waiting.is_some()
    }
}

/// One line for each object that would change, as `tidegate plan` prints it.
impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unchanged = 0;
        for object in &self.objects {
            match (object.change, &object.by) {
                (Change::Unchanged, _) => unchanged += 1,
                (Change::Repaired, by) => {
                    let by = by.as_deref().unwrap_or("somebody");
                    let fields = object.removed.join(", ");
                    writeln!(
                        f,
                        "apply  {}: repaired: {by} added {fields} ({})",
                        object.id, object.path
                    )?;
                }
                (change, Some(by)) => writeln!(f, "apply  {}: {change} from {by} ({})", object.id, object.path)?,
                (change, None) => writeln!(f, "apply  {}: {change} ({})", object.id, object.path)?,
            }
        }
        for id in &self.deletions {
            writeln!(f, "prune  {id}")?;
        }
        for id in self.waiting.iter().flat_map(|waiting| &waiting.objects) {
            writeln!(f, "wait   {id}")?;
        }
        if let Some(waiting) = &self.waiting {
            writeln!(f, "keep   {}", waiting.remedy)?;
        }
        for object in &self.unready {
            writeln!(f, "unwell {object}")?;
        }
        writeln!(f, "       {unchanged} objects are as declared")
    }
}
