use super::ecr::{Ecr, EcrHost};
use super::read_limits::ReadLimits;
use crate::aws::Sdk;
use crate::model::{Digest, Repository};
use crate::policy::Platform;
use crate::port::{ListFailure, Listing, Registry};
use crate::telemetry::{ListingOutcome, Metrics};
use std::sync::Arc;

/// All registries: chooses the client for a repository by its host.
pub struct Router {
    ecr: Ecr,
    metrics: Metrics,
}

/// The kind of a registry, with what its host says about it.
enum Host {
    Ecr(EcrHost),
}

impl Host {
    /// Reads a registry's host. `None` if there is no client for this kind of registry.
    fn parse(host: &str) -> Option<Self> {
        EcrHost::parse(host).map(Self::Ecr)
    }
}

impl Router {
    /// A router over clients of all kinds. It sends no request before the first listing.
    pub fn new(sdk: Sdk, limits: ReadLimits, metrics: Metrics) -> Self {
        Self {
            ecr: Ecr::new(sdk, limits, metrics.clone()),
            metrics,
        }
    }
}

impl Registry for Router {
    async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
        self.list_again(repository, None).await.map(Arc::unwrap_or_clone)
    }

    async fn list_again(
        &self,
        repository: &Repository,
        before: Option<Arc<Listing>>,
    ) -> Result<Arc<Listing>, ListFailure> {
        let outcome = match Host::parse(&repository.host) {
            Some(Host::Ecr(host)) => self.ecr.list(&host, repository, before).await,
            None => Err(unsupported(repository)),
        };
        self.metrics.listing_ended(label(&outcome));
        outcome
    }

    async fn platforms(&self, repository: &Repository, digest: &Digest) -> Result<Option<Vec<Platform>>, ListFailure> {
        match Host::parse(&repository.host) {
            Some(Host::Ecr(host)) => self.ecr.platforms(&host, repository, digest).await,
            None => Ok(None),
        }
    }
}

fn unsupported(repository: &Repository) -> ListFailure {
    ListFailure::Unsupported {
        message: format!(
            "{repository}: {} is not an ECR registry; only ECR repositories are scanned",
            repository.host
        ),
    }
}

fn label(outcome: &Result<Arc<Listing>, ListFailure>) -> ListingOutcome {
    match outcome {
        Ok(_) => ListingOutcome::Ok,
        Err(ListFailure::NotFound { .. }) => ListingOutcome::NotFound,
        Err(ListFailure::Denied { .. }) => ListingOutcome::Denied,
        Err(ListFailure::Throttled { .. }) => ListingOutcome::Throttled,
        Err(ListFailure::Unsupported { .. }) => ListingOutcome::Unsupported,
        Err(ListFailure::Failed { .. }) => ListingOutcome::Failed,
    }
}
