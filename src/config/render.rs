use super::text::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// How folders become objects that are no plain manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenderSettings {
    /// The kustomize program; `None`: the one on the `PATH`.
    pub kustomize: Option<PathBuf>,
}

/// How the agent makes objects of folders that are no plain manifests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Render {
    /// Path of the kustomize program, version 5 or newer. Default: the `kustomize` on the `PATH` of the agent.
    kustomize: Option<Text<PathBuf>>,
}

impl Render {
    pub(super) fn settings(self) -> RenderSettings {
        RenderSettings {
            kustomize: self.kustomize.map(|path| path.value),
        }
    }
}
