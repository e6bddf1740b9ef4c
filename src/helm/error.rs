use std::path::PathBuf;

/// Why there is no helm program that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is no such program.
    #[error("there is no program {name}; install helm next to the agent, or set releases.program to its path")]
    Absent {
        /// As the settings name the program.
        name: String,
    },
    /// It does not run.
    #[error("{} does not run as helm; set releases.program to the path of helm", .path.display())]
    NotHelm {
        /// The path.
        path: PathBuf,
    },
    /// It is too old, or newer than what the agent knows.
    #[error("{} is helm {version}, and helm 3.14 or newer, or helm 4, is needed; set releases.program to the path of another helm", .path.display())]
    Version {
        /// The path.
        path: PathBuf,
        /// The version.
        version: String,
    },
}
