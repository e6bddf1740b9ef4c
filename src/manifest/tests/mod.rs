//! Golden folders for what is understood and edited, tables for values, hostile files, and properties.

mod golden;
mod hostile;
mod properties;
mod values;

use crate::model::RepoPath;

fn path(name: &str) -> RepoPath {
    RepoPath::parse(name).unwrap()
}
