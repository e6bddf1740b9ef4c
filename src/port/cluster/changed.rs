use crate::model::ObjectId;
use std::collections::VecDeque;

/// More changes than this are not listed one by one: looking at everything costs about as much.
const MOST: usize = 512;

/// The latest changes of the objects of one kind, in order. Each has a number.
#[derive(Debug, Clone, Default)]
pub(super) struct Changed {
    latest: VecDeque<ObjectId>,
    /// The number of the next change.
    next: u64,
}

impl Changed {
    pub(super) fn note(&mut self, id: &ObjectId) {
        self.next += 1;
        if self.latest.len() == MOST {
            self.latest.pop_front();
        }
        self.latest.push_back(id.clone());
    }

    /// The number of the next change.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The objects that changed since the change of this number, perhaps twice; `None` if they are too many.
    pub(super) fn since(&self, number: u64) -> Option<impl Iterator<Item = &ObjectId>> {
        let count = usize::try_from(self.next.saturating_sub(number)).ok()?;
        let skipped = self.latest.len().checked_sub(count)?;
        Some(self.latest.iter().skip(skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_each_change_since_its_last_look_or_learns_that_it_missed_some() {
        let id = |number: u64| ObjectId::new("v1", "ConfigMap", Some("shop"), &number.to_string());
        let mut changed = Changed::default();
        assert_eq!(changed.since(0).unwrap().count(), 0);
        for number in 0..MOST as u64 {
            changed.note(&id(number));
        }
        assert_eq!(changed.since(0).unwrap().count(), MOST);
        let last = changed.next();
        changed.note(&id(7));
        assert_eq!(changed.since(last).unwrap().collect::<Vec<_>>(), [&id(7)]);
        assert!(changed.since(0).is_none());
        assert_eq!(changed.since(1).unwrap().count(), MOST);
    }
}
