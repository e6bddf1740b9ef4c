use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the agent has tried with one input, kept in the status of the HelmRelease so that the next process knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tries {
    /// The input: a digest, and what a person asked to be tried again.
    pub input: String,
    /// How many installs or upgrades with this input failed.
    pub failures: u32,
    /// When the last one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
    /// How many rollbacks from this input failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub rollback_failures: u32,
    /// The revision whose tests have run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tested: Option<u32>,
    /// Whether those tests failed.
    #[serde(skip_serializing_if = "is_false")]
    pub tests_failed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The first and the longest wait before a failed input is tried again.
const FIRST_DELAY: Duration = Duration::from_secs(10);
const LONGEST_DELAY: Duration = Duration::from_secs(600);

impl Tries {
    /// The tries of an input: none if another one was tried last.
    pub fn of(&self, input: &str) -> Self {
        match self.input == input {
            true => self.clone(),
            false => Self {
                input: input.to_owned(),
                ..Self::default()
            },
        }
    }

    /// How long the next try waits after this number of failures; nothing if it is due.
    pub(super) fn wait(&self, failures: u32, now: Timestamp) -> Option<Duration> {
        if failures == 0 {
            return None;
        }
        let delay = FIRST_DELAY
            .saturating_mul(2_u32.saturating_pow((failures - 1).min(16)))
            .min(LONGEST_DELAY);
        let passed = now.duration_since(self.failed_at?);
        // A clock that was set back makes nobody wait for longer than the delay.
        let passed = Duration::try_from(passed).unwrap_or_default();
        delay.checked_sub(passed).filter(|left| !left.is_zero())
    }
}
