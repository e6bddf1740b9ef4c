use super::attempts::Attempts;
use super::clients::{ClientKey, Clients};
use super::error::EcrError;
use super::explain::{Request, explain};
use super::page_reader::PageReader;
use super::tags::Tags;
use crate::aws::{EcrHost, Identity, Sdk};
use crate::model::{Digest, Repository};
use crate::policy::{INDEX_MEDIA_TYPES, Platform};
use crate::port::{ListFailure, Listing};
use crate::registry::image_index;
use crate::registry::rate_limit::RateLimit;
use crate::registry::read_limits::ReadLimits;
use crate::telemetry::Metrics;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageIdentifier, TagStatus};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Images on one page: the most that the API returns.
const PAGE: i32 = 1000;

/// Reads ECR repositories in every account, region and partition that the agent's credentials give access to.
pub(in crate::registry) struct Ecr {
    clients: Clients,
    limits: ReadLimits,
    rate_limits: Mutex<HashMap<RegistryKey, Arc<RateLimit>>>,
    metrics: Metrics,
}

/// An account and a region: AWS counts requests by these two.
type RegistryKey = (String, String);

impl Ecr {
    /// A client that sends no request before the first listing.
    pub(in crate::registry) fn new(sdk: Sdk, limits: ReadLimits, metrics: Metrics) -> Self {
        Self {
            clients: Clients::new(sdk),
            limits,
            rate_limits: Mutex::default(),
            metrics,
        }
    }

    /// Reads all tags of a repository. Returns `before` itself if the tags are the same as in `before`.
    pub(in crate::registry) async fn list(
        &self,
        host: &EcrHost,
        repository: &Repository,
        before: Option<Arc<Listing>>,
        identity: &Identity,
    ) -> Result<Arc<Listing>, ListFailure> {
        let request = Request {
            action: "ecr:DescribeImages",
            host,
            repository,
            identity,
        };
        self.read(host, repository, before, identity)
            .await
            .map_err(|error| explain(&error, &request))
    }

    /// Reads the platforms that an image is built for. `None` if the image has no index.
    pub(in crate::registry) async fn platforms(
        &self,
        host: &EcrHost,
        repository: &Repository,
        digest: &Digest,
        identity: &Identity,
    ) -> Result<Option<Vec<Platform>>, ListFailure> {
        let request = Request {
            action: "ecr:BatchGetImage",
            host,
            repository,
            identity,
        };
        let rate_limit = self.rate_limit(host);
        let reading = self.renewing_credentials(host, identity, |client| {
            self.index(client, host, repository, digest, &rate_limit)
        });
        let index = timeout(self.limits.deadline, reading)
            .await
            .unwrap_or(Err(EcrError::Deadline(self.limits.deadline)))
            .map_err(|error| explain(&error, &request))?;
        Ok(index.and_then(|index| image_index::list_platforms(&index)))
    }

    async fn read(
        &self,
        host: &EcrHost,
        repository: &Repository,
        before: Option<Arc<Listing>>,
        identity: &Identity,
    ) -> Result<Arc<Listing>, EcrError> {
        let rate_limit = self.rate_limit(host);
        let _reader = timeout(self.limits.queue, rate_limit.readers.acquire())
            .await
            .map_err(|_| EcrError::Queue(self.limits.queue))?;
        let attempts = Attempts::new(&self.metrics);
        let reading = self.renewing_credentials(host, identity, |client| {
            self.pages(client, host, repository, &rate_limit, &attempts)
        });
        let tags = timeout(self.limits.deadline, reading)
            .await
            .map_err(|_| EcrError::Deadline(self.limits.deadline))??;
        if tags.ignored() > 0 {
            self.metrics.tags_ignored(tags.ignored());
            tracing::debug!(%repository, ignored = tags.ignored(), "tags with an invalid name or digest were left out");
        }
        Ok(tags.into_listing(before, |images| Listing {
            repository: repository.clone(),
            images,
            requests: attempts.sent(),
        }))
    }

    /// Runs `call` with the cached client, and once more with new credentials if AWS says that the old ones expired.
    pub(super) async fn renewing_credentials<T, F>(
        &self,
        host: &EcrHost,
        identity: &Identity,
        call: impl Fn(Client) -> F,
    ) -> Result<T, EcrError>
    where
        F: Future<Output = Result<T, EcrError>>,
    {
        if let Some(role) = identity.role().filter(|role| role.arn.partition() != host.partition) {
            return Err(EcrError::Partition(role.arn.clone()));
        }
        let key = ClientKey {
            identity: identity.clone(),
            endpoint: host.endpoint(),
        };
        let cached = self.clients.get(&key).await;
        match call(cached.client.clone()).await {
            Err(error) if error.is_expiry() => {
                tracing::debug!(%host, "the credentials expired, loading new ones");
                call(self.clients.renew(&key, &cached).await.client).await
            }
            outcome => outcome,
        }
    }

    async fn pages(
        &self,
        client: Client,
        host: &EcrHost,
        repository: &Repository,
        rate_limit: &RateLimit,
        attempts: &Attempts,
    ) -> Result<Tags, EcrError> {
        let filter = DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build();
        let request = client
            .describe_images()
            .registry_id(&host.account)
            .repository_name(&repository.path)
            .filter(filter)
            .max_results(PAGE);
        let reader = PageReader::default();
        let mut tokens = HashSet::new();
        let mut token = None;
        for _ in 0..self.limits.pages {
            rate_limit.acquire().await;
            let page = request
                .clone()
                .set_next_token(token)
                .customize()
                .interceptor(attempts.clone())
                .interceptor(reader.clone())
                .send()
                .await?;
            let Some(details) = page.image_details else {
                return Err(EcrError::Unreadable("the response has no list of images".into()));
            };
            reader.end_page(&details);
            let Some(next) = page.next_token.filter(|next| !next.is_empty()) else {
                return Ok(reader.into_tags());
            };
            if !tokens.insert(next.clone()) {
                return Err(EcrError::RepeatedToken);
            }
            token = Some(next);
        }
        Err(EcrError::TooManyPages(self.limits.pages))
    }

    /// Reads the image's index. `None` if the image has none: it is built for one platform.
    async fn index(
        &self,
        client: Client,
        host: &EcrHost,
        repository: &Repository,
        digest: &Digest,
        rate_limit: &RateLimit,
    ) -> Result<Option<String>, EcrError> {
        rate_limit.acquire().await;
        let image = ImageIdentifier::builder().image_digest(digest.as_str()).build();
        let response = client
            .batch_get_image()
            .registry_id(&host.account)
            .repository_name(&repository.path)
            .image_ids(image)
            .set_accepted_media_types(Some(INDEX_MEDIA_TYPES.map(str::to_owned).to_vec()))
            .customize()
            .interceptor(Attempts::new(&self.metrics))
            .send()
            .await?;
        let image = response.images.unwrap_or_default().into_iter().next();
        Ok(image.and_then(|image| image.image_manifest))
    }

    /// Counts the attempts of a call.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(&self.metrics)
    }

    /// How long a reading may take.
    pub(super) fn deadline(&self) -> Duration {
        self.limits.deadline
    }

    pub(super) fn rate_limit(&self, host: &EcrHost) -> Arc<RateLimit> {
        let mut all = self.rate_limits.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host.account.clone(), host.region.clone());
        let limit = all.entry(key).or_insert_with(|| Arc::new(RateLimit::new(&self.limits)));
        Arc::clone(limit)
    }
}
