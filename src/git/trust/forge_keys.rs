//! Host keys of large forges, so that a repository there needs no known_hosts. If the user's own list names a host, that list
//! alone judges the host. The test below computes each key's fingerprint and compares it with the published one.

use super::host_line::HostLine;
use ssh_key::{Fingerprint, PublicKey};

/// Host, key, and the SHA-256 fingerprint that the forge publishes:
/// - docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
/// - docs.gitlab.com/user/gitlab_com/#ssh-host-keys-fingerprints
/// - support.atlassian.com/bitbucket-cloud/docs/configure-ssh-and-two-step-verification/
/// - learn.microsoft.com/azure/devops/repos/git/use-ssh-keys-to-authenticate
const KEYS: [(&str, &str, &str); 7] = [
    (
        "github.com",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    ),
    (
        "github.com",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=",
        "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM",
    ),
    (
        "gitlab.com",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf",
        "SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
    ),
    (
        "gitlab.com",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFSMqzJeV9rUzU4kWitGjeR4PWSa29SPqJ1fVkhtj3Hw9xjLVXVYrU9QlYWrOLXBpQ6KWjbjTDTdDkoohFzgbEY=",
        "SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw",
    ),
    (
        "bitbucket.org",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO",
        "SHA256:ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM",
    ),
    (
        "bitbucket.org",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPIQmuzMBuKdWeF4+a2sjSSpBK0iqitSQ+5BM9KhpexuGt20JpTVM7u5BDZngncgrqDMbWdxMWWOGtZ9UgbqgZE=",
        "SHA256:FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0",
    ),
    (
        "ssh.dev.azure.com",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7Hr1oTWqNqOlzGJOfGJ4NakVyIzf1rXYd4d7wo6jBlkLvCA4odBlL0mDUyZ0/QUfTTqeu+tm22gOsv+VrVTMk6vwRU75gY/y9ut5Mb3bR5BV58dKXyq9A9UeB5Cakehn5Zgm6x1mKoVyf+FFn26iYqXJRgzIZZcZ5V6hrE0Qg39kZm4az48o0AUbf6Sp4SLdvnuMa2sVNwHBboS7EJkm57XQPVU3/QpyNLHbWDdzwtrlS+ez30S3AdYhLKEOxAG8weOnyrtLJAUen9mTkol8oII1edf7mWWbWVf0nBmly21+nZcmCTISQBtdcyPaEno7fFQMDD26/s0lfKob4Kw8H",
        "SHA256:ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og",
    ),
];

/// The RSA keys of CodeCommit's regions, by their fingerprints: AWS does not publish the keys themselves. Source:
/// docs.aws.amazon.com/codecommit/latest/userguide/regions.html#regions-fingerprints. `us-gov-east-1` is missing, since
/// its published fingerprint lacks a character.
const CODECOMMIT: [(&str, &str); 21] = [
    ("us-east-2", "3lBlW2g5xn/NA2Ck6dyeJIrQOWvn7n8UEs56fG6ZIzQ"),
    ("us-east-1", "eLMY1j0DKA4uvDZcl/KgtIayZANwX6t8+8isPtotBoY"),
    ("us-west-2", "0pJx9SQpkbPUAHwy58UVIq0IHcyo1fwCpOOuVgcAWPo"),
    ("eu-west-1", "tKjRkOL8dmJyTmSbeSdN1S8F/f0iql3RlvqgTOP1UyQ"),
    ("ap-northeast-1", "Xk/WeYD/K/bnBybzhiuu4dWpBJtXPf7E30jHU7se4Ow"),
    ("ap-southeast-1", "ZIsVa7OVzxrTIf+Rk4UbhPv6Es22mSB3uTBojfPXIno"),
    ("ap-southeast-2", "nYp+gHas80HY3DqbP4yanCDFhqDVjseefVbHEXqH2Ec"),
    ("eu-central-1", "MwGrkiEki8QkkBtlAgXbYt0hoZYBnZF62VY5RzGJEUY"),
    ("ap-northeast-2", "eegAPQrWY9YsYo9ZHIKOmxetfXBHzAZd8Eya53Qcwko"),
    ("sa-east-1", "kW+VKB0jpRaG/ZbXkgbtMQbKgEDK7JnISV3SVoyCmzU"),
    ("us-west-1", "gzauWTWXDK2u5KuMMi5vbKTmfyerdIwgSbzYBODLpzg"),
    ("eu-west-2", "r0Rwz5k/IHp/QyrRnfiM9j02D5UEqMbtFNTuDG2hNbs"),
    ("ap-south-1", "hUKwnTj7+Xpx4Kddb6p45j4RazIJ4IhAMD8k29itOfE"),
    ("ca-central-1", "Qz5puafQdANVprLlj6r0Qyh4lCNsF6ob61dGcPtFS7w"),
    ("eu-west-3", "uw7c2FL564jVoFgtc+ikzILnKBsZz7t9+CFdSJjKbLI"),
    ("us-gov-west-1", "djXQoSIFcg8vHe0KVH1xW/gOF9X37tWTqu4Hkng75x4"),
    ("eu-north-1", "b6KSK7xKq+V8jl7iuAcjqXsG7zkqoUZZmmhYYFBq1wQ"),
    ("me-south-1", "O+NToCGgjrHekiBuOl0ad7ROGEsz+DBLXOd/c9wc0JU"),
    ("ap-east-1", "LafadYwUYW8hONoTRpojbjNs9IRnbEwHtezD3aAIBX0"),
    ("cn-north-1", "IYUXxH2OpTDsyYMLIp+JY8CTLS4UX+ZC5JVZXPRaxc8"),
    ("cn-northwest-1", "wqjd6eHd0+mOBx+dCNuL0omUoCNjaDtZiEpWj5TmCfQ"),
];

/// The lines for a host; none if the host is no such forge.
pub(crate) fn lines(host: &str) -> impl Iterator<Item = HostLine> {
    let keys = KEYS.into_iter().filter(move |(name, _, _)| *name == host);
    let keys = keys.filter_map(|(host, key, _)| Some(HostLine::builtin(host, PublicKey::from_openssh(key).ok()?)));
    let prints = CODECOMMIT
        .into_iter()
        .filter(move |(region, _)| is_codecommit(host, region));
    keys.chain(prints.filter_map(move |(_, print)| Some(HostLine::builtin_fingerprint(host, fingerprint(print)?))))
}

fn is_codecommit(host: &str, region: &str) -> bool {
    let end = if region.starts_with("cn-") {
        ".amazonaws.com.cn"
    } else {
        ".amazonaws.com"
    };
    let middle = host
        .strip_prefix("git-codecommit.")
        .and_then(|rest| rest.strip_suffix(end));
    middle == Some(region)
}

fn fingerprint(base64: &str) -> Option<Fingerprint> {
    format!("SHA256:{base64}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::trust::known_hosts::{KnownHosts, Verdict};
    use ssh_key::HashAlg;

    #[test]
    fn each_built_in_key_has_the_fingerprint_that_its_forge_publishes() {
        for (host, key, published) in KEYS {
            let key = PublicKey::from_openssh(key).unwrap();
            assert_eq!(key.fingerprint(HashAlg::Sha256).to_string(), published, "{host}");
        }
    }

    /// The key that CodeCommit shows in us-east-1. The key is public, though AWS prints only its fingerprint.
    const SHOWN: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCdut7aOM5Zh16OJ+GOP75O7x5oyHKAiA1ieuySetj/hAq4VrAuZV5R2TypZJcKBaripOtTc/Sr0FOU4YvxUla40PPH8N1lbDp6Pnc4BexKsrt2kz++TqIKx5FHmUQV3mit16kxRwHey3dv030+qXBDo3WPQjm2+JLoq0XcadpnCAMCd3ChaBnDRM+51GZbuEFilpZsxUchUzl0gseC+shYOBd7TqxTlIhj/56d/YF1kq7RMZYrwBnyYdVhpLeUJCeYjyx/O6FPSezNTLiinz5jjioWZATgn+G8feL/hIsk8g+7JoIcb2muUlymdxs+8l2lS+8MXqT0q9ohT+Knhb2j";

    #[test]
    fn codecommit_is_known_by_its_fingerprints_each_region_by_its_own() {
        let key = PublicKey::from_openssh(SHOWN).unwrap();
        let verdict = |host: &str| {
            let known = KnownHosts::default().or_builtin(host, 22);
            known.judge_key(host, 22, key.key_data())
        };
        assert_eq!(verdict("git-codecommit.us-east-1.amazonaws.com"), Verdict::Trusted);
        for (host, published) in [
            (
                "git-codecommit.eu-west-1.amazonaws.com",
                "tKjRkOL8dmJyTmSbeSdN1S8F/f0iql3RlvqgTOP1UyQ",
            ),
            (
                "git-codecommit.cn-north-1.amazonaws.com.cn",
                "IYUXxH2OpTDsyYMLIp+JY8CTLS4UX+ZC5JVZXPRaxc8",
            ),
        ] {
            let known = vec![format!("ssh-rsa SHA256:{published} (built in)")];
            assert_eq!(verdict(host), Verdict::Changed { known });
        }
        for host in [
            "git-codecommit.cn-north-1.amazonaws.com",
            "git-codecommit.us-east-1.amazonaws.com.cn",
            "git-codecommit.us-east-1.amazonaws.com.evil.example",
            "codecommit.us-east-1.amazonaws.com",
        ] {
            assert_eq!(verdict(host), Verdict::Unknown, "{host}");
        }
        assert!(CODECOMMIT.iter().all(|(_, print)| fingerprint(print).is_some()));
    }
}
