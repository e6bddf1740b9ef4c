use super::endpoint::Endpoint;
use super::identity::Identity;
use super::sdk::Sdk;
use crate::model::with_causes;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use std::time::SystemTime;

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
        signed(credentials, scope, SystemTime::now(), ("POST", url, headers, body))
    }
}

/// Method, URL, headers and body.
type Request<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);

/// The signing headers. The region and the service form the scope of the signature.
fn signed(
    credentials: Credentials,
    (region, service): (&str, &str),
    now: SystemTime,
    (method, url, headers, body): Request<'_>,
) -> Result<Vec<(String, String)>, SignError> {
    let failed = |why: String| SignError { why };
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body));
    let request = request.map_err(|error| failed(error.to_string()))?;
    let signed = sign(request, &params.into()).map_err(|error| failed(error.to_string()))?;
    let (instructions, _) = signed.into_parts();
    let made = instructions.headers();
    Ok(made.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::signed;
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
            let request = (of("method"), url.as_str(), headers.as_slice(), of("body").as_bytes());
            let scope = (of("region"), of("service"));
            let made = signed(credentials, scope, time.into(), request).unwrap_or_else(|error| panic!("{error}"));
            let authorization = made.iter().find(|(name, _)| name == "authorization").unwrap();
            assert_eq!(authorization.1, of("authorization"), "{}", of("name"));
        }
    }
}
