use super::wake::Wake;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

/// A wake-up that comes through at most once in `least`, and the future that passes it on. The first one comes through at once.
/// The ones that arrive within `least` after it come through as one, at the end of that time, so that none is lost. The future
/// ends when every clone of the returned handle is gone.
pub fn throttled(wake: Wake, least: Duration) -> (Wake, impl Future<Output = ()> + Send) {
    let (asked, mut seen) = watch::channel(());
    let pass_on = async move {
        while seen.changed().await.is_ok() {
            wake.wake();
            tokio::time::sleep(least).await;
        }
    };
    (Wake::new(move || asked.send_modify(|()| ())), pass_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_wake_ups_comes_through_at_an_interval_and_the_last_one_is_not_lost() {
        let passes = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&passes);
        let wake = Wake::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let (storm, pass_on) = throttled(wake, Duration::from_secs(2));
        let task = tokio::spawn(pass_on);
        storm.wake();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(passes.load(Ordering::SeqCst), 1, "the first at once");
        for _ in 0..100 {
            storm.wake();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(passes.load(Ordering::SeqCst), 1, "none within the interval");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(passes.load(Ordering::SeqCst), 2, "the last one is not lost");
        drop(storm);
        task.await.unwrap();
    }
}
