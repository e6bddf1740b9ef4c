use super::dry_run::Foretold;
use super::first_contact::{refusal_of, shown};
use super::plan_inputs::Approval;
use super::report::{FailedObject, failures};
use super::sync_plan::ApplyStep;
use super::syncer::Syncer;
use crate::model::{CommitId, ObjectId, RepoPath};
use crate::port::{ClusterFailure, RecordStore, TargetApi, TargetState};
use crate::resource::{Additions, FieldChange, GroupKind, object_diff, prepare};
use serde::Serialize;
use std::fmt;

/// Each comparison holds two whole objects for a moment.
const IN_FLIGHT: usize = 8;

/// How the live objects of a target differ from what a commit would make of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// The commit.
    pub commit: CommitId,
    /// The objects that differ, ordered by wave and file.
    pub objects: Vec<ObjectDiff>,
    /// How many objects are as declared.
    pub unchanged: usize,
    /// What would be deleted, now or after a confirmation.
    pub deletions: Vec<ObjectId>,
    /// What could not be compared, or would be refused.
    pub failed: Vec<FailedObject>,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDiff {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// Whether the object does not exist yet.
    pub is_new: bool,
    /// For an object that a pass would delete and create anew: why the server refuses to change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recreated: Option<String>,
    /// The fields that differ; some of many. None for an object that is new or is created anew.
    pub fields: Vec<FieldChange>,
}

/// How an object differs.
enum Difference {
    New,
    Fields(Vec<FieldChange>),
    /// The server's refusal of the change.
    Recreated(String),
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Compares every declared object with what an apply would make of it, by dry runs: two requests for each object, and nothing is
    /// written. `key`: another one for each call.
    ///
    /// # Errors
    /// The API server is away.
    pub async fn diff(
        &mut self,
        declared: &TargetState,
        approval: Approval,
        key: &[u8; 16],
    ) -> Result<Diff, ClusterFailure> {
        let plan = self.plan_only(declared, approval).await?;
        let waiting = plan.waiting.iter().flat_map(|waiting| waiting.objects.iter().cloned());
        let mut diff = Diff {
            commit: declared.commit,
            objects: Vec::new(),
            unchanged: 0,
            deletions: plan
                .deletions
                .iter()
                .map(|step| step.id.clone())
                .chain(waiting)
                .collect(),
            failed: Vec::new(),
        };
        let this = &*self;
        let ask = |step| this.compare(step, key);
        let note = |foretold: Foretold<'_, Option<Vec<FieldChange>>>| match foretold {
            Foretold::Answered(step, None) => diff.add(&step.id, step.object.origin.path(), Difference::New),
            Foretold::Answered(_, Some(fields)) if fields.is_empty() => diff.unchanged += 1,
            Foretold::Answered(step, Some(fields)) => {
                diff.add(&step.id, step.object.origin.path(), Difference::Fields(fields));
            }
            Foretold::Introduced(id, path) => diff.add(id, path, Difference::New),
            Foretold::Recreated(step, refusal) => {
                diff.add(&step.id, step.object.origin.path(), Difference::Recreated(refusal));
            }
        };
        let failed = this.foretell(&plan, IN_FLIGHT, ask, Option::is_none, note).await?;
        diff.failed = failed;
        Ok(diff)
    }

    /// The fields of a live object that an apply would change; `None` if there is no such object.
    async fn compare(&self, step: &ApplyStep, key: &[u8; 16]) -> Result<Option<Vec<FieldChange>>, ClusterFailure> {
        let api = &*self.target.api;
        let mut body = prepare(&step.object.value.value(), &step.id, &self.set);
        let needs_look = step.is_first_contact || !step.object.intent.ignore_fields.is_empty();
        if needs_look && let Some((live, _)) = api.look(&step.served, &step.id).await? {
            if let Some(refusal) = refusal_of(api, step, &live, &self.set, self.adoption).await {
                return Err(refusal);
            }
            for path in &step.object.intent.ignore_fields {
                if !live.owns(path) {
                    path.remove_from(&mut body);
                }
            }
        }
        let compared = api.compare(&step.served, &step.id, &body).await;
        let compared = compared.map_err(|failure| shown(step, failure))?;
        let Some(live) = compared.live else { return Ok(None) };
        let is_secret = GroupKind::of(&step.id).is("", "Secret") || step.object.intent.hide_values;
        let mut fields = object_diff(&live, &compared.applied, is_secret, key);
        // A dry run does not remove what people added: the agent first takes those fields over.
        let added = step.additions.as_ref().map(Additions::paths).unwrap_or_default();
        let by = step.additions.as_ref().and_then(Additions::who);
        fields.extend(added.into_iter().map(|field| FieldChange {
            field,
            before: Some(format!("added by {}", by.as_deref().unwrap_or("somebody"))),
            after: None,
        }));
        Ok(Some(fields))
    }
}

impl Diff {
    fn add(&mut self, id: &ObjectId, path: &RepoPath, difference: Difference) {
        let is_new = matches!(difference, Difference::New);
        let (fields, recreated) = match difference {
            Difference::New => (Vec::new(), None),
            Difference::Fields(fields) => (fields, None),
            Difference::Recreated(refusal) => (Vec::new(), Some(refusal)),
        };
        self.objects.push(ObjectDiff {
            id: id.clone(),
            path: path.clone(),
            is_new,
            recreated,
            fields,
        });
    }

    /// Whether a pass would change something.
    pub fn has_differences(&self) -> bool {
        !self.objects.is_empty() || !self.deletions.is_empty()
    }

    /// What could not be compared, one line each.
    pub fn errors(&self) -> Vec<String> {
        failures(&self.failed)
    }
}

/// One line for each object, and one for each of its fields, as `tidegate diff` prints it.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.errors() {
            writeln!(f, "! {line}")?;
        }
        for object in &self.objects {
            match object.is_new {
                true => writeln!(f, "+ {} ({})", object.id, object.path)?,
                false => writeln!(f, "{} ({})", object.id, object.path)?,
            }
            if let Some(refusal) = &object.recreated {
                writeln!(f, "  ~ deleted and created anew: {refusal}")?;
            }
            for field in &object.fields {
                writeln!(f, "  {field}")?;
            }
        }
        for id in &self.deletions {
            writeln!(f, "- {id}")?;
        }
        writeln!(f, "{} objects are as declared", self.unchanged)
    }
}
