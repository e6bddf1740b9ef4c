//! Generated files, golden folders for what is understood and edited, the example repository, tables for values, hostile files, and properties.

mod example;
mod generated;
mod golden;
mod hostile;
mod prefilter;
mod properties;
mod values;

use crate::model::RepoPath;

fn path(name: &str) -> RepoPath {
    RepoPath::parse(name).unwrap()
}
