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

fn path(name: &str) -> RepoPath {
    RepoPath::parse(name).unwrap()
}
