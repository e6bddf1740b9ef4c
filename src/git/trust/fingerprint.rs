use ssh_key::HashAlg;
use ssh_key::public::KeyData;

/// A key's type and SHA-256 fingerprint, as people compare them.
pub(crate) fn describe(key: &KeyData) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}
