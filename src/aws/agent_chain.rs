use super::endpoint::Endpoint;
use super::failure::CredentialsFailure;
use super::loader::Loader;
use super::source::Source;
use super::text::chain;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use futures::future::{BoxFuture, FutureExt as _};
use std::sync::{Arc, Mutex, PoisonError};

/// The SDK's own search for credentials in the agent's environment. It reads files once, so it is made anew after AWS says that
/// the credentials ended.
pub(super) struct AgentChain {
    loader: Arc<Loader>,
    endpoint: Endpoint,
    provider: Mutex<Option<SharedCredentialsProvider>>,
}

impl AgentChain {
    pub(super) fn new(loader: Arc<Loader>, endpoint: Endpoint) -> Self {
        Self {
            loader,
            endpoint,
            provider: Mutex::default(),
        }
    }

    async fn search(&self) -> Result<Credentials, CredentialsFailure> {
        let kept = self.provider.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let provider = match kept {
            Some(provider) => Some(provider),
            None => self.loader.load(&self.endpoint).await.credentials_provider(),
        };
        self.keep(provider.clone());
        let none = |why: String| CredentialsFailure::None { why };
        let provider = provider.ok_or_else(|| none("no source of credentials is configured".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        credentials.map_err(|error| none(chain(&error)))
    }

    fn keep(&self, provider: Option<SharedCredentialsProvider>) {
        *self.provider.lock().unwrap_or_else(PoisonError::into_inner) = provider;
    }
}

impl Source for AgentChain {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialsFailure>> {
        self.search().boxed()
    }

    fn forget(&self) {
        self.keep(None);
    }

    fn identity(&self) -> String {
        "the agent's own identity".to_owned()
    }
}
