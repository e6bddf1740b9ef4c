use super::git::BranchName;
use std::fmt;

/// A repository on a server, however its address is written: over SSH or HTTP, in scp's form, with or without a user, the
/// default port, `.git` or a slash at the end. Letters of both cases are the same: forges find a repository by either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    protocol: &'static str,
    host: String,
    /// The port, if it is not the protocol's own.
    port: Option<u16>,
    path: String,
}

/// The branch of the config repo that the agent follows and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigBranch {
    /// The repository; `None` if its address is not one of a server.
    pub remote: Option<Remote>,
    /// The branch.
    pub branch: BranchName,
}

/// The protocols with their default ports.
const PROTOCOLS: [(&str, &str, u16); 7] = [
    ("ssh", "ssh", 22),
    ("git+ssh", "ssh", 22),
    ("ssh+git", "ssh", 22),
    ("https", "https", 443),
    ("git+https", "https", 443),
    ("http", "http", 80),
    ("git", "git", 9418),
];

/// Hosts of SSH that forges have beside their web hosts.
const SSH_HOSTS: [(&str, &str); 4] = [
    ("ssh.github.com", "github.com"),
    ("altssh.gitlab.com", "gitlab.com"),
    ("altssh.bitbucket.org", "bitbucket.org"),
    ("ssh.dev.azure.com", "dev.azure.com"),
];

impl Remote {
    /// Reads an address; `None` if it is not one of a repository on a server.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (protocol, default, authority, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                let (_, protocol, default) = PROTOCOLS.iter().find(|(name, ..)| *name == scheme)?;
                let (authority, path) = rest.split_once('/')?;
                (*protocol, *default, authority, path)
            }
            None => {
                let after = text.find(']').unwrap_or_default();
                let colon = after + text.get(after..)?.find(':')?;
                let (authority, path) = (text.get(..colon)?, text.get(colon + 1..)?);
                (!authority.contains('/')).then_some(("ssh", 22, authority, path))?
            }
        };
        let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
        let (host, port) = match server.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
            None => (server, None),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let alias = SSH_HOSTS.iter().find(|(ssh, _)| *ssh == host);
        let path = path_of(path);
        (!host.is_empty() && !path.is_empty()).then(|| Self {
            protocol,
            port: port.filter(|port| alias.is_none() && *port != default),
            path: match alias.is_some_and(|(_, web)| *web == "dev.azure.com") {
                true => path.trim_start_matches("v3/").to_owned(),
                false => path,
            },
            host: alias.map_or(host, |(_, web)| (*web).to_owned()),
        })
    }
}

impl Remote {
    /// Whether both are one repository. Two addresses with different protocols are compared without their ports: a server has a
    /// port for each protocol.
    pub fn is_same(&self, other: &Self) -> bool {
        let ports = self.protocol != other.protocol || self.port == other.port;
        ports && (&self.host, &self.path) == (&other.host, &other.path)
    }
}

/// A path without what may be written around and within it: slashes, escapes, `.git`, and the `_git` of Azure DevOps.
fn path_of(written: &str) -> String {
    let decoded = decoded(written);
    let parts: Vec<&str> = decoded
        .split('/')
        .filter(|part| !matches!(*part, "" | "." | "_git"))
        .collect();
    let path = parts.join("/").to_lowercase();
    path.strip_suffix(".git").unwrap_or(&path).to_owned()
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

/// A text with `%20` and the like decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = tail.get(if byte.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_however_its_address_is_written() {
        #[rustfmt::skip]
        let rows = [
            ("ssh://git@github.com/acme/fleet.git",      "git@github.com:acme/fleet.git",              true),
            ("ssh://git@github.com/acme/fleet.git",      "https://github.com/acme/fleet",              true),
            ("ssh://git@github.com/acme/fleet.git",      "https://github.com/acme/fleet.git/",         true),
            ("ssh://git@github.com/acme/fleet.git",      "ssh://git@github.com:22/acme/fleet",         true),
            ("ssh://git@github.com/acme/fleet.git",      "ssh://GitHub.com/acme/fleet",                true),
            ("ssh://git@github.com/acme/fleet.git",      "ssh://deploy@github.com/acme/fleet",         true),
            ("ssh://git@github.com/acme/fleet.git",      "https://github.com:443/acme/fleet/",         true),
            ("ssh://git@github.com/acme/fleet.git",      "https://jo:token@github.com/acme/fleet",     true),
            ("ssh://git@github.com/acme/fleet.git",      "github.com:/acme/fleet",                     true),
            ("ssh://git@github.com/acme/fleet.git",      "ssh://git@ssh.github.com:443/acme/fleet.git", true),
            ("ssh://git@github.com/acme/fleet.git",      "git+ssh://git@github.com/Acme/Fleet.git",    true),
            ("ssh://git@github.com/acme/fleet.git",      "ssh://git@github.com./acme//fleet.git",      true),
            ("ssh://git@git.acme.example:2222/fleet",    "https://git.acme.example/fleet",             true),
            ("ssh://git@[::1]:2222/fleet",               "ssh://git@[::1]:2222/fleet.git",             true),
            ("git@[::1]:fleet",                          "ssh://[::1]/fleet",                          true),
            ("https://dev.azure.com/acme/shop/_git/a%20b", "git@ssh.dev.azure.com:v3/acme/shop/a%20b",  true),
            ("ssh://git@github.com/acme/fleet.git",      "https://github.com/acme/fleet2",             false),
            ("ssh://git@github.com/acme/fleet.git",      "https://github.com/acme/fleet.github",       false),
            ("ssh://git@github.com/acme/fleet.git",      "https://github.com/other/fleet",             false),
            ("ssh://git@github.com/acme/fleet.git",      "https://gitlab.com/acme/fleet",              false),
            ("ssh://git@git.acme.example:2222/fleet",    "ssh://git@git.acme.example/fleet",           false),
            ("https://git.acme.example:8443/fleet",      "https://git.acme.example/fleet",             false),
        ];
        for (one, other, same) in rows {
            let (one, other) = (Remote::parse(one).expect(one), Remote::parse(other).expect(other));
            assert_eq!(
                (one.is_same(&other), other.is_same(&one)),
                (same, same),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn what_is_no_repository_on_a_server_is_not_read() {
        for text in [
            "",
            "fleet",
            "/srv/git/fleet",
            "./a:b",
            "file:///srv/fleet",
            "s3://bucket/x",
            "https://host",
            "ssh://host/",
            "https://host:x/y",
        ] {
            assert!(Remote::parse(text).is_none(), "{text}");
        }
    }
}
