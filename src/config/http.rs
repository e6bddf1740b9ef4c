use super::text::{Label, Text};
use crate::http::Settings;
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The agent's own port.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Http {
    /// Address that the agent listens on for `/metrics`, `/healthz`, `/readyz`, `/v1` and `/hooks/push`. On IPv6-only clusters:
    /// `[::]:8080`.
    listen: Text<SocketAddr>,
    /// Second address, for `/healthz` and `/readyz` alone. Kubernetes gets its answers there, whatever occupies the first one.
    /// Default: none; the chart takes the port behind that of `listen`.
    probes: Option<Text<SocketAddr>>,
    /// File with the bearer token of `/v1`. Without a file the agent refuses these calls.
    token_file: Option<Text<PathBuf>>,
    /// Secret in the agent's namespace that is mounted as `tokenFile`. The agent makes it, with a new token in its entry
    /// `token`, when it does not exist.
    token_secret: Option<Text<Label>>,
    webhook: Webhook,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: Text::known("0.0.0.0:8080"),
            probes: None,
            token_file: None,
            token_secret: None,
            webhook: Webhook::default(),
        }
    }
}

/// Push events of the forge at `POST /hooks/push`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Webhook {
    /// File with the secret that the forge signs its push events with: 16 characters or more, no blanks. Without a file the
    /// agent finds new commits only by polling.
    secret_file: Option<Text<PathBuf>>,
}

impl Http {
    pub(super) fn settings(self) -> Settings {
        Settings {
            listen: self.listen.value,
            probes: self.probes.map(|listen| listen.value),
            token_file: self.token_file.map(|file| file.value),
            token_secret: self.token_secret.map(|name| name.value.0),
            webhook_secret_file: self.webhook.secret_file.map(|file| file.value),
        }
    }
}
