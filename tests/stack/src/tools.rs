//! Where the programs are that the stack runs.
//!
//! The script `tools/build.sh` of this crate finds the programs: it looks in `TIDEGATE_TOOLS`, `KUBEBUILDER_ASSETS`, `PATH` and the user's
//! cache folder, and builds what is in none of them, so that a plain `cargo test` works without `make tools` before it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/build.sh");

static FOUND: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// The programs by name: `etcd`, `kube-apiserver`, `kubectl`, `kube-controller-manager`, `kube-scheduler`, `kwok`, `helm`,
/// `kustomize`, `sops`, `age-keygen`, `gitea`, `registry`.
#[derive(Debug, Clone, Copy)]
pub struct Tools;

impl Tools {
    /// The path of one program; builds it first when it is nowhere, which takes minutes and says so on standard error.
    ///
    /// # Errors
    /// When the script fails: a missing prerequisite, a failed build, an unknown name.
    pub fn get(program: &str) -> Result<PathBuf> {
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = found.get(program) {
            return Ok(path.clone());
        }
        let output = Command::new("bash")
            .args([SCRIPT, program])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {SCRIPT}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some((_, path)) = text.trim_end().split_once('\t').filter(|_| output.status.success()) else {
            bail!("{SCRIPT} could not provide {program}: see the messages above, and run `make tools`");
        };
        let path = PathBuf::from(path);
        found.insert(program.to_owned(), path.clone());
        Ok(path)
    }

    /// OpenSSH's server. It wants to be started by its absolute path.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn sshd() -> Result<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
            .map(|dir| dir.join("sshd"))
            .find(|candidate| candidate.is_file())
            .context("sshd is not installed: apt-get install openssh-server, or run `make tools`")
    }
}
