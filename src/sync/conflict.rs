use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// More repairs of one object than this within [`WINDOW`] are a conflict: an operator or another tool writes back.
const REPAIRS: usize = 12;
const WINDOW: Duration = Duration::from_secs(60);
const FIRST_COOLDOWN: Duration = Duration::from_secs(10);
const LAST_COOLDOWN: Duration = Duration::from_secs(600);

/// The repairs of one object, and the cooldown that grows while somebody keeps changing the object back.
#[derive(Debug, Default)]
pub(super) struct Conflict {
    repairs: VecDeque<Instant>,
    by: Option<String>,
    cooldown: Option<Cooldown>,
}

#[derive(Debug, Clone, Copy)]
struct Cooldown {
    length: Duration,
    until: Instant,
}

impl Conflict {
    /// The object was repaired after a change by `by`, which is not known for a deletion.
    pub(super) fn note_repair(&mut self, by: Option<&str>, now: Instant) {
        let since_last = self.repairs.back().map(|last| now.duration_since(*last));
        self.repairs.retain(|at| now.duration_since(*at) < WINDOW);
        self.repairs.push_back(now);
        if let Some(by) = by {
            self.by = Some(by.to_owned());
        }
        let ongoing = self
            .cooldown
            .filter(|cooldown| since_last.is_some_and(|gap| gap <= cooldown.length * 2));
        let length = match ongoing {
            Some(cooldown) => Some((cooldown.length * 2).min(LAST_COOLDOWN)),
            None => (self.repairs.len() > REPAIRS).then_some(FIRST_COOLDOWN),
        };
        self.cooldown = length.map(|length| Cooldown {
            length,
            until: now + length,
        });
    }

    /// Until when the object's drift is not repaired; `None` if it may be repaired now.
    pub(super) fn cooldown_until(&self, now: Instant) -> Option<Instant> {
        self.cooldown
            .map(|cooldown| cooldown.until)
            .filter(|until| now < *until)
    }

    /// The manager that last changed the object back. A deletion does not name one.
    pub(super) fn opponent(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// How many repairs the last minute saw.
    pub(super) fn recent_repairs(&self, now: Instant) -> usize {
        let recent = |at: &&Instant| now.duration_since(**at) < WINDOW;
        self.repairs.iter().filter(recent).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_conflict_cools_down_exponentially_and_a_single_edit_does_not() {
        let mut conflict = Conflict::default();
        for _ in 0..REPAIRS {
            conflict.note_repair(Some("operator"), Instant::now());
            assert_eq!(conflict.cooldown_until(Instant::now()), None);
        }
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            let now = Instant::now();
            conflict.note_repair(None, now);
            let until = conflict.cooldown_until(now).unwrap();
            assert!(until - now > last || until - now == LAST_COOLDOWN);
            last = until - now;
            tokio::time::advance(last).await;
        }
        assert_eq!(last, LAST_COOLDOWN);
        assert_eq!(
            conflict.opponent(),
            Some("operator"),
            "a deletion does not name a manager"
        );
        tokio::time::advance(LAST_COOLDOWN * 3).await;
        conflict.note_repair(None, Instant::now());
        assert_eq!(conflict.cooldown_until(Instant::now()), None, "the conflict is over");
    }
}
