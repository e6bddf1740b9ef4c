//! The handle of a server for tests: starts the server, sets faults, counts requests. `push` adds images.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, bail};

use super::{
    Fault, Mark, Requests,
    clock::epoch_now,
    server::{Shared, router},
    store::Scope,
    wire::Key,
};
use crate::http_thread::HttpThread;

/// The account of access keys by default.
pub const DEFAULT_ACCOUNT: &str = "111122223333";
/// The region of short forms such as [`EcrServer::push_tag`].
pub const DEFAULT_REGION: &str = "eu-west-1";
/// The access key in [`EcrServer::env`]. The key and its secret are invented.
const ACCESS_KEY: &str = "AKIATIDEGATESTACK000";
const SECRET_KEY: &str = "stand-in";

/// The options of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on. Port 0 selects a free port.
    pub listen: SocketAddr,
    /// The account of access keys that [`EcrServer::add_key`] did not assign: twelve digits.
    pub account: String,
    /// The region of short forms.
    pub region: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            account: DEFAULT_ACCOUNT.to_owned(),
            region: DEFAULT_REGION.to_owned(),
        }
    }
}

/// A running stand-in for ECR. Dropping the handle ends the server and its open connections.
#[derive(Debug)]
pub struct EcrServer {
    http: HttpThread,
    pub(super) options: Options,
    pub(super) shared: Shared,
}

impl EcrServer {
    /// Starts a server on a free loopback port. The server accepts connections when this function returns.
    ///
    /// # Errors
    /// When no port or thread is available.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default())
    }

    /// As [`start`](Self::start), with options, and for callers without a runtime.
    ///
    /// # Errors
    /// When the address is in use, or no thread is available.
    pub fn start_with(options: Options) -> Result<Self> {
        let shared = Shared::new(&options);
        let http = HttpThread::start("ecr-standin", options.listen, router(shared.clone()))?;
        Ok(Self { http, options, shared })
    }

    /// The address `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_ECR` and as the base of `/v2/`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.http.address())
    }

    /// The environment variables with which an AWS SDK uses only this server.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_ECR", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", self.options.region.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The host that image references name, such as `111122223333.dkr.ecr.eu-west-1.amazonaws.com`.
    #[must_use]
    pub fn registry_host(&self, account: &str, region: &str) -> String {
        Scope::of(account, region).host()
    }

    /// The host of the default account and region.
    #[must_use]
    pub fn default_host(&self) -> String {
        self.registry_host(&self.options.account, &self.options.region)
    }

    /// From now on, a request from one account to the registry of another succeeds only if the repository is shared.
    pub fn require_sharing(&self) {
        self.shared.lock().needs_sharing = true;
    }

    /// Assigns an access key to an account. The secret of the key may be anything.
    pub fn add_key(&self, access_key: &str, account: &str) {
        self.set_key(access_key, Key::Of(account.to_owned()));
    }

    /// Requests with this access key get `ExpiredTokenException`.
    pub fn expire_key(&self, access_key: &str) {
        self.set_key(access_key, Key::Expired);
    }

    /// Requests with this access key get `UnrecognizedClientException`.
    pub fn revoke_key(&self, access_key: &str) {
        self.set_key(access_key, Key::Revoked);
    }

    /// Adds a fault; [`Fault`] describes the requests that it applies to.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.add(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Limits the length of every page, regardless of the request. `None` removes the limit.
    pub fn limit_pages(&self, longest: Option<usize>) {
        self.shared.lock().pages.longest = longest;
    }

    /// Sets whether every second page of a listing has a token and no items.
    pub fn empty_pages(&self, on: bool) {
        self.shared.lock().pages.empty_between = on;
    }

    /// Makes every page token so far invalid.
    pub fn expire_page_tokens(&self) {
        self.shared.lock().pages.expire_tokens();
    }

    /// Sets the lifetime of registry passwords that are issued from now on. The default is twelve hours.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.shared.lock().tokens.lifetime = lifetime.as_secs_f64();
    }

    /// A password for `/v2/`, as GetAuthorizationToken returns it. The user is `AWS`.
    #[must_use]
    pub fn password(&self, account: &str, region: &str) -> String {
        self.shared.lock().tokens.issue(account, region, epoch_now()).0
    }

    /// The current time, for [`requests_since`](Self::requests_since).
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark::at(&self.shared.lock().requests)
    }

    /// The requests received since the mark, including those that a fault applied to.
    #[must_use]
    pub fn requests_since(&self, mark: &Mark) -> Requests {
        self.shared.lock().requests.since(mark)
    }

    /// The most requests that were in flight at one time since the start.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.shared.busy.most()
    }

    /// Waits until an operation was requested `count` times on a repository since the mark.
    ///
    /// # Errors
    /// When `deadline` passes first. The error has the number of requests.
    pub async fn wait_for_requests(
        &self,
        mark: &Mark,
        operation: &str,
        repository: &str,
        count: u64,
        deadline: Duration,
    ) -> Result<()> {
        let mut bell = self.shared.bell.subscribe();
        let so_far = || self.requests_since(mark).count_for(operation, repository);
        let enough = async { while so_far() < count && bell.changed().await.is_ok() {} };
        if tokio::time::timeout(deadline, enough).await.is_err() {
            bail!(
                "{} of {count} {operation} requests on {repository} in {deadline:?}",
                so_far()
            );
        }
        Ok(())
    }

    /// Waits until the server ends by itself. It does so only after an error of its listener.
    pub fn run_to_end(self) {
        self.http.run_to_end();
    }

    fn set_key(&self, access_key: &str, key: Key) {
        self.shared.lock().keys.listed.insert(access_key.to_owned(), key);
    }
}
