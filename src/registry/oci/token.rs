use super::authorization::{Authorization, sent_with};
use super::docker_config::Login;
use super::endpoint::Endpoint;
use super::error::OciError;
use super::response::{read, refusal};
use crate::model::Secret;
use crate::telemetry::remember_token;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;

/// The longest response of a token server, in bytes. A token has some kilobytes.
const MAX_TOKEN: usize = 1 << 20;
/// How long a token lasts whose server does not say so. Source: "Token Authentication Specification".
const TOKEN_LIFE: u64 = 60;

/// What a token server responds.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Endpoint {
    /// Gets a token from the server that the registry names.
    ///
    /// # Errors
    /// The server gives none.
    pub(super) async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        login: Option<Login>,
    ) -> Result<Authorization, OciError> {
        let failed = |reason: String, status| OciError::Token {
            realm: realm.to_owned(),
            reason,
            status,
        };
        let url = Url::parse(realm).map_err(|error| failed(error.to_string(), None))?;
        if url.scheme() != "https" && url.scheme() != self.base.scheme() {
            return Err(failed(
                "the address has no TLS, and a login is not sent there".to_owned(),
                None,
            ));
        }
        self.guard.check(&url).map_err(OciError::Private)?;
        let service = service.unwrap_or_default();
        let request = match &login {
            Some(Login::Identity(token)) => {
                remember_token(token);
                let form = [
                    ("grant_type", "refresh_token"),
                    ("service", service),
                    ("client_id", "tidegate"),
                    ("scope", scope),
                    ("refresh_token", token.expose()),
                ];
                self.client.post(url).form(&form)
            }
            login => {
                let mut url = url;
                if !service.is_empty() {
                    url.query_pairs_mut().append_pair("service", service);
                }
                url.query_pairs_mut().append_pair("scope", scope);
                let login = match login {
                    Some(Login::Basic { user, password }) => Some(Authorization::Basic {
                        user: user.clone(),
                        password: password.clone(),
                    }),
                    _ => None,
                };
                sent_with(self.client.get(url), login.as_ref())
            }
        };
        let answer = self.exchange(request).await?;
        let status = answer.status();
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(refusal(answer, login.is_some()).await);
        }
        let body = read(answer, MAX_TOKEN).await?;
        if !status.is_success() {
            return Err(failed(format!("HTTP {}", status.as_u16()), Some(status.as_u16())));
        }
        // The error of the parser may quote the token.
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| failed("the response is not the JSON of a token".to_owned(), None))?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
        let token = Secret::new(token.ok_or_else(|| failed("the response has no token".to_owned(), None))?);
        let life = answer.expires_in.unwrap_or(TOKEN_LIFE).min(86_400);
        Ok(Authorization::Token {
            token,
            // A token that ends on its way is worth nothing.
            until: Instant::now() + Duration::from_secs(life) * 9 / 10,
        })
    }
}
