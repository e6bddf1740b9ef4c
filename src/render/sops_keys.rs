use super::memory_folder::{MemoryFolder, memory_folder};
use crate::port::SecretEntries;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::path::Path;

/// The endings of a Secret's entries that hold keys, as Flux v2 has them.
const AGE: &str = ".agekey";
const PGP: &str = ".asc";
/// The prefix of an age identity. Other lines of an entry are comments.
const IDENTITY: &str = "AGE-";
/// How many recipients a message names.
const SHOWN: usize = 4;

/// The keys of a Secret.
#[derive(Default)]
pub(super) struct Keys {
    age: String,
    pgp: Vec<u8>,
}

impl Keys {
    /// The keys in the entries that end in `.agekey` or `.asc`.
    pub(super) fn of(entries: &SecretEntries) -> Self {
        let mut keys = Self::default();
        for (name, bytes) in entries {
            let Ok(text) = std::str::from_utf8(bytes.expose()) else {
                continue;
            };
            if name.ends_with(AGE) {
                for identity in text.lines().map(str::trim).filter(|line| line.starts_with(IDENTITY)) {
                    keys.age += identity;
                    keys.age.push('\n');
                }
            } else if name.ends_with(PGP) {
                keys.pgp.extend(unarmored(text));
            }
        }
        keys
    }

    pub(super) fn is_empty(&self) -> bool {
        self.age.is_empty() && self.pgp.is_empty()
    }

    /// The age identities, one a line.
    pub(super) fn age(&self) -> Option<&str> {
        (!self.age.is_empty()).then_some(&*self.age)
    }

    /// A folder in memory with the PGP keys, where sops looks for them.
    ///
    /// # Errors
    /// Why there is no such folder.
    pub(super) fn pgp_home(&self, memory: &Path) -> Result<Option<MemoryFolder>, String> {
        if self.pgp.is_empty() {
            return Ok(None);
        }
        let home = memory_folder(memory)?;
        let written = fs::write(home.path().join("secring.gpg"), &self.pgp);
        written.map_err(|error| format!("the PGP keys cannot be written to memory: {error}"))?;
        Ok(Some(home))
    }
}

/// The bytes of the keys in an armored text (RFC 9580, 6.2).
fn unarmored(text: &str) -> Vec<u8> {
    let mut keys = Vec::new();
    for block in text.split("-----BEGIN PGP PRIVATE KEY BLOCK-----").skip(1) {
        let block = block.split("-----END").next().unwrap_or_default();
        let lines = block.lines().map(str::trim);
        let body: String = lines
            .filter(|line| !line.contains(": ") && !line.starts_with('='))
            .collect();
        keys.extend(STANDARD.decode(body).unwrap_or_default());
    }
    keys
}

/// For whom the file is encrypted, as its unencrypted part says, and whether AWS KMS is among them.
pub(super) fn recipients(bytes: &[u8]) -> (Vec<String>, bool) {
    let text = String::from_utf8_lossy(bytes);
    let is_part = |c: char| c.is_ascii_alphanumeric() || ":/_-".contains(c);
    let words = text.split(|c: char| !is_part(c));
    let is_age = |word: &str| word.starts_with("age1") && word.len() > 50;
    let is_fingerprint = |word: &str| {
        word.len() == 40
            && word
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
    };
    let is_kms = |word: &str| word.starts_with("arn:aws") && word.contains(":kms:");
    let mut all: Vec<String> = Vec::new();
    for word in words.filter(|word| is_age(word) || is_fingerprint(word) || is_kms(word)) {
        if !all.iter().any(|known| known == word) {
            all.push(word.to_owned());
        }
    }
    let uses_kms = all.iter().any(|word| is_kms(word));
    all.truncate(SHOWN);
    (all, uses_kms)
}

/// Whether a file of any format is encrypted with SOPS.
pub(super) fn is_encrypted(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let has_block = || {
        let mut lines = text.lines();
        lines.any(|line| line.starts_with("sops:") || line.starts_with("sops_mac=") || line.trim() == "[sops]")
            || text.contains("\"sops\":")
    };
    text.contains("ENC[AES256_GCM,") && has_block()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretBytes;

    #[test]
    fn identities_are_taken_from_entries_by_their_endings() {
        let entries = [
            ("a.agekey", "# created: today\n# public key: age1x\nAGE-SECRET-KEY-1A\n"),
            ("b.agekey", "AGE-SECRET-KEY-1B"),
            ("other", "AGE-SECRET-KEY-1C"),
        ];
        let entries = entries.map(|(name, text)| (name.to_owned(), SecretBytes::new(text)));
        let keys = Keys::of(&entries.into_iter().collect());
        assert_eq!(keys.age(), Some("AGE-SECRET-KEY-1A\nAGE-SECRET-KEY-1B\n"));
        assert!(Keys::of(&SecretEntries::new()).is_empty());
    }

    #[test]
    fn an_armored_key_is_its_bytes() {
        let text = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nComment: of ours\n\nAQID\nBAU=\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n";
        assert_eq!(unarmored(text), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn encrypted_files_of_every_format_are_known_by_their_content() {
        for (text, expected) in [
            ("data: ENC[AES256_GCM,data:x]\nsops:\n  mac: y\n", true),
            ("{\"data\": \"ENC[AES256_GCM,data:x]\", \"sops\": {}}", true),
            ("A=ENC[AES256_GCM,data:x]\nsops_mac=y\n", true),
            ("[a]\nb = ENC[AES256_GCM,data:x]\n[sops]\n", true),
            ("sops: {mac: x}\n", false),
            ("data: ENC[AES256_GCM,data:x]\n", false),
        ] {
            assert_eq!(is_encrypted(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn recipients_are_named() {
        let age = format!("age1{}", "q".repeat(58));
        let text = format!(
            "sops:\n  kms:\n  - arn: arn:aws-cn:kms:cn-north-1:111122223333:key/1\n  age:\n  - recipient: {age}\n"
        );
        let (all, uses_kms) = recipients(text.as_bytes());
        assert_eq!(all, ["arn:aws-cn:kms:cn-north-1:111122223333:key/1", &*age]);
        assert!(uses_kms);
    }
}
