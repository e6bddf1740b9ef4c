//! The receivers of notifications. An address, a token or a key that nobody else may know stands in a file.

use super::report::Report;
use super::text::{FromText, NonEmpty, Text, choices};
use crate::forge::ForgeKind;
use crate::git::RepoUrl;
use crate::notify::{Address, ReceiverSettings, StatusForge};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A web service that takes JSON.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Webhook {
    /// Address of the service, without anything secret.
    url: Option<Text<ReceiverAddress>>,
    /// File with the address, instead of `url`. The file may change at any time.
    url_file: Option<Text<PathBuf>>,
    /// File with a secret. The header `X-Tidegate-Signature-256` then holds the HMAC-SHA256 of the body. The file may change at any time.
    secret_file: Option<Text<PathBuf>>,
}

impl Webhook {
    pub(super) fn settings(self, report: &Report, path: &str) -> Option<ReceiverSettings> {
        let url_file = self.url_file.map(|file| Address::File(file.value));
        if self.url.is_some() && url_file.is_some() {
            report.mistake(path, "url and urlFile exclude each other: keep one of them");
        }
        let address = self.url.map(|url| Address::Url(url.value.0)).or(url_file);
        if address.is_none() {
            report.missing(&format!("{path}.url"), "write the service's address, or urlFile");
        }
        Some(ReceiverSettings::Webhook {
            address: address?,
            secret_file: self.secret_file.map(|file| file.value),
        })
    }
}

/// A webhook of a chat. Whoever knows its address can write into the chat.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["urlFile"]))]
pub(super) struct ChatAddress {
    /// File with the webhook's address. The file may change at any time.
    url_file: Option<Text<PathBuf>>,
}

impl ChatAddress {
    pub(super) fn file(self, report: &Report, path: &str) -> Option<PathBuf> {
        if self.url_file.is_none() {
            let message = "write the path of the file that holds the webhook's address, which is a secret";
            report.missing(&format!("{path}.urlFile"), message);
        }
        Some(self.url_file?.value)
    }
}

/// The statuses of commits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["tokenFile"]))]
pub(super) struct CommitStatus {
    /// Kind of forge; `gitea` also stands for Forgejo and Codeberg. Default: known from the host of `repo.url` for github.com,
    /// gitlab.com, gitea.com and codeberg.org.
    forge: Option<Text<StatusForge>>,
    /// Address of the forge's API. Default: made from the forge and the host of `repo.url`.
    api: Option<Text<ReceiverAddress>>,
    /// The repository as the API names it, e.g. `acme/fleet`. Default: the path of `repo.url`.
    project: Option<Text<NonEmpty>>,
    /// File that holds the forge's API token, which must be allowed to write commit statuses. The file may change at any time.
    token_file: Option<Text<PathBuf>>,
    /// Beginning of the statuses' names: `tidegate/here/applied` and `tidegate/here/health`.
    context: Text<NonEmpty>,
}

impl Default for CommitStatus {
    fn default() -> Self {
        Self {
            forge: None,
            api: None,
            project: None,
            token_file: None,
            context: Text::known("tidegate"),
        }
    }
}

impl CommitStatus {
    pub(super) fn settings(self, report: &Report, path: &str, url: Option<&RepoUrl>) -> Option<ReceiverSettings> {
        if self.token_file.is_none() {
            let message = "write the path of the file that holds the forge's API token";
            report.missing(&format!("{path}.tokenFile"), message);
        }
        let host = url.map_or("", RepoUrl::host);
        let forge = self.forge.map(|forge| forge.value).or_else(|| of_host(host));
        if forge.is_none() && url.is_some() {
            let message = format!("the host {host:?} does not say which; write github, gitlab or gitea");
            report.missing(&format!("{path}.forge"), &message);
        }
        let (forge, repo) = (forge?, url?.path().trim_matches('/'));
        let repo = repo.strip_suffix(".git").unwrap_or(repo);
        let kind = match forge {
            StatusForge::GitHub => ForgeKind::GitHub,
            StatusForge::GitLab => ForgeKind::GitLab,
            StatusForge::Gitea => ForgeKind::Gitea,
        };
        Some(ReceiverSettings::CommitStatus {
            forge,
            api: self.api.map_or_else(|| kind.default_api(host), |api| api.value.0),
            project: self
                .project
                .map_or_else(|| kind.default_project(repo), |project| project.value.0),
            token_file: self.token_file?.value,
            context: self.context.value.0,
        })
    }
}

fn of_host(host: &str) -> Option<StatusForge> {
    match ForgeKind::of_host(host)? {
        ForgeKind::GitHub => Some(StatusForge::GitHub),
        ForgeKind::GitLab => Some(StatusForge::GitLab),
        ForgeKind::Gitea => Some(StatusForge::Gitea),
        ForgeKind::CodeCommit(_) => None,
    }
}

/// A service of PagerDuty.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["keyFile"]))]
pub(super) struct PagerDuty {
    /// File with the service's integration key. The file may change at any time.
    key_file: Option<Text<PathBuf>>,
    /// Address of the Events API; for a service in Europe: `https://events.eu.pagerduty.com`.
    api: Text<ReceiverAddress>,
}

impl Default for PagerDuty {
    fn default() -> Self {
        Self {
            key_file: None,
            api: Text::known("https://events.pagerduty.com"),
        }
    }
}

impl PagerDuty {
    pub(super) fn settings(self, report: &Report, path: &str) -> Option<ReceiverSettings> {
        if self.key_file.is_none() {
            let message = "write the path of the file that holds the service's integration key";
            report.missing(&format!("{path}.keyFile"), message);
        }
        Some(ReceiverSettings::PagerDuty {
            key_file: self.key_file?.value,
            api: self.api.value.0,
        })
    }
}

choices!(StatusForge: "github" => Self::GitHub, "gitlab" => Self::GitLab, "gitea" => Self::Gitea);

/// An address without anything secret, and without a slash at its end.
#[derive(Debug)]
struct ReceiverAddress(String);

impl FromText for ReceiverAddress {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^https?://"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        // The text is not repeated: somebody may have written a secret here.
        let is_plain = (text.starts_with("https://") || text.starts_with("http://"))
            && !text.contains(['?', '#', '@'])
            && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        match is_plain {
            true => Ok(Self(text.trim_end_matches('/').to_owned())),
            false => Err(
                "expected an address like https://chat.acme.example/hooks, without user, password, query and fragment; an \
                 address with a secret in it belongs into a file"
                    .to_owned(),
            ),
        }
    }
}
