//! What the registry had when, and which tag a field should have.

use std::collections::BTreeMap;

use super::holds::Past;
use crate::chaos::manifests::{Order, order};

/// A push.
#[derive(Debug, Clone)]
pub(in crate::chaos) struct Pushed {
    pub(in crate::chaos) workload: u64,
    pub(in crate::chaos) tag: String,
    /// Milliseconds since 1970.
    pub(in crate::chaos) at: i64,
}

/// All pushes, and the tags that are there now.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Registry {
    pub(in crate::chaos) pushes: Vec<Pushed>,
    /// For each workload, its tags with the time of the push of what they point to.
    pub(in crate::chaos) now: BTreeMap<u64, BTreeMap<String, i64>>,
}

/// Commits have whole seconds.
const GRAIN: i64 = 2_000;

impl Registry {
    pub(in crate::chaos) fn push(&mut self, workload: u64, tag: &str, at: i64) {
        self.pushes.push(Pushed {
            workload,
            tag: tag.to_owned(),
            at,
        });
        self.now.entry(workload).or_default().insert(tag.to_owned(), at);
    }

    pub(in crate::chaos) fn delete(&mut self, workload: u64, tag: &str) {
        self.now.entry(workload).or_default().remove(tag);
    }

    /// When a tag was pushed, for the last time.
    pub(in crate::chaos) fn last_push(&self, workload: u64, tag: &str) -> Option<i64> {
        let pushes = self
            .pushes
            .iter()
            .filter(|push| push.workload == workload && push.tag == tag);
        pushes.map(|push| push.at).max()
    }

    fn first_push(&self, workload: u64, tag: &str) -> Option<i64> {
        let pushes = self
            .pushes
            .iter()
            .filter(|push| push.workload == workload && push.tag == tag);
        pushes.map(|push| push.at).min()
    }

    /// The tag that the field should have moved to and did not. `None` also if that is not clear.
    pub(in crate::chaos) fn missed(&self, workload: u64, past: &Past) -> Option<String> {
        let current = past.tag.as_ref().filter(|_| !past.is_unclear && !past.is_locked)?;
        let tags = self.now.get(&workload)?;
        let current_at = tags.get(current)?;
        if order(workload) != Order::Push && rank(workload, current).is_none() {
            return None;
        }
        let is_newer = |tag: &str, at: i64| {
            is_candidate(workload, tag)
                && match rank(workload, tag).zip(rank(workload, current)) {
                    Some((one, other)) => one > other,
                    None => at > *current_at,
                }
        };
        let newer = tags.iter().filter(|(tag, at)| *tag != current && is_newer(tag, **at));
        newer
            .filter(|(tag, at)| self.is_free(workload, tag, **at, past))
            .map(|(tag, _)| tag.clone())
            .next()
    }

    /// Whether nothing holds a tag back, for certain.
    fn is_free(&self, workload: u64, tag: &str, at: i64, past: &Past) -> bool {
        past.rejected.iter().all(|(rejected, since)| {
            let after_push = self.last_push(workload, rejected).is_none_or(|pushed| at > pushed);
            rejected != tag && at > since * 1000 + GRAIN && after_push
        })
    }

    /// Whether a newer tag was pushed, and each of them is held back for certain.
    pub(in crate::chaos) fn is_held(&self, workload: u64, past: &Past) -> bool {
        let (Some(current), Some(tags)) = (&past.tag, self.now.get(&workload)) else {
            return false;
        };
        let Some(current_at) = tags.get(current) else {
            return false;
        };
        if past.is_unclear || past.is_locked || order(workload) != Order::Push {
            return false;
        }
        let newer = tags
            .iter()
            .filter(|(tag, at)| is_candidate(workload, tag) && *at > current_at);
        let newer: Vec<i64> = newer.map(|(_, at)| *at).collect();
        let is_held = |at: &i64| past.rejected.values().any(|since| *at < since * 1000);
        !newer.is_empty() && newer.iter().all(is_held)
    }

    /// Why a bump of the agent from `past` to `tag` is wrong, if it is.
    pub(in crate::chaos) fn fault(&self, workload: u64, past: &Past, tag: &str) -> Option<String> {
        let Some(at) = self.last_push(workload, tag) else {
            return Some(format!("{tag} was never pushed"));
        };
        if !is_candidate(workload, tag) {
            return Some(format!("{tag} is no candidate"));
        }
        let current = past.tag.as_deref().unwrap_or_default();
        let is_older = match rank(workload, tag).zip(rank(workload, current)) {
            Some((new, old)) => new <= old,
            None => self.first_push(workload, current).is_some_and(|old| at <= old),
        };
        if is_older {
            return Some(format!("{tag} is not newer than {current}"));
        }
        if past.is_locked {
            return Some("the workload is locked".to_owned());
        }
        if past.is_unclear {
            return None;
        }
        let mut rejected = past.rejected.iter();
        let (held, since) = rejected.find(|(_, since)| at < *since * 1000)?;
        Some(format!(
            "{tag}, pushed at {at}, is held: {held} was taken back at {since}"
        ))
    }
}

/// Whether the policy of a workload lets a tag in.
fn is_candidate(workload: u64, tag: &str) -> bool {
    match order(workload) {
        Order::Push => tag != "latest" && !tag.starts_with("sha256-"),
        Order::Version | Order::Number => rank(workload, tag).is_some(),
    }
}

/// The rank of a tag where the name says it.
fn rank(workload: u64, tag: &str) -> Option<Vec<u64>> {
    let numbers = match order(workload) {
        Order::Push => return None,
        Order::Version => tag,
        Order::Number => tag.strip_prefix("build-")?,
    };
    numbers.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_tag_is_missed_unless_it_was_taken_back_or_is_older_than_that() {
        let mut registry = Registry::default();
        for (tag, at) in [("a", 10_000), ("b", 20_000), ("c", 100_000)] {
            registry.push(0, tag, at);
        }
        let mut past = Past {
            tag: Some("a".into()),
            ..Past::default()
        };
        assert!(registry.missed(0, &past).is_some());
        past.rejected.insert("c".into(), 200);
        assert_eq!(registry.missed(0, &past), None);
        assert!(
            registry
                .fault(0, &past, "b")
                .is_some_and(|fault| fault.contains("is held"))
        );
        assert!(registry.is_held(0, &past));
        registry.push(0, "d", 300_000);
        assert!(!registry.is_held(0, &past));
        assert_eq!(registry.missed(0, &past).as_deref(), Some("d"));
        assert_eq!(registry.fault(0, &past, "d"), None);
        assert!(
            registry
                .fault(0, &past, "x")
                .is_some_and(|fault| fault.contains("never pushed"))
        );
    }

    #[test]
    fn versions_and_numbers_decide_where_the_policy_says_so() {
        assert!(rank(2, "1.10.0") > rank(2, "1.9.0"));
        assert!(rank(3, "build-10") > rank(3, "build-9"));
        assert_eq!(rank(0, "1.0.0"), None);
    }
}
