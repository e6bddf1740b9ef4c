use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A commit id, branch name or path that breaks a rule of git or of Tidegate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
    rule: &'static str,
}

impl InvalidName {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self {
            what,
            text: text.chars().take(200).collect(),
            rule,
        }
    }
}

macro_rules! object_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 20]);

        impl $name {
            /// Makes the id from its 20 raw bytes.
            pub const fn from_bytes(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }

            /// The 20 raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            /// Reads 40 hexadecimal digits.
            ///
            /// # Errors
            /// The text is anything else.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let mut bytes = [0; 20];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| InvalidName::new($what, text, "expected 40 hexadecimal digits"))?;
                Ok(Self(bytes))
            }

            /// The first seven digits, for people.
            pub fn short(&self) -> String {
                let mut text = hex::encode(self.0);
                text.truncate(7);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

object_name!(
    /// The id of a commit (SHA-1 object format).
    CommitId,
    "commit id"
);
object_name!(
    /// The id of a blob (SHA-1 object format). Blobs with the same id have the same bytes.
    BlobId,
    "blob id"
);

/// A branch's short name (`main`, not `refs/heads/main`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BranchName(String);

impl BranchName {
    /// Checks the name by the rules of git-check-ref-format(1). A name has at most 200 characters.
    ///
    /// # Errors
    /// Git would reject the name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let bad = |rule| Err(InvalidName::new("branch", text, rule));
        if text.is_empty() || text.len() > 200 {
            return bad("expected 1 to 200 characters");
        }
        if text.starts_with(['-', '/']) || text.ends_with(['/', '.']) || text.contains("..") || text.contains("@{") {
            return bad("it may not start with - or /, end in / or ., or contain .. or @{");
        }
        if text.contains("//")
            || text
                .split('/')
                .any(|part| part.starts_with('.') || part.ends_with(".lock"))
        {
            return bad("no part of it may be empty, start with . or end in .lock");
        }
        if text.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)) || text == "@" {
            return bad("blanks, control characters and ~ ^ : ? * [ \\ are not allowed");
        }
        Ok(Self(text.to_owned()))
    }

    /// The short name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full ref, `refs/heads/<name>`.
    pub fn full(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path inside the config repo. It is relative to the root, has `/` between its parts, and has no `.` and no `..` part. The
/// empty path is the root. Clones share one allocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Default)]
#[serde(try_from = "String")]
pub struct RepoPath(Arc<str>);

impl RepoPath {
    /// Checks a path. One trailing `/` and a leading `./` are removed. `.` is the root.
    ///
    /// # Errors
    /// The path is absolute, or one of its parts is empty, `.` or `..`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let trimmed = text.strip_prefix("./").unwrap_or(text);
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        if trimmed.is_empty() && !text.starts_with('/') || trimmed == "." {
            return Ok(Self::default());
        }
        if text.starts_with('/') {
            return Err(InvalidName::new(
                "path",
                text,
                "it must be relative to the repository's root",
            ));
        }
        if trimmed.split('/').any(|part| matches!(part, "" | "." | "..")) || trimmed.contains('\0') {
            return Err(InvalidName::new("path", text, "empty parts, . and .. are not allowed"));
        }
        Ok(Self(trimmed.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a relative path leads from this folder; `None` if the relative path leads out of the repository. Empty parts and `.`
    /// lead nowhere.
    ///
    /// # Errors
    /// The relative path holds a zero byte.
    pub fn join(&self, relative: &str) -> Option<Result<Self, InvalidName>> {
        let mut parts: Vec<&str> = self.0.split('/').filter(|part| !part.is_empty()).collect();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        Some(Self::parse(&parts.join("/")))
    }

    /// Whether `self` is `folder` or lies below `folder`. Every path lies below the root.
    pub fn is_within(&self, folder: &RepoPath) -> bool {
        folder.0.is_empty()
            || self
                .0
                .strip_prefix(&*folder.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The folder that contains the path. The parent of the root is the root.
    pub fn parent(&self) -> RepoPath {
        Self(
            self.0
                .rsplit_once('/')
                .map(|(folder, _)| folder.into())
                .unwrap_or_default(),
        )
    }

    /// The last part of the path. The root has an empty file name.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl TryFrom<String> for RepoPath {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_names_follow_git() {
        for good in ["main", "release/1.2", "feature-x", "a.b"] {
            assert!(BranchName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "", "-x", "a..b", "a b", "x.lock", "/a", "a/", "a//b", ".a", "a/.b", "a~1", "@{u}", "@",
        ] {
            assert!(BranchName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_stay_inside_the_repository() {
        for (text, expected) in [("./a/b/", "a/b"), (".", ""), ("", ""), ("a", "a")] {
            assert_eq!(RepoPath::parse(text).unwrap().as_str(), expected);
        }
        for bad in ["/", "/etc", "../x", "a/../b", "a//b", "a/./b"] {
            assert!(RepoPath::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn within_is_by_whole_parts() {
        let path = |text| RepoPath::parse(text).unwrap();
        assert!(path("apps/web.yaml").is_within(&path("apps")));
        assert!(path("apps/web.yaml").is_within(&path("")));
        assert!(!path("apps2/web.yaml").is_within(&path("apps")));
        assert_eq!(path("apps/web.yaml").parent(), path("apps"));
        assert_eq!(path("apps/web.yaml").file_name(), "web.yaml");
    }
}
