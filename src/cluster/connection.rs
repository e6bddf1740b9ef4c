use super::connect::{Access, ConnectError, Remote, RemoteServer, ServiceAccount};
use super::failure::{classify, no_answer};
use crate::port::ClusterFailure;
use kube::{Client, Config};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A server that does not take a connection within this time is away. In-cluster and loopback servers answer in
/// milliseconds.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// What every request says of its sender, and how long a connection may take.
fn configure(config: &mut Config) {
    config.connect_timeout = Some(CONNECT_DEADLINE);
    let agent = concat!("tidegate/", env!("CARGO_PKG_VERSION"));
    config.headers.push((
        "user-agent".parse().expect("a header name in lower case"),
        agent.parse().expect("a version is printable ASCII"),
    ));
}

/// The client of one API server. It is shared by everything that talks to this server, and counts the requests.
pub struct Connection {
    pub(super) client: Client,
    pub(super) url: String,
    requests: AtomicU64,
    namespace: String,
    default_namespace: String,
}

impl Connection {
    /// Makes the client and sends nothing yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The kubeconfig, the pod's service account or the credentials cannot be used.
    pub async fn open(access: &Access) -> Result<Self, ConnectError> {
        Self::open_as(access, None).await
    }

    /// As [`Connection::open`], acting as a service account. The credentials need the right to impersonate the account.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn open_as(access: &Access, account: Option<&ServiceAccount>) -> Result<Self, ConnectError> {
        let mut config = access.config().await?;
        configure(&mut config);
        if let Some(account) = account {
            config.auth_info.impersonate = Some(account.user());
        }
        let namespace = config.default_namespace.clone();
        let default_namespace = access.default_namespace(&config);
        let url = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|source| ConnectError::Client {
            source: Box::new(source),
        })?;
        Ok(Self {
            client,
            url,
            requests: AtomicU64::new(0),
            namespace,
            default_namespace,
        })
    }

    /// A client of a remote server, whose address and credentials are read at the first request. `name` stands for the server in
    /// messages. Must be called within a tokio runtime.
    pub(super) fn remote(name: String, remote: Box<dyn Remote>) -> Self {
        Self {
            client: RemoteServer::client(remote, configure),
            url: name,
            requests: AtomicU64::new(0),
            namespace: "default".to_owned(),
            default_namespace: "default".to_owned(),
        }
    }

    /// The server's address, for messages.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The namespace of the pod that this process runs in, or of the kubeconfig's context.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The namespace of namespaced objects whose manifests name none.
    pub(super) fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// How many requests were sent so far, without the opening of watches.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Sends a request within a deadline and classifies its failure. The client retries on 429 and 503, after the server's
    /// `Retry-After`, within the same deadline.
    pub(super) async fn within<T>(
        &self,
        deadline: Duration,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterFailure> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(deadline, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(classify(&self.url, &error)),
            Err(_) => Err(no_answer(&self.url, deadline)),
        }
    }
}
