use super::agent_chain::AgentChain;
use super::assume::AssumeRole;
use super::endpoint::Endpoint;
use super::identity::Identity;
use super::kept::Kept;
use super::loader::{CallLimits, Environment, Loader};
use crate::model::Secret;
use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Mutex;

/// Loads the settings that service clients are built from, and keeps the credentials of each identity and endpoint. Clones
/// share the credentials.
#[derive(Clone)]
pub struct Sdk(Arc<Shared>);

struct Shared {
    loader: Arc<Loader>,
    loaded: Mutex<HashMap<(Identity, Endpoint), Loaded>>,
}

#[derive(Clone)]
struct Loaded {
    config: SdkConfig,
    credentials: Arc<Kept>,
}

impl Sdk {
    /// Credentials from the SDK's default chain; endpoints by region, or from `AWS_ENDPOINT_URL` and its per-service
    /// forms, as in every AWS tool.
    pub fn new(limits: CallLimits) -> Self {
        Self::with(Environment::DefaultChain, limits)
    }

    /// One access key and one endpoint, regardless of the environment: for services that are compatible with AWS.
    pub fn fixed(
        endpoint: impl Into<String>,
        access_key: impl Into<String>,
        secret_key: Secret,
        limits: CallLimits,
    ) -> Self {
        let environment = Environment::Fixed {
            endpoint: endpoint.into(),
            access_key: access_key.into(),
            secret_key,
        };
        Self::with(environment, limits)
    }

    fn with(environment: Environment, limits: CallLimits) -> Self {
        Self(Arc::new(Shared {
            loader: Arc::new(Loader { environment, limits }),
            loaded: Mutex::default(),
        }))
    }

    /// Settings for an identity and an endpoint. Sends no request.
    pub(crate) async fn load(&self, identity: &Identity, endpoint: &Endpoint) -> SdkConfig {
        self.loaded(identity, endpoint).await.config
    }

    /// Drops the credentials of an identity, because AWS says that they ended. The next call fetches others.
    pub(crate) async fn forget(&self, identity: &Identity, endpoint: &Endpoint) {
        self.loaded(identity, endpoint).await.credentials.forget();
    }

    async fn loaded(&self, identity: &Identity, endpoint: &Endpoint) -> Loaded {
        let mut all = self.0.loaded.lock().await;
        // From the agent's own identity to the one that is asked for: each is the base of the next.
        let chain: Vec<Identity> = std::iter::successors(Some(identity.clone()), Identity::base).collect();
        let mut last: Option<Loaded> = None;
        for identity in chain.into_iter().rev() {
            let key = (identity, endpoint.clone());
            let loaded = match (all.get(&key), &last) {
                (Some(loaded), _) => loaded.clone(),
                (None, base) => self.make(&key.0, endpoint, base.as_ref()).await,
            };
            all.insert(key, loaded.clone());
            last = Some(loaded);
        }
        last.expect("the chain has the identity itself")
    }

    async fn make(&self, identity: &Identity, endpoint: &Endpoint, base: Option<&Loaded>) -> Loaded {
        let (config, credentials) = match (identity.role(), base) {
            (Some(role), Some(base)) => {
                let assume = AssumeRole::new(role.clone(), &base.config, Arc::clone(&base.credentials), endpoint);
                (base.config.clone(), Kept::new(assume, SystemTime::now))
            }
            _ => {
                let chain = AgentChain::new(Arc::clone(&self.0.loader), endpoint.clone());
                let config = self.0.loader.load(endpoint).await;
                (config, Kept::new(chain, SystemTime::now))
            }
        };
        let credentials = Arc::new(credentials);
        let provider: Arc<dyn ProvideCredentials> = Arc::<Kept>::clone(&credentials);
        let config = config
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            // The credentials are kept here; a second cache would hold them until they end.
            .identity_cache(IdentityCache::no_cache())
            .build();
        Loaded { config, credentials }
    }
}
