/// A count as the value of a gauge.
pub(super) fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count as the increment of a counter.
pub(super) fn counter(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
