use crate::model::Secret;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use std::time::Duration;

/// What a client is built for: a region, and which of its endpoints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Such as `cn-north-1`.
    pub region: String,
    /// The endpoints with validated cryptography.
    pub fips: bool,
    /// The endpoints that also answer over IPv6.
    pub dual_stack: bool,
}

/// How long and how often a call is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Until the connection stands.
    pub connect: Duration,
    /// One attempt, until the last byte of its answer.
    pub attempt: Duration,
    /// The call with all its attempts and the pauses between them.
    pub operation: Duration,
    /// Attempts in all, the first included.
    pub attempts: u32,
}

impl Default for CallLimits {
    /// Five attempts: the rate limits of ECR's listing calls are not published and practitioners find three too few.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(10),
            operation: Duration::from_secs(60),
            attempts: 5,
        }
    }
}

/// Where the SDK takes its credentials and its endpoint from.
enum Source {
    /// Environment, profile, web identity, container endpoint, instance metadata, in this order.
    DefaultChain,
    /// One access key for one endpoint.
    Fixed {
        endpoint: String,
        access_key: String,
        secret_key: Secret,
    },
}

/// Makes the settings that service clients are built from.
pub struct Sdk {
    source: Source,
    limits: CallLimits,
}

impl Sdk {
    /// Credentials from the SDK's default chain, endpoints by region or from `AWS_ENDPOINT_URL` and its per-service
    /// forms, as for every AWS tool.
    pub fn new(limits: CallLimits) -> Self {
        Self {
            source: Source::DefaultChain,
            limits,
        }
    }

    /// One access key and one endpoint, whatever the environment says: for services that are not AWS but speak like it.
    pub fn fixed(
        endpoint: impl Into<String>,
        access_key: impl Into<String>,
        secret_key: Secret,
        limits: CallLimits,
    ) -> Self {
        Self {
            source: Source::Fixed {
                endpoint: endpoint.into(),
                access_key: access_key.into(),
                secret_key,
            },
            limits,
        }
    }

    /// How long and how often calls are tried.
    pub fn limits(&self) -> &CallLimits {
        &self.limits
    }

    /// Settings for one place, with a credentials chain of their own.
    pub async fn load(&self, place: &Endpoint) -> SdkConfig {
        let loader = self.loader(place);
        match &self.source {
            Source::DefaultChain => loader.load().await,
            Source::Fixed {
                endpoint,
                access_key,
                secret_key,
            } => {
                let credentials = Credentials::new(access_key, secret_key.expose(), None, None, "fixed");
                loader
                    .endpoint_url(endpoint)
                    .credentials_provider(credentials)
                    .load()
                    .await
            }
        }
    }

    fn loader(&self, place: &Endpoint) -> ConfigLoader {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.limits.connect)
            .operation_attempt_timeout(self.limits.attempt)
            .operation_timeout(self.limits.operation)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(place.region.clone()))
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(self.limits.attempts));
        if let Ok(name) = AppName::new(concat!("tidegate-", env!("CARGO_PKG_VERSION"))) {
            loader = loader.app_name(name);
        }
        if place.fips {
            loader = loader.use_fips(true);
        }
        if place.dual_stack {
            loader = loader.use_dual_stack(true);
        }
        loader
    }
}
