//! Which addresses a request may go to. An image reference comes from the config repo, and must not make the agent talk to the
//! metadata service of a cloud or to the servers of a private network.

use crate::model::Wildcard;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Resolves names. Of a host that the configuration does not name, only public addresses are used.
#[derive(Clone)]
pub(super) struct Guard(Arc<[Wildcard]>);

impl Guard {
    /// A guard for hosts that match these patterns, which are written with their ports.
    pub(super) fn new(hosts: impl Iterator<Item = Wildcard>) -> Self {
        Self(hosts.collect())
    }

    /// Whether the configuration names the host. `*` alone names no host.
    fn names(&self, host: &str) -> bool {
        let without_port = |pattern: &str| match pattern.rsplit_once(':') {
            Some((host, port))
                if !host.is_empty() && port.bytes().all(|byte| byte == b'*' || byte.is_ascii_digit()) =>
            {
                host.to_owned()
            }
            _ => pattern.to_owned(),
        };
        let patterns = self.0.iter().map(|pattern| without_port(pattern.as_str()));
        let mut patterns = patterns.filter(|pattern| pattern.chars().any(|char| !matches!(char, '*' | '.')));
        patterns.any(|pattern| Wildcard::new(&pattern).matches(host))
    }

    /// Refuses an address that is written as a number and is not public. The resolver does not see such an address.
    ///
    /// # Errors
    /// The address, for the message.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !is_public(address) && !self.names(host) => Err(address.to_string()),
            _ => Ok(()),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let is_named = self.names(name.as_str());
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let all: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let usable: Vec<SocketAddr> = all
                .into_iter()
                .filter(|address| is_named || is_public(address.ip()))
                .collect();
            if usable.is_empty() {
                return Err(format!(
                    "{host} has an address in a private network only, and the configuration does not name the host; name it \
                     under registries"
                )
                .into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Whether two addresses are on one host, or on hosts below one registered name: `registry-1.docker.io` and `cdn.docker.io`.
pub(super) fn is_same_domain(one: &Url, other: &Url) -> bool {
    let (Some(one), Some(other)) = (one.host_str(), other.host_str()) else {
        return false;
    };
    let domain = |host: &str| {
        let labels: Vec<&str> = host.rsplit('.').collect();
        // `co.uk` and `com.cn` are no names that somebody registers.
        let short = labels.get(1).is_some_and(|label| label.len() <= 3);
        let count = if short { 3 } else { 2 };
        let is_name = labels.len() >= count && labels[0].starts_with(|char: char| char.is_ascii_alphabetic());
        is_name.then(|| {
            labels
                .iter()
                .take(count)
                .map(|label| label.to_ascii_lowercase())
                .collect::<Vec<_>>()
        })
    };
    one == other || domain(one).is_some_and(|name| domain(other) == Some(name))
}

/// Whether an address is one of the internet, by the IANA registries of special addresses (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_benchmark = a == 198 && (18..20).contains(&b);
    let is_protocol = (a, b, c) == (192, 0, 0);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || is_shared
        || is_benchmark
        || is_protocol
        || a == 0
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    // NAT64 (RFC 6052) carries an IPv4 address in the last 32 bits.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [.., high, low] = segments;
        return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    // Global unicast is 2000::/3; the documentation prefixes and 6to4 and Teredo, which carry IPv4 addresses, are left out.
    let is_global = segments[0] & 0xe000 == 0x2000;
    let is_documentation = segments[0] == 0x2001 && segments[1] == 0x0db8 || segments[0] == 0x3fff;
    let is_tunnel = segments[0] == 0x2002 || segments[0] == 0x2001 && segments[1] == 0;
    is_global && !is_documentation && !is_tunnel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for (address, expected) in [
            ("140.82.112.33", true),
            ("2606:50c0:8000::153", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.20.0.1", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("169.254.170.2", false),
            ("100.100.100.200", false),
            ("192.0.0.192", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:140.82.112.33", true),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::8c52:7021", true),
            ("2002:a9fe:a9fe::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_private_address_needs_a_name_in_the_configuration() {
        let guard = Guard::new(["registry.acme.example:5000", "*"].into_iter().map(Wildcard::new));
        let url = |host: &str| Url::parse(&format!("http://{host}/v2/")).unwrap();
        assert!(guard.check(&url("127.0.0.1:5000")).is_err());
        assert!(guard.names("registry.acme.example") && !guard.names("acme.example"));
        let guard = Guard::new(["127.0.0.1:*", "registry.*"].into_iter().map(Wildcard::new));
        assert!(guard.check(&url("127.0.0.1:5000")).is_ok());
        assert!(guard.check(&url("[::1]:5000")).is_err());
        assert!(guard.check(&url("169.254.169.254")).is_err());
        assert!(
            guard.check(&url("0x7f.1")).is_ok(),
            "the URL is normalised to the address that is named"
        );
        assert!(guard.names("registry.local") && !guard.names("other.local"));
    }

    #[test]
    fn a_redirect_stays_within_a_registered_name() {
        let url = |host: &str| Url::parse(&format!("https://{host}/")).unwrap();
        for (one, other, expected) in [
            ("registry-1.docker.io", "cdn.docker.io", true),
            ("ghcr.io", "ghcr.io", true),
            ("a.ghcr.io", "b.ghcr.io", true),
            ("a.acme.co.uk", "b.acme.co.uk", true),
            ("a.acme.co.uk", "b.other.co.uk", false),
            ("docker.io", "docker.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.1.0.1", "10.2.0.1", false),
            ("localhost", "other", false),
        ] {
            assert_eq!(is_same_domain(&url(one), &url(other)), expected, "{one} {other}");
        }
    }
}
