use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// More repairs of one object than this within [`WINDOW`] are a conflict: an operator or another tool writes back.
const REPAIRS: usize = 12;
const WINDOW: Duration = Duration::from_secs(60);
/// As many repairs of one field after changes by the same manager within [`MEMORY`] are a conflict, however slow: an
/// autoscaler looks every 15 s, an operator every few minutes. A person rarely insists as often.
const ROUNDS: usize = 5;
const MEMORY: Duration = Duration::from_secs(6 * 3600);
/// A fight without a round for so long is over.
const STILL: Duration = Duration::from_secs(3600);
/// How many pairs of a manager and a field are counted for one object.
const MAX_PAIRS: usize = 64;
const FIRST_COOLDOWN: Duration = Duration::from_secs(10);
const LAST_COOLDOWN: Duration = Duration::from_secs(600);

/// The repairs of one object, and the cooldown that grows while somebody keeps changing the object back.
#[derive(Debug, Default)]
pub(super) struct Conflict {
    repairs: VecDeque<Instant>,
    /// When each field was repaired after a change by each manager. Neither is known for a deletion.
    rounds: BTreeMap<Pair, VecDeque<Instant>>,
    by: Option<String>,
    cooldown: Option<Cooldown>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    by: Option<String>,
    field: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Cooldown {
    length: Duration,
    until: Instant,
}

/// Somebody keeps changing an object back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fight {
    /// The manager. A deletion does not name one.
    pub(super) by: Option<String>,
    /// The field that the manager changes, where it is known.
    pub(super) field: Option<String>,
    /// How often the field was repaired in the last hours.
    pub(super) repairs: usize,
}

impl Conflict {
    /// The object was repaired after a change of these fields by `by`, which is not known for a deletion.
    pub(super) fn note_repair(&mut self, by: Option<&str>, fields: &[String], now: Instant) {
        let since_last = self.repairs.back().map(|last| now.duration_since(*last));
        self.repairs.retain(|at| now.duration_since(*at) < WINDOW);
        self.repairs.push_back(now);
        self.note_rounds(by, fields, now);
        if let Some(by) = by {
            self.by = Some(by.to_owned());
        }
        let ongoing = self
            .cooldown
            .filter(|cooldown| since_last.is_some_and(|gap| gap <= cooldown.length * 2));
        let is_conflict = self.repairs.len() > REPAIRS || self.fight(now).is_some();
        let length = match ongoing {
            Some(cooldown) => Some((cooldown.length * 2).min(LAST_COOLDOWN)),
            None => is_conflict.then_some(FIRST_COOLDOWN),
        };
        self.cooldown = length.map(|length| Cooldown {
            length,
            until: now + length,
        });
    }

    fn note_rounds(&mut self, by: Option<&str>, fields: &[String], now: Instant) {
        self.rounds.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < MEMORY);
            !times.is_empty()
        });
        let mut fields: Vec<Option<String>> = fields.iter().cloned().map(Some).collect();
        if fields.is_empty() {
            fields.push(None);
        }
        for field in fields {
            let by = by.map(str::to_owned);
            if self.rounds.len() < MAX_PAIRS
                || self.rounds.contains_key(&Pair {
                    by: by.clone(),
                    field: field.clone(),
                })
            {
                let times = self.rounds.entry(Pair { by, field }).or_default();
                times.push_back(now);
                // A count beyond what a conflict needs says how bad it is, and need not be exact.
                if times.len() > 16 * ROUNDS {
                    times.pop_front();
                }
            }
        }
    }

    /// Until when the object's drift is not repaired; `None` if it may be repaired now.
    pub(super) fn cooldown_until(&self, now: Instant) -> Option<Instant> {
        self.cooldown
            .map(|cooldown| cooldown.until)
            .filter(|until| now < *until)
    }

    /// Who keeps changing which field back, if somebody does: the pair that was seen most often.
    pub(super) fn fight(&self, now: Instant) -> Option<Fight> {
        let counted = self.rounds.iter().map(|(pair, times)| {
            let recent = times.iter().filter(|at| now.duration_since(**at) < MEMORY).count();
            (recent, pair)
        });
        // Without a field, different changes count as one.
        let enough = |pair: &Pair| if pair.field.is_some() { ROUNDS } else { REPAIRS + 1 };
        let is_going_on = |pair: &Pair| {
            let last = self.rounds.get(pair).and_then(VecDeque::back);
            last.is_some_and(|last| now.duration_since(*last) < STILL)
        };
        let fights = counted.filter(|(recent, pair)| *recent >= enough(pair) && is_going_on(pair));
        if let Some((repairs, pair)) = fights.max_by_key(|(recent, pair)| (pair.field.is_some(), *recent)) {
            return Some(Fight {
                by: pair.by.clone().or_else(|| self.by.clone()),
                field: pair.field.clone(),
                repairs,
            });
        }
        self.cooldown_until(now).map(|_| Fight {
            by: self.by.clone(),
            field: None,
            repairs: self.repairs.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fast_conflict_cools_down_exponentially_and_a_single_edit_does_not() {
        let mut conflict = Conflict::default();
        for n in 0..REPAIRS {
            conflict.note_repair(Some("operator"), &[format!("data.{n}")], Instant::now());
            assert_eq!(conflict.cooldown_until(Instant::now()), None);
        }
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            let now = Instant::now();
            conflict.note_repair(None, &[], now);
            let until = conflict.cooldown_until(now).unwrap();
            assert!(until - now > last || until - now == LAST_COOLDOWN);
            last = until - now;
            let fight = conflict.fight(now).unwrap();
            assert_eq!(
                fight.by.as_deref(),
                Some("operator"),
                "a deletion does not name a manager"
            );
            tokio::time::advance(last).await;
        }
        assert_eq!(last, LAST_COOLDOWN);
        tokio::time::advance(MEMORY).await;
        conflict.note_repair(None, &[], Instant::now());
        assert_eq!(conflict.cooldown_until(Instant::now()), None, "the conflict is over");
        assert_eq!(conflict.fight(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_conflict_is_counted_by_opponent_and_field() {
        for (pause, slowed) in [(15, true), (1800, false)] {
            let mut conflict = Conflict::default();
            let replicas = ["spec.replicas".to_owned()];
            for round in 1..=ROUNDS {
                tokio::time::advance(Duration::from_secs(pause)).await;
                let now = Instant::now();
                conflict.note_repair(Some("kubectl-edit"), &[format!("data.{round}")], now);
                assert_eq!(conflict.fight(now), None, "different fields");
                conflict.note_repair(Some("autoscaler"), &replicas, now);
                let fight = conflict.fight(now);
                assert_eq!(fight.is_some(), round == ROUNDS);
                assert_eq!(conflict.cooldown_until(now).is_some(), round == ROUNDS);
            }
            let fight = conflict.fight(Instant::now()).unwrap();
            assert_eq!(fight.by.as_deref(), Some("autoscaler"));
            assert_eq!(fight.field.as_deref(), Some("spec.replicas"));
            for _ in 0..8 {
                tokio::time::advance(Duration::from_secs(pause)).await;
                let until = conflict.cooldown_until(Instant::now()).unwrap_or(Instant::now());
                tokio::time::advance(until - Instant::now()).await;
                conflict.note_repair(Some("autoscaler"), &replicas, Instant::now());
            }
            let until = conflict.cooldown_until(Instant::now()).unwrap();
            assert_eq!(until - Instant::now() > FIRST_COOLDOWN * 10, slowed, "every {pause} s");
        }
    }
}
