use crate::port::NotificationKind;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The most conditions that are remembered for one rule. A line has about fifty bytes, and the record of sixteen rules must fit into
/// a ConfigMap. What has no room may be announced again after a restart.
const MOST: usize = 1000;

/// The conditions that a receiver knows of, each with its state, by hashes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Announced {
    states: BTreeMap<String, (NotificationKind, String)>,
    /// Conditions from the process before that this process has not seen yet.
    unconfirmed: BTreeSet<String>,
}

/// Sixteen hexadecimal digits.
pub(super) fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text).get(..8).unwrap_or_default())
}

impl Announced {
    /// Reads what [`text`](Self::text) wrote. Lines of another form are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().take(MOST).filter_map(|line| {
            let mut words = line.split(' ');
            let (condition, kind, state) = (words.next()?, words.next()?, words.next()?);
            let kind = NotificationKind::ALL.iter().find(|known| known.as_str() == kind)?;
            Some((condition.to_owned(), (*kind, state.to_owned())))
        });
        let states: BTreeMap<_, _> = lines.collect();
        Self {
            unconfirmed: states.keys().cloned().collect(),
            states,
        }
    }

    /// One line for each condition.
    pub(super) fn text(&self) -> String {
        let lines = self.states.iter().take(MOST);
        lines
            .map(|(condition, (kind, state))| format!("{condition} {} {state}\n", kind.as_str()))
            .collect()
    }

    /// Whether a condition was announced in this state. Notes that the condition holds.
    pub(super) fn confirms(&mut self, condition: &str, kind: NotificationKind, state: &str) -> bool {
        let condition = hash(condition);
        self.unconfirmed.remove(&condition);
        self.states
            .get(&condition)
            .is_some_and(|known| *known == (kind, hash(state)))
    }

    /// The kind that a condition was announced as.
    pub(super) fn kind(&self, condition: &str) -> Option<NotificationKind> {
        self.states.get(&hash(condition)).map(|(kind, _)| *kind)
    }

    pub(super) fn note(&mut self, condition: &str, kind: NotificationKind, state: &str) {
        self.states.insert(hash(condition), (kind, hash(state)));
    }

    pub(super) fn forget(&mut self, condition: &str) {
        self.states.remove(&hash(condition));
    }

    /// What the process before announced, besides what this process announced already.
    pub(super) fn recall(&mut self, before: Self) {
        for (condition, state) in before.states {
            if !self.states.contains_key(&condition) {
                self.unconfirmed.insert(condition.clone());
                self.states.insert(condition, state);
            }
        }
    }

    /// Forgets the conditions that ended while no agent ran. True if there are any.
    pub(super) fn forget_unconfirmed(&mut self) -> bool {
        let gone = std::mem::take(&mut self.unconfirmed);
        gone.iter().for_each(|condition| drop(self.states.remove(condition)));
        !gone.is_empty()
    }
}
