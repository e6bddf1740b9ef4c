use super::endpoint::Endpoint;
use super::http::client::Http;
use super::http::credentials::HttpAccess;
use super::ssh::client::Ssh;
use super::ssh::login_keys::LoginKeys;
use crate::git::keys::deploy_key::DeployKey;
use crate::git::trust::HostKeys;
use crate::git::url::{RepoUrl, Scheme};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The way to the server: SSH or HTTP, as the address says. It keeps connections open between calls.
pub(crate) struct Connection {
    pub endpoint: Arc<Endpoint>,
    pub transport: Transport,
    keys: Arc<LoginKeys>,
    /// What the server advertised about pushes last time. Taken out for a push and put back after it.
    pub push_capabilities: Mutex<Option<Vec<u8>>>,
}

/// How the server is reached.
pub(crate) enum Transport {
    Ssh(Ssh),
    Http(Http),
}

impl Connection {
    /// Opens nothing yet. `timeout` is the longest silence of the server.
    pub(crate) fn new(
        url: RepoUrl,
        timeout: Duration,
        key: Arc<DeployKey>,
        host_keys: HostKeys,
        http: HttpAccess,
    ) -> Self {
        let scheme = url.scheme();
        let endpoint = Arc::new(Endpoint::new(url, timeout));
        let keys = Arc::new(LoginKeys::new(key));
        let transport = match scheme {
            Scheme::Ssh => Transport::Ssh(Ssh::new(Arc::clone(&endpoint), Arc::clone(&keys), host_keys)),
            Scheme::Https | Scheme::Http => Transport::Http(Http::new(Arc::clone(&endpoint), http)),
        };
        Self {
            endpoint,
            transport,
            keys,
            push_capabilities: Mutex::new(None),
        }
    }

    pub(crate) fn ssh(&self) -> Option<&Ssh> {
        match &self.transport {
            Transport::Ssh(ssh) => Some(ssh),
            Transport::Http(_) => None,
        }
    }

    /// The key to log in with.
    pub(crate) fn key(&self) -> Arc<DeployKey> {
        self.keys.current()
    }

    /// Logs in with another key from the next command on.
    pub(crate) fn use_keys(&self, key: Arc<DeployKey>, next: Option<Arc<DeployKey>>) {
        self.keys.replace(Arc::clone(&key), next);
        if let Some(ssh) = self.ssh() {
            ssh.drop_unless_for(&key);
        }
    }

    /// Returns after the server has rejected our key since the last call.
    pub(crate) async fn key_rejected(&self) {
        self.keys.rejected.notified().await;
    }

    /// Closes open connections; the next command opens a new one.
    pub(crate) async fn close(&self) {
        match &self.transport {
            Transport::Ssh(ssh) => ssh.close().await,
            Transport::Http(http) => http.close(),
        }
    }
}
