use super::address::Guard;
use super::endpoint::Endpoint;
use super::error::OciError;
use super::explain::explain;
use super::link;
use super::settings::OciSettings;
use super::tags::Tags;
use crate::model::{Digest, Repository};
use crate::policy::{INDEX_MEDIA_TYPES, Platform};
use crate::port::{ListFailure, Listing};
use crate::registry::image_index;
use crate::registry::read_limits::ReadLimits;
use crate::telemetry::Metrics;
use reqwest::Url;
use reqwest::header::LINK;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Tags on one page. The largest page that registries give.
const PAGE: usize = 1000;
/// The longest page, in bytes. A registry that knows no pages lists all tags at once: a million of them have 40 MiB.
const MAX_PAGE: usize = 64 << 20;
/// The longest manifest, in bytes. Registries take at most 4 MiB.
const MAX_MANIFEST: usize = 4 << 20;
const JSON: &str = "application/json";

/// Reads repositories of registries that follow the OCI distribution specification.
pub(in crate::registry) struct Oci {
    settings: Vec<OciSettings>,
    guard: Guard,
    limits: ReadLimits,
    endpoints: Mutex<HashMap<String, Arc<Endpoint>>>,
    metrics: Metrics,
}

impl Oci {
    /// A client that sends no request before the first listing. The first settings whose host matches apply.
    pub(in crate::registry) fn new(settings: Vec<OciSettings>, limits: ReadLimits, metrics: Metrics) -> Self {
        Self {
            guard: Guard::new(settings.iter().map(|settings| settings.host.clone())),
            settings,
            limits,
            endpoints: Mutex::default(),
            metrics,
        }
    }

    /// Reads all tags of a repository. Returns `before` itself if the tags are the same as in `before`.
    pub(in crate::registry) async fn list(
        &self,
        repository: &Repository,
        before: Option<Arc<Listing>>,
    ) -> Result<Arc<Listing>, ListFailure> {
        let read = self.read(repository).await;
        let (tags, requests) = read.map_err(|error| explain(&error, repository))?;
        if tags.ignored > 0 {
            self.metrics.tags_ignored(tags.ignored);
            tracing::debug!(%repository, ignored = tags.ignored, "tags with an invalid name were left out");
        }
        let builder = tags.into_builder();
        if let Some(before) = before.filter(|before| builder.is_like(&before.images)) {
            return Ok(before);
        }
        Ok(Arc::new(Listing {
            repository: repository.clone(),
            images: builder.build(),
            requests,
        }))
    }

    /// Reads the platforms that an image is built for. `None` if the image has no index.
    pub(in crate::registry) async fn platforms(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Vec<Platform>>, ListFailure> {
        let reading = async {
            let endpoint = self.endpoint(&repository.host).await?;
            let url = address(&endpoint.base, &format!("v2/{}/manifests/{digest}", repository.path))?;
            let accept = INDEX_MEDIA_TYPES.join(", ");
            let answer = endpoint.get(&url, &repository.path, &accept, MAX_MANIFEST).await?;
            Ok(answer.body)
        };
        let manifest = timeout(self.limits.deadline, reading)
            .await
            .unwrap_or(Err(OciError::Deadline(self.limits.deadline)))
            .map_err(|error| explain(&error, repository))?;
        Ok(std::str::from_utf8(&manifest)
            .ok()
            .and_then(image_index::list_platforms))
    }

    async fn read(&self, repository: &Repository) -> Result<(Tags, u32), OciError> {
        let endpoint = self.endpoint(&repository.host).await?;
        let _reader = timeout(self.limits.queue, endpoint.rate_limit.readers.acquire())
            .await
            .map_err(|_| OciError::Queue(self.limits.queue))?;
        timeout(self.limits.deadline, self.pages(&endpoint, repository))
            .await
            .map_err(|_| OciError::Deadline(self.limits.deadline))?
    }

    async fn pages(&self, endpoint: &Endpoint, repository: &Repository) -> Result<(Tags, u32), OciError> {
        let list = address(&endpoint.base, &format!("v2/{}/tags/list", repository.path))?;
        let after = |last: Option<&str>| {
            let mut url = list.clone();
            url.query_pairs_mut().append_pair("n", &PAGE.to_string());
            if let Some(last) = last {
                url.query_pairs_mut().append_pair("last", last);
            }
            url
        };
        let (mut tags, mut seen) = (Tags::new(), HashSet::new());
        let mut url = after(None);
        for requests in 1..=self.limits.pages {
            seen.insert(url.clone());
            let answer = endpoint.get(&url, &repository.path, JSON, MAX_PAGE).await?;
            let page = tags.add(&answer.body)?;
            let links = answer.headers.get_all(LINK).iter();
            let next = match link::next(links.filter_map(|link| link.to_str().ok()), &answer.url)? {
                Some(next) => Some(next),
                // A registry that sends no links may still have cut the list.
                None if page.count == PAGE && page.new > 0 => page.last.as_deref().map(|last| after(Some(last))),
                None => None,
            };
            match next {
                None => return Ok((tags, requests)),
                Some(next) if seen.contains(&next) => return Err(OciError::RepeatedPage),
                Some(next) => url = next,
            }
        }
        Err(OciError::TooManyPages(self.limits.pages))
    }

    async fn endpoint(&self, host: &str) -> Result<Arc<Endpoint>, OciError> {
        let mut all = self.endpoints.lock().await;
        if let Some(endpoint) = all.get(host) {
            return Ok(Arc::clone(endpoint));
        }
        let settings = self.settings.iter().find(|settings| settings.host.matches(host));
        let endpoint = Endpoint::new(host, settings, self.guard.clone(), &self.limits, &self.metrics).await?;
        let endpoint = Arc::new(endpoint);
        all.insert(host.to_owned(), Arc::clone(&endpoint));
        Ok(endpoint)
    }
}

fn address(base: &Url, path: &str) -> Result<Url, OciError> {
    base.join(path)
        .map_err(|error| OciError::Settings(format!("the repository has no address: {error}")))
}
