use super::count;
use crate::telemetry::labels::{ListingLabel, ListingOutcome, RequestLabel, RequestOutcome, Values};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Requests to registries and their results.
pub(in crate::telemetry) struct Scan {
    requests: Family<RequestLabel, Counter>,
    listings: Family<ListingLabel, Counter>,
    ignored: Counter,
    repositories: Gauge,
    tags: Gauge,
}

impl Scan {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            requests: Family::default(),
            listings: Family::default(),
            ignored: Counter::default(),
            repositories: Gauge::default(),
            tags: Gauge::default(),
        };
        RequestOutcome::ALL
            .iter()
            .for_each(|outcome| drop(all.requests.get_or_create_owned(&(*outcome).into())));
        ListingOutcome::ALL
            .iter()
            .for_each(|outcome| drop(all.listings.get_or_create_owned(&(*outcome).into())));
        registry.register(
            "registry_requests",
            "Requests to registry APIs, retries included, by outcome",
            all.requests.clone(),
        );
        registry.register(
            "registry_listings",
            "Listings of a repository, by outcome",
            all.listings.clone(),
        );
        registry.register(
            "registry_tags_ignored",
            "Tags left out of listings because their name or digest is invalid",
            all.ignored.clone(),
        );
        registry.register(
            "scan_repositories",
            "Repositories that automated fields name",
            all.repositories.clone(),
        );
        registry.register(
            "scan_tags",
            "Tags in the newest listings of these repositories",
            all.tags.clone(),
        );
        all
    }

    pub(in crate::telemetry) fn registry_request(&self, outcome: RequestOutcome) {
        self.requests.get_or_create(&outcome.into()).inc();
    }

    pub(in crate::telemetry) fn listing_ended(&self, outcome: ListingOutcome) {
        self.listings.get_or_create(&outcome.into()).inc();
    }

    pub(in crate::telemetry) fn tags_ignored(&self, count: u64) {
        self.ignored.inc_by(count);
    }

    pub(in crate::telemetry) fn scanned(&self, repositories: usize, tags: usize) {
        self.repositories.set(count::gauge(repositories));
        self.tags.set(count::gauge(tags));
    }
}
