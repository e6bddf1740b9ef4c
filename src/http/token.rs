use crate::model::Secret;
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// The longest token file, in bytes: a token is one line of text.
const MAX_BYTES: u64 = 4096;

/// The shortest token, in characters. A shorter one could be guessed over a fast connection.
const MIN_LENGTH: usize = 16;

/// The longest time to read the file. A mounted Secret is read at once; a slow network file system must not block the caller.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// Why the token could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No token file is configured.
    #[error(
        "no token is configured, so the agent refuses all commands; set http.tokenFile in the agent's configuration"
    )]
    NotConfigured,
    /// The file could not be read.
    #[error("cannot read the token file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        #[source]
        source: io::Error,
    },
    /// The file does not contain a token.
    #[error("the token file {} does not contain a valid token: {why}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The rule that the content breaks.
        why: &'static str,
    },
}

/// The file that contains a token or a secret.
#[derive(Clone, Debug)]
pub struct TokenFile(Option<PathBuf>);

impl TokenFile {
    /// A token in this file. Without a file, every check fails.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// Reads the token.
    ///
    /// # Errors
    /// When there is no file, or it does not contain one line of 16 to 4096 visible ASCII characters.
    pub async fn read(&self) -> Result<Secret, TokenError> {
        let path = self.0.as_deref().ok_or(TokenError::NotConfigured)?;
        let text = timeout(READ_DEADLINE, bounded(path))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| TokenError::Read {
                path: path.into(),
                source,
            })?;
        let invalid = |why| Err(TokenError::Content { path: path.into(), why });
        if text.len() as u64 > MAX_BYTES {
            return invalid("it has more than 4096 bytes");
        }
        let Ok(text) = str::from_utf8(&text) else {
            return invalid("it is not text");
        };
        let token = text.trim();
        if token.len() < MIN_LENGTH {
            return invalid("it has fewer than 16 characters");
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return invalid("it has blanks or non-ASCII characters");
        }
        Ok(Secret::new(token))
    }

    /// Whether `given` is the token. The comparison takes the same time for any difference and any length.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn matches(&self, given: &str) -> Result<bool, TokenError> {
        let token = self.read().await?;
        let expected = Sha256::digest(token.expose().as_bytes());
        let given = Sha256::digest(given.as_bytes());
        Ok(expected.as_slice().ct_eq(given.as_slice()).into())
    }
}

async fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(MAX_BYTES + 1).read_to_end(&mut text).await?;
    Ok(text)
}
