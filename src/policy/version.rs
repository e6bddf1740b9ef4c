use semver::{BuildMetadata, Prerelease};
use std::cmp::Ordering;

/// A number with at least this many digits, without a dot and without `v`, counts as an abbreviated commit id. Git abbreviates
/// to at least seven digits.
const COMMIT_ID_DIGITS: usize = 7;

/// A tag that is a version. The grammar is the lenient one of Masterminds semver v3: an optional `v`, one to three numbers, and
/// leading zeros are allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) number: semver::Version,
    /// How many numbers are written, 1 to 3.
    written: u8,
    prefixed: bool,
}

/// Why a tag is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAVersion {
    Grammar,
    LooksLikeCommitId,
}

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, NotAVersion> {
        let (bare, prefixed) = match text.strip_prefix('v') {
            Some(bare) => (bare, true),
            None => (text, false),
        };
        let (rest, build) = split_optional(bare, '+');
        let (numbers, pre) = split_optional(rest, '-');
        if !prefixed && numbers.len() >= COMMIT_ID_DIGITS && numbers.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotAVersion::LooksLikeCommitId);
        }
        let mut parsed = [0u64; 3];
        let mut written = 0u8;
        for number in numbers.split('.') {
            let slot = parsed.get_mut(usize::from(written)).ok_or(NotAVersion::Grammar)?;
            if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
                return Err(NotAVersion::Grammar);
            }
            *slot = number.parse().map_err(|_| NotAVersion::Grammar)?;
            written += 1;
        }
        let [major, minor, patch] = parsed;
        Ok(Self {
            number: semver::Version {
                major,
                minor,
                patch,
                pre: identifiers(pre, Prerelease::new)?.unwrap_or(Prerelease::EMPTY),
                build: identifiers(build, BuildMetadata::new)?.unwrap_or(BuildMetadata::EMPTY),
            },
            written,
            prefixed,
        })
    }

    /// Whether all three numbers are written.
    pub(super) fn is_complete(&self) -> bool {
        self.written == 3
    }

    /// Compares two versions. The greater version is the newer one. Versions are equal if they have the same precedence, the same
    /// count of written numbers and the same prefix.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.number
            .cmp_precedence(&other.number)
            .then(self.written.cmp(&other.written))
            .then(other.prefixed.cmp(&self.prefixed))
    }

    /// Whether `self` is higher than `other` by the precedence of semantic versioning. Spelling and build metadata do not count.
    pub(super) fn is_higher_than(&self, other: &Self) -> bool {
        self.number.cmp_precedence(&other.number) == Ordering::Greater
    }
}

fn split_optional(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn identifiers<T>(text: Option<&str>, read: fn(&str) -> Result<T, semver::Error>) -> Result<Option<T>, NotAVersion> {
    match text {
        None => Ok(None),
        Some("") => Err(NotAVersion::Grammar),
        Some(text) => read(text).map(Some).map_err(|_| NotAVersion::Grammar),
    }
}
