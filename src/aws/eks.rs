//! A cluster of EKS: its address and authority (DescribeCluster), and tokens for its API server.
//!
//! A token is a presigned GetCallerIdentity of the regional STS with the cluster's name in a signed header, in URL-safe base64. The cluster
//! sends it to STS and learns who signed it. A token lives for 15 minutes. Nothing is sent to make one.

use super::eks_address::EksAddress;
use super::eks_failure::EksFailure;
use super::endpoint::Endpoint;
use super::identity::Identity;
use super::partition::Partition;
use super::sdk::Sdk;
use super::sign::{Method, presigned, signed};
use super::text::plain;
use crate::model::{Secret, with_causes};
use crate::telemetry::remember_token;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_types::service_config::ServiceConfigKey;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How old a token may be before another one is signed. It lives for 15 minutes.
const SIGN_AGAIN: Duration = Duration::from_secs(10 * 60);
/// Until this age an old token serves while no new one can be signed.
const OLDEST: Duration = Duration::from_secs(14 * 60);
/// The longest token that the server of a cluster takes, in bytes.
const LONGEST_TOKEN: usize = 4096;
/// The longest time for DescribeCluster.
const DEADLINE: Duration = Duration::from_secs(15);
/// The longest answer of DescribeCluster, in bytes. A real one has some kilobytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// A cluster of EKS, and the identity that it is reached with.
pub struct EksCluster {
    name: String,
    region: String,
    partition: Partition,
    identity: Identity,
    sdk: Sdk,
    http: reqwest::Client,
    token: Mutex<Option<(SystemTime, Secret)>>,
}

impl EksCluster {
    /// Sends nothing. `None` if the region is none.
    pub fn new(name: &str, region: &str, identity: Identity, sdk: Sdk) -> Option<Self> {
        Some(Self {
            partition: Partition::of_region(region)?,
            name: name.to_owned(),
            region: region.to_owned(),
            identity,
            sdk,
            http: reqwest::Client::new(),
            token: Mutex::default(),
        })
    }

    /// The cluster in messages: `EKS cluster b in eu-west-1`.
    pub fn shown(&self) -> String {
        format!("EKS cluster {} in {}", self.name, self.region)
    }

    /// A token for the API server, signed at most 10 minutes ago; older only while the credentials cannot be fetched.
    ///
    /// # Errors
    /// There are no credentials, or the token is too long for the server.
    pub async fn token(&self) -> Result<Secret, EksFailure> {
        let kept = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let age = |at: &SystemTime| SystemTime::now().duration_since(*at).unwrap_or(SIGN_AGAIN);
        if let Some((at, token)) = &kept
            && age(at) < SIGN_AGAIN
        {
            return Ok(token.clone());
        }
        match (self.sign_token().await, kept) {
            (Ok((at, token)), _) => {
                remember_token(&token);
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, token.clone()));
                Ok(token)
            }
            (Err(_), Some((at, token))) if age(&at) < OLDEST => Ok(token),
            (Err(failure), _) => Err(failure),
        }
    }

    /// Forgets the token, because the server refused it.
    pub fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Asks EKS for the address.
    ///
    /// # Errors
    /// EKS refuses, does not answer, or has no address yet.
    pub async fn describe(&self) -> Result<EksAddress, EksFailure> {
        let config = self.config().await;
        let credentials = self.credentials(&config).await?;
        let base = configured_endpoint(&config)
            .unwrap_or_else(|| format!("https://eks.{}.{}", self.region, self.partition.suffix));
        let name = percent_encoding::utf8_percent_encode(&self.name, percent_encoding::NON_ALPHANUMERIC).to_string();
        // Names have letters, digits, - and _, which nobody encodes.
        let name = name.replace("%2D", "-").replace("%5F", "_");
        let url = format!("{}/clusters/{name}", base.trim_end_matches('/'));
        let scope = (self.region.as_str(), "eks");
        let headers = signed(credentials, scope, SystemTime::now(), (Method::Get, &url, &[], b""));
        let headers = headers.map_err(|error| self.failed(with_causes(&error)))?;
        let request = headers.into_iter().fold(self.http.get(&url), |request, (name, value)| {
            request.header(name, value)
        });
        let answer = tokio::time::timeout(DEADLINE, async {
            let mut answer = request.send().await?;
            let status = answer.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > LONGEST_ANSWER {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((status, body))
        });
        let (status, body) = answer
            .await
            .map_err(|_| self.failed(format!("no answer within {} s", DEADLINE.as_secs())))?
            .map_err(|error| self.failed(with_causes(&error.without_url())))?;
        self.read(status, &body)
    }

    fn read(&self, status: u16, body: &[u8]) -> Result<EksAddress, EksFailure> {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        if status != 200 {
            let message = body["message"]
                .as_str()
                .or(body["Message"].as_str())
                .unwrap_or_default();
            return Err(EksFailure::answered(
                &self.shown(),
                status,
                &plain(message),
                &self.identity,
            ));
        }
        let cluster = &body["cluster"];
        let endpoint = cluster["endpoint"].as_str().unwrap_or_default();
        let authority = cluster["certificateAuthority"]["data"].as_str().unwrap_or_default();
        match STANDARD.decode(authority) {
            Ok(authority) if endpoint.starts_with("https://") && !authority.is_empty() => Ok(EksAddress {
                endpoint: endpoint.to_owned(),
                authority,
            }),
            _ => {
                let status = plain(cluster["status"].as_str().unwrap_or("unknown"));
                Err(self.failed(format!("the cluster has no address yet; its status is {status}")))
            }
        }
    }

    async fn sign_token(&self) -> Result<(SystemTime, Secret), EksFailure> {
        let config = self.config().await;
        let credentials = self.credentials(&config).await?;
        let now = SystemTime::now();
        let (region, suffix) = (&self.region, self.partition.suffix);
        let url = format!("https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15");
        let headers = [("x-k8s-aws-id", self.name.as_str())];
        let url = presigned(credentials, (region, "sts"), now, (Method::Get, &url, &headers, b""));
        let url = url.map_err(|error| self.failed(with_causes(&error)))?;
        let token = format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url));
        if token.len() > LONGEST_TOKEN {
            return Err(self.failed(format!(
                "the token has {} bytes, and the server of a cluster takes {LONGEST_TOKEN}: the session token of {} is too \
                 long; shorten the chain of roles, or remove its session tags",
                token.len(),
                self.identity.shown()
            )));
        }
        Ok((now, Secret::new(token)))
    }

    async fn config(&self) -> SdkConfig {
        self.sdk.load(&self.identity, &Endpoint::of_region(&self.region)).await
    }

    async fn credentials(&self, config: &SdkConfig) -> Result<Credentials, EksFailure> {
        let provider = config.credentials_provider();
        let provider = provider.ok_or_else(|| self.failed("no source of credentials is configured".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        credentials.map_err(|error| EksFailure::credentials(&self.shown(), &error))
    }

    fn failed(&self, why: String) -> EksFailure {
        EksFailure::other(&self.shown(), why)
    }
}

/// The endpoint that the environment or a profile names for EKS (`AWS_ENDPOINT_URL_EKS`, `AWS_ENDPOINT_URL`).
fn configured_endpoint(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("EKS")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config
        .service_config()?
        .load_config(key)
        .or_else(|| config.endpoint_url().map(str::to_owned))
}
