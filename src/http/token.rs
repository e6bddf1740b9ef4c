use crate::model::Secret;
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// A token is a line of text, not a file of any size.
const LONGEST: u64 = 4096;

/// Fewer characters could be guessed over a fast connection.
const SHORTEST: usize = 16;

/// A mounted Secret answers at once; a network file system that does not must not hold up the caller.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// The token cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The agent was started without one.
    #[error("no token is configured, so that commands are refused; name a file with one in the agent's configuration")]
    NotConfigured,
    /// The file cannot be read.
    #[error("the token file {} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file has something else in it.
    #[error("the token file {} does not hold a token: {why}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The rule that is broken.
        why: &'static str,
    },
}

/// Where the token is kept.
#[derive(Clone, Debug)]
pub struct TokenFile(Option<PathBuf>);

impl TokenFile {
    /// With no file, every check fails.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// The token as it is now.
    ///
    /// # Errors
    /// When there is no file, or it does not hold one line of 16 to 4096 visible ASCII characters.
    pub async fn read(&self) -> Result<Secret, TokenError> {
        let path = self.0.as_deref().ok_or(TokenError::NotConfigured)?;
        let text = timeout(READ_DEADLINE, bounded(path))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| TokenError::Read {
                path: path.into(),
                source,
            })?;
        let bad = |why| Err(TokenError::Content { path: path.into(), why });
        if text.len() as u64 > LONGEST {
            return bad("more than 4096 bytes");
        }
        let Ok(text) = str::from_utf8(&text) else {
            return bad("not text");
        };
        let token = text.trim();
        if token.len() < SHORTEST {
            return bad("fewer than 16 characters");
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return bad("blanks or other than ASCII characters within the token");
        }
        Ok(Secret::new(token))
    }

    /// Whether what a caller shows is the token. Takes the same time whichever byte differs, and whatever the lengths.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn opens(&self, shown: &str) -> Result<bool, TokenError> {
        let token = self.read().await?;
        let wanted = Sha256::digest(token.expose().as_bytes());
        let shown = Sha256::digest(shown.as_bytes());
        Ok(wanted.as_slice().ct_eq(shown.as_slice()).into())
    }
}

async fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(LONGEST + 1).read_to_end(&mut text).await?;
    Ok(text)
}
