use super::identity::DeployKey;
use super::known_hosts::KnownHosts;
use super::login::HttpAccess;
use super::transport::Whole;
use super::url::RepoUrl;
use crate::model::BranchName;
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Everything that opening a repository needs.
#[derive(Clone)]
pub struct Settings {
    /// Where it is.
    pub url: RepoUrl,
    /// The one branch that is read and written.
    pub branch: BranchName,
    /// A folder for the mirror; nothing in it need survive, everything in it may be deleted.
    pub mirror_dir: PathBuf,
    /// What we log in with.
    pub key: Arc<DeployKey>,
    /// The host keys that are trusted.
    pub host_keys: HostKeys,
    /// What is used in place of both for an HTTP address.
    pub http: HttpAccess,
    /// Author and committer of our commits.
    pub author: Author,
    /// The longest silence of the server that is borne; connecting and logging in have 10 s each at most.
    pub timeout: Duration,
    /// How much is fetched and read.
    pub limits: Limits,
}

/// How much of a repository is fetched and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Commits from the tip back that a new mirror is fetched with; none: the whole history. More is fetched when the
    /// past must be known further.
    pub depth: Option<NonZeroU32>,
    /// The longest that one fetch may take.
    pub time: Duration,
    /// The most that one fetch may bring, in bytes.
    pub size: u64,
    /// The most files that one commit's tree may have below what is read of it.
    pub files: usize,
}

impl Default for Limits {
    /// The whole history, within 10 minutes and 2 GiB; a million files. Repositories of configuration are megabytes and
    /// thousands of files; what is beyond these limits is not one, or made to do harm.
    fn default() -> Self {
        Self {
            depth: None,
            time: Duration::from_secs(10 * 60),
            size: 2 << 30,
            files: 1_000_000,
        }
    }
}

impl Limits {
    pub(super) fn whole(&self) -> Whole {
        Whole {
            time: self.time,
            size: self.size,
        }
    }
}

/// Where trusted host keys come from.
#[derive(Clone, Debug)]
pub enum HostKeys {
    /// A text that was read already.
    Given(KnownHosts),
    /// A file, read anew for each connection, so that a changed one needs no restart.
    File(PathBuf),
}

/// Which file it is, and as it was when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    file: u64,
    length: u64,
    written: SystemTime,
}

/// A known_hosts file larger than this is none.
const LARGEST: u64 = 4 << 20;

impl HostKeys {
    /// Differs where the file has changed; none for a text, or where there is no such file.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let Self::File(path) = self else { return None };
        let file = std::fs::metadata(path).ok()?;
        Some(Stamp {
            file: file.ino(),
            length: file.len(),
            written: file.modified().ok()?,
        })
    }

    pub(super) fn read(&self) -> Result<KnownHosts, Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::Given(known) => Ok(known.clone()),
            Self::File(path) => {
                let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
                if std::fs::metadata(path).map_err(about)?.len() > LARGEST {
                    return Err(format!("{} is larger than 4 MiB", path.display()).into());
                }
                Ok(KnownHosts::parse(&std::fs::read_to_string(path).map_err(about)?)?)
            }
        }
    }
}

/// Who makes our commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    name: String,
    email: String,
}

/// A text that is no author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the author {text:?} is not valid: Name <address> is wanted, as in Tidegate <tidegate@acme.example>")]
pub struct InvalidAuthor {
    text: String,
}

impl Author {
    /// Reads `Name <address>`.
    ///
    /// # Errors
    /// Empty parts, angle brackets inside them, control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidAuthor> {
        let wrong = || InvalidAuthor {
            text: text.chars().take(200).collect(),
        };
        let (name, rest) = text.trim().split_once('<').ok_or_else(wrong)?;
        let (name, email) = (name.trim(), rest.strip_suffix('>').ok_or_else(wrong)?.trim());
        let plain = |part: &str| !part.is_empty() && !part.contains(['<', '>']) && !part.chars().any(char::is_control);
        if !plain(name) || !plain(email) || text.len() > 500 {
            return Err(wrong());
        }
        Ok(Self {
            name: name.to_owned(),
            email: email.to_owned(),
        })
    }

    /// Name and address.
    pub(super) fn parts(&self) -> (&str, &str) {
        (&self.name, &self.email)
    }

    pub(super) fn signature(&self, seconds: i64) -> Result<git2::Signature<'static>, git2::Error> {
        git2::Signature::new(&self.name, &self.email, &git2::Time::new(seconds, 0))
    }
}
