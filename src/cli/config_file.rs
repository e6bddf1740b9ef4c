use super::failure::Failure;
use crate::config::{self, Settings};
use clap::Args;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The option that names the configuration file.
#[derive(Debug, Args)]
pub(super) struct ConfigFile {
    /// Configuration file of the agent
    #[arg(long, env = "TIDEGATE_CONFIG", default_value = DEFAULT, value_name = "FILE")]
    config: PathBuf,
}

/// The file where none is named.
const DEFAULT: &str = "tidegate.yaml";

/// A configuration file is a few kilobytes; known_hosts in it may add some.
const LONGEST: u64 = 1024 * 1024;

impl ConfigFile {
    pub(super) fn read(&self) -> Result<Settings, Failure> {
        read(&self.config, "name the configuration file with --config FILE")
    }

    /// Whether no file is named, and there is none of the default name.
    pub(super) fn is_absent(&self) -> bool {
        self.config == Path::new(DEFAULT) && !self.config.exists()
    }
}

impl fmt::Display for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.display().fmt(f)
    }
}

/// Reads and checks a configuration file. `hint` says how to name another file.
pub(super) fn read(path: &Path, hint: &'static str) -> Result<Settings, Failure> {
    let name = path.display();
    let unreadable = |error: std::io::Error| Failure::usage(format!("{name}: cannot be read: {error}")).hint(hint);
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
    config::read(&name.to_string(), &text).map_err(Failure::usage)
}
