use super::clients::{Clients, Known};
use super::failure::{EcrError, explain};
use super::host::EcrHost;
use super::index;
use super::lane::RateLimit;
use super::tags::Tags;
use crate::aws::Sdk;
use crate::model::{Digest, Repository};
use crate::policy::Platform;
use crate::port::{ListFailure, Listing, Registry};
use crate::telemetry::{ListingOutcome, Metrics, RequestOutcome};
use aws_sdk_ecr::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_sdk_ecr::types::{DescribeImagesFilter, ImageIdentifier, TagStatus};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// How fast and how long a registry may be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadLimits {
    /// Requests each second to one account and region, over time.
    pub per_second: f64,
    /// Requests that may go at once after a pause.
    pub burst: u32,
    /// Repositories of one account and region that are read at the same time.
    pub readers: usize,
    /// Pages of one repository.
    pub pages: u32,
    /// One reading, all pages.
    pub deadline: Duration,
    /// The wait for a reader to be free.
    pub queue: Duration,
}

impl Default for ReadLimits {
    /// ECR does not publish the limits of DescribeImages; 10/s is what others live with. A thousand pages of a thousand
    /// images are ten times the largest repository that ECR allows by default.
    fn default() -> Self {
        Self {
            per_second: 10.0,
            burst: 20,
            readers: 8,
            pages: 1000,
            deadline: Duration::from_secs(120),
            queue: Duration::from_secs(600),
        }
    }
}

/// Images on one page: the most that the API gives.
const PAGE: i32 = 1000;

/// A page's body may be this long; a thousand images with many tags each are a few MiB.
const LONGEST_BODY: u64 = 64 << 20;

/// Reads ECR repositories of any account, region and partition that the credentials open.
pub struct Ecr {
    clients: Clients,
    pace: ReadLimits,
    lanes: Mutex<HashMap<(String, String), Arc<RateLimit>>>,
    metrics: Metrics,
}

impl Ecr {
    /// Nothing is asked of AWS before the first listing.
    pub fn new(sdk: Sdk, pace: ReadLimits, metrics: Metrics) -> Self {
        Self {
            clients: Clients::new(sdk),
            pace,
            lanes: Mutex::default(),
            metrics,
        }
    }

    async fn read(&self, host: &EcrHost, repository: &Repository) -> Result<Listing, EcrError> {
        let lane = self.lane(host);
        let _reader = timeout(self.pace.queue, lane.readers.acquire())
            .await
            .map_err(|_| EcrError::Queue(self.pace.queue))?;
        let watch = Attempts::new(&self.metrics);
        let reading = self.pages_with_fresh_credentials(host, repository, &lane, &watch);
        let tags = timeout(self.pace.deadline, reading)
            .await
            .map_err(|_| EcrError::Deadline(self.pace.deadline))??;
        if tags.ignored() > 0 {
            self.metrics.tags_ignored(tags.ignored());
            tracing::debug!(%repository, ignored = tags.ignored(), "names outside the grammar of tags left out");
        }
        Ok(Listing {
            repository: repository.clone(),
            images: tags.into_images(),
            requests: watch.sent(),
        })
    }

    async fn pages_with_fresh_credentials(
        &self,
        host: &EcrHost,
        repository: &Repository,
        lane: &RateLimit,
        watch: &Attempts,
    ) -> Result<Tags, EcrError> {
        let place = host.place();
        let known = self.clients.get(&place).await;
        match self.pages(&known, host, repository, lane, watch).await {
            Err(trouble) if trouble.is_expiry() => {
                tracing::debug!(%repository, "credentials are over, asking for new ones");
                let renewed = self.clients.renew(&place, &known).await;
                self.pages(&renewed, host, repository, lane, watch).await
            }
            outcome => outcome,
        }
    }

    async fn pages(
        &self,
        known: &Known,
        host: &EcrHost,
        repository: &Repository,
        lane: &RateLimit,
        watch: &Attempts,
    ) -> Result<Tags, EcrError> {
        let filter = DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build();
        let first = known
            .client
            .describe_images()
            .registry_id(&host.account)
            .repository_name(&repository.path)
            .filter(filter)
            .max_results(PAGE);
        let mut tags = Tags::default();
        let mut given = HashSet::new();
        let mut token = None;
        for _ in 0..self.pace.pages {
            lane.turn().await;
            let page = first
                .clone()
                .set_next_token(token)
                .customize()
                .interceptor(watch.clone())
                .send()
                .await?;
            let Some(details) = page.image_details else {
                return Err(EcrError::Unreadable("it has no list of images".into()));
            };
            tags.add(&details);
            let Some(next) = page.next_token.filter(|next| !next.is_empty()) else {
                return Ok(tags);
            };
            if !given.insert(next.clone()) {
                return Err(EcrError::Loop);
            }
            token = Some(next);
        }
        Err(EcrError::TooManyPages(self.pace.pages))
    }

    /// The image's index, if it has one.
    async fn index(
        &self,
        host: &EcrHost,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<String>, EcrError> {
        let lane = self.lane(host);
        let place = host.place();
        let known = self.clients.get(&place).await;
        match self.manifest(&known, host, repository, digest, &lane).await {
            Err(trouble) if trouble.is_expiry() => {
                let renewed = self.clients.renew(&place, &known).await;
                self.manifest(&renewed, host, repository, digest, &lane).await
            }
            outcome => outcome,
        }
    }

    async fn manifest(
        &self,
        known: &Known,
        host: &EcrHost,
        repository: &Repository,
        digest: &Digest,
        lane: &RateLimit,
    ) -> Result<Option<String>, EcrError> {
        lane.turn().await;
        let image = ImageIdentifier::builder().image_digest(digest.as_str()).build();
        let answer = known
            .client
            .batch_get_image()
            .registry_id(&host.account)
            .repository_name(&repository.path)
            .image_ids(image)
            .set_accepted_media_types(Some(index::INDEXES.map(str::to_owned).to_vec()))
            .customize()
            .interceptor(Attempts::new(&self.metrics))
            .send()
            .await?;
        let image = answer.images.unwrap_or_default().into_iter().next();
        Ok(image.and_then(|image| image.image_manifest))
    }

    fn lane(&self, host: &EcrHost) -> Arc<RateLimit> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host.account.clone(), host.region.clone());
        Arc::clone(lanes.entry(key).or_insert_with(|| Arc::new(RateLimit::new(&self.pace))))
    }
}

impl Registry for Ecr {
    async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
        let name = repository.to_string();
        let outcome = match EcrHost::parse(&repository.host) {
            None => Err(ListFailure::Unsupported {
                message: format!(
                    "{name}: {} is not an ECR registry; only ECR repositories are scanned",
                    repository.host
                ),
            }),
            Some(host) => self
                .read(&host, repository)
                .await
                .map_err(|trouble| explain(&trouble, "ecr:DescribeImages", &name, &host, &repository.path)),
        };
        self.metrics.listing_ended(match &outcome {
            Ok(_) => ListingOutcome::Ok,
            Err(ListFailure::NotFound { .. }) => ListingOutcome::NotFound,
            Err(ListFailure::Denied { .. }) => ListingOutcome::Denied,
            Err(ListFailure::Throttled { .. }) => ListingOutcome::Throttled,
            Err(ListFailure::Unsupported { .. }) => ListingOutcome::Unsupported,
            Err(ListFailure::Failed { .. }) => ListingOutcome::Failed,
        });
        outcome
    }

    async fn platforms(&self, repository: &Repository, digest: &Digest) -> Result<Option<Vec<Platform>>, ListFailure> {
        let Some(host) = EcrHost::parse(&repository.host) else {
            return Ok(None);
        };
        let reading = timeout(self.pace.deadline, self.index(&host, repository, digest));
        let manifest = reading
            .await
            .unwrap_or(Err(EcrError::Deadline(self.pace.deadline)))
            .map_err(|trouble| {
                let action = "ecr:BatchGetImage";
                explain(&trouble, action, &repository.to_string(), &host, &repository.path)
            })?;
        Ok(manifest.and_then(|manifest| index::platforms(&manifest)))
    }
}

/// Sees every attempt of the SDK, repeats included: counts them, and refuses an answer that announces too long a body.
#[derive(Clone, Debug)]
struct Attempts {
    sent: Arc<AtomicU32>,
    metrics: Metrics,
}

impl Attempts {
    fn new(metrics: &Metrics) -> Self {
        Self {
            sent: Arc::default(),
            metrics: metrics.clone(),
        }
    }

    fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let announced = context.response().headers().get("content-length");
        match announced.and_then(|text| text.parse::<u64>().ok()) {
            Some(length) if length > LONGEST_BODY => {
                Err(format!("an answer of {length} bytes, more than the {LONGEST_BODY} that are read").into())
            }
            _ => Ok(()),
        }
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let outcome = match context.response().map(|response| response.status().as_u16()) {
            None => RequestOutcome::NoAnswer,
            Some(500..) => RequestOutcome::ServerError,
            Some(400..) => RequestOutcome::Refused,
            Some(_) => RequestOutcome::Ok,
        };
        self.metrics.registry_request(outcome);
        Ok(())
    }
}
