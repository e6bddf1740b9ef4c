//! Logins from a docker config file, by the rules of docker and of the kubelet.

use super::error::OciError;
use crate::model::{Secret, Wildcard};
use crate::spread::login_address;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use tokio::io::AsyncReadExt as _;

/// The longest file, in bytes. A Secret has at most 1 MiB.
const MAX_FILE: u64 = 1 << 20;

/// A login to a registry.
#[derive(Clone)]
pub(super) enum Login {
    /// User and password.
    Basic { user: String, password: Secret },
    /// A refresh token, for which the token server gives access tokens.
    Identity(Secret),
    /// An access token that the registry takes as it is.
    Access(Secret),
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct File {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// Reads the login for a repository of a host from a file. `None`: the file has no login for it.
///
/// # Errors
/// The file cannot be read, or has the login in a program.
pub(super) async fn read(file: &Path, host: &str, repository: &str) -> Result<Option<Login>, OciError> {
    let failed = |why: String| OciError::Login(format!("{}: {why}", file.display()));
    let opened = tokio::fs::File::open(file)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    let read = opened.take(MAX_FILE + 1).read_to_end(&mut bytes).await;
    read.map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(failed(format!("the file has more than {MAX_FILE} bytes")));
    }
    find(&bytes, host, repository).map_err(failed)
}

/// Finds the login for a repository of a host.
///
/// # Errors
/// The reason, which shows nothing of the file.
fn find(bytes: &[u8], host: &str, repository: &str) -> Result<Option<Login>, String> {
    // The error of the parser may quote the text.
    let file: File = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "it is no docker config file (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    let needed = format!("{}/{repository}", canonical(host));
    let entries = file.auths.iter().filter(|(key, _)| matches(key, &needed));
    let entry = entries.max_by_key(|(key, _)| address(key).len());
    if let Some(login) = entry.map(|(key, entry)| login(key, entry)).transpose()?.flatten() {
        return Ok(Some(login));
    }
    let helper = file.cred_helpers.iter().find(|(key, _)| matches(key, &needed));
    match helper.map(|(_, helper)| helper).or(file.creds_store.as_ref()) {
        Some(_) => Err(
            "the login is kept by a credential helper, which is a program; write user and password into the file"
                .to_owned(),
        ),
        None => Ok(None),
    }
}

fn login(key: &str, entry: &Entry) -> Result<Option<Login>, String> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(token) = given(&entry.registrytoken) {
        return Ok(Some(Login::Access(Secret::new(token))));
    }
    if let Some(token) = given(&entry.identitytoken) {
        return Ok(Some(Login::Identity(Secret::new(token))));
    }
    if let (Some(user), Some(password)) = (given(&entry.username), given(&entry.password)) {
        return Ok(Some(Login::Basic {
            user,
            password: Secret::new(password),
        }));
    }
    let Some(auth) = given(&entry.auth) else {
        return Ok(None);
    };
    let auth = auth.trim();
    let decoded = BASE64_STANDARD
        .decode(auth)
        .or_else(|_| BASE64_STANDARD_NO_PAD.decode(auth));
    let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let login = text.as_deref().and_then(|text| text.split_once(':'));
    match login {
        Some((user, password)) => Ok(Some(Login::Basic {
            user: user.to_owned(),
            password: Secret::new(password.trim_matches('\0')),
        })),
        None => Err(format!(
            "the entry \"auth\" of {} is not the base64 of user:password",
            address(key)
        )),
    }
}

/// What a key names. Docker Hub has several names.
fn address(key: &str) -> String {
    let key = login_address(key.trim());
    match key.split_once('/') {
        Some((host, path)) => format!("{}/{path}", canonical(host)),
        None => canonical(key).to_owned(),
    }
}

/// Docker Hub has several names.
fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io",
        host => host,
    }
}

/// Whether a key is for a repository: the host label by label, where `*` stands for one label or a part of one, and the path, if
/// the key has one, as a beginning of the repository's. Source: Kubernetes, "Interpretation of config.json".
fn matches(key: &str, needed: &str) -> bool {
    let key = address(key);
    let (key_host, key_path) = key.split_once('/').unwrap_or((&key, ""));
    let (host, path) = needed.split_once('/').unwrap_or((needed, ""));
    let (labels, needed): (Vec<&str>, Vec<&str>) = (key_host.split('.').collect(), host.split('.').collect());
    let is_host = labels.len() == needed.len()
        && labels
            .iter()
            .zip(&needed)
            .all(|(pattern, label)| Wildcard::new(*pattern).matches(label));
    let is_path = key_path.is_empty()
        || path == key_path
        || path.strip_prefix(key_path).is_some_and(|rest| rest.starts_with('/'));
    is_host && is_path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(file: &str, host: &str, repository: &str) -> Result<Option<String>, String> {
        let login = find(file.as_bytes(), host, repository)?;
        Ok(login.map(|login| match login {
            Login::Basic { user, password } => format!("{user}:{}", password.expose()),
            Login::Identity(token) => format!("identity {}", token.expose()),
            Login::Access(token) => format!("access {}", token.expose()),
        }))
    }

    #[test]
    fn the_most_exact_entry_counts() {
        let file = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnNlY3JldA=="},
            "ghcr.io": {"username": "jo", "password": "a:b"},
            "ghcr.io/acme": {"identitytoken": "id"},
            "https://registry.acme.example:5000/v2/": {"registrytoken": "rt"},
            "*.azurecr.io": {"auth": "YXo6dXJl"},
            "empty.example": {}
        }}"#;
        for (host, repository, expected) in [
            ("docker.io", "library/nginx", Some("hub:secret")),
            ("ghcr.io", "other/web", Some("jo:a:b")),
            ("ghcr.io", "acme/web", Some("identity id")),
            ("ghcr.io", "acme2/web", Some("jo:a:b")),
            ("registry.acme.example:5000", "web", Some("access rt")),
            ("registry.acme.example", "web", None),
            ("shop.azurecr.io", "web", Some("az:ure")),
            ("a.shop.azurecr.io", "web", None),
            ("empty.example", "web", None),
        ] {
            assert_eq!(
                user(file, host, repository).unwrap().as_deref(),
                expected,
                "{host}/{repository}"
            );
        }
    }

    #[test]
    fn a_mistake_is_named_and_nothing_of_the_file_is_shown() {
        for (file, part) in [
            ("canary", "no docker config file"),
            (
                r#"{"auths": {"ghcr.io": {"auth": "canary"}}}"#,
                "not the base64 of user:password",
            ),
            (r#"{"credHelpers": {"ghcr.io": "canary"}}"#, "credential helper"),
            (r#"{"credsStore": "canary"}"#, "credential helper"),
            (r#"{"auths": {"ghcr.io": "canary"}}"#, "line 1"),
        ] {
            let Err(message) = user(file, "ghcr.io", "acme/web") else {
                panic!("{file}")
            };
            assert!(message.contains(part) && !message.contains("canary"), "{message}");
        }
    }
}
