use super::member_key::{MemberKey, MemberKeys};
use crate::model::CommitId;
use std::collections::BTreeMap;

/// How many commits may land while a person makes up their mind about deletions.
const MAX_COMMITS: usize = 200;
/// How many different sets of deletions are kept.
const MAX_SETS: usize = 8;

/// The deletions that have waited for a person since the last pass without any: what a confirmation is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Waited {
    /// The commits at which deletions waited, the oldest first, each with the key of the set of objects.
    pub commits: Vec<(CommitId, MemberKey)>,
    /// The UIDs of each set.
    pub sets: BTreeMap<MemberKey, MemberKeys>,
}

impl Waited {
    /// Notes that these objects wait at a commit.
    pub fn note(&mut self, commit: CommitId, objects: &MemberKeys) {
        let key = MemberKey::of_set(objects);
        if self.commits.last() == Some(&(commit, key)) && self.sets.contains_key(&key) {
            return;
        }
        self.commits.retain(|(known, _)| *known != commit);
        self.commits.push((commit, key));
        self.sets.insert(key, objects.clone());
        let surplus = self.commits.len().saturating_sub(MAX_COMMITS);
        self.commits.drain(..surplus);
        let mut kept = Vec::new();
        for (_, key) in self.commits.iter().rev() {
            if !kept.contains(key) && kept.len() < MAX_SETS {
                kept.push(*key);
            }
        }
        self.commits.retain(|(_, key)| kept.contains(key));
        self.sets.retain(|key, _| kept.contains(key));
    }

    /// The UIDs that waited at a commit.
    pub fn at(&self, commit: CommitId) -> Option<&MemberKeys> {
        let (_, key) = self.commits.iter().find(|(known, _)| *known == commit)?;
        self.sets.get(key)
    }

    /// Whether a confirmation of the set with this key covers these objects: they are that set, or what is left of it.
    pub fn covers(&self, confirmed: MemberKey, objects: &MemberKeys) -> bool {
        let is_part = |set: &MemberKeys| objects.is_subset(set);
        MemberKey::of_set(objects) == confirmed || self.sets.get(&confirmed).is_some_and(is_part)
    }

    /// Forgets everything except what waited at one commit.
    pub fn keep_only(&mut self, commit: Option<CommitId>) {
        self.commits.retain(|(known, _)| Some(*known) == commit);
        let commits = &self.commits;
        self.sets.retain(|key, _| commits.iter().any(|(_, known)| known == key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(uids: &[&str]) -> MemberKeys {
        uids.iter().map(|uid| MemberKey::of_uid(uid)).collect()
    }

    #[test]
    fn a_confirmation_covers_the_set_and_what_is_left_of_the_set() {
        let mut waited = Waited::default();
        let commit = |number| CommitId::from_bytes([number; 20]);
        waited.note(commit(1), &set(&["a", "b"]));
        waited.note(commit(2), &set(&["a", "b", "c"]));
        let key = MemberKey::of_set(&set(&["a", "b"]));
        assert!(waited.covers(key, &set(&["b"])) && !waited.covers(key, &set(&["b", "c"])));
        assert_eq!(waited.at(commit(2)), Some(&set(&["a", "b", "c"])));
        waited.keep_only(Some(commit(2)));
        assert!(waited.at(commit(1)).is_none() && waited.sets.len() == 1);
        assert!(waited.covers(key, &set(&["a", "b"])), "the same objects");
        assert!(!waited.covers(key, &set(&["a"])), "the set is forgotten");
    }

    #[test]
    fn a_busy_branch_does_not_fill_the_record() {
        let mut waited = Waited::default();
        for number in 0..=u8::MAX {
            waited.note(CommitId::from_bytes([number; 20]), &set(&[&format!("{}", number / 2)]));
        }
        assert!(waited.sets.len() == MAX_SETS && waited.commits.len() == 2 * MAX_SETS);
    }
}
