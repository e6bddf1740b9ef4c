use super::pace::Pace;
use crate::model::Backoff;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The first and the longest time for which an object rests that cannot be written.
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The objects that are left alone for a while: those that could not be written, and those that somebody else changes back.
pub struct Rests<K> {
    pace: Pace<K>,
    resting: BTreeMap<K, Resting>,
}

struct Resting {
    problem: String,
    backoff: Backoff,
    until: Timestamp,
}

impl<K> Default for Rests<K> {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            resting: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Rests<K> {
    /// The actions on objects that do not rest. What has no action any more is forgotten.
    pub fn ready<A>(&mut self, actions: Vec<A>, place: impl Fn(&A) -> K, now: Timestamp) -> Vec<A> {
        self.pace.tidy(now);
        let places: BTreeSet<K> = actions.iter().map(&place).collect();
        self.resting.retain(|place, _| places.contains(place));
        let mut ready = Vec::new();
        for action in actions {
            let place = place(&action);
            let rest = self.resting.get(&place).map(|resting| resting.until);
            if let Some(until) = self.pace.rests_until(&place, now) {
                let problem =
                    "somebody else changes it back again and again; find the other writer, and end one of the two";
                self.rest(place, problem.to_owned(), now).until = until;
            } else if rest.is_none_or(|until| until <= now) {
                ready.push(action);
            }
        }
        ready
    }

    /// The object could not be written.
    pub fn failed(&mut self, place: K, problem: String, now: Timestamp) {
        self.rest(place, problem, now);
    }

    /// The object is as it has to be.
    pub fn settled(&mut self, place: &K) {
        self.resting.remove(place);
    }

    /// The object was written.
    pub fn wrote(&mut self, place: K, now: Timestamp) {
        self.pace.wrote(place, now);
    }

    /// Why objects rest.
    pub fn problems(&self, now: Timestamp) -> impl Iterator<Item = (&K, &str)> {
        let resting = self.resting.iter().filter(move |(_, resting)| resting.until > now);
        resting.map(|(place, resting)| (place, &*resting.problem))
    }

    /// When the first rest ends.
    pub fn first_end(&self) -> Option<Timestamp> {
        self.resting.values().map(|resting| resting.until).min()
    }

    fn rest(&mut self, place: K, problem: String, now: Timestamp) -> &mut Resting {
        let resting = self.resting.entry(place).or_insert_with(|| Resting {
            problem: String::new(),
            backoff: Backoff::new(FIRST_REST, LONGEST_REST),
            until: now,
        });
        resting.problem = problem;
        resting.until = now.saturating_add(resting.backoff.failed()).unwrap_or(now);
        resting
    }
}
