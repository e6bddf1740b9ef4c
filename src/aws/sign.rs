use super::endpoint::Endpoint;
use super::identity::Identity;
use super::sdk::Sdk;
use crate::model::with_causes;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use std::time::{Duration, SystemTime};

/// Signs requests to a service for which the agent has no SDK client (AWS Signature, version 4).
pub struct Signer {
    config: SdkConfig,
    region: String,
    service: &'static str,
}

/// A request could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign the request to AWS: {why}")]
pub(crate) struct SignError {
    why: String,
}

impl Signer {
    /// A signer for one service at one endpoint. The credentials come from `sdk`.
    pub async fn new(sdk: &Sdk, identity: &Identity, endpoint: &Endpoint, service: &'static str) -> Self {
        Self {
            config: sdk.load(identity, endpoint).await,
            region: endpoint.region.clone(),
            service,
        }
    }

    /// The headers that sign a POST of `body` to `url` with `headers`.
    ///
    /// # Errors
    /// When there are no credentials.
    pub(crate) async fn headers(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, SignError> {
        let failed = |why: String| SignError { why };
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| failed("no source of credentials is configured".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| failed(with_causes(&error)))?;
        let scope = (self.region.as_str(), self.service);
        signed(
            credentials,
            scope,
            SystemTime::now(),
            (Method::Post, url, headers, body),
        )
    }
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Method, URL, headers and body.
type Request<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);

/// The signing headers. The region and the service form the scope of the signature.
pub(super) fn signed(
    credentials: Credentials,
    scope: (&str, &str),
    now: SystemTime,
    request: Request<'_>,
) -> Result<Vec<(String, String)>, SignError> {
    let made = instructions(credentials, scope, now, request, SigningSettings::default())?;
    let headers = made.headers();
    Ok(headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// The request's URL with the signature in its query. Whoever sends it within a minute must send the given headers, too.
pub(super) fn presigned(
    credentials: Credentials,
    scope: (&str, &str),
    now: SystemTime,
    request: Request<'_>,
) -> Result<String, SignError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(PRESIGNED);
    let made = instructions(credentials, scope, now, request, settings)?;
    let mut url = request.1.to_owned();
    for (name, value) in made.params() {
        let value = percent_encoding::utf8_percent_encode(value, UNRESERVED);
        url.push_str(&format!("&{name}={value}"));
    }
    Ok(url)
}

/// How long a presigned request may be sent, by its own words. The servers of EKS take 15 minutes, whatever it says.
const PRESIGNED: Duration = Duration::from_secs(60);
/// What the signature encodes: all but letters, digits and `-._~`.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn instructions(
    credentials: Credentials,
    (region, service): (&str, &str),
    now: SystemTime,
    (method, url, headers, body): Request<'_>,
    settings: SigningSettings,
) -> Result<SigningInstructions, SignError> {
    let failed = |why: String| SignError { why };
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let request = SignableRequest::new(method.name(), url, headers.iter().copied(), SignableBody::Bytes(body));
    let request = request.map_err(|error| failed(error.to_string()))?;
    let signed = sign(request, &params.into()).map_err(|error| failed(error.to_string()))?;
    Ok(signed.into_parts().0)
}

#[cfg(test)]
mod tests {
    use super::{Method, signed};
    use aws_credential_types::Credentials;
    use serde_json::Value;

    /// The result is compared with the test vectors that AWS publishes; `tests/fixtures/forges/README.md` names the source.
    #[test]
    fn the_test_vectors_of_aws_get_the_published_signatures() {
        let text = include_str!("../../tests/fixtures/forges/sigv4.json");
        let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
        assert_eq!(vectors.len(), 13);
        for vector in vectors {
            let of = |name: &str| vector[name].as_str().unwrap_or_default();
            let token = vector["session_token"].as_str().map(str::to_owned);
            let credentials = Credentials::new(of("access_key"), of("secret_key"), token, None, "test");
            let given = vector["headers"].as_array().unwrap();
            let headers: Vec<(&str, &str)> = given
                .iter()
                .map(|header| (header[0].as_str().unwrap(), header[1].as_str().unwrap()))
                .collect();
            let url = format!("https://example.amazonaws.com{}", of("target"));
            let time: jiff::Timestamp = of("time").parse().unwrap();
            let method = if of("method") == "GET" {
                Method::Get
            } else {
                Method::Post
            };
            assert_eq!(method.name(), of("method"));
            let request = (method, url.as_str(), headers.as_slice(), of("body").as_bytes());
            let scope = (of("region"), of("service"));
            let made = signed(credentials, scope, time.into(), request).unwrap_or_else(|error| panic!("{error}"));
            let authorization = made.iter().find(|(name, _)| name == "authorization").unwrap();
            assert_eq!(authorization.1, of("authorization"), "{}", of("name"));
        }
    }
}
