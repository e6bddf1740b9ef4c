use crate::model::Wildcard;
use std::path::PathBuf;

/// How registries are reached whose hosts match a pattern.
#[derive(Debug, Clone)]
pub struct OciSettings {
    /// The pattern of the hosts, with their ports.
    pub host: Wildcard,
    /// A docker config file (`config.json`, `.dockerconfigjson`) with the logins. The file may change at any time.
    pub docker_config: Option<PathBuf>,
    /// A file in PEM format with the authorities that are trusted besides those of the system.
    pub ca: Option<PathBuf>,
    /// Whether the registry speaks HTTP without TLS.
    pub plain_http: bool,
}
