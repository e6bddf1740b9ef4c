use super::report::Report;
use super::text::{FromText, Label, Text, not_a_choice, parsed};
use crate::git::{AllowedSigners, KeyKind, Signers};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Where a private key is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A Secret in the agent's namespace.
    Secret(String),
    /// A file.
    File(PathBuf),
}

/// The key that signs the agent's commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKey {
    /// The deploy key.
    DeployKey,
    /// A key that only signs. The agent reads it and never makes it.
    Kept(KeySource),
}

/// Where the deploy key is kept when the file does not say it.
const DEPLOY_KEY: &str = "tidegate-deploy-key";

/// The deploy key of an SSH address.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeployKey {
    /// Secret in the agent's namespace that holds the deploy key, in its entry `identity`. The agent makes the Secret, with a
    /// new key, when it does not exist.
    #[schemars(extend("default" = DEPLOY_KEY))]
    secret: Option<Text<Label>>,
    /// File that holds the deploy key, instead of `secret`.
    file: Option<Text<PathBuf>>,
    /// Kind of key to make. Default: the kind that the forge accepts, which is `rsa` (4096 bits) for CodeCommit and Azure
    /// DevOps and `ed25519` for all others.
    #[serde(rename = "type")]
    kind: Option<Text<KeyKind>>,
}

impl DeployKey {
    pub(super) fn settings(self, report: &Report) -> (KeySource, Option<KeyKind>) {
        let source = source(report, "repo.key", self.file, self.secret);
        let source = source.unwrap_or_else(|| KeySource::Secret(DEPLOY_KEY.to_owned()));
        (source, self.kind.map(|kind| kind.value))
    }
}

/// SSH signatures of the agent's commits. At most one of the keys is set.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Signing {
    /// `true`: the deploy key signs the commits.
    deploy_key: bool,
    /// Secret in the agent's namespace that holds a signing key, in its entry `identity`.
    secret: Option<Text<Label>>,
    /// File that holds a signing key.
    file: Option<Text<PathBuf>>,
}

impl Signing {
    pub(super) fn settings(self, report: &Report) -> Option<SigningKey> {
        let kept = source(report, "automation.signing", self.file, self.secret);
        if kept.is_some() && self.deploy_key {
            report.mistake(
                "automation.signing.deployKey",
                "deployKey, secret and file exclude each other: keep one of them",
            );
        }
        let deploy_key = self.deploy_key.then_some(SigningKey::DeployKey);
        kept.map(SigningKey::Kept).or(deploy_key)
    }
}

/// Signatures that a commit must have before the agent applies it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Verify {
    /// The people whose signature the newest commit of the branch must have, in the format of OpenSSH's allowed_signers. The
    /// agent's own commits must then be signed as well: see `automation.signing`.
    allowed_signers: Option<Text<AllowedSigners>>,
    /// File with the allowed signers, instead of `allowedSigners`. The agent reads the file again when it changes.
    allowed_signers_file: Option<Text<PathBuf>>,
}

impl Verify {
    pub(super) fn settings(self, report: &Report) -> Option<Signers> {
        if self.allowed_signers.is_some() && self.allowed_signers_file.is_some() {
            report.mistake(
                "repo.verify.allowedSignersFile",
                "allowedSigners and allowedSignersFile exclude each other: keep one of them",
            );
        }
        let given = self.allowed_signers.map(|signers| Signers::Given(signers.value));
        given.or(self.allowed_signers_file.map(|file| Signers::File(file.value)))
    }
}

parsed!(AllowedSigners: {"minLength": 1});

impl FromText for KeyKind {
    fn schema() -> serde_json::Value {
        serde_json::json!({"enum": Self::ALL.map(Self::as_str)})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| not_a_choice(text, &Self::ALL.map(Self::as_str)))
    }
}

fn source(
    report: &Report,
    section: &str,
    file: Option<Text<PathBuf>>,
    secret: Option<Text<Label>>,
) -> Option<KeySource> {
    if file.is_some() && secret.is_some() {
        report.mistake(section, "file and secret exclude each other: keep one of them");
    }
    let file = file.map(|file| KeySource::File(file.value));
    file.or(secret.map(|secret| KeySource::Secret(secret.value.0)))
}
