//! How much memory the agent's container may use, and what of it is for the manifests.

use std::fs;

/// Where Linux tells a container its memory limit: control groups of version 2, and of version 1.
const LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// The bytes that the readings of one commit may take: a third of the container's memory, so that the commit before fits
/// beside them. `None` if the memory is not limited.
pub(super) fn for_manifests() -> Option<usize> {
    let limit = LIMITS.iter().find_map(|file| limit(&fs::read_to_string(file).ok()?))?;
    Some(limit / 32 * 11)
}

/// The limit in a file's text. Version 2 writes `max` where there is none, version 1 a number near 2^63.
fn limit(text: &str) -> Option<usize> {
    let limit: usize = text.trim().parse().ok()?;
    (limit < 1 << 50).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_that_a_machine_may_have() {
        assert_eq!(limit("536870912\n"), Some(512 << 20));
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
    }
}
