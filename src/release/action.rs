use super::digest::InputDigest;
use super::revision::{Revision, RevisionStatus};
use super::spec::Spec;
use super::state::State;
use super::tries::Tries;
use jiff::Timestamp;
use std::time::Duration;

/// All that is known of a release.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is asked for.
    pub spec: &'a Spec,
    /// The digest of the chart and the values.
    pub inputs: &'a InputDigest,
    /// The revisions in Helm's storage, ordered by number.
    pub stored: &'a [Revision],
    /// What was tried with this input.
    pub tries: &'a Tries,
    /// Whether the last operation that this agent began was a rollback or an uninstall. Their revisions have no label of the agent.
    pub began: bool,
    /// Whether a helm process of an earlier agent still works on the release.
    pub is_worked_on: bool,
    /// The time.
    pub now: Timestamp,
}

/// The state of a release, and what is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// The state.
    pub state: State,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done for a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing until something changes: the release is as declared.
    Rest,
    /// Nothing until something changes: this input was tried often enough.
    GiveUp,
    /// Nothing before this time has passed.
    Wait(Duration),
    /// Install or upgrade. The new revision has this number.
    Release {
        /// The number that Helm gives the new revision.
        revision: u32,
    },
    /// Mark this revision as failed, because nobody works on it any more. Helm refuses to upgrade it otherwise.
    MarkFailed(u32),
    /// Roll back to this revision.
    Rollback(u32),
    /// Run the tests of this revision.
    Test(u32),
    /// Uninstall the release.
    Uninstall,
    /// Nothing is left of the release: the HelmRelease may go.
    Forget,
}

/// How often an input is tried that is not rolled back.
const MOST_TRIES: u32 = 5;
/// How often a rollback is tried.
const MOST_ROLLBACKS: u32 = 3;
/// How long somebody else's operation may take at least, besides the time-out of the release, before it counts as cut off.
const FOREIGN_GRACE: Duration = Duration::from_secs(360);
/// How soon a release is looked at again on which a process works.
const WORKED_ON: Duration = Duration::from_secs(5);

/// What is to be done for a release that is declared.
pub fn next(situation: &Situation<'_>) -> Next {
    let state = State::of(situation.stored, situation.inputs);
    let action = match state {
        State::Absent | State::Outdated | State::Foreign | State::Uninstalled | State::Lost => situation.try_again(),
        State::Deployed => situation.deployed(),
        State::Failed => match situation.good_revision() {
            Some(good) if situation.spec.rollback.enable => situation.roll_back(good),
            _ => situation.try_again(),
        },
        State::FailedBefore => match situation.good_revision() {
            // The rollback from this input failed.
            Some(good) if situation.spec.rollback.enable && situation.tries.rollback_failures > 0 => {
                situation.roll_back(good)
            }
            _ => situation.try_again(),
        },
        State::Pending(_) => situation.pending(),
    };
    Next { state, action }
}

/// What is to be done for a release whose HelmRelease goes.
pub fn next_removal(situation: &Situation<'_>) -> Next {
    let state = State::of(situation.stored, situation.inputs);
    let action = match (state, situation.stored.last()) {
        (_, None) => Action::Forget,
        (State::Pending(_), Some(newest)) if situation.is_worked_on || !situation.is_cut_off(newest) => {
            situation.until_cut_off(newest)
        }
        _ => match situation.tries.wait(situation.tries.failures, situation.now) {
            Some(wait) => Action::Wait(wait),
            None => Action::Uninstall,
        },
    };
    Next { state, action }
}

impl Situation<'_> {
    fn deployed(&self) -> Action {
        let Some(newest) = self.stored.last() else {
            return Action::Rest;
        };
        let test = &self.spec.test;
        if test.enable && self.tries.tested != Some(newest.number) {
            return Action::Test(newest.number);
        }
        let has_failed = test.enable && self.tries.tests_failed && !test.ignore_failures;
        match self.good_revision() {
            Some(good) if has_failed && self.spec.rollback.enable => self.roll_back(good),
            _ if has_failed => Action::GiveUp,
            _ => Action::Rest,
        }
    }

    /// Tries the input, unless it failed too often or a moment ago.
    fn try_again(&self) -> Action {
        let failures = self.tries.failures;
        let rollback = &self.spec.rollback;
        let most = match (rollback.enable, rollback.retry) {
            (false, _) => Some(MOST_TRIES),
            (true, false) => Some(1),
            (true, true) => rollback.max_retries.map(|retries| retries.saturating_add(1)),
        };
        if most.is_some_and(|most| failures >= most) {
            return Action::GiveUp;
        }
        match self.tries.wait(failures, self.now) {
            Some(wait) => Action::Wait(wait),
            None => Action::Release {
                revision: self.stored.last().map_or(0, |newest| newest.number).saturating_add(1),
            },
        }
    }

    fn roll_back(&self, good: u32) -> Action {
        let failures = self.tries.rollback_failures;
        if failures >= MOST_ROLLBACKS {
            return Action::GiveUp;
        }
        match self.tries.wait(failures, self.now) {
            Some(wait) => Action::Wait(wait),
            None => Action::Rollback(good),
        }
    }

    /// The newest revision before the last one that was in force, and that was made of something else.
    fn good_revision(&self) -> Option<u32> {
        let (_, before) = self.stored.split_last()?;
        let is_good = |revision: &&Revision| {
            let was_deployed = matches!(revision.status, RevisionStatus::Deployed | RevisionStatus::Superseded);
            was_deployed && revision.inputs.as_ref() != Some(self.inputs)
        };
        before.iter().rev().find(is_good).map(|revision| revision.number)
    }

    fn pending(&self) -> Action {
        let Some(newest) = self.stored.last() else {
            return Action::Rest;
        };
        if self.is_worked_on || !self.is_cut_off(newest) {
            return self.until_cut_off(newest);
        }
        Action::MarkFailed(newest.number)
    }

    /// Whether nobody works on a pending revision any more. The agent knows of its own operations; those of others have their time.
    fn is_cut_off(&self, newest: &Revision) -> bool {
        let is_own = newest.inputs.is_some() && newest.status != RevisionStatus::Uninstalling || self.began;
        is_own || self.left(newest).is_none()
    }

    fn until_cut_off(&self, newest: &Revision) -> Action {
        match self.is_worked_on {
            true => Action::Wait(WORKED_ON),
            false => Action::Wait(self.left(newest).unwrap_or(WORKED_ON)),
        }
    }

    /// The time that somebody else's operation still has.
    fn left(&self, newest: &Revision) -> Option<Duration> {
        let passed = Duration::try_from(self.now.duration_since(newest.changed?)).unwrap_or_default();
        let whole = self.spec.timeout.saturating_add(FOREIGN_GRACE);
        whole.checked_sub(passed).filter(|left| !left.is_zero())
    }
}
