use std::fmt;

/// Where a repository is: an SSH address, checked so that no part of it can become an option or a second command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepoUrl {
    user: String,
    host: String,
    port: u16,
    path: String,
}

/// A text that is no usable SSH address of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the repository's address {text:?} cannot be used: {rule}")]
pub struct InvalidUrl {
    text: String,
    rule: String,
}

/// Longer addresses are mistakes; forges stop far below.
const LONGEST: usize = 2000;

impl RepoUrl {
    /// Reads `ssh://[user@]host[:port]/path` or `user@host:path`. Without a user it is `git`, without a port 22.
    ///
    /// # Errors
    /// Other schemes, passwords, missing parts, parts that begin with `-`, control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let bad = |rule: &str| InvalidUrl {
            text: shown(text),
            rule: rule.to_owned(),
        };
        if text.is_empty() || text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(bad(
                "1 to 2000 characters without blanks and control characters are wanted",
            ));
        }
        let (authority, path) = match text.split_once("://") {
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => {
                let slash = rest
                    .find('/')
                    .ok_or_else(|| bad("the path is missing, as in ssh://git@host/group/repo.git"))?;
                let (authority, path) = rest.split_at(slash);
                (
                    authority,
                    path.strip_prefix("/~").map_or(path, |_| path.trim_start_matches('/')),
                )
            }
            Some((scheme, _)) => {
                let rule = format!("{scheme}:// is not supported; write it as ssh://git@host/group/repo.git");
                return Err(InvalidUrl {
                    text: shown(text),
                    rule,
                });
            }
            None => scp_like(text)
                .ok_or_else(|| bad("ssh://git@host/group/repo.git or git@host:group/repo.git is wanted"))?,
        };
        let (user, place) = authority.rsplit_once('@').unwrap_or(("git", authority));
        if user.contains(':') {
            return Err(bad("it holds a password; only the deploy key is used"));
        }
        let (host, port) = host_and_port(place).ok_or_else(|| bad("the host or port is not valid"))?;
        let user_is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
        if user.is_empty() || user.starts_with('-') || !user.chars().all(user_is_plain) {
            return Err(bad(
                "the user may hold letters, digits and . _ - + and may not begin with -",
            ));
        }
        if path.trim_matches('/').is_empty() || path.starts_with('-') {
            return Err(bad("the path may not be empty or begin with -"));
        }
        Ok(Self {
            user: user.to_owned(),
            host: host.to_ascii_lowercase(),
            port,
            path: path.to_owned(),
        })
    }

    /// The user to log in as.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The host, in small letters; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The repository's path as the server is to see it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host:port`, the port left out if it is 22.
    pub(super) fn place(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == 22 {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The path as one word for the remote shell, quoted as git itself does.
    pub(super) fn quoted_path(&self) -> String {
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

impl fmt::Display for RepoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        write!(f, "ssh://{}@{}/{path}", self.user, self.place())
    }
}

fn scp_like(text: &str) -> Option<(&str, &str)> {
    let after = match text.find('[') {
        Some(open) => open + text.get(open..)?.find(']')?,
        None => 0,
    };
    let colon = after + text.get(after..)?.find(':')?;
    let (authority, path) = (text.get(..colon)?, text.get(colon + 1..)?);
    (!authority.contains('/')).then_some((authority, path))
}

fn host_and_port(place: &str) -> Option<(&str, u16)> {
    let (host, port) = match place.strip_prefix('[') {
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
            let (host, port) = place
                .split_once(':')
                .map_or((place, None), |(host, port)| (host, Some(port)));
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if host.is_empty() || host.len() > 253 || host.starts_with(['-', '.']) || !host.chars().all(plain) {
                return None;
            }
            (host, port)
        }
    };
    let port = match port {
        None => 22,
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0 && !digits.starts_with('+'))?,
    };
    Some((host, port))
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    match (short.find("://"), short.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 < at => format!("{}…{}", &short[..scheme + 3], &short[at..]),
        _ => short,
    }
}
