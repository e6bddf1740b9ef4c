use crate::model::Secret;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The key we log in with. It has no `Debug`; what may be shown is [`public_line`](DeployKey::public_line) and
/// [`fingerprint`](DeployKey::fingerprint).
#[derive(Clone)]
pub struct DeployKey {
    text: Secret,
    key: Arc<PrivateKey>,
}

/// The deploy key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a private key, or of a kind that no server takes.
    #[error("the deploy key is not an OpenSSH or PEM private key (Ed25519, ECDSA or RSA)")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It wants a passphrase.
    #[error("the deploy key is protected by a passphrase; an agent's key must have none")]
    Encrypted,
    /// No randomness or no encoding: does not happen.
    #[error("cannot make a deploy key")]
    Making(#[source] ssh_key::Error),
    /// The file is there but cannot be read.
    #[error("cannot read the deploy key {path}")]
    Reading {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no file and none can be made.
    #[error("cannot write a new deploy key to {path}")]
    Writing {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl DeployKey {
    /// A new Ed25519 key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut random = russh::keys::key::safe_rng();
        let key = PrivateKey::random(&mut random, Algorithm::Ed25519).map_err(KeyError::Making)?;
        let text = key.to_openssh(LineEnding::LF).map_err(KeyError::Making)?;
        Ok(Self {
            text: Secret::new(text.as_str()),
            key: Arc::new(key),
        })
    }

    /// Reads a private key in OpenSSH's or PEM form: Ed25519, ECDSA, RSA; no passphrase.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_openssh(text: &str) -> Result<Self, KeyError> {
        let key = russh::keys::decode_secret_key(text, None).map_err(|error| match error {
            russh::keys::Error::KeyIsEncrypted => KeyError::Encrypted,
            other => KeyError::Unreadable(other.into()),
        })?;
        if key.is_encrypted() {
            return Err(KeyError::Encrypted);
        }
        Ok(Self {
            text: Secret::new(text),
            key: Arc::new(key),
        })
    }

    /// The private half, for the file or Secret that keeps it.
    pub fn private_text(&self) -> &Secret {
        &self.text
    }

    /// The line to paste into a forge's deploy key form: type, key, comment.
    pub fn public_line(&self, comment: &str) -> String {
        let mut public = self.key.public_key().clone();
        public.set_comment(comment);
        public.to_openssh().unwrap_or_default()
    }

    /// `SHA256:…`, as forges and `ssh-keygen -l` show it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    pub(super) fn private_key(&self) -> Arc<PrivateKey> {
        Arc::clone(&self.key)
    }
}

/// Reads the key in a file; where there is no file, makes an Ed25519 key and writes it there for the owner alone (0600).
/// Two processes that do so at once end with the same key.
///
/// # Errors
/// An unreadable file, a key that is none, a folder that cannot be written.
pub fn load_or_create_file(path: &Path) -> Result<DeployKey, KeyError> {
    let read = || std::fs::read_to_string(path);
    match read() {
        Ok(text) => return DeployKey::from_openssh(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(KeyError::Reading {
                path: path.to_owned(),
                source,
            });
        }
    }
    let key = DeployKey::generate()?;
    match write_new(path, key.private_text().expose()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = read().map_err(|source| KeyError::Reading {
                path: path.to_owned(),
                source,
            })?;
            DeployKey::from_openssh(&text)
        }
        Err(source) => Err(KeyError::Writing {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_made_once_and_only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/identity");
        let made = load_or_create_file(&path).unwrap_or_else(|error| panic!("{error}"));
        let read = load_or_create_file(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_public_line_is_what_ssh_keygen_would_print() {
        let key = DeployKey::generate().unwrap_or_else(|error| panic!("{error}"));
        let line = key.public_line("tidegate");
        assert!(
            line.starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5") && line.ends_with(" tidegate"),
            "{line}"
        );
        let public = ssh_key::PublicKey::from_openssh(&line).unwrap();
        assert_eq!(public.fingerprint(HashAlg::Sha256).to_string(), key.fingerprint());
    }

    #[test]
    fn what_is_no_usable_key_is_told_apart() {
        let locked = "-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n-----END OPENSSH PRIVATE KEY-----\n";
        assert!(matches!(DeployKey::from_openssh(locked), Err(KeyError::Unreadable(_))));
        assert!(matches!(
            DeployKey::from_openssh("ssh-ed25519 AAAA"),
            Err(KeyError::Unreadable(_))
        ));
        let plain = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        let sealed = plain.encrypt(&mut russh::keys::key::safe_rng(), "pass").unwrap();
        let text = sealed.to_openssh(LineEnding::LF).unwrap();
        assert!(matches!(DeployKey::from_openssh(&text), Err(KeyError::Encrypted)));
    }
}
