//! Follows what a watch delivers, and starts over with a new list after each failure.

use super::ending::{Ending, FIRST_LIST, FIRST_RETRY, FORBIDDEN_RETRY, LAST_RETRY};
use crate::model::Backoff;
use futures::{Stream, StreamExt as _};
use kube::runtime::watcher::{Error, Event};
use std::pin::pin;
use tokio::time::Instant;

/// What the follower of a list learns.
pub(in crate::cluster) enum News<K> {
    /// The watch delivers something.
    Event(Event<K>),
    /// What was delivered counts no more until the next list. Nothing failed.
    Expired,
    /// The watch failed, for this reason. The next list follows.
    Failed(String),
}

/// Follows the watches that `begin` makes, one after the other, until the task is aborted. Each begins with a list: a watcher that
/// goes on after an error delivers no list, so that nothing would say that the error is over.
pub(in crate::cluster) async fn follow<K, S>(url: &str, begin: impl Fn() -> S, mut take: impl FnMut(News<K>))
where
    S: Stream<Item = Result<Event<K>, Error>>,
{
    let mut backoff = Backoff::new(FIRST_RETRY, FORBIDDEN_RETRY);
    loop {
        let (ending, had_list) = until_error(url, begin(), |event| take(News::Event(event))).await;
        if had_list {
            backoff.succeeded();
        }
        let longest = match ending {
            Ending::Expired | Ending::NoStreaming => {
                take(News::Expired);
                if had_list {
                    continue;
                }
                LAST_RETRY
            }
            Ending::Forbidden(reason) => {
                take(News::Failed(reason));
                FORBIDDEN_RETRY
            }
            Ending::Away(reason) | Ending::Failed(reason) => {
                take(News::Failed(reason));
                LAST_RETRY
            }
        };
        tokio::time::sleep(backoff.failed().min(longest)).await;
    }
}

/// Follows one watch until its first error. Returns why the watch ended, and whether it had delivered its list.
async fn until_error<K>(
    url: &str,
    events: impl Stream<Item = Result<Event<K>, Error>>,
    mut take: impl FnMut(Event<K>),
) -> (Ending, bool) {
    let mut events = pin!(events);
    let deadline = Instant::now() + FIRST_LIST;
    let mut had_list = false;
    loop {
        let next = match had_list {
            true => events.next().await,
            false => match tokio::time::timeout_at(deadline, events.next()).await {
                Ok(next) => next,
                Err(_) => return (Ending::Failed("the first list took too long".to_owned()), false),
            },
        };
        match next {
            Some(Ok(event)) => {
                had_list |= matches!(event, Event::InitDone);
                take(event);
            }
            Some(Err(error)) => return (Ending::of(url, &error, false), had_list),
            None => return (Ending::Failed("the stream ended".to_owned()), had_list),
        }
    }
}
