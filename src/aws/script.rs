//! A source of credentials for tests: answers by a script.

use super::failure::CredentialsFailure;
use super::source::Source;
use aws_credential_types::Credentials;
use futures::future::{BoxFuture, FutureExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

type Answer = dyn Fn(usize) -> Result<Credentials, CredentialsFailure> + Send + Sync;

/// Answers the n-th fetch, after the other tasks had their turn.
#[derive(Clone)]
pub(super) struct Script {
    answer: Arc<Answer>,
    fetched: Arc<AtomicUsize>,
}

impl Script {
    pub(super) fn new(
        answer: impl Fn(usize) -> Result<Credentials, CredentialsFailure> + Send + Sync + 'static,
    ) -> Self {
        Self {
            answer: Arc::new(answer),
            fetched: Arc::default(),
        }
    }

    pub(super) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

impl Source for Script {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialsFailure>> {
        async {
            let number = self.fetched.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            (self.answer)(number)
        }
        .boxed()
    }

    fn identity(&self) -> String {
        "a script".to_owned()
    }
}
