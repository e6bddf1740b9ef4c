use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// So many writes of one object within [`WINDOW`] are no accident: somebody changes the object back each time.
const MOST: u32 = 5;
/// Also the rest that a contested object gets.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// How often each object was written lately.
pub(super) struct Pace<K> {
    writes: BTreeMap<K, (Timestamp, u32)>,
}

impl<K> Default for Pace<K> {
    fn default() -> Self {
        Self {
            writes: BTreeMap::new(),
        }
    }
}

impl<K: Ord> Pace<K> {
    /// Until when the object is left alone, if somebody changes it back again and again.
    pub(super) fn rests_until(&self, place: &K, now: Timestamp) -> Option<Timestamp> {
        let (since, count) = self.writes.get(place)?;
        let until = since.saturating_add(WINDOW).ok()?;
        (*count >= MOST && until > now).then_some(until)
    }

    /// Notes a write.
    pub(super) fn wrote(&mut self, place: K, now: Timestamp) {
        let (since, count) = self.writes.entry(place).or_insert((now, 0));
        if since.duration_until(now) > WINDOW {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }

    /// Forgets what counts no more.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        self.writes.retain(|_, (since, _)| since.duration_until(now) <= WINDOW);
    }
}
