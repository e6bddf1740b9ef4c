//! What one piece of work on the mirror may take. Whoever walks trees or commits spends from the budget at each step, so that the
//! walk ends at its deadline, and soon after its caller has gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The clock is read once in so many steps. A step takes microseconds.
const STEPS_PER_LOOK: u32 = 64;

/// The time of one piece of work.
pub(crate) struct Budget {
    longest: Duration,
    until: Instant,
    /// Set when nobody waits for the result any more.
    abandoned: Arc<AtomicBool>,
    /// Is called when the work has made progress.
    progressed: Box<dyn Fn(Instant) + Send + Sync>,
    steps: AtomicU32,
}

/// Why a piece of work was ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exhausted {
    #[error("the work took more than {} s and was ended; the repository may have been made to cost much", .0.as_secs())]
    Overdue(Duration),
    #[error("the work was ended, because nobody waits for its result any more")]
    Abandoned,
}

impl Budget {
    /// A budget from now on.
    pub(crate) fn new(
        longest: Duration,
        abandoned: Arc<AtomicBool>,
        progressed: impl Fn(Instant) + Send + Sync + 'static,
    ) -> Self {
        let now = Instant::now();
        Self {
            longest,
            until: now.checked_add(longest).unwrap_or(now),
            abandoned,
            progressed: Box::new(progressed),
            steps: AtomicU32::new(0),
        }
    }

    /// A budget that nobody watches.
    pub(crate) fn of(longest: Duration) -> Self {
        Self::new(longest, Arc::default(), |_| ())
    }

    /// Spends one step: an entry of a tree, a commit.
    ///
    /// # Errors
    /// The deadline is over, or nobody waits any more.
    pub(crate) fn step(&self) -> Result<(), Exhausted> {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        if steps.is_multiple_of(STEPS_PER_LOOK) {
            self.look()
        } else {
            Ok(())
        }
    }

    /// Spends a step that takes long by itself, such as a wait for the network.
    ///
    /// # Errors
    /// As for [`Self::step`].
    pub(crate) fn look(&self) -> Result<(), Exhausted> {
        let now = Instant::now();
        if self.abandoned.load(Ordering::Relaxed) {
            return Err(Exhausted::Abandoned);
        }
        if now > self.until {
            return Err(Exhausted::Overdue(self.longest));
        }
        (self.progressed)(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(budget: &Budget) -> Result<(), Exhausted> {
        (0..=STEPS_PER_LOOK).try_for_each(|_| budget.step())
    }

    #[test]
    fn work_ends_at_its_deadline_and_when_its_caller_has_gone() {
        let hour = Duration::from_secs(3600);
        assert_eq!(steps(&Budget::of(hour)), Ok(()));
        let overdue = Exhausted::Overdue(Duration::ZERO);
        assert_eq!(steps(&Budget::of(Duration::ZERO)), Err(overdue));
        let abandoned = Arc::new(AtomicBool::new(false));
        let budget = Budget::new(hour, Arc::clone(&abandoned), |_| ());
        assert_eq!(steps(&budget), Ok(()));
        abandoned.store(true, Ordering::Relaxed);
        assert_eq!(steps(&budget), Err(Exhausted::Abandoned));
    }
}
