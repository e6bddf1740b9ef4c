use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Work that would block other tasks did not end by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfinished(String);

/// Runs work that takes a thread for milliseconds, such as parsing, beside the other tasks.
///
/// A runtime of one thread, as in tests and in the simulation, has no thread to give away: there the work runs in place, so that the order
/// of events is the same at each run.
///
/// # Errors
/// The work panicked, or the runtime has shut down.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unfinished> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return catch_unwind(AssertUnwindSafe(work)).map_err(|_| Unfinished("the work panicked".to_owned()));
    }
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| Unfinished(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_an_error_on_one_thread() {
        assert_eq!(blocking(|| 1).await, Ok(1));
        assert!(blocking(|| -> () { panic!("a bug") }).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_that_panics_is_an_error_on_many_threads() {
        assert_eq!(blocking(|| 1).await, Ok(1));
        assert!(blocking(|| -> () { panic!("a bug") }).await.is_err());
    }
}
