use crate::model::RepoPath;
use std::collections::BTreeSet;

/// Which of a tree's files are manifests by their names: `.yaml`, `.yml` and `.json`, but none in or below the folder of
/// a Helm chart (one with a `Chart.yaml`), whose templates are not objects.
pub fn manifest_files<'a>(files: impl IntoIterator<Item = &'a RepoPath>) -> Vec<&'a RepoPath> {
    let files: Vec<&RepoPath> = files.into_iter().collect();
    let charts: BTreeSet<RepoPath> = files
        .iter()
        .filter(|path| path.file_name() == "Chart.yaml")
        .map(|path| path.parent())
        .collect();
    files
        .into_iter()
        .filter(|path| has_manifest_name(path) && !is_below_any(path, &charts))
        .collect()
}

fn has_manifest_name(path: &RepoPath) -> bool {
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| path.file_name().ends_with(ending))
}

fn is_below_any(path: &RepoPath, folders: &BTreeSet<RepoPath>) -> bool {
    let mut folder = path.parent();
    loop {
        if folders.contains(&folder) {
            return true;
        }
        if folder == RepoPath::default() {
            return false;
        }
        folder = folder.parent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_and_other_files_are_passed_over() {
        let files: Vec<RepoPath> = [
            "README.md",
            "charts/app/Chart.yaml",
            "charts/app/templates/deployment.yaml",
            "charts/app/values.yaml",
            "charts/notes.yml",
            "charts/apparel/a.json",
            "root.yaml",
        ]
        .iter()
        .map(|text| RepoPath::parse(text).unwrap())
        .collect();
        let found: Vec<&str> = manifest_files(&files).into_iter().map(RepoPath::as_str).collect();
        assert_eq!(found, ["charts/notes.yml", "charts/apparel/a.json", "root.yaml"]);
    }
}
