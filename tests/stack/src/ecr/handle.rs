//! The handle that a test holds: starts the server, fills it, spoils it, counts what it was asked.

use std::{
    net::{SocketAddr, TcpListener},
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::sync::oneshot;

use super::{
    Fault, Mark, Mutability, PushTime, Requests,
    answer::Failure,
    clock::epoch_now,
    manifest::{digest_of, make_up},
    server::{Shared, World, router},
    store::Scope,
    validate,
    wire::Key,
    write::Put,
};

/// The account that access keys belong to where nothing else is said.
pub const DEFAULT_ACCOUNT: &str = "111122223333";
/// The region that short forms such as [`EcrServer::push_tag`] mean.
pub const DEFAULT_REGION: &str = "eu-west-1";
/// The access key in [`EcrServer::env`]: a made-up one, as is its secret.
const ACCESS_KEY: &str = "AKIATIDEGATESTACK000";
const SECRET_KEY: &str = "stand-in";

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The account that access keys belong to unless [`EcrServer::add_key`] says otherwise: twelve digits.
    pub account: String,
    /// The region that short forms mean.
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

/// A running stand-in for ECR; dropping it ends it, open connections included.
#[derive(Debug)]
pub struct EcrServer {
    address: SocketAddr,
    options: Options,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EcrServer {
    /// Starts a server on a free loopback port; it accepts connections when this returns.
    ///
    /// # Errors
    /// When no port or thread is to be had.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default())
    }

    /// As [`start`](Self::start), but as told, and for callers without a runtime.
    ///
    /// # Errors
    /// When the address is taken, or no thread is to be had.
    pub fn start_with(options: Options) -> Result<Self> {
        let listener = TcpListener::bind(options.listen).with_context(|| format!("listening on {}", options.listen))?;
        let address = listener.local_addr().context("reading the listener's address")?;
        listener.set_nonblocking(true).context("preparing the listener")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("building the runtime")?;
        let shared = Shared::new(&options);
        let routes = router(shared.clone());
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                ended = async { axum::serve(listener, routes).await } => ended,
                _ = stopped => Ok(()),
            }
        };
        let thread = std::thread::Builder::new()
            .name("ecr-standin".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(serve) {
                    eprintln!("ECR stand-in ended: {error}");
                }
            });
        let thread = Some(thread.context("starting the server's thread")?);
        Ok(Self {
            address,
            options,
            shared,
            stop: Some(stop),
            thread,
        })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_ECR` and as the base of `/v2/`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables that point an AWS SDK at this server and at nothing else.
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
        scope(account, region).host()
    }

    /// The host of the default account and region.
    #[must_use]
    pub fn default_host(&self) -> String {
        self.registry_host(&self.options.account, &self.options.region)
    }

    /// Makes a repository with movable tags; one that is there stays as it is.
    ///
    /// # Errors
    /// When the name is not a repository name.
    pub fn create_repository(&self, account: &str, region: &str, name: &str) -> Result<()> {
        self.create_repository_with(account, region, name, Mutability::Mutable)
    }

    /// As [`create_repository`](Self::create_repository), with the mutability of its tags.
    ///
    /// # Errors
    /// When the name is not a repository name.
    pub fn create_repository_with(&self, account: &str, region: &str, name: &str, tags: Mutability) -> Result<()> {
        validate::repository_name(Some(name)).map_err(refused)?;
        self.shared
            .lock()
            .store
            .create(&scope(account, region), name, epoch_now(), tags);
        Ok(())
    }

    /// Pushes a new image under this tag, which moves if another image has it; makes the repository where there is none.
    /// Returns the image's digest.
    ///
    /// # Errors
    /// When repository or tag are malformed, or the tag is immutable and taken.
    pub fn push(
        &self,
        account: &str,
        region: &str,
        repository: &str,
        tag: &str,
        pushed_at: impl Into<PushTime>,
    ) -> Result<String> {
        self.create_repository(account, region, repository)?;
        validate::image_tag(tag).map_err(refused)?;
        self.shared
            .lock()
            .push_made_up(&scope(account, region), repository, Some(tag), pushed_at.into())
    }

    /// [`push`](Self::push) to the default account and region, now.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_tag(&self, repository: &str, tag: &str) -> Result<String> {
        self.push_tag_at(repository, tag, PushTime::now())
    }

    /// [`push`](Self::push) to the default account and region at a chosen time.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_tag_at(&self, repository: &str, tag: &str, pushed_at: impl Into<PushTime>) -> Result<String> {
        let Options { account, region, .. } = &self.options;
        self.push(account, region, repository, tag, pushed_at)
    }

    /// Pushes this manifest, with a tag or without; makes the repository where there is none. Returns its digest.
    /// A digest that is here keeps its push time, as in ECR.
    ///
    /// # Errors
    /// For all that makes PutImage fail, such as the same digest under the same tag again.
    pub fn push_manifest(
        &self,
        account: &str,
        region: &str,
        repository: &str,
        tag: Option<&str>,
        manifest: &str,
        pushed_at: impl Into<PushTime>,
    ) -> Result<String> {
        self.create_repository(account, region, repository)?;
        tag.map_or(Ok(()), validate::image_tag).map_err(refused)?;
        let mut world = self.shared.lock();
        let pushed_at = pushed_at.into().settle(&mut world.clock);
        let put = Put {
            text: manifest,
            media_type: None,
            tag,
            expected_digest: None,
            pushed_at,
        };
        let found = world
            .store
            .repository_mut(&scope(account, region), repository)
            .map_err(refused)?;
        put.into_repository(found).map_err(refused)
    }

    /// Pushes a new image without a tag. Returns its digest.
    ///
    /// # Errors
    /// When the repository's name is malformed.
    pub fn push_untagged(
        &self,
        account: &str,
        region: &str,
        repository: &str,
        pushed_at: impl Into<PushTime>,
    ) -> Result<String> {
        self.create_repository(account, region, repository)?;
        self.shared
            .lock()
            .push_made_up(&scope(account, region), repository, None, pushed_at.into())
    }

    /// Gives an image of the default account and region one more tag; its push time stays what it was.
    ///
    /// # Errors
    /// When no such image is here, or the tag is malformed, or is immutable and taken.
    pub fn retag(&self, repository: &str, digest: &str, tag: &str) -> Result<()> {
        validate::image_tag(tag).map_err(refused)?;
        let mut world = self.shared.lock();
        let found = world
            .store
            .repository_mut(&self.default_scope(), repository)
            .map_err(refused)?;
        let Some(manifest) = found.by_digest(digest).map(|image| image.manifest.clone()) else {
            bail!("no image {digest} in {repository}");
        };
        let put = Put {
            text: &manifest,
            media_type: None,
            tag: Some(tag),
            expected_digest: None,
            pushed_at: 0.0,
        };
        put.into_repository(found).map(drop).map_err(refused)
    }

    /// Takes a tag away, and its image if that was the last one.
    ///
    /// # Errors
    /// When there is no such repository or tag.
    pub fn delete_tag(&self, account: &str, region: &str, repository: &str, tag: &str) -> Result<()> {
        let mut world = self.shared.lock();
        let found = world
            .store
            .repository_mut(&scope(account, region), repository)
            .map_err(refused)?;
        found
            .remove_tag(tag)
            .map(drop)
            .with_context(|| format!("no tag {tag} in {repository}"))
    }

    /// From now on requests from one account to the registry of another need the repository to be shared.
    pub fn require_sharing(&self) {
        self.shared.lock().needs_sharing = true;
    }

    /// Lets the principals of another account at a repository, as a repository policy would.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn share(&self, account: &str, region: &str, repository: &str, with_account: &str) -> Result<()> {
        let mut world = self.shared.lock();
        let found = world
            .store
            .repository_mut(&scope(account, region), repository)
            .map_err(refused)?;
        found.shared_with.insert(with_account.to_owned());
        Ok(())
    }

    /// Says which account an access key belongs to; its secret may be anything.
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

    /// Adds a fault; see [`Fault`] for what it strikes.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.add(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// No page of a listing is longer than this, whatever the caller asks for; `None` ends that.
    pub fn limit_pages(&self, longest: Option<usize>) {
        self.shared.lock().pages.longest = longest;
    }

    /// Whether each second page of a listing is empty but for its token.
    pub fn empty_pages(&self, on: bool) {
        self.shared.lock().pages.empty_between = on;
    }

    /// Makes every page token given so far invalid.
    pub fn expire_page_tokens(&self) {
        self.shared.lock().pages.expire_tokens();
    }

    /// How long registry passwords issued from now on last; twelve hours at first.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.shared.lock().tokens.lifetime = lifetime.as_secs_f64();
    }

    /// A password for `/v2/` as GetAuthorizationToken would give it; the user is `AWS`.
    #[must_use]
    pub fn password(&self, account: &str, region: &str) -> String {
        self.shared.lock().tokens.issue(account, region, epoch_now()).0
    }

    /// Now, for [`requests_since`](Self::requests_since).
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark::at(&self.shared.lock().requests)
    }

    /// Requests received since the mark, those spoiled by a fault included.
    #[must_use]
    pub fn requests_since(&self, mark: &Mark) -> Requests {
        self.shared.lock().requests.since(mark)
    }

    /// Waits until an operation was asked for `count` times on a repository since the mark.
    ///
    /// # Errors
    /// When that has not come about in `deadline`; says how many there were.
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

    /// Waits until the server ends by itself, which it does only on an error of its listener.
    pub fn run_to_end(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn set_key(&self, access_key: &str, key: Key) {
        self.shared.lock().keys.listed.insert(access_key.to_owned(), key);
    }

    fn default_scope(&self) -> Scope {
        scope(&self.options.account, &self.options.region)
    }
}

impl Drop for EcrServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl World {
    /// Pushes an image that no other push has, with its config blob.
    pub(super) fn push_made_up(
        &mut self,
        scope: &Scope,
        repository: &str,
        tag: Option<&str>,
        pushed_at: PushTime,
    ) -> Result<String> {
        self.serial += 1;
        let pushed_at = pushed_at.settle(&mut self.clock);
        let made = make_up(repository, tag.unwrap_or_default(), pushed_at, self.serial);
        let found = self.store.repository_mut(scope, repository).map_err(refused)?;
        let put = Put {
            text: &made.manifest,
            media_type: None,
            tag,
            expected_digest: None,
            pushed_at,
        };
        let digest = put.into_repository(found).map_err(refused)?;
        found.add_blob(digest_of(made.config.as_bytes()), &made.config);
        Ok(digest)
    }
}

fn scope(account: &str, region: &str) -> Scope {
    Scope {
        account: account.to_owned(),
        region: region.to_owned(),
    }
}

fn refused(failure: Failure) -> anyhow::Error {
    anyhow::anyhow!("{}: {}", failure.code, failure.message)
}
