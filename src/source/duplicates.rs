//! Objects that a commit declares more than once.

use crate::model::{Finding, ObjectId, Severity};
use crate::resource::{Object, Origin};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Removes the objects that are declared twice, since only their author knows which declaration counts.
pub(super) fn drop_duplicates(objects: &mut Vec<Arc<Object>>) -> (BTreeSet<ObjectId>, Vec<Finding>) {
    let mut declarations: BTreeMap<&ObjectId, Vec<&Origin>> = BTreeMap::new();
    for object in objects.iter() {
        declarations.entry(&object.id).or_default().push(&object.origin);
    }
    declarations.retain(|_, origins| origins.len() > 1);
    let findings: Vec<Finding> = declarations
        .iter()
        .filter_map(|(id, origins)| {
            let (first, others) = origins.split_first()?;
            let others: Vec<String> = others.iter().map(|origin| written(origin)).collect();
            Some(Finding {
                path: first.path().clone(),
                position: first.position(),
                object: Some((*id).clone()),
                severity: Severity::Error,
                message: format!(
                    "also declared in {}, so neither declaration is applied; remove one of them",
                    others.join(", ")
                ),
            })
        })
        .collect();
    let duplicates: BTreeSet<ObjectId> = declarations.into_keys().cloned().collect();
    if !duplicates.is_empty() {
        objects.retain(|object| !duplicates.contains(&object.id));
    }
    (duplicates, findings)
}

fn written(origin: &Origin) -> String {
    match origin {
        Origin::File { path, position } => format!("{path}:{}", position.line),
        Origin::Rendered { .. } | Origin::Release { .. } => origin.path().to_string(),
    }
}
