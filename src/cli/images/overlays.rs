use super::files::File;
use super::finding::Finding;
use super::row::Row;
use crate::model::Severity;
use crate::plan::{self, AutomatedField, OverlayIndex};
use crate::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};

/// Marks the rows of kustomization overlays as automated where a workload of their base asks for it.
pub(super) fn apply(folder: &[File], rows: &mut [Row], findings: &mut Vec<Finding>) {
    let documents = folder.iter().flat_map(|file| {
        file.reading
            .documents
            .iter()
            .map(move |document| (&file.path, document))
    });
    let automated: Vec<AutomatedField> = documents
        .flat_map(|(path, document)| plan::automated(path, document))
        .collect();
    let reported: BTreeSet<String> = automated
        .iter()
        .filter_map(|field| field.policy.clone().err())
        .collect();
    let names: BTreeMap<_, _> = folder.iter().map(|file| (&file.path, &file.name)).collect();
    let mut rows: BTreeMap<_, _> = rows
        .iter_mut()
        .map(|row| ((row.path.clone(), row.position, row.field.clone()), row))
        .collect();
    let index = OverlayIndex::of(folder.iter().map(|file| (&file.path, &file.reading)));
    for field in plan::overlay_fields(&index).automated {
        let Some(file) = names.get(&field.path) else {
            continue;
        };
        let row = rows.get_mut(&((*file).clone(), field.position, field.field.field.clone()));
        if let Some(row) = row.filter(|row| !row.automated) {
            row.automated = true;
            row.locked = field.lock.is_some();
            let policy = field.policy.as_ref().ok();
            let policy = policy.filter(|policy| **policy != Policy::default());
            row.policy = policy.map(ToString::to_string);
        }
        if let Some(reason) = field.policy.err().filter(|reason| !reported.contains(reason)) {
            findings.push(Finding {
                path: (*file).clone(),
                position: Some(field.position),
                object: Some(field.field.object.clone()),
                severity: Severity::Warning,
                message: format!("{}: {reason}", field.field.field),
            });
        }
    }
}
