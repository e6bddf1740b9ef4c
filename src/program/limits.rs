use std::time::Duration;

/// What one run may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The time from start to end.
    pub time: Duration,
    /// The bytes of standard output, and again of standard error.
    pub output: usize,
    /// The bytes of memory that each process of the run may allocate; `None`: no limit.
    ///
    /// The limit is `RLIMIT_DATA`, which counts private writable memory, and not `RLIMIT_AS`: Go programs (helm, kustomize,
    /// sops) reserve far more addresses than they use, and git maps whole packs for reading. Children inherit the limit, so
    /// it bounds each process and not their sum.
    pub memory: Option<u64>,
}
