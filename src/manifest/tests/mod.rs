//! Tests of the room: golden folders for readings and edits, generated files, the example repository, tables of values,
//! hostile files, the prefilter, and properties.

mod example;
mod generated;
mod golden;
mod helm;
mod hostile;
mod prefilter;
mod properties;
mod texts;
mod values;

use crate::model::RepoPath;
use std::path::Path;

/// The folder that holds the fixtures: the package's own, or that above it when the pure rooms are built alone.
fn checkout() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .ancestors()
        .find(|folder| folder.join("config-repo-example").is_dir())
        .unwrap()
}

fn path(name: &str) -> RepoPath {
    RepoPath::parse(name).unwrap()
}
