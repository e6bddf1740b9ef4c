use std::net::SocketAddr;
use std::path::PathBuf;

/// The agent's own port.
#[derive(Debug)]
pub struct Settings {
    /// The address that the agent listens on.
    pub listen: SocketAddr,
    /// A second address, for the probes alone; `None`: the probes are answered only on the first one.
    pub probes: Option<SocketAddr>,
    /// The file with the bearer token of `/v1`; `None`: these calls are refused.
    pub token_file: Option<PathBuf>,
    /// The Secret that `token_file` is mounted from. The agent makes it if it does not exist.
    pub token_secret: Option<String>,
    /// The file with the secret that forges sign push events with; `None`: push events are refused.
    pub webhook_secret_file: Option<PathBuf>,
}
