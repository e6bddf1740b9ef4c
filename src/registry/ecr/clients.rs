use crate::aws::{Endpoint, Identity, Sdk};
use aws_sdk_ecr::Client;
use std::collections::HashMap;
use tokio::sync::Mutex;

/// What a client is made for: an identity, and the endpoint of a region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    pub(super) identity: Identity,
    pub(super) endpoint: Endpoint,
}

/// The cache of AWS clients. A client is made at its first use and kept with its connections and credentials.
pub(super) struct Clients {
    sdk: Sdk,
    cached: Mutex<HashMap<ClientKey, Cached>>,
}

/// A client, and how many clients were made before it for the same key.
#[derive(Clone)]
pub(super) struct Cached {
    pub(super) client: Client,
    generation: u64,
}

impl Clients {
    pub(super) fn new(sdk: Sdk) -> Self {
        Self {
            sdk,
            cached: Mutex::default(),
        }
    }

    pub(super) async fn get(&self, key: &ClientKey) -> Cached {
        let mut all = self.cached.lock().await;
        if let Some(cached) = all.get(key) {
            return cached.clone();
        }
        let made = self.make(key, 0).await;
        all.insert(key.clone(), made.clone());
        made
    }

    /// Replaces `old` by a client with new credentials. If several callers replace the same client, the first call makes
    /// the new one and the others get it.
    pub(super) async fn renew(&self, key: &ClientKey, old: &Cached) -> Cached {
        let mut all = self.cached.lock().await;
        if let Some(cached) = all.get(key).filter(|cached| cached.generation > old.generation) {
            return cached.clone();
        }
        self.sdk.forget(&key.identity, &key.endpoint).await;
        let made = self.make(key, old.generation + 1).await;
        all.insert(key.clone(), made.clone());
        made
    }

    async fn make(&self, key: &ClientKey, generation: u64) -> Cached {
        Cached {
            client: Client::new(&self.sdk.load(&key.identity, &key.endpoint).await),
            generation,
        }
    }
}
