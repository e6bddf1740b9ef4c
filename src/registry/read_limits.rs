use std::fmt::Display;
use std::time::Duration;

/// How fast and how long a registry may be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadLimits {
    /// Requests each second to one registry, on average.
    pub per_second: f64,
    /// Requests that may be sent at once after a pause.
    pub burst: u32,
    /// Repositories of one registry that are read at the same time.
    pub readers: usize,
    /// The largest number of pages in the listing of one repository.
    pub pages: u32,
    /// The longest time for one listing, all pages together.
    pub deadline: Duration,
    /// The longest wait for one of the `readers` to become free.
    pub queue: Duration,
}

/// The longest wait that a registry may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The wait that a registry asks for, within reason.
pub(super) fn bounded_wait(asked: Option<Duration>) -> Option<Duration> {
    asked.map(|asked| asked.min(LONGEST_WAIT))
}

/// A listing that took longer than its deadline.
pub(super) fn deadline_passed(deadline: Duration) -> String {
    let seconds = deadline.as_secs_f64();
    format!("the listing did not finish within {seconds} s; the next scan reads again")
}

/// A listing for which none of a registry's readers became free in time.
pub(super) fn too_many_waiting(host: impl Display, queue: Duration) -> String {
    let seconds = queue.as_secs_f64();
    format!(
        "too many listings of {host} are waiting: none became free within {seconds} s; scan less often or scan fewer \
         repositories"
    )
}

impl Default for ReadLimits {
    /// AWS does not publish the limits of DescribeImages. Other tools work at 10 requests a second. A thousand pages of a
    /// thousand images are ten times the largest repository that ECR allows by default.
    fn default() -> Self {
        Self {
            per_second: 10.0,
            burst: 20,
            readers: 8,
            pages: 1000,
            deadline: Duration::from_secs(120),
            queue: Duration::from_secs(600),
        }
    }
}
