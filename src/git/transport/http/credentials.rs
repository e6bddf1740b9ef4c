use crate::model::Secret;
use std::io;
use std::path::{Path, PathBuf};

/// How to log in over HTTPS. All files are read for each request, so that a change needs no restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAccess {
    /// A folder with the files `username` and `password`, or `bearerToken`, and optionally `ca.crt`: a mounted Secret.
    pub credentials: Option<PathBuf>,
    /// A PEM file with certificate authorities to trust besides the system's. Without this file: the folder's `ca.crt`.
    pub ca_file: Option<PathBuf>,
    /// Whether `http://` is allowed for other hosts than this machine. Everybody on the way can then read the traffic.
    pub plaintext: bool,
}

/// A file that HTTPS needs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file does not exist, or may not be read.
    #[error("cannot read {path}")]
    Reading {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The content of the file or folder is not valid.
    #[error("{path} {rule}")]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with the content.
        rule: &'static str,
    },
}

/// What each request is sent with. It has no `Debug`, because it is secret.
pub(crate) enum Credentials {
    None,
    Bearer(Secret),
    Basic { user: String, password: Secret },
}

/// Tokens are a few hundred bytes, some signed ones a few thousand.
const LARGEST_SECRET: u64 = 64 << 10;
/// The whole bundle of a distribution is a quarter of that.
const LARGEST_BUNDLE: u64 = 1 << 20;
/// If the password is a token, forges accept any user name.
const ANY_USER: &str = "git";

impl HttpAccess {
    /// Reads the credentials.
    pub(crate) fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let Some(folder) = &self.credentials else {
            return Ok(Credentials::None);
        };
        let wrong = |rule| CredentialsError::Content {
            path: folder.clone(),
            rule,
        };
        let (token, password) = (entry(folder, "bearerToken")?, entry(folder, "password")?);
        match (token, password) {
            (Some(_), Some(_)) => Err(wrong("holds both a bearerToken and a password; expected one of them")),
            (Some(token), None) => Ok(Credentials::Bearer(Secret::new(token))),
            (None, Some(password)) => {
                let named = entry(folder, "username")?;
                Ok(Credentials::Basic {
                    user: named.unwrap_or_else(|| ANY_USER.to_owned()),
                    password: Secret::new(password),
                })
            }
            (None, None) => Err(wrong("holds neither a password nor a bearerToken")),
        }
    }

    /// The file and PEM text of the certificate authorities; `None` if there is neither file.
    pub(crate) fn authorities(&self) -> Result<Option<(PathBuf, Vec<u8>)>, CredentialsError> {
        if let Some(path) = &self.ca_file {
            let text = bounded(path, LARGEST_BUNDLE)?.ok_or_else(|| CredentialsError::Reading {
                path: path.clone(),
                source: io::ErrorKind::NotFound.into(),
            })?;
            return Ok(Some((path.clone(), text)));
        }
        let Some(path) = self.credentials.as_ref().map(|folder| folder.join("ca.crt")) else {
            return Ok(None);
        };
        let text = bounded(&path, LARGEST_BUNDLE)?;
        Ok(text.map(|text| (path, text)))
    }
}

/// The text of a file in the folder without its last line end; `None` if there is no such file.
fn entry(folder: &Path, name: &str) -> Result<Option<String>, CredentialsError> {
    let path = folder.join(name);
    let Some(bytes) = bounded(&path, LARGEST_SECRET)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() || text.chars().any(char::is_control) {
        let rule = "is empty or not one line of text";
        return Err(CredentialsError::Content { path, rule });
    }
    Ok(Some(text.to_owned()))
}

fn bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>, CredentialsError> {
    let failed = |source| CredentialsError::Reading {
        path: path.to_owned(),
        source,
    };
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > most => Err(CredentialsError::Content {
            path: path.to_owned(),
            rule: "is larger than such a file can be",
        }),
        Ok(_) => std::fs::read(path).map(Some).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, HttpAccess) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let access = HttpAccess {
            credentials: Some(folder.path().to_owned()),
            ..HttpAccess::default()
        };
        (folder, access)
    }

    fn shown(login: Result<Credentials, CredentialsError>) -> String {
        match login {
            Ok(Credentials::None) => "nothing".into(),
            Ok(Credentials::Bearer(token)) => format!("bearer {}", token.expose()),
            Ok(Credentials::Basic { user, password }) => format!("{user}:{}", password.expose()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_files_of_a_secret_become_credentials() {
        for (files, expected) in [
            (&[("username", "bot\n"), ("password", "p w\n")][..], "bot:p w"),
            (&[("password", "token")], "git:token"),
            (&[("username", "bot"), ("password", "token")], "bot:token"),
            (&[("bearerToken", "abc\r\n")], "bearer abc"),
        ] {
            let (_folder, access) = folder(files);
            assert_eq!(shown(access.credentials()), expected, "{files:?}");
        }
        assert_eq!(shown(HttpAccess::default().credentials()), "nothing");
    }

    #[test]
    fn invalid_credentials_are_reported_without_their_content() {
        for (files, expected) in [
            (&[("username", "bot")][..], "holds neither"),
            (&[("bearerToken", "hunter2"), ("password", "hunter2")], "holds both"),
            (&[("password", "")], "is empty"),
            (&[("password", "hunter2\nhunter2")], "not one line"),
        ] {
            let (_folder, access) = folder(files);
            let message = shown(access.credentials());
            assert!(
                message.contains(expected) && !message.contains("hunter2"),
                "{files:?}: {message}"
            );
        }
        let (folder, mut access) = folder(&[("ca.crt", "pem")]);
        let found = access.authorities().unwrap();
        assert_eq!(found, Some((folder.path().join("ca.crt"), b"pem".to_vec())));
        access.ca_file = Some("/nonexistent/ca.crt".into());
        let error = access.authorities().unwrap_err();
        assert!(error.to_string().contains("/nonexistent/ca.crt"), "{error}");
    }
}
