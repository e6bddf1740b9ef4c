/// How many deletions one commit may cause before a person has to confirm them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletionLimit {
    /// More deletions than this wait.
    pub count: usize,
    /// Deletions of more than this share of the set, in percent, wait.
    pub percent: usize,
    /// The share does not count for this many deletions or fewer.
    pub floor: usize,
}

/// Ten objects are what a person removes on purpose in one commit. A quarter of a set is what a wrong path removes.
/// In a small set a quarter is nothing: three objects (a Deployment, its Service, its ConfigMap) are one application.
impl Default for DeletionLimit {
    fn default() -> Self {
        Self {
            count: 10,
            percent: 25,
            floor: 3,
        }
    }
}

impl DeletionLimit {
    /// Whether this many deletions out of a set of this size wait for a confirmation. Emptying a set always
    /// waits.
    pub fn is_exceeded(&self, deletions: usize, set: usize) -> bool {
        let emptied = deletions > 0 && deletions >= set;
        emptied
            || deletions > self.count
            || (deletions > self.floor && deletions.saturating_mul(100) > set.saturating_mul(self.percent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_above_ten_or_a_quarter_wait_and_an_emptied_set_always_does() {
        let limit = DeletionLimit::default();
        let rows = [
            (0, 0, false),
            (1, 2, false),
            (1, 1, true),
            (2, 4, false),
            (3, 9, false),
            (3, 3, true),
            (4, 9, true),
            (4, 16, false),
            (10, 1000, false),
            (11, 1000, true),
        ];
        for (deletions, set, expected) in rows {
            assert_eq!(limit.is_exceeded(deletions, set), expected, "{deletions} of {set}");
        }
    }
}
