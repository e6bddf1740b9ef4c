use super::ecr::Ecr;
use super::oci::{Oci, OciSettings};
use super::read_limits::ReadLimits;
use crate::aws::{EcrHost, Identity, Sdk};
use crate::model::{Digest, Repository, Wildcard};
use crate::policy::Platform;
use crate::port::{ListFailure, Listing, PullToken, PullTokens, Registry, TokenFailure};
use crate::spread::LoginKey;
use crate::telemetry::{ListingOutcome, Metrics};
use std::sync::Arc;

/// All registries: chooses the client for a repository by its host.
pub struct Router {
    ecr: Ecr,
    oci: Oci,
    identities: Vec<(Wildcard, Identity)>,
    metrics: Metrics,
}

/// The kind of a registry, with what its host says about it.
enum Host {
    Ecr(EcrHost),
    /// Any registry of the OCI distribution specification.
    Oci,
}

impl Host {
    /// Reads a registry's host. `None` for a host that nearly is one of ECR: a typing error must not become a request to
    /// whoever has that name.
    fn parse(host: &str) -> Option<Self> {
        match EcrHost::parse(host) {
            Some(host) => Some(Self::Ecr(host)),
            None => (!EcrHost::is_like(host)).then_some(Self::Oci),
        }
    }
}

impl Router {
    /// A router over clients of all kinds. It sends no request before the first listing.
    pub fn new(sdk: Sdk, oci: Vec<OciSettings>, limits: ReadLimits, metrics: Metrics) -> Self {
        Self {
            ecr: Ecr::new(sdk, limits.clone(), metrics.clone()),
            oci: Oci::new(oci, limits, metrics.clone()),
            identities: Vec::new(),
            metrics,
        }
    }

    /// The same router, with the identities of ECR registries by the patterns of their hosts. The first pattern that matches
    /// applies; without a match, the agent's own identity.
    #[must_use]
    pub fn with_identities(self, identities: Vec<(Wildcard, Identity)>) -> Self {
        Self { identities, ..self }
    }

    /// The identity that signs requests to a registry.
    pub fn identity(&self, host: &str) -> &Identity {
        let found = self.identities.iter().find(|(pattern, _)| pattern.matches(host));
        found.map_or(&Identity::Agent, |(_, identity)| identity)
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
            Some(Host::Ecr(host)) => {
                let identity = self.identity(&repository.host);
                self.ecr.list(&host, repository, before, identity).await
            }
            Some(Host::Oci) => self.oci.list(repository, before).await,
            None => Err(unsupported(repository)),
        };
        self.metrics.listing_ended(label(&outcome));
        outcome
    }

    async fn platforms(&self, repository: &Repository, digest: &Digest) -> Result<Option<Vec<Platform>>, ListFailure> {
        match Host::parse(&repository.host) {
            Some(Host::Ecr(host)) => {
                let identity = self.identity(&repository.host);
                self.ecr.platforms(&host, repository, digest, identity).await
            }
            Some(Host::Oci) => self.oci.platforms(repository, digest).await,
            None => Ok(None),
        }
    }
}

impl PullTokens for Router {
    fn key(&self, host: &str) -> Option<LoginKey> {
        Some(Ecr::login_key(&EcrHost::parse(host)?, self.identity(host)))
    }

    async fn token(&self, host: &str) -> Result<PullToken, TokenFailure> {
        match EcrHost::parse(host) {
            Some(ecr) => self.ecr.token(&ecr, self.identity(host)).await,
            None => Err(TokenFailure {
                message: format!("{host} is not the host of an ECR registry"),
            }),
        }
    }
}

fn unsupported(repository: &Repository) -> ListFailure {
    ListFailure::Unsupported {
        message: format!(
            "{repository}: {} is not the host of an ECR registry; expected              <account>.dkr.ecr.<region>.amazonaws.com, in China with the ending .cn; correct the image's name",
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
