use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is not an image reference, a tag or a digest, with the rule of the grammar that the text breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: {rule}")]
pub struct InvalidImage {
    text: String,
    what: &'static str,
    rule: &'static str,
}

impl InvalidImage {
    fn new(text: &str, what: &'static str, rule: &'static str) -> Self {
        Self {
            text: text.chars().take(200).collect(),
            what,
            rule,
        }
    }
}

/// An image tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (OCI distribution specification, "Pulling manifests").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Tag(String);

impl Tag {
    /// Checks the grammar.
    ///
    /// # Errors
    /// The text is not a tag. The error names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidImage> {
        match Self::broken_rule(text) {
            None => Ok(Self(text.to_owned())),
            Some(rule) => Err(InvalidImage::new(text, "a tag", rule)),
        }
    }

    /// Whether a text is a tag.
    pub fn is_valid(text: &str) -> bool {
        Self::broken_rule(text).is_none()
    }

    /// The rule of the grammar that a text breaks.
    fn broken_rule(text: &str) -> Option<&'static str> {
        if text.is_empty() || text.len() > 128 {
            Some("expected 1 to 128 characters")
        } else if text.starts_with(['.', '-']) {
            Some("it may not start with . or -")
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            Some("only letters, digits, _ . and - are allowed")
        } else {
            None
        }
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tag {
    type Error = InvalidImage;

    fn try_from(text: String) -> Result<Self, InvalidImage> {
        Self::parse(&text)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A content digest: `sha256:<64 hex digits>`, `sha384:<96>` or `sha512:<128>`. Go's `opencontainers/go-digest` knows these
/// algorithms, and therefore every container runtime accepts them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Digest(String);

impl Digest {
    /// Checks the grammar of the registered algorithms.
    ///
    /// # Errors
    /// The text is not a digest. The error names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidImage> {
        let bad = |rule| Err(InvalidImage::new(text, "a digest", rule));
        let Some((algorithm, hex)) = text.split_once(':') else {
            return bad("an algorithm and a colon come first");
        };
        let (length, rule) = match algorithm {
            "sha256" => (64, "expected 64 lowercase hexadecimal digits after sha256:"),
            "sha384" => (96, "expected 96 lowercase hexadecimal digits after sha384:"),
            "sha512" => (128, "expected 128 lowercase hexadecimal digits after sha512:"),
            _ => return bad("only sha256, sha384 and sha512 are known"),
        };
        if hex.len() != length || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return bad(rule);
        }
        Ok(Self(text.to_owned()))
    }

    /// The digest as text, with its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
impl Digest {
    /// A digest for each number.
    pub(crate) fn numbered(number: usize) -> Self {
        Self(format!("sha256:{number:064}"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A repository of a registry, in the canonical form that patterns match and API calls use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Repository {
    /// The host of the registry, with its port if the reference has one. Docker Hub is `docker.io`.
    pub host: String,
    /// The path below the host. A path of one part on Docker Hub starts with `library/`.
    pub path: String,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

/// An image reference as somebody wrote it: `[host[:port]/]path[:tag][@digest]`.
///
/// The grammar is that of the distribution project's package `github.com/distribution/reference`, version 0.6.0
/// (`reference.go`, `regexp.go`, and `normalize.go` for what users may type); the reference keeps the name as
/// it was written, and [`ImageRef::repository`] gives the canonical name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    name: String,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl ImageRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// The text is not a reference. The error names the rule of the grammar that the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidImage> {
        let bad = |rule| InvalidImage::new(text, "an image reference", rule);
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':').filter(|(_, tag)| !tag.contains(['/', ']'])) {
            Some((name, tag)) => (name, Some(Tag::parse(tag)?)),
            None => (rest, None),
        };
        if name.is_empty() {
            return Err(bad("a name comes first"));
        }
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(bad("64 hex digits alone are an image's id and not its name"));
        }
        let (host, path) = split_host(name);
        if let Some(host) = host {
            check_host(host).map_err(bad)?;
        } else if path.starts_with('[') {
            return Err(bad("brackets stand around an IPv6 registry, as in [::1]:5000/app"));
        }
        check_path(path).map_err(bad)?;
        let image = Self {
            name: name.to_owned(),
            tag,
            digest,
        };
        if image.repository().path.len() > 255 {
            return Err(bad("the path may have 255 characters at most, library/ counted in"));
        }
        Ok(image)
    }

    /// The name as written: with the host, without tag and digest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag, if the reference has one.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if the reference has one.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same name with another tag and without a digest: the digest of the old tag would contradict the new tag.
    #[must_use]
    pub fn with_tag(&self, tag: Tag) -> Self {
        Self {
            name: self.name.clone(),
            tag: Some(tag),
            digest: None,
        }
    }

    /// The registry as written, with its port. `None`: the reference names no registry, which means Docker Hub.
    pub fn host(&self) -> Option<&str> {
        split_host(&self.name).0
    }

    /// The path below the registry, as written.
    pub fn path(&self) -> &str {
        split_host(&self.name).1
    }

    /// The same name with another tag and digest.
    #[must_use]
    pub fn with(&self, tag: Option<Tag>, digest: Option<Digest>) -> Self {
        Self {
            name: self.name.clone(),
            tag,
            digest,
        }
    }

    /// The canonical repository. Short names of Docker Hub are written in full (distribution, `normalize.go`).
    pub fn repository(&self) -> Repository {
        match split_host(&self.name) {
            (Some("docker.io" | "index.docker.io") | None, path) if !path.contains('/') => Repository {
                host: "docker.io".into(),
                path: format!("library/{path}"),
            },
            (Some("index.docker.io") | None, path) => Repository {
                host: "docker.io".into(),
                path: path.into(),
            },
            (Some(host), path) => Repository {
                host: host.into(),
                path: path.into(),
            },
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The host and the path of a name. The first part of a name is a host if it has a dot, a colon or a capital letter, or is
/// `localhost` (distribution `reference`, `splitDockerDomain`).
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|b| b.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, name),
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest
                .split_once(']')
                .ok_or("an IPv6 registry needs its closing bracket")?;
            if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
                return Err("an IPv6 registry has only hex digits and colons between its brackets");
            }
            let port = match after.strip_prefix(':') {
                None if after.is_empty() => None,
                None => return Err("only a port may follow the bracket of an IPv6 registry"),
                port => port,
            };
            (None, port)
        }
        None => match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        },
    };
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return Err("a registry's port is a number");
    }
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match name {
        Some(name) if !name.split('.').all(label) => {
            Err("a registry's name has letters, digits and - between its dots")
        }
        _ => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    for part in path.split('/') {
        if part.is_empty() {
            return Err("no part of the path may be empty");
        }
        if !part
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        {
            return Err("the path has small letters, digits, . _ and - only");
        }
        let edge = |b: Option<u8>| b.is_some_and(|b| b"._-".contains(&b));
        if edge(part.bytes().next()) || edge(part.bytes().last()) {
            return Err("no part of the path may start or end with . _ or -");
        }
        if part.contains("..")
            || part.contains("___")
            || ["._", "_.", ".-", "-.", "_-", "-_"].iter().any(|s| part.contains(s))
        {
            return Err("separators in the path are one dot, one or two underscores, or dashes");
        }
    }
    Ok(())
}
