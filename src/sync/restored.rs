//! What an earlier process knew of its applies.
//!
//! A mark spares the first apply of an object that is exactly as the mark says. Whoever may write the ConfigMaps next to the record
//! could forge one for an object that he changed, so that each object that a mark spared is applied later, one by one and slowly.
//! Such an apply finds nothing to change, unless the mark was false.

use crate::model::ObjectId;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The start of a process is spared these applies.
const FIRST: Duration = Duration::from_secs(300);
/// All objects are applied within this time, if this asks for no more than one in a second.
const ALL: Duration = Duration::from_secs(86_400);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(10);

/// The objects that marks spared, and when the next of them is applied.
#[derive(Debug, Default)]
pub(super) struct Restored {
    pub(super) is_read: bool,
    objects: VecDeque<ObjectId>,
    next: Option<Instant>,
    pause: Duration,
}

impl Restored {
    pub(super) fn add(&mut self, id: &ObjectId, now: Instant) {
        self.objects.push_back(id.clone());
        self.next.get_or_insert(now + FIRST);
        let count = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        self.pause = (ALL / count).clamp(SHORTEST, LONGEST);
    }

    /// When the next object is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The object that is due now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<ObjectId> {
        self.next.filter(|next| *next <= now)?;
        let due = self.objects.pop_front();
        self.next = (!self.objects.is_empty()).then_some(now + self.pause);
        due
    }
}
