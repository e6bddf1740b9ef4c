use crate::model::Printable;
use crate::program::{self, Program, Unfit, ask_version};
use std::path::{Path, PathBuf};

/// A program that renders, and its version.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The program's name and version.
    pub(super) version: String,
}

/// There is no program that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No file of the name is on the `PATH`.
    #[error("there is no {name} on the PATH")]
    Missing {
        /// The name.
        name: &'static str,
    },
    /// The program did not run.
    #[error("{} does not run", .path.display())]
    Run {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The program is another one, or too old.
    #[error("{} says {version:?}; {needed} or newer is needed", .path.display())]
    Version {
        /// The program.
        path: PathBuf,
        /// What it says.
        version: String,
        /// The name and the oldest version.
        needed: String,
    },
}

/// A program that is asked for its version.
pub(super) struct Asked<A, N> {
    pub(super) name: &'static str,
    /// The oldest version that is used, for the message.
    pub(super) oldest: String,
    /// Makes the program at a path print its version.
    pub(super) ask: A,
    /// The version in what the program prints; `None` if the program is another one, or too old.
    pub(super) number: N,
}

impl<A: FnOnce(&Path) -> Program, N: FnOnce(&str) -> Option<semver::Version>> Asked<A, N> {
    /// The program at a path or, without one, on the `PATH`.
    ///
    /// # Errors
    /// There is no such program, or it cannot be used.
    pub(super) async fn find(self, path: Option<&Path>) -> Result<Found, FindError> {
        let name = self.name;
        let path = path.map(Path::to_owned).or_else(|| program::find(name));
        match ask_version(path, self.ask, self.number).await {
            Ok((path, number)) => Ok(Found {
                path,
                version: format!("{name} {number}"),
            }),
            Err(Unfit::Missing) => Err(FindError::Missing { name }),
            Err(Unfit::Run { path, source }) => Err(FindError::Run {
                path,
                source: Box::new(source),
            }),
            Err(Unfit::Printed { path, printed }) => Err(FindError::Version {
                path,
                version: Printable::new(&printed).at_most(100).to_string(),
                needed: format!("{name} {}", self.oldest),
            }),
        }
    }
}
