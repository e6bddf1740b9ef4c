//! Argo CD's Applications: they are applied as objects, and Argo CD carries them out.

use super::reading::FileReading;
use crate::model::{Finding, Severity};
use crate::resource::Object;

const GROUP: &str = "argoproj.io";
const KINDS: [&str; 2] = ["Application", "ApplicationSet"];

fn is_application(object: &Object) -> bool {
    object.id.group == GROUP && KINDS.contains(&&*object.id.kind)
}

/// Whether a file declares an Application. The notice then changes with the file.
pub(super) fn is_in(reading: &FileReading) -> bool {
    reading
        .documents
        .iter()
        .any(|document| is_application(&document.object))
}

/// One notice for all Applications of a commit.
pub(super) fn notice<'o>(objects: impl Iterator<Item = &'o Object>) -> Option<Finding> {
    let mut applications = objects.filter(|object| is_application(object));
    let first = applications.next()?;
    let others = match applications.count() {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    Some(Finding {
        path: first.origin.path().clone(),
        position: None,
        object: Some(first.id.clone()),
        severity: Severity::Notice,
        message: format!(
            "is one of Argo CD{others}: it is applied as an object, and only a running Argo CD carries it out; to have Tidegate apply what \
             it names, add the folder to repo.paths and remove the {}",
            first.id.kind
        ),
    })
}
