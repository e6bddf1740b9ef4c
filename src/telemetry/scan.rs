use super::Metrics;
use super::labels::{ListingLabel, ListingOutcome, RequestLabel, RequestOutcome};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the registries were asked and what they gave.
pub(super) struct Scan {
    requests: Family<RequestLabel, Counter>,
    listings: Family<ListingLabel, Counter>,
    ignored: Counter,
    repositories: Gauge,
    tags: Gauge,
}

impl Scan {
    pub(super) fn register(registry: &mut Registry) -> Self {
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
            "Requests to registry APIs, repeats included, by what became of them",
            all.requests.clone(),
        );
        registry.register(
            "registry_listings",
            "Listings of a repository, by what became of them",
            all.listings.clone(),
        );
        registry.register(
            "registry_tags_ignored",
            "Tags left out of listings because they break the grammar of tags",
            all.ignored.clone(),
        );
        registry.register(
            "scan_repositories",
            "Repositories that automated fields name",
            all.repositories.clone(),
        );
        registry.register(
            "scan_tags",
            "Tags in the newest listings of all of them",
            all.tags.clone(),
        );
        all
    }
}

impl Metrics {
    /// One request was sent to a registry and has ended.
    pub fn registry_request(&self, outcome: RequestOutcome) {
        self.inner().scan.requests.get_or_create(&outcome.into()).inc();
    }

    /// One listing has ended.
    pub fn listing_ended(&self, outcome: ListingOutcome) {
        self.inner().scan.listings.get_or_create(&outcome.into()).inc();
    }

    /// Tags were left out of a listing.
    pub fn tags_ignored(&self, count: u64) {
        self.inner().scan.ignored.inc_by(count);
    }

    /// What a scan has seen: repositories asked for, and tags in those that could be listed.
    pub fn scanned(&self, repositories: usize, tags: usize) {
        self.inner().scan.repositories.set(super::metrics::whole(repositories));
        self.inner().scan.tags.set(super::metrics::whole(tags));
    }
}
