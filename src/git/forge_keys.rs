//! Host keys of large forges, so that a repository there needs no known_hosts. A host that the user's own list names is
//! judged by that list alone. The test below computes each key's fingerprint and compares it with the published one.

use super::known_hosts::Line;
use ssh_key::PublicKey;

/// Host, key, and the SHA-256 fingerprint that the forge publishes:
/// - docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
/// - docs.gitlab.com/user/gitlab_com/#ssh-host-keys-fingerprints
/// - support.atlassian.com/bitbucket-cloud/docs/configure-ssh-and-two-step-verification/
const KEYS: [(&str, &str, &str); 6] = [
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
];

/// The lines for a host; none for a host that is no forge of these.
pub(super) fn lines(host: &str) -> impl Iterator<Item = Line> {
    let ours = KEYS.into_iter().filter(move |(name, _, _)| *name == host);
    ours.filter_map(|(host, key, _)| Some(Line::builtin(host, PublicKey::from_openssh(key).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssh_key::HashAlg;

    #[test]
    fn each_built_in_key_has_the_fingerprint_that_its_forge_publishes() {
        for (host, key, published) in KEYS {
            let key = PublicKey::from_openssh(key).unwrap();
            assert_eq!(key.fingerprint(HashAlg::Sha256).to_string(), published, "{host}");
        }
    }
}
