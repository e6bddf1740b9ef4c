use super::key_kind::KeyKind;
use crate::model::Secret;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The key to log in with over SSH. It has no `Debug`, because it is secret; [`public_line`](DeployKey::public_line) and
/// [`fingerprint`](DeployKey::fingerprint) may be shown.
#[derive(Clone)]
pub struct DeployKey {
    text: Secret,
    key: Arc<PrivateKey>,
    user: Option<String>,
}

/// A deploy key cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no private key, or a key of a kind that no server accepts.
    #[error("the deploy key is not an OpenSSH or PEM private key (Ed25519, ECDSA or RSA)")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key has a passphrase.
    #[error("the deploy key is protected by a passphrase; an agent's key must have none")]
    Encrypted,
    /// There is no randomness, or the key cannot be encoded. Neither should happen.
    #[error("cannot make a deploy key")]
    Making(#[source] ssh_key::Error),
    /// The file exists but cannot be read.
    #[error("cannot read the deploy key {path}")]
    Reading {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The file does not exist and cannot be written.
    #[error("cannot write a new deploy key to {path}")]
    Writing {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl DeployKey {
    /// Makes a new Ed25519 key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Self::generate_kind(KeyKind::Ed25519)
    }

    /// Makes a new key. RSA takes seconds.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate_kind(kind: KeyKind) -> Result<Self, KeyError> {
        let mut random = russh::keys::key::safe_rng();
        let key = PrivateKey::random(&mut random, kind.algorithm()).map_err(KeyError::Making)?;
        let text = key.to_openssh(LineEnding::LF).map_err(KeyError::Making)?;
        Ok(Self {
            text: Secret::new(text.as_str()),
            key: Arc::new(key),
            user: None,
        })
    }

    /// Reads a private key in OpenSSH's or PEM form: Ed25519, ECDSA or RSA, without a passphrase.
    ///
    /// # Errors
    /// The text is no such key.
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
            user: None,
        })
    }

    /// The same key with a user name of its own, which replaces the user of the address: CodeCommit gives each key a name.
    #[must_use]
    pub fn with_user(mut self, user: Option<String>) -> Self {
        self.user = user;
        self
    }

    /// The key's own user name.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The private key, for the file or Secret that keeps it.
    pub fn private_text(&self) -> &Secret {
        &self.text
    }

    /// The public key as a forge's deploy key form takes it: type, key, comment.
    pub fn public_line(&self, comment: &str) -> String {
        let mut public = self.key.public_key().clone();
        public.set_comment(comment);
        public.to_openssh().unwrap_or_default()
    }

    /// `SHA256:…`, as forges and `ssh-keygen -l` show it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The kind in OpenSSH's words, for example `ssh-ed25519`.
    pub fn kind(&self) -> String {
        self.key.algorithm().to_string()
    }

    /// The line of allowed_signers that accepts this key's signatures of commits.
    pub fn allowed_signer_line(&self, principal: &str) -> String {
        let public = self.public_line("");
        format!("{principal} namespaces=\"git\" {}", public.trim_end())
    }

    pub(crate) fn public_key(&self) -> &ssh_key::PublicKey {
        self.key.public_key()
    }

    pub(crate) fn private_key(&self) -> Arc<PrivateKey> {
        Arc::clone(&self.key)
    }
}

/// Reads the key in a file.
pub(crate) fn load_file(path: &Path) -> Result<DeployKey, KeyError> {
    let text = std::fs::read_to_string(path).map_err(|source| KeyError::Reading {
        path: path.to_owned(),
        source,
    })?;
    DeployKey::from_openssh(&text)
}

/// Reads the key in a file. If there is no file, makes a key of that kind and writes the file, for the owner alone (0600). Two
/// processes that do so at once get the same key.
pub(crate) fn load_or_create_file(path: &Path, kind: KeyKind) -> Result<DeployKey, KeyError> {
    match load_file(path) {
        Err(KeyError::Reading { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let key = DeployKey::generate_kind(kind)?;
    match write_new(path, key.private_text().expose()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load_file(path),
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
    use ssh_key::Algorithm;

    #[test]
    fn a_missing_file_is_made_once_and_only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/identity");
        let made = load_or_create_file(&path, KeyKind::Ed25519).unwrap_or_else(|error| panic!("{error}"));
        let read = load_or_create_file(&path, KeyKind::Ed25519).unwrap_or_else(|error| panic!("{error}"));
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
    fn a_key_of_each_kind_says_so_and_can_be_read_again() {
        for (kind, start) in [
            (KeyKind::Ed25519, "ssh-ed25519 "),
            (KeyKind::Ecdsa, "ecdsa-sha2-nistp256 "),
            (KeyKind::EcdsaP384, "ecdsa-sha2-nistp384 "),
        ] {
            let key = DeployKey::generate_kind(kind).unwrap_or_else(|error| panic!("{error}"));
            assert!(key.public_line("tidegate").starts_with(start), "{kind:?}");
            assert_eq!(key.kind(), start.trim());
            let read = DeployKey::from_openssh(key.private_text().expose()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read.fingerprint(), key.fingerprint());
        }
    }

    #[test]
    fn texts_that_are_no_usable_key_are_distinguished() {
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
