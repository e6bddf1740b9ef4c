//! SSH keys, made by OpenSSH.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::program;

/// A key pair in files: the private half in OpenSSH's format without a passphrase.
#[derive(Debug, Clone)]
pub struct SshKey {
    /// The private half.
    pub path: PathBuf,
    /// The public half, one line: `ssh-ed25519 AAAA... comment`.
    pub public: String,
}

impl SshKey {
    /// Makes a key of `kind` (`ed25519`, `ecdsa`, `rsa`, and with a number of bits `ecdsa:521`) at `path` and `path.pub`.
    ///
    /// # Errors
    /// When ssh-keygen fails.
    pub fn generate(path: &Path, kind: &str) -> Result<SshKey> {
        let mut command = Command::new("ssh-keygen");
        let (kind, bits) = kind.split_once(':').unwrap_or((kind, ""));
        command.args(["-q", "-t", kind, "-N", "", "-C", "stack"]);
        if !bits.is_empty() {
            command.args(["-b", bits]);
        }
        command.arg("-f").arg(path);
        program::output(command)?;
        let public = path.with_added_extension("pub");
        let public = fs::read_to_string(&public).with_context(|| format!("cannot read {}", public.display()))?;
        Ok(SshKey {
            path: path.to_owned(),
            public: public.trim_end().to_owned(),
        })
    }
}
