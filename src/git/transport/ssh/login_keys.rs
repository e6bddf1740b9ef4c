use crate::git::keys::deploy_key::DeployKey;
use crate::git::lock::locked;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The deploy key to log in with, and its successor during a rotation.
pub(crate) struct LoginKeys {
    current: Mutex<Arc<DeployKey>>,
    /// Tried if the server rejects the current key.
    next: Mutex<Option<Arc<DeployKey>>>,
    /// Notified when the server rejects a key.
    pub rejected: Notify,
}

impl LoginKeys {
    pub(crate) fn new(key: Arc<DeployKey>) -> Self {
        Self {
            current: Mutex::new(key),
            next: Mutex::default(),
            rejected: Notify::new(),
        }
    }

    pub(crate) fn current(&self) -> Arc<DeployKey> {
        Arc::clone(&locked(&self.current))
    }

    pub(crate) fn next(&self) -> Option<Arc<DeployKey>> {
        locked(&self.next).clone()
    }

    pub(crate) fn replace(&self, key: Arc<DeployKey>, next: Option<Arc<DeployKey>>) {
        *locked(&self.current) = key;
        *locked(&self.next) = next;
    }

    /// Makes `next` the current key, unless another one has replaced `from` meanwhile.
    pub(crate) fn promote(&self, from: &Arc<DeployKey>, next: &Arc<DeployKey>) {
        let mut current = locked(&self.current);
        if Arc::ptr_eq(&current, from) {
            *current = Arc::clone(next);
        }
    }
}
