use git2::Commit;

/// Whether the commit has parents that were not fetched: the oldest commit of a history that was fetched in part.
pub(crate) fn is_cut(commit: &Commit<'_>) -> bool {
    let header = commit.raw_header_bytes();
    commit.parent_count() == 0
        && header
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(b"parent "))
}
