use super::{Place, Sdk};
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use std::time::SystemTime;

/// Signs requests to a service that is asked without a client of its own (AWS Signature, version 4).
pub struct Signer {
    config: SdkConfig,
    region: String,
    service: &'static str,
}

/// A request could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the request to AWS cannot be signed: {why}")]
pub struct SignError {
    why: String,
}

impl Signer {
    /// With credentials from the chain of `sdk`, for one service at one place.
    pub async fn new(sdk: &Sdk, place: &Place, service: &'static str) -> Self {
        Self {
            config: sdk.load(place).await,
            region: place.region.clone(),
            service,
        }
    }

    /// The headers that sign a POST of `body` to `url` with `headers`.
    ///
    /// # Errors
    /// No credentials.
    pub async fn headers(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, SignError> {
        let failed = |why: String| SignError { why };
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| failed("there is no source of credentials".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| failed(chain(&error)))?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let request = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body));
        let request = request.map_err(|error| failed(error.to_string()))?;
        let signed = sign(request, &params.into()).map_err(|error| failed(error.to_string()))?;
        let (instructions, _) = signed.into_parts();
        let made = instructions.headers();
        Ok(made.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
