//! Asks by dry runs what each apply of a plan would do. Previews and comparisons are made of the answers.

use super::introduced::Introduced;
use super::report::FailedObject;
use super::sync_plan::{ApplyStep, SyncPlan};
use super::syncer::Syncer;
use crate::model::{ObjectId, RepoPath};
use crate::port::{ClusterFailure, RecordStore, TargetApi};
use crate::resource::GroupKind;
use futures::StreamExt as _;

/// What would happen to an object that is not refused.
pub(super) enum Foretold<'p, T> {
    /// What the dry run says.
    Answered(&'p ApplyStep, T),
    /// The object would be created in a namespace, or be of a kind, that the same commit creates. The server cannot judge it yet.
    Introduced(&'p ObjectId, &'p RepoPath),
    /// A field cannot change, by this message of the server, and the object would be deleted and created anew.
    Recreated(&'p ApplyStep, String),
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Asks about each apply of a plan, `in_flight` at once, and calls `note` for each object that a pass would not refuse, in the
    /// order of the plan. `creates` says whether an answer is that of a new object. Returns what a pass would refuse.
    ///
    /// # Errors
    /// The API server is away.
    pub(super) async fn foretell<'p, T, F>(
        &self,
        plan: &'p SyncPlan,
        in_flight: usize,
        ask: impl Fn(&'p ApplyStep) -> F,
        creates: impl Fn(&T) -> bool,
        mut note: impl FnMut(Foretold<'p, T>),
    ) -> Result<Vec<FailedObject>, ClusterFailure>
    where
        F: Future<Output = Result<T, ClusterFailure>>,
    {
        let requests: Vec<_> = plan
            .applies()
            .map(|step| {
                let answer = ask(step);
                async move { (step, answer.await) }
            })
            .collect();
        // The answers come in order: definitions and namespaces come before their objects.
        let mut answers = futures::stream::iter(requests).buffered(in_flight);
        let (mut introduced, mut recreated, mut refused) = (Introduced::default(), Vec::new(), Vec::new());
        while let Some((step, answer)) = answers.next().await {
            match answer {
                Ok(answer) => {
                    if creates(&answer) {
                        introduced.note(step);
                    }
                    note(Foretold::Answered(step, answer));
                }
                Err(failure) if failure.is_outage() => return Err(failure),
                Err(_) if introduced.has_namespace_of(&step.id) => {
                    note(Foretold::Introduced(&step.id, step.object.origin.path()));
                }
                Err(ClusterFailure::Immutable { message }) => match self.may_recreate(step) {
                    Ok(_) => recreated.push((step, message)),
                    Err(reason) => refused.push(step.failed(format!("{message}; {reason}"))),
                },
                Err(failure) => refused.push(step.failed(failure.to_string())),
            }
        }
        let too_many = self.too_many(plan, recreated.len());
        for (step, message) in recreated {
            match &too_many {
                Some(reason) => refused.push(step.failed(format!("{message}; {reason}"))),
                None => note(Foretold::Recreated(step, message)),
            }
        }
        let kinds = introduced.kinds(&plan.unknown);
        let mut failed = Vec::new();
        for known in &plan.failed {
            match &known.path {
                Some(path) if kinds.contains(&GroupKind::of(&known.id)) => note(Foretold::Introduced(&known.id, path)),
                _ => failed.push(known.clone()),
            }
        }
        failed.append(&mut refused);
        Ok(failed)
    }
}
