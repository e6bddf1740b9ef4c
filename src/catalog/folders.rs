use crate::model::{Finding, RepoPath, Severity};
use crate::port::TreeFile;
use std::collections::BTreeSet;

/// The folders whose files are not manifests.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    charts: BTreeSet<RepoPath>,
    overlays: BTreeSet<RepoPath>,
}

impl Folders {
    pub(super) fn of<'a>(paths: impl Iterator<Item = &'a RepoPath> + Clone) -> Self {
        let holding = |names: &[&str]| -> BTreeSet<RepoPath> {
            let holders = paths.clone().filter(|path| names.contains(&path.file_name()));
            holders.map(RepoPath::parent).collect()
        };
        Self {
            charts: holding(&[CHART]),
            overlays: holding(&KUSTOMIZATIONS),
        }
    }

    /// Whether a file's coming or going changes what its folder is.
    pub(super) fn is_told_by(path: &RepoPath) -> bool {
        path.file_name() == CHART || KUSTOMIZATIONS.contains(&path.file_name())
    }

    /// Whether it lies in none of the folders.
    pub(super) fn are_beside(&self, path: &RepoPath) -> bool {
        !below(path, &self.charts) && !below(path, &self.overlays)
    }

    pub(super) fn has_manifest(&self, path: &RepoPath) -> bool {
        is_manifest_name(path.file_name()) && self.are_beside(path)
    }
}

fn below(path: &RepoPath, folders: &BTreeSet<RepoPath>) -> bool {
    folders.iter().any(|folder| path.is_within(folder))
}

/// The files that may be manifests, and what was passed over: folders of Helm charts, kustomize overlays.
///
/// `path` gives a file's path below the folder that is read.
pub fn manifests<T: Clone>(files: &[T], path: impl Fn(&T) -> &RepoPath + Copy) -> (Vec<T>, Vec<Finding>) {
    let folders = Folders::of(files.iter().map(path));
    let (charts, overlays) = (&folders.charts, &folders.overlays);
    let finding = |path: &RepoPath, severity, message: &str| Finding {
        path: path.clone(),
        position: None,
        object: None,
        severity,
        message: message.to_owned(),
    };
    let mut findings: Vec<Finding> = charts
        .iter()
        .map(|folder| {
            finding(
                folder,
                Severity::Notice,
                "a Helm chart; its files are not read as manifests",
            )
        })
        .collect();
    findings.extend(overlays.iter().filter(|folder| !charts.iter().any(|chart| folder.is_within(chart))).map(|folder| {
        finding(
            folder,
            Severity::Error,
            "has a kustomization file; overlays are not rendered: commit the rendered manifests, or leave the folder out of repo.paths",
        )
    }));
    let kept = files
        .iter()
        .filter(|file| folders.has_manifest(path(file)))
        .cloned()
        .collect();
    (kept, findings)
}

/// The files that are looked at for image fields only: what lies in folders with a kustomization, and the values of charts.
///
/// `path` gives a file's path below the folder that is read.
pub fn images_only<T: Clone>(files: &[T], path: impl Fn(&T) -> &RepoPath + Copy) -> Vec<T> {
    let Folders { charts, overlays } = Folders::of(files.iter().map(path));
    let wanted = |path: &RepoPath| {
        let name = path.file_name();
        match below(path, &charts) {
            true => is_manifest_name(name) && name.starts_with("values"),
            false => (is_manifest_name(name) || KUSTOMIZATIONS.contains(&name)) && below(path, &overlays),
        }
    };
    files.iter().filter(|file| wanted(path(file))).cloned().collect()
}

/// The name that makes a folder a Helm chart.
const CHART: &str = "Chart.yaml";
/// The names that kustomize looks for in a folder.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Configured paths below which there is no file: a typing error or a moved folder, never "delete everything".
pub(super) fn vanished(paths: &[RepoPath], files: &[TreeFile]) -> Vec<Finding> {
    let root = RepoPath::default();
    let wanted = if paths.is_empty() {
        std::slice::from_ref(&root)
    } else {
        paths
    };
    wanted
        .iter()
        .filter(|folder| !files.iter().any(|file| file.path.is_within(folder)))
        .map(|folder| Finding {
            path: folder.clone(),
            position: None,
            object: None,
            severity: Severity::Error,
            message: "no file lies here; nothing is pruned until repo.paths and the repository agree".into(),
        })
        .collect()
}

fn is_manifest_name(name: &str) -> bool {
    !name.starts_with('.') && [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BlobId;

    fn files(paths: &[&str]) -> Vec<TreeFile> {
        let file = |path: &&str| TreeFile {
            path: RepoPath::parse(path).unwrap(),
            blob: BlobId::from_bytes([0; 20]),
        };
        paths.iter().map(file).collect()
    }

    #[test]
    fn chart_folders_are_passed_over_with_one_notice() {
        let (kept, findings) = manifests(
            &files(&[
                "charts/web/Chart.yaml",
                "charts/web/templates/deployment.yaml",
                "charts/web/values.yaml",
                "workloads/web.yaml",
                "workloads/notes.txt",
                "workloads/.hidden.yaml",
            ]),
            |file| &file.path,
        );
        assert_eq!(
            kept.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["workloads/web.yaml"]
        );
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Notice);
    }

    #[test]
    fn an_overlay_makes_the_reading_incomplete() {
        let (kept, findings) = manifests(
            &files(&["prod/kustomization.yaml", "prod/patch.yaml", "base/web.yaml"]),
            |file| &file.path,
        );
        assert_eq!(kept.len(), 1);
        assert_eq!(findings[0].severity, Severity::Error);
    }

    #[test]
    fn a_path_without_files_is_an_error() {
        let path = |text| RepoPath::parse(text).unwrap();
        assert!(vanished(&[], &files(&["a.yaml"])).is_empty());
        assert_eq!(vanished(&[], &files(&[])).len(), 1);
        assert_eq!(
            vanished(&[path("apps"), path("gone")], &files(&["apps/a.yaml"])).len(),
            1
        );
    }
}
