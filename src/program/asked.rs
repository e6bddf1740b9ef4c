use super::{Error, Program};
use std::path::{Path, PathBuf};

/// Why a program is not used.
pub(crate) enum Unfit {
    /// There is no such program.
    Missing,
    /// The program did not run.
    Run { path: PathBuf, source: Error },
    /// What the program printed is no version that can be used.
    Printed { path: PathBuf, printed: String },
}

/// Asks the program at a path for its version: the path, and what `read` finds in what `ask` has the program print. `path`: `None` if
/// nobody found the program.
pub(crate) async fn ask_version<V>(
    path: Option<PathBuf>,
    ask: impl FnOnce(&Path) -> Program,
    read: impl FnOnce(&str) -> Option<V>,
) -> Result<(PathBuf, V), Unfit> {
    let path = path.ok_or(Unfit::Missing)?;
    let output = match ask(&path).run().await {
        Ok(output) => output,
        Err(source) => return Err(Unfit::Run { path, source }),
    };
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match read(&printed) {
        Some(version) => Ok((path, version)),
        None => Err(Unfit::Printed { path, printed }),
    }
}
