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
