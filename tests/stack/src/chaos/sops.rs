//! Files that people encrypt with the real SOPS program, and the keys for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;
use tempfile::TempDir;

use super::manifests;
use crate::agent::NAMESPACE;
use crate::tools::Tools;

/// How many encrypted Secrets a world may have.
const FILES: u64 = 3;

/// The key that the agent has, and one that it has not.
#[derive(Debug)]
pub(super) struct Keys {
    folder: TempDir,
    own: String,
    other: String,
}

impl Keys {
    /// Makes new keys.
    pub(super) fn new() -> Result<Self> {
        let folder = TempDir::new()?;
        let own = make_key(&folder.path().join("own.agekey"))?;
        let other = make_key(&folder.path().join("other.agekey"))?;
        Ok(Self { folder, own, other })
    }

    /// The file with the agent's key.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("own.agekey")
    }

    /// Gives the agent its key, in the Secret that its configuration names.
    pub(super) async fn give(&self, client: &kube::Client, world: &str) -> Result<()> {
        let api: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
        let name = secret(world);
        let _ = api.delete(&name, &DeleteParams::default()).await;
        let text = fs::read_to_string(self.file())?;
        let body = json!({"metadata": {"name": name}, "stringData": {"own.agekey": text}});
        api.create(&PostParams::default(), &serde_json::from_value(body)?)
            .await?;
        Ok(())
    }

    /// An encrypted Secret that the agent can read: the path and the text.
    pub(super) fn good(&self, namespace: &str, a: u64, b: u64) -> Result<(String, String)> {
        let name = format!("e{}", a % FILES);
        let text = encrypted(&manifests::secret(namespace, &name, b), &self.own)?;
        Ok((format!("config/{name}.yaml"), text))
    }

    /// A Secret that is encrypted for somebody else, or damaged.
    pub(super) fn bad(&self, namespace: &str, a: u64, b: u64) -> Result<(String, String)> {
        let plain = manifests::secret(namespace, "closed", b);
        let text = match a % 2 {
            0 => encrypted(&plain, &self.other)?,
            _ => encrypted(&plain, &self.own)?.replacen("data:", "data:AAAA", 1),
        };
        Ok((format!("config/closed{}.yaml", a % FILES), text))
    }
}

/// The name of the Secret with the agent's key.
fn secret(world: &str) -> String {
    format!("{world}-keys")
}

/// The agent's configuration, below `render`.
pub(super) fn section(world: &str) -> Result<String> {
    let program = Tools::get("sops")?;
    Ok(format!(
        "sops: {{program: {}, secret: {}}}",
        program.display(),
        secret(world)
    ))
}

/// Makes a key in a file. Returns for whom one encrypts.
fn make_key(file: &Path) -> Result<String> {
    let output = Command::new(Tools::get("age-keygen")?).output()?;
    let identity = String::from_utf8(output.stdout)?;
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: "));
    let recipient = recipient.context("age-keygen printed no key")?.to_owned();
    fs::write(file, identity)?;
    Ok(recipient)
}

fn encrypted(plain: &str, recipient: &str) -> Result<String> {
    let folder = TempDir::new()?;
    let file = folder.path().join("secret.yaml");
    fs::write(&file, plain)?;
    let output = Command::new(Tools::get("sops")?)
        .args([
            "encrypt",
            "--age",
            recipient,
            "--encrypted-regex",
            "^(data|stringData)$",
        ])
        .arg(&file)
        .stdin(Stdio::null())
        .output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "sops encrypt: {error}");
    Ok(String::from_utf8(output.stdout)?)
}
