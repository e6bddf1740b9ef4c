use crate::model::ObjectId;
use crate::port::TargetState;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What this process deleted without a confirmation since a commit removed objects. A limit counts these deletions together: the
/// watches may show some of the removed objects late, and meanwhile commits may follow that remove nothing, as the agent's own.
#[derive(Debug, Default)]
pub(super) struct DeletedFor {
    /// What the latest of these commits declares.
    state: Option<Arc<TargetState>>,
    objects: BTreeSet<ObjectId>,
}

impl DeletedFor {
    /// What was deleted.
    pub(super) fn objects(&self) -> &BTreeSet<ObjectId> {
        &self.objects
    }

    /// Goes on to what is declared now. A commit that removes an object begins a count of its own.
    pub(super) fn follow(&mut self, state: &Arc<TargetState>) {
        let Some(before) = &self.state else { return };
        // What was not read says nothing about what was removed.
        if before.commit == state.commit || !state.complete {
            return;
        }
        if removes(before, state) {
            *self = Self::default();
        } else {
            self.state = Some(Arc::clone(state));
        }
    }

    /// Notes deletions for what is declared.
    pub(super) fn note(&mut self, state: &Arc<TargetState>, objects: &[ObjectId]) {
        if !objects.is_empty() {
            self.state = Some(Arc::clone(state));
            self.objects.extend(objects.iter().cloned());
        }
    }
}

/// Whether the one declares an object that the other does not.
fn removes(before: &TargetState, after: &TargetState) -> bool {
    let declared: BTreeSet<&ObjectId> = after.objects.iter().map(|object| &object.id).collect();
    before.objects.iter().any(|object| !declared.contains(&object.id))
}
