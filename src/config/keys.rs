use super::section::Section;
use super::settings::{dns_name, path};
use crate::git::{AllowedSigners, KeyKind, Signers};
use std::path::PathBuf;

/// Where a key is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A Secret in the agent's namespace.
    Secret(String),
    /// A file.
    File(PathBuf),
}

/// What the agent's commits are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKey {
    /// The deploy key.
    DeployKey,
    /// A key of its own, which is never made.
    Kept(KeySource),
}

/// Signatures are asked for, and the agent's own commits have none.
pub(super) const UNSIGNED: &str = "commits without a signature are not applied, and the agent's own have none: set automation.signing, e.g. \
     {deployKey: true}, and add that key to the allowed signers (tidegate identity prints the line); or set \
     automation.enabled to false";

/// `repo.key:`
pub(super) fn deploy_key(section: Section<'_>) -> (KeySource, Option<KeyKind>) {
    let source = source(&section).unwrap_or_else(|| KeySource::Secret("tidegate-deploy-key".into()));
    let kind = section.text("type", |text| {
        let found = KeyKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let all: Vec<&str> = KeyKind::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("{text:?} is no kind of key; there are {}", all.join(", "))
        })
    });
    section.finish();
    (source, kind)
}

/// `automation.signing:`
pub(super) fn signing(section: Section<'_>) -> Option<SigningKey> {
    let kept = source(&section);
    let with_deploy_key = section.whether("deployKey", false);
    if kept.is_some() && with_deploy_key {
        section.mistake(
            "deployKey",
            "either deployKey: true, file or secret is wanted, not two of them",
        );
    }
    section.finish();
    kept.map(SigningKey::Kept)
        .or(with_deploy_key.then_some(SigningKey::DeployKey))
}

/// `repo.verify:`
pub(super) fn signers(section: Section<'_>) -> Option<Signers> {
    let given = section.text("allowedSigners", |text| {
        AllowedSigners::parse(text).map_err(|error| error.to_string())
    });
    let file = section.text("allowedSignersFile", path);
    if section.has("allowedSigners") && section.has("allowedSignersFile") {
        section.mistake(
            "allowedSignersFile",
            "either allowedSigners or allowedSignersFile is wanted, not both",
        );
    }
    section.finish();
    given.map(Signers::Given).or(file.map(Signers::File))
}

fn source(section: &Section<'_>) -> Option<KeySource> {
    let file = section.text("file", path);
    let secret = section.text("secret", dns_name);
    if file.is_some() && secret.is_some() {
        section.mistake("", "either file or secret is wanted, not both");
    }
    file.map(KeySource::File).or(secret.map(KeySource::Secret))
}
