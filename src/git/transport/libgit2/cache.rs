use std::sync::OnceLock;

/// The most that libgit2 keeps of objects that were read, in bytes as libgit2 counts them; parsed trees take three times as
/// much. One commit after the other is read, so that the trees of the last few commits are enough. Its own default of 256 MiB
/// would take more memory than a pod has, after a hundred thousand commits.
const OBJECT_CACHE: isize = 2 << 20;

/// Limits libgit2's memory, once for the process.
pub(crate) fn limit() {
    static DONE: OnceLock<bool> = OnceLock::new();
    DONE.get_or_init(|| {
        #[expect(
            unsafe_code,
            reason = "a process-wide setting of libgit2; the OnceLock makes this the only call"
        )]
        let limited = unsafe { git2::opts::set_cache_max_size(OBJECT_CACHE) };
        limited.is_ok()
    });
}
