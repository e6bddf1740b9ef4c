//! What an encrypted file says: the real SOPS program decrypts it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::tools::Tools;

/// The plain text, or why the program does not decrypt it.
pub(super) fn decrypted(bytes: &[u8], key: &Path) -> Result<std::result::Result<Vec<u8>, String>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("secret.yaml");
    fs::write(&file, bytes)?;
    let output = Command::new(Tools::get("sops")?)
        .arg("decrypt")
        .arg(&file)
        .env("SOPS_AGE_KEY_FILE", key)
        .stdin(Stdio::null())
        .output()?;
    Ok(match output.status.success() {
        true => Ok(output.stdout),
        false => Err("sops does not decrypt it".to_owned()),
    })
}
