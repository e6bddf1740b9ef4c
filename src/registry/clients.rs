use crate::aws::{Endpoint, Sdk};
use aws_sdk_ecr::Client;
use std::collections::HashMap;
use tokio::sync::Mutex;

/// One client for each place, made at its first use and kept with its connections and credentials.
pub(super) struct Clients {
    sdk: Sdk,
    known: Mutex<HashMap<Endpoint, Known>>,
}

/// A client, and how many went before it at its place.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) client: Client,
    generation: u64,
}

impl Clients {
    pub(super) fn new(sdk: Sdk) -> Self {
        Self {
            sdk,
            known: Mutex::default(),
        }
    }

    /// The place's client.
    pub(super) async fn get(&self, place: &Endpoint) -> Known {
        let mut all = self.known.lock().await;
        if let Some(known) = all.get(place) {
            return known.clone();
        }
        let made = self.make(place, 0).await;
        all.insert(place.clone(), made.clone());
        made
    }

    /// A client with a fresh credentials chain instead of `old`. Of many callers with the same old one, the first has a
    /// new one made and the others share it.
    pub(super) async fn renew(&self, place: &Endpoint, old: &Known) -> Known {
        let mut all = self.known.lock().await;
        if let Some(known) = all.get(place).filter(|known| known.generation > old.generation) {
            return known.clone();
        }
        let made = self.make(place, old.generation + 1).await;
        all.insert(place.clone(), made.clone());
        made
    }

    async fn make(&self, place: &Endpoint, generation: u64) -> Known {
        Known {
            client: Client::new(&self.sdk.load(place).await),
            generation,
        }
    }
}
