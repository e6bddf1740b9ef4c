use super::failure::CredentialsFailure;
use super::identity::Identity;
use super::text::{chain, source};
use aws_credential_types::provider::error::CredentialsError;
use std::fmt;

/// Why a cluster of EKS cannot be reached. The text says what failed, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EksFailure {
    text: String,
}

impl EksFailure {
    /// There are no credentials.
    pub(super) fn credentials(cluster: &str, error: &CredentialsError) -> Self {
        let why = match source::<CredentialsFailure>(error) {
            Some(failure) => failure.to_string(),
            None => CredentialsFailure::None { why: chain(error) }.to_string(),
        };
        Self {
            text: format!("{cluster}: {why}"),
        }
    }

    /// EKS answered with an error.
    pub(super) fn answered(cluster: &str, status: u16, message: &str, identity: &Identity) -> Self {
        let remedy = match status {
            403 => format!(
                "add to the policies of {}: {}; or write endpoint and certificateAuthority into the configuration, which makes this \
                 call needless",
                identity.shown(),
                serde_json::json!({"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": resource(message)})
            ),
            404 => "correct the cluster's name, region and role in the configuration".to_owned(),
            _ => "the next attempt follows".to_owned(),
        };
        Self {
            text: format!("{cluster}: eks:DescribeCluster failed: HTTP {status} {message}; {remedy}"),
        }
    }

    pub(super) fn other(cluster: &str, why: String) -> Self {
        Self {
            text: format!("{cluster}: {why}"),
        }
    }
}

/// The ARN that AWS names in a denial; `*` without one.
fn resource(message: &str) -> &str {
    let named = message.split_once("on resource: ").map_or("*", |(_, rest)| rest);
    named.split_whitespace().next().unwrap_or("*")
}

impl fmt::Display for EksFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for EksFailure {}
