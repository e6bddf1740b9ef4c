use std::num::NonZeroU32;
use std::time::Duration;

/// How much of a repository is fetched and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many commits from the tip back a new mirror is fetched with; `None`: the whole history. More commits are fetched
    /// when the agent needs to know more of the past.
    pub depth: Option<NonZeroU32>,
    /// The longest time of one fetch.
    pub time: Duration,
    /// The most bytes of one fetch.
    pub size: u64,
    /// The most entries of folders that are looked at for the files of one commit, below the folders that are read.
    pub files: usize,
}

impl Default for Limits {
    /// The whole history, within 10 minutes and 2 GiB; 100,000 files and folders. Repositories of configuration have megabytes and
    /// thousands of files; a repository beyond these limits holds something else, or was made to do harm.
    fn default() -> Self {
        Self {
            depth: None,
            time: Duration::from_secs(10 * 60),
            size: 2 << 30,
            files: 100_000,
        }
    }
}
