//! Where helm is, and which version it has.

use super::error::FindError;
use crate::program::{self, Limits, Program, Unfit, ask_version};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(30),
    output: 64 << 10,
    memory: None,
};

/// A helm program.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) version: String,
    /// Helm 4 has other names for some flags.
    pub(super) is_four: bool,
}

/// Looks for a program by its path, or by its name on the agent's `PATH`, and asks it for its version.
pub(super) async fn find(name: &Path) -> Result<Found, FindError> {
    let ask = |path: &Path| {
        Program::new("helm", LIMITS)
            .at(path)
            .env("HOME", std::env::temp_dir())
            .args(["version", "--short"])
    };
    let read = |printed: &str| {
        let is_text = !printed.contains(char::REPLACEMENT_CHARACTER);
        let version = printed.split('+').next().filter(|_| is_text)?;
        numbers(version).map(|numbers| (version.to_owned(), numbers))
    };
    let (path, (version, (major, minor))) =
        ask_version(look_up(name), ask, read)
            .await
            .map_err(|unfit| match unfit {
                Unfit::Missing => FindError::Absent {
                    name: name.display().to_string(),
                },
                Unfit::Run { path, .. } | Unfit::Printed { path, .. } => FindError::NotHelm { path },
            })?;
    if major != 4 && (major != 3 || minor < 14) {
        return Err(FindError::Version { path, version });
    }
    Ok(Found {
        path,
        version,
        is_four: major == 4,
    })
}

fn look_up(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return Some(name.to_owned()).filter(|path| path.is_file());
    }
    program::find(name.to_str()?)
}

/// Major and minor of `v4.3.1`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_helm_prints_it() {
        assert_eq!(numbers("v4.3.1"), Some((4, 3)));
        assert_eq!(numbers("v3.14.0-rc.1"), Some((3, 14)));
        assert_eq!(numbers("4.3.1"), None);
        assert_eq!(numbers("version.BuildInfo{}"), None);
    }

    #[tokio::test]
    async fn what_is_not_helm_is_named() {
        let absent = find(Path::new("/no/such/helm")).await.unwrap_err().to_string();
        assert!(absent.contains("there is no program /no/such/helm"), "{absent}");
        let other = find(Path::new("/bin/true")).await.unwrap_err().to_string();
        assert!(other.contains("/bin/true does not run as helm"), "{other}");
    }
}
