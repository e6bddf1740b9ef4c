use crate::model::Secret;
use crate::telemetry::{remember_login, remember_token};
use reqwest::RequestBuilder;
use std::time::Duration;
use tokio::time::Instant;

/// What is sent to a registry.
#[derive(Clone)]
pub(super) enum Authorization {
    /// A token, and when it is renewed.
    Token {
        token: Secret,
        until: Instant,
    },
    Basic {
        user: String,
        password: Secret,
    },
}

impl Authorization {
    /// A token without a known end. The registry says when the token has ended.
    pub(super) fn lasting(token: Secret) -> Self {
        Self::Token {
            token,
            until: Instant::now() + Duration::from_secs(3600),
        }
    }

    /// Whether the registry may still take it.
    pub(super) fn is_current(&self) -> bool {
        match self {
            Self::Token { until, .. } => Instant::now() < *until,
            Self::Basic { .. } => true,
        }
    }
}

/// The request with what is sent to the registry. Its secret is remembered first, so that no message shows it.
pub(super) fn sent_with(request: RequestBuilder, authorization: Option<&Authorization>) -> RequestBuilder {
    match authorization {
        Some(Authorization::Token { token, .. }) => {
            remember_token(token);
            request.bearer_auth(token.expose())
        }
        Some(Authorization::Basic { user, password }) => {
            remember_login(user, password);
            request.basic_auth(user, Some(password.expose()))
        }
        None => request,
    }
}
