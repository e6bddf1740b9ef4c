//! Ways into a running control plane: kubeconfigs, clients, tokens, the audit log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::http;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use super::audit::{self, AuditRequest, Mark};
use super::certificates::Identity;
use super::servers::ControlPlane;

/// Numbers the requests that mark a position in the audit log, and the token files.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// How long the audit log may lag behind an answered request. It is written before the answer ends.
const AUDIT_DEADLINE: Duration = Duration::from_secs(60);

impl ControlPlane {
    /// A kubeconfig with every right (group `system:masters`, user `admin`).
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.admin_kubeconfig
    }

    /// A new client with every right. It belongs to the async runtime that asks for it.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read back.
    pub async fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// A new client with its own user agent, which identifies its requests in the audit log.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read back.
    pub async fn client_named(&self, user_agent: &str) -> Result<Client> {
        let mut config = self.config().await?;
        config
            .headers
            .push((http::header::USER_AGENT, http::HeaderValue::from_str(user_agent)?));
        Ok(Client::try_from(config)?)
    }

    async fn config(&self) -> Result<Config> {
        let file = Kubeconfig::read_from(&self.admin_kubeconfig).context("cannot read the kubeconfig")?;
        Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .context("unusable kubeconfig")
    }

    /// `https://127.0.0.1:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address())
    }

    /// The certificate of the authority that signed the server's.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// A bearer token for a service account that exists, good for an hour.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn service_account_token(&self, namespace: &str, name: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("no token for the service account {namespace}/{name}"))?;
        answer
            .status
            .and_then(|status| status.token)
            .context("the answer holds no token")
    }

    /// A kubeconfig that carries a bearer token.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kubeconfig_for_token(&self, token: &str) -> Result<PathBuf> {
        let path = self
            .dir()
            .join(format!("token-{}.kubeconfig", SERIAL.fetch_add(1, Ordering::Relaxed)));
        write_kubeconfig(&path, &self.url(), &self.ca, &json!({"token": token}))?;
        Ok(path)
    }

    /// Now, in the audit log: [`ControlPlane::requests_since`] counts from here.
    #[must_use]
    pub fn audit_mark(&self) -> Mark {
        Mark {
            offset: fs::metadata(self.audit_log()).map_or(0, |meta| meta.len()),
        }
    }

    /// Every request that has been answered since `mark`, oldest first.
    ///
    /// # Errors
    /// When the API server is away, or the log cannot be read.
    pub async fn requests_since(&self, mark: &Mark) -> Result<Vec<AuditRequest>> {
        let sentinel = format!(
            "/version?stack-audit={}-{}",
            std::process::id(),
            SERIAL.fetch_add(1, Ordering::Relaxed)
        );
        let request = http::Request::get(&sentinel).body(Vec::new())?;
        self.client()
            .await?
            .request_text(request)
            .await
            .context("the API server does not answer")?;
        let deadline = tokio::time::Instant::now() + AUDIT_DEADLINE;
        loop {
            let (mut requests, _) = audit::read(&self.audit_log(), mark.offset)?;
            if let Some(end) = requests.iter().position(|request| request.uri == sentinel) {
                requests.truncate(end);
                requests.retain(|request| !request.uri.starts_with("/version?stack-audit="));
                return Ok(requests);
            }
            if tokio::time::Instant::now() >= deadline {
                bail!("the audit log does not show a request that was answered {AUDIT_DEADLINE:?} ago");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Writes a kubeconfig with one cluster and one user.
pub(super) fn write_kubeconfig(path: &Path, server: &str, ca: &str, user: &Value) -> Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stack", "cluster": {"server": server, "certificate-authority-data": STANDARD.encode(ca)}}],
        "users": [{"name": "stack", "user": user}],
        "contexts": [{"name": "stack", "context": {"cluster": "stack", "user": "stack"}}],
        "current-context": "stack",
    });
    fs::write(path, serde_yaml::to_string(&config)?).with_context(|| format!("cannot write {}", path.display()))
}

/// The user entry for a client certificate.
pub(super) fn certificate_user(identity: &Identity) -> Value {
    json!({
        "client-certificate-data": STANDARD.encode(&identity.certificate),
        "client-key-data": STANDARD.encode(&identity.key),
    })
}
