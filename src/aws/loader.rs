use super::endpoint::Endpoint;
use crate::model::Secret;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use std::time::Duration;

/// The deadlines and the number of attempts of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// The longest time until the connection is open.
    pub connect: Duration,
    /// The longest time for one attempt, up to the last byte of its response.
    pub attempt: Duration,
    /// The longest time for the call, with all its attempts and the pauses between them.
    pub operation: Duration,
    /// The number of attempts, the first included.
    pub attempts: u32,
}

impl Default for CallLimits {
    /// Five attempts: AWS does not publish the rate limits of ECR's listing calls, and users report that three are too few.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(10),
            operation: Duration::from_secs(60),
            attempts: 5,
        }
    }
}

/// Where the agent's own credentials and the endpoint come from.
pub(super) enum Environment {
    /// The SDK's default chain: environment, profile, web identity, container endpoint, instance metadata, in this order.
    DefaultChain,
    /// One access key for one endpoint.
    Fixed {
        endpoint: String,
        access_key: String,
        secret_key: Secret,
    },
}

/// Makes settings with the agent's own credentials.
pub(super) struct Loader {
    pub(super) environment: Environment,
    pub(super) limits: CallLimits,
}

impl Loader {
    /// Settings for an endpoint, with a credentials chain of their own. Sends no request.
    pub(super) async fn load(&self, endpoint: &Endpoint) -> SdkConfig {
        let loader = self.loader(endpoint);
        match &self.environment {
            Environment::DefaultChain => loader.load().await,
            Environment::Fixed {
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

    fn loader(&self, endpoint: &Endpoint) -> ConfigLoader {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.limits.connect)
            .operation_attempt_timeout(self.limits.attempt)
            .operation_timeout(self.limits.operation)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(endpoint.region.clone()))
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(self.limits.attempts));
        if let Ok(name) = AppName::new(concat!("tidegate-", env!("CARGO_PKG_VERSION"))) {
            loader = loader.app_name(name);
        }
        if endpoint.fips {
            loader = loader.use_fips(true);
        }
        if endpoint.dual_stack {
            loader = loader.use_dual_stack(true);
        }
        loader
    }
}
