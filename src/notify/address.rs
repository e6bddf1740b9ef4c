use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};

/// Resolves names. An address of the link itself, where clouds have their metadata services, is used only when the configuration
/// writes it as a number.
pub(super) struct NoLinkLocal;

impl Resolve for NoLinkLocal {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let all = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = all.filter(|address| !is_link_local(address.ip())).collect();
            if usable.is_empty() {
                return Err("the name stands for an address of the link alone".into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Whether a host name stands for addresses of the link alone. A host that is written as an address is what the configuration asks for.
pub(super) async fn leads_to_the_link(host: &str) -> bool {
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return false;
    }
    match tokio::net::lookup_host((host, 0)).await {
        Ok(mut all) => all.all(|address| is_link_local(address.ip())),
        // Who connects says that the name is unknown.
        Err(_) => false,
    }
}

/// Reads the address of a receiver.
pub(super) fn receiver(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (["http", "https"].contains(&url.scheme()) && url.has_host()).then_some(url)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => inner.is_link_local(),
            // fe80::/10; and fd00:ec2::254, where EC2 has its metadata.
            None => address.segments()[0] & 0xffc0 == 0xfe80 || address.segments()[..2] == [0xfd00, 0x0ec2],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_services_are_link_local_and_a_cluster_s_services_are_not() {
        for (address, expected) in [
            ("169.254.169.254", true),
            ("169.254.170.23", true),
            ("::ffff:169.254.169.254", true),
            ("fe80::1", true),
            ("fd00:ec2::254", true),
            ("10.96.0.10", false),
            ("127.0.0.1", false),
            ("fd12::1", false),
            ("140.82.112.3", false),
        ] {
            assert_eq!(is_link_local(address.parse().unwrap()), expected, "{address}");
        }
    }
}
