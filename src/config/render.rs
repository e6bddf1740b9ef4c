use super::text::{Label, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// How folders and encrypted files become objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderSettings {
    /// The kustomize program; `None`: the one on the `PATH`.
    pub kustomize: Option<PathBuf>,
    /// How encrypted files are decrypted.
    pub sops: SopsSettings,
}

/// How files that are encrypted with SOPS are decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopsSettings {
    /// The sops program; `None`: the one on the `PATH`.
    pub program: Option<PathBuf>,
    /// The Secret in the agent's namespace that holds the keys.
    pub secret: Option<String>,
    /// A folder in memory, for what programs need as a file.
    pub memory: PathBuf,
}

/// How the agent makes objects of folders with a kustomization and of encrypted files.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Render {
    /// Path of the kustomize program, version 5 or newer. Default: the `kustomize` on the `PATH` of the agent.
    kustomize: Option<Text<PathBuf>>,
    sops: Sops,
}

/// Files that are encrypted with SOPS.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Sops {
    /// Path of the sops program, version 3.10 or newer. Default: the `sops` on the `PATH` of the agent.
    program: Option<Text<PathBuf>>,
    /// Secret in the agent's namespace with the keys: entries that end in `.agekey` hold age identities, those that end in `.asc`
    /// hold PGP private keys. AWS KMS needs no entry: the pod's identity is used.
    secret: Option<Text<Label>>,
    /// Folder in memory (tmpfs) for PGP keys and for the encrypted files of kustomizations. The agent refuses a folder on a disk.
    memory: Text<PathBuf>,
}

impl Default for Sops {
    fn default() -> Self {
        Self {
            program: None,
            secret: None,
            memory: Text::known("/dev/shm"),
        }
    }
}

impl Render {
    pub(super) fn settings(self) -> RenderSettings {
        RenderSettings {
            kustomize: self.kustomize.map(|path| path.value),
            sops: SopsSettings {
                program: self.sops.program.map(|path| path.value),
                secret: self.sops.secret.map(|name| name.value.0),
                memory: self.sops.memory.value,
            },
        }
    }
}
