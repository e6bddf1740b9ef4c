//! The `spec` of a HelmRelease as it is written.

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Written {
    pub(super) helm_version: Option<String>,
    pub(super) release_name: Option<String>,
    pub(super) target_namespace: Option<String>,
    pub(super) chart: WrittenChart,
    pub(super) max_history: Option<u32>,
    pub(super) timeout: Option<u64>,
    pub(super) wait: Option<bool>,
    pub(super) atomic: bool,
    pub(super) reset_values: Option<bool>,
    pub(super) reuse_values: Option<bool>,
    pub(super) force_upgrade: bool,
    #[serde(rename = "skipCRDs")]
    pub(super) skip_crds: bool,
    #[serde(rename = "disableOpenAPIValidation")]
    pub(super) disable_open_api_validation: bool,
    pub(super) rollback: WrittenRollback,
    pub(super) test: WrittenTest,
    pub(super) values: Map<String, Value>,
    pub(super) values_from: Vec<WrittenSource>,
    pub(super) value_file_secrets: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WrittenChart {
    pub(super) git: Option<String>,
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    pub(super) path: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) chart_pull_secret: Option<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WrittenRollback {
    pub(super) enable: bool,
    pub(super) retry: bool,
    pub(super) max_retries: Option<u32>,
    pub(super) force: bool,
    pub(super) recreate: bool,
    pub(super) disable_hooks: bool,
    pub(super) timeout: Option<u64>,
    pub(super) wait: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WrittenTest {
    pub(super) enable: bool,
    pub(super) ignore_failures: bool,
    pub(super) timeout: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WrittenSource {
    pub(super) config_map_key_ref: Option<Reference>,
    pub(super) secret_key_ref: Option<Reference>,
    pub(super) external_source_ref: Option<Value>,
    pub(super) chart_file_ref: Option<FileReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) key: Option<String>,
    pub(super) optional: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FileReference {
    pub(super) path: String,
    pub(super) optional: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: String,
}

impl Written {
    /// Reads the `spec`. A key without a value counts as absent, except among the values.
    pub(super) fn read(spec: &Value) -> Result<Self, serde_json::Error> {
        let mut spec = spec.clone();
        if let Some(map) = spec.as_object_mut() {
            map.retain(|_, value| !value.is_null());
            for section in ["chart", "rollback", "test"] {
                if let Some(section) = map.get_mut(section).and_then(Value::as_object_mut) {
                    section.retain(|_, value| !value.is_null());
                }
            }
        }
        serde_json::from_value(spec)
    }
}
