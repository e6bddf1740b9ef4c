//! Entries of a tree that are no plain manifests: links, submodules, pointers of LFS, encrypted files, kustomizations.

use std::os::unix::fs::symlink;

use anyhow::Result;

use super::Done;
use crate::chaos::manifests;
use crate::chaos::sops::Keys;
use crate::git::WorkCopy;

/// Adds or replaces an encrypted file; removes those that the agent cannot read, if there are any.
pub(super) fn encrypt(copy: &WorkCopy, keys: &Keys, namespace: &str, a: u64, b: u64) -> Result<Option<Done>> {
    let closed = copy.git(&["ls-files", "*closed*"])?;
    if !closed.is_empty() {
        for path in closed.lines() {
            copy.git(&["rm", "-q", "--force", path])?;
        }
        return Ok(Some(Done::Files("Remove what no key opens".to_owned())));
    }
    let (path, text) = match b % 6 {
        0 => keys.bad(namespace, a, b)?,
        _ => keys.good(namespace, a, b)?,
    };
    let already = copy.git(&["ls-files", &format!("*{}", path.trim_start_matches("config/"))])?;
    let path = already.lines().next().unwrap_or(&path);
    copy.write(path, &text)?;
    Ok(Some(Done::Files(format!("Encrypt {path}"))))
}

/// Adds an entry below `odd`, or removes all of them.
pub(super) fn add_or_remove(copy: &WorkCopy, namespace: &str, a: u64, b: u64) -> Result<Option<Done>> {
    if !copy.git(&["ls-files", "odd"])?.is_empty() {
        copy.git(&["rm", "-r", "-q", "--force", "odd"])?;
        return Ok(Some(Done::Files("Remove odd entries".to_owned())));
    }
    let what = match b % 6 {
        0 => {
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
            copy.write("odd/big.yaml", pointer)?;
            "a pointer of LFS"
        }
        1 => {
            copy.write("odd/README.md", "Links.\n")?;
            let target = if a.is_multiple_of(2) {
                "../config"
            } else {
                "/etc/passwd"
            };
            symlink(target, copy.path().join("odd/link.yaml"))?;
            "a link"
        }
        2 => {
            let head = copy.head()?;
            copy.git(&[
                "update-index",
                "--add",
                "--cacheinfo",
                &format!("160000,{head},odd/module"),
            ])?;
            copy.git(&["commit", "-q", "-m", "Add a submodule"])?;
            return Ok(Some(Done::Commits("Add a submodule".to_owned())));
        }
        3 => {
            let text = manifests::secret(namespace, "encrypted", b)
                .replace("password: ", "password: ENC[AES256_GCM,data:")
                + "sops:\n  mac: ENC[AES256_GCM,data:abc]\n  version: 3.9.0\n";
            copy.write("odd/secret.enc.yaml", &text)?;
            "an encrypted file"
        }
        4 => {
            copy.write("odd/base/kustomization.yaml", "resources: [map.yaml]\n")?;
            copy.write("odd/base/map.yaml", &manifests::map(namespace, "kustomized", b))?;
            if a.is_multiple_of(2) {
                let overlay = format!("resources:\n- ../base\nnamePrefix: over-{}-\n", a % 6);
                copy.write("odd/over/kustomization.yaml", &overlay)?;
            }
            if a.is_multiple_of(5) {
                copy.write("odd/base/kustomization.yaml", "resources: [map.yaml, gone.yaml]\n")?;
            }
            "a kustomization"
        }
        _ => {
            copy.write("odd/Chart.yaml", "apiVersion: v2\nname: odd\nversion: 1.0.0\n")?;
            copy.write(
                "odd/templates/map.yaml",
                "kind: ConfigMap\nmetadata: {name: {{ .Values.name }}}\n",
            )?;
            "a chart"
        }
    };
    Ok(Some(Done::Files(format!("Add {what}"))))
}
