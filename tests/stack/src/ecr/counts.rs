//! The number of requests for each operation, by repository.

use std::collections::BTreeMap;

/// The time from which requests are counted. The default is the server's start.
#[derive(Debug, Clone, Default)]
pub struct Mark(Requests);

impl Mark {
    pub(super) fn at(requests: &Requests) -> Self {
        Self(requests.clone())
    }
}

/// The received requests, by operation and repository.
///
/// API operations have their AWS names (`DescribeImages`). Operations below `/v2/` are `oci:base`, `oci:tags`, `oci:manifest`
/// and `oci:blob`. A request without a repository is counted under the empty name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests(BTreeMap<(String, String), u64>);

impl Requests {
    /// The number of all requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The number of requests for an operation, over all repositories.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.0
            .iter()
            .filter(|((name, _), _)| name == operation)
            .map(|(_, count)| count)
            .sum()
    }

    /// The number of requests for an operation on a repository.
    #[must_use]
    pub fn count_for(&self, operation: &str, repository: &str) -> u64 {
        self.0
            .get(&(operation.to_owned(), repository.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// Every pair of operation and repository that was requested, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.0
            .iter()
            .map(|((operation, repository), count)| (operation.as_str(), repository.as_str(), *count))
    }

    pub(super) fn add(&mut self, operation: &str, repository: &str) {
        *self.0.entry((operation.to_owned(), repository.to_owned())).or_default() += 1;
    }

    pub(super) fn since(&self, mark: &Mark) -> Self {
        let newer = self.0.iter().filter_map(|(key, count)| {
            let before = mark.0.0.get(key).copied().unwrap_or_default();
            (*count > before).then(|| (key.clone(), count - before))
        });
        Self(newer.collect())
    }
}
