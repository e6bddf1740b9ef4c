use crate::port::AnnouncedStore;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// What the rules announced, in one store. A store that does not answer is asked again at the next message.
#[derive(Clone)]
pub(super) struct Memory(Arc<Inner>);

struct Inner {
    store: Arc<dyn AnnouncedStore>,
    /// The names of the rules. The store forgets others.
    rules: BTreeSet<String>,
    /// `None` until the store has answered.
    texts: Mutex<Option<BTreeMap<String, String>>>,
}

impl Memory {
    pub(super) fn new(store: Arc<dyn AnnouncedStore>, rules: BTreeSet<String>) -> Self {
        Self(Arc::new(Inner {
            store,
            rules,
            texts: Mutex::default(),
        }))
    }

    /// What the rule announced before this process began; `None` if the store does not answer.
    pub(super) async fn recall(&self, rule: &str) -> Option<String> {
        let mut texts = self.0.texts.lock().await;
        if texts.is_none() {
            match self.0.store.load().await {
                Ok(mut found) => {
                    found.retain(|name, _| self.0.rules.contains(name));
                    *texts = Some(found);
                }
                Err(error) => {
                    tracing::debug!(%error, "what was announced is not known yet");
                    return None;
                }
            }
        }
        Some(texts.as_ref()?.get(rule).cloned().unwrap_or_default())
    }

    /// Keeps what the rule has announced. Only after [`recall`](Self::recall) has answered.
    pub(super) async fn keep(&self, rule: &str, text: String) {
        let mut texts = self.0.texts.lock().await;
        let Some(known) = texts.as_mut() else { return };
        let before = known.insert(rule.to_owned(), text.clone());
        if before.as_ref() == Some(&text) {
            return;
        }
        if let Err(error) = self.0.store.save(known.clone()).await {
            // The next message tries again.
            known.insert(rule.to_owned(), before.unwrap_or_default());
            tracing::warn!(rule, %error, "what was announced is not kept: a restart may announce it again");
        }
    }
}
