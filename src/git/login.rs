use crate::model::Secret;
use std::io;
use std::path::{Path, PathBuf};

/// What reaching a repository over HTTPS needs. All files are read anew when they are needed, so that changed ones need no
/// restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAccess {
    /// A folder with the files `username` and `password`, or `bearerToken`, and where needed `ca.crt`: a Secret of that
    /// form, mounted.
    pub credentials: Option<PathBuf>,
    /// A PEM file with certificate authorities that are trusted besides the system's; without one, that folder's `ca.crt`.
    pub ca_file: Option<PathBuf>,
    /// True: the address may be `http://` for other hosts than this machine, and everybody on the way reads along.
    pub plaintext: bool,
}

/// Files that HTTPS needs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A file is not there, or may not be read.
    #[error("cannot read {path}")]
    Reading {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} {rule}")]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        rule: &'static str,
    },
}

/// What is sent along with each request. No `Debug`: it is secret.
pub(super) enum Login {
    Nothing,
    Bearer(Secret),
    Basic { user: String, password: Secret },
}

/// Tokens are a few hundred bytes, some signed ones a few thousand.
const LARGEST_SECRET: u64 = 64 << 10;
/// The whole bundle of a distribution is a quarter of that.
const LARGEST_BUNDLE: u64 = 1 << 20;
/// Where only a token is given, forges take any name beside it.
const ANY_USER: &str = "git";

impl HttpAccess {
    /// Reads the credentials; `user` is the address's, for a folder that names none.
    pub(super) fn login(&self, user: &str) -> Result<Login, LoginError> {
        let Some(folder) = &self.credentials else {
            return Ok(Login::Nothing);
        };
        let wrong = |rule| LoginError::Content {
            path: folder.clone(),
            rule,
        };
        let (token, password) = (entry(folder, "bearerToken")?, entry(folder, "password")?);
        match (token, password) {
            (Some(_), Some(_)) => Err(wrong("holds both a bearerToken and a password; one of them is wanted")),
            (Some(token), None) => Ok(Login::Bearer(Secret::new(token))),
            (None, Some(password)) => {
                let named = entry(folder, "username")?;
                let user = if user.is_empty() { ANY_USER } else { user };
                Ok(Login::Basic {
                    user: named.unwrap_or_else(|| user.to_owned()),
                    password: Secret::new(password),
                })
            }
            (None, None) => Err(wrong("holds neither a password nor a bearerToken")),
        }
    }

    /// The authorities' file and PEM text; none where none are named.
    pub(super) fn authorities(&self) -> Result<Option<(PathBuf, Vec<u8>)>, LoginError> {
        if let Some(path) = &self.ca_file {
            let text = bounded(path, LARGEST_BUNDLE)?.ok_or_else(|| LoginError::Reading {
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

/// A file of the folder without its last line end; `None` where there is none.
fn entry(folder: &Path, name: &str) -> Result<Option<String>, LoginError> {
    let path = folder.join(name);
    let Some(bytes) = bounded(&path, LARGEST_SECRET)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() || text.chars().any(char::is_control) {
        let rule = "is empty or not one line of text";
        return Err(LoginError::Content { path, rule });
    }
    Ok(Some(text.to_owned()))
}

fn bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>, LoginError> {
    let failed = |source| LoginError::Reading {
        path: path.to_owned(),
        source,
    };
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > most => Err(LoginError::Content {
            path: path.to_owned(),
            rule: "is too large to be what it should",
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

    fn shown(login: Result<Login, LoginError>) -> String {
        match login {
            Ok(Login::Nothing) => "nothing".into(),
            Ok(Login::Bearer(token)) => format!("bearer {}", token.expose()),
            Ok(Login::Basic { user, password }) => format!("{user}:{}", password.expose()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_files_of_a_secret_become_a_login() {
        for (files, user, want) in [
            (&[("username", "bot\n"), ("password", "p w\n")][..], "", "bot:p w"),
            (&[("password", "token")], "", "git:token"),
            (&[("password", "token")], "x-token-auth", "x-token-auth:token"),
            (&[("username", "bot"), ("password", "token")], "other", "bot:token"),
            (&[("bearerToken", "abc\r\n")], "bot", "bearer abc"),
        ] {
            let (_folder, access) = folder(files);
            assert_eq!(shown(access.login(user)), want, "{files:?}");
        }
        assert_eq!(shown(HttpAccess::default().login("bot")), "nothing");
    }

    #[test]
    fn what_is_no_login_is_told_without_its_content() {
        for (files, want) in [
            (&[("username", "bot")][..], "holds neither"),
            (&[("bearerToken", "hunter2"), ("password", "hunter2")], "holds both"),
            (&[("password", "")], "is empty"),
            (&[("password", "hunter2\nhunter2")], "not one line"),
        ] {
            let (_folder, access) = folder(files);
            let said = shown(access.login(""));
            assert!(said.contains(want) && !said.contains("hunter2"), "{files:?}: {said}");
        }
        let (folder, mut access) = folder(&[("ca.crt", "pem")]);
        let found = access.authorities().unwrap();
        assert_eq!(found, Some((folder.path().join("ca.crt"), b"pem".to_vec())));
        access.ca_file = Some("/nonexistent/ca.crt".into());
        let error = access.authorities().unwrap_err();
        assert!(error.to_string().contains("/nonexistent/ca.crt"), "{error}");
    }
}
