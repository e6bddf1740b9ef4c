use super::codecommit;
use std::fmt;

/// The SSH or HTTP address of a repository, checked so that no part of it can become an option or a second command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepoUrl {
    scheme: Scheme,
    user: String,
    host: String,
    port: u16,
    path: String,
}

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// With the deploy key.
    Ssh,
    /// With a token or a password.
    Https,
    /// Without encryption: only on this machine, or if the settings allow it.
    Http,
}

/// A text that is not a valid address of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the repository's address {text:?} is not valid: {rule}")]
pub struct InvalidUrl {
    text: String,
    rule: String,
}

/// Forges allow far shorter addresses; a longer one is a mistake.
const LONGEST: usize = 2000;

impl RepoUrl {
    /// Reads `ssh://[user@]host[:port]/path`, `user@host:path` or `https://host[:port]/path`. The default user is `git`.
    ///
    /// # Errors
    /// The address has another scheme, holds a password or a control character, has a user over HTTP, lacks a part, has a part
    /// that begins with `-`, or breaks a rule of CodeCommit.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let bad = |rule: &str| InvalidUrl {
            text: shown(text),
            rule: rule.to_owned(),
        };
        if text.is_empty() || text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(bad(
                "expected 1 to 2000 characters without blanks and control characters",
            ));
        }
        let (scheme, authority, path) = parts(text).map_err(|rule| bad(&rule))?;
        let (user, server) = authority.rsplit_once('@').unwrap_or(("", authority));
        check_user_part(scheme, user, authority, path).map_err(bad)?;
        let (host, port) = host_and_port(server).ok_or_else(|| bad("the host or port is not valid"))?;
        let user_is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
        if authority.starts_with('@') || user.starts_with('-') || !user.chars().all(user_is_plain) {
            return Err(bad(
                "the user may only contain letters, digits and . _ - + and may not begin with -",
            ));
        }
        if path.trim_matches('/').is_empty() || path.starts_with('-') {
            return Err(bad("the path may not be empty or begin with -"));
        }
        if scheme != Scheme::Ssh && path.contains(['?', '#', '\\']) {
            return Err(bad("the path may not contain ?, # or \\"));
        }
        let user = match (user, scheme) {
            ("", Scheme::Ssh) => "git",
            (user, _) => user,
        };
        let host = host.to_ascii_lowercase();
        codecommit::check(scheme == Scheme::Ssh, user, &host, path).map_err(bad)?;
        Ok(Self {
            scheme,
            user: user.to_owned(),
            host,
            port: port.unwrap_or(scheme.port()),
            path: path.to_owned(),
        })
    }

    /// How the repository is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// The user to log in as over SSH; empty for an HTTP address.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The host in lower case; an IPv6 address has no brackets here.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of the address, or the scheme's default.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The repository's path on the server.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host:port`, or the host alone if the port is the scheme's default.
    pub(crate) fn server(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The path as one word for the remote shell, quoted as git quotes.
    pub(crate) fn quoted_path(&self) -> String {
        let mut quoted = String::with_capacity(self.path.len() + 2);
        quoted.push('\'');
        for c in self.path.chars() {
            match c {
                '\'' | '!' => quoted.extend(["'\\", if c == '!' { "!" } else { "'" }, "'"]),
                other => quoted.push(other),
            }
        }
        quoted.push('\'');
        quoted
    }
}

impl Scheme {
    /// The default port.
    pub fn port(self) -> u16 {
        match self {
            Self::Ssh => 22,
            Self::Https => 443,
            Self::Http => 80,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        let at = if self.user.is_empty() { "" } else { "@" };
        write!(f, "{}://{}{at}{}/{path}", self.scheme.name(), self.user, self.server())
    }
}

/// Splits the address into scheme, authority and path.
fn parts(text: &str) -> Result<(Scheme, &str, &str), String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        let parts = scp_like(text).map(|(authority, path)| (Scheme::Ssh, authority, path));
        return parts.ok_or_else(|| {
            "expected ssh://git@host/group/repo.git, git@host:group/repo.git or https://host/group/repo.git".into()
        });
    };
    let lower = scheme.to_ascii_lowercase();
    let scheme = match lower.as_str() {
        "ssh" | "git+ssh" | "ssh+git" => Scheme::Ssh,
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => {
            let instead = "write it as ssh://git@host/group/repo.git or https://host/group/repo.git";
            return Err(format!("{scheme}:// is not supported; {instead}"));
        }
    };
    let slash = rest.find('/').ok_or_else(|| {
        let example = if scheme == Scheme::Ssh {
            "ssh://git@"
        } else {
            "https://"
        };
        format!("the path is missing, as in {example}host/group/repo.git")
    })?;
    let (authority, path) = rest.split_at(slash);
    let home = scheme == Scheme::Ssh && path.starts_with("/~");
    Ok((
        scheme,
        authority,
        if home { path.trim_start_matches('/') } else { path },
    ))
}

/// Splits `user@host:path`.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    let after = match text.find('[') {
        Some(open) => open + text.get(open..)?.find(']')?,
        None => 0,
    };
    let colon = after + text.get(after..)?.find(':')?;
    let (authority, path) = (text.get(..colon)?, text.get(colon + 1..)?);
    (!authority.contains('/')).then_some((authority, path))
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                if after.is_empty() {
                    None
                } else {
                    Some(after.strip_prefix(':')?)
                },
            )
        }
        None => {
            let (host, port) = text
                .split_once(':')
                .map_or((text, None), |(host, port)| (host, Some(port)));
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if host.is_empty() || host.len() > 253 || host.starts_with(['-', '.']) || !host.chars().all(plain) {
                return None;
            }
            (host, port)
        }
    };
    let port = match port {
        None => None,
        Some(digits) => Some(
            digits
                .parse()
                .ok()
                .filter(|port| *port != 0 && !digits.starts_with('+'))?,
        ),
    };
    Some((host, port))
}

/// A user part over HTTP is a token as often as a name, so none is taken. A password that holds a slash ends the authority, and
/// would be taken for a path: an `@` in the path is refused if no `@` stands before it.
fn check_user_part(scheme: Scheme, user: &str, authority: &str, path: &str) -> Result<(), &'static str> {
    let split_by_a_slash = !authority.contains('@') && path.contains('@');
    match scheme {
        Scheme::Ssh if user.contains(':') || split_by_a_slash => {
            Err("it holds a password; remove the password, since only the deploy key is used")
        }
        Scheme::Ssh => Ok(()),
        _ if has_at_sign(authority) || has_at_sign(path) => Err(
            "an http:// or https:// address may hold no user, password or token, because addresses are shown; write the \
             address without what stands before the @, write user name and password, or the token, into files, and name \
             their folder in repo.http.credentials",
        ),
        _ => Ok(()),
    }
}

/// Whether the text has an `@`, written as it is or encoded.
fn has_at_sign(text: &str) -> bool {
    text.contains('@') || text.contains("%40")
}

/// What stands before and behind a port that is no number, in an address whose authority begins at `start`.
fn without_odd_port(text: &str, start: usize) -> Option<(&str, &str)> {
    let authority = text.get(start..)?.split('/').next().filter(|_| start > 0)?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']').map_or(authority.len(), |end| end + 2),
        None => authority.find(':')?,
    };
    let port = authority.get(host..)?.strip_prefix(':')?;
    let is_odd = !port.bytes().all(|byte| byte.is_ascii_digit());
    is_odd.then_some((text.get(..start + host)?, text.get(start + authority.len()..)?))
}

/// The address without what may be secret: everything before the last `@`, everything behind `?` or `#`, and what stands in the
/// place of a port and is no number: a password whose `@` was forgotten. Cut after 200 characters.
fn shown(text: &str) -> String {
    let start = text.find("://").map_or(0, |scheme| scheme + 3);
    let at = text.rfind('@').max(text.rfind("%40")).filter(|at| start < *at);
    let (scheme, rest) = match at {
        Some(at) => (format!("{}…", &text[..start]), &text[at..]),
        None => match without_odd_port(text, start) {
            Some((before, after)) => (format!("{before}:…"), after),
            None => (String::new(), text),
        },
    };
    let address = rest.split(['?', '#']).next().unwrap_or_default();
    let more = if address.len() < rest.len() { "…" } else { "" };
    format!("{scheme}{address}{more}").chars().take(200).collect()
}
