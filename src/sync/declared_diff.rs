use crate::resource::Object;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The objects that two commits do not share. An object whose file changed is in both lists.
#[derive(Debug, Default)]
pub(super) struct DeclaredDiff {
    pub(super) removed: Vec<Arc<Object>>,
    pub(super) added: Vec<Arc<Object>>,
}

impl DeclaredDiff {
    /// Compares two lists, each ordered by path. Objects are compared by their allocation.
    pub(super) fn of(before: &[Arc<Object>], after: &[Arc<Object>]) -> Self {
        let mut diff = Self::default();
        let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) if Arc::ptr_eq(a, b) => {
                    old.next();
                    new.next();
                    continue;
                }
                (Some(a), Some(b)) => a.origin.path().cmp(b.origin.path()),
            };
            if order != Ordering::Greater {
                diff.removed.extend(old.next().cloned());
            }
            if order != Ordering::Less {
                diff.added.extend(new.next().cloned());
            }
        }
        diff.cancel();
        diff
    }

    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.removed.len() + self.added.len()
    }

    /// Takes out what is in both lists: the lists were not ordered there.
    fn cancel(&mut self) {
        let address = |object: &Arc<Object>| Arc::as_ptr(object).addr();
        let added: BTreeSet<usize> = self.added.iter().map(address).collect();
        let both: BTreeSet<usize> = self
            .removed
            .iter()
            .map(address)
            .filter(|at| added.contains(at))
            .collect();
        if !both.is_empty() {
            self.removed.retain(|object| !both.contains(&address(object)));
            self.added.retain(|object| !both.contains(&address(object)));
        }
    }
}
