use crate::model::{CommitId, ObjectId};
use std::collections::BTreeSet;

/// What this process deleted for one commit without a confirmation. A limit counts these deletions together: the watches may
/// show some of a commit's objects late.
#[derive(Debug, Default)]
pub(super) struct DeletedFor {
    commit: Option<CommitId>,
    objects: BTreeSet<ObjectId>,
}

impl DeletedFor {
    /// What was deleted for the commit.
    pub(super) fn of(&self, commit: CommitId) -> &BTreeSet<ObjectId> {
        static NONE: BTreeSet<ObjectId> = BTreeSet::new();
        if self.commit == Some(commit) {
            &self.objects
        } else {
            &NONE
        }
    }

    /// Notes deletions for the commit. Those of another commit are forgotten.
    pub(super) fn note(&mut self, commit: CommitId, objects: &[ObjectId]) {
        if objects.is_empty() {
            return;
        }
        if self.commit.replace(commit) != Some(commit) {
            self.objects.clear();
        }
        self.objects.extend(objects.iter().cloned());
    }
}
