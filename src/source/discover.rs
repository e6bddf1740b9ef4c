use crate::model::{Finding, RepoPath, Severity};
use crate::port::UnitKind;
use std::collections::BTreeSet;

/// The name that makes a folder a Helm chart.
const CHART: &str = "Chart.yaml";
/// The names that kustomize looks for in a folder.
pub(super) const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// The endings of manifest files.
const MANIFESTS: [&str; 3] = [".yaml", ".yml", ".json"];

/// The units of a tree listing.
#[derive(Debug, Clone)]
pub struct Units<T> {
    /// Files whose objects are applied, in the order of the listing. Which of them are encrypted, only their contents say.
    pub manifests: Vec<T>,
    /// Files that are read for their image fields only: those in kustomization folders, and the values of charts.
    pub images_only: Vec<T>,
    folders: Folders,
}

/// Sorts the files of a listing of `paths` (of one folder, if empty) into units. `path` gives a file's path. Nothing in a hidden
/// folder below these paths is a unit: `.github`, `.circleci` and others hold no manifests by convention.
pub fn discover<T: Clone>(files: &[T], path: impl Fn(&T) -> &RepoPath + Copy, paths: &[RepoPath]) -> Units<T> {
    let mut folders = Folders::of(files.iter().map(path));
    folders.paths = paths.to_vec();
    let of_role = |role: Role| -> Vec<T> {
        let files = files.iter();
        files
            .filter(|file| folders.role(path(file)) == Some(role))
            .cloned()
            .collect()
    };
    Units {
        manifests: of_role(Role::Manifest),
        images_only: of_role(Role::ImagesOnly),
        folders,
    }
}

impl<T> Units<T> {
    /// Leaves files out that are no manifests, whatever their names say.
    pub(super) fn leave_out(&mut self, files: BTreeSet<RepoPath>, path: impl Fn(&T) -> &RepoPath) {
        self.manifests.retain(|file| !files.contains(path(file)));
        self.images_only.retain(|file| !files.contains(path(file)));
        self.folders.left_out = files;
    }

    /// The folders of a kind: outer and inner ones, without those that lie in a chart.
    pub(super) fn of_kind(&self, kind: UnitKind) -> Vec<&RepoPath> {
        let Folders {
            charts, kustomizations, ..
        } = &self.folders;
        match kind {
            UnitKind::Encrypted => Vec::new(),
            UnitKind::Chart => charts.iter().filter(|chart| !self.folders.is_hidden(chart)).collect(),
            UnitKind::Kustomization => {
                let outside = |folder: &&RepoPath| {
                    !charts.iter().any(|chart| folder.is_within(chart)) && !self.folders.is_hidden(folder)
                };
                kustomizations.iter().filter(outside).collect()
            }
        }
    }

    /// Findings for the units that no renderer renders. A chart is a notice. A kustomization is an error, since its objects are
    /// missing.
    pub fn not_rendered(&self, is_rendered: impl Fn(UnitKind) -> bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let kinds = [
            (
                UnitKind::Chart,
                Severity::Notice,
                "a Helm chart; its files are not read as manifests",
            ),
            (
                UnitKind::Kustomization,
                Severity::Error,
                "has a kustomization file, and there is no kustomize program to render it; install kustomize 5 or newer on the \
                 PATH of the agent, or name it in render.kustomize",
            ),
        ];
        for (kind, severity, message) in kinds.into_iter().filter(|(kind, ..)| !is_rendered(*kind)) {
            findings.extend(self.of_kind(kind).into_iter().map(|folder| Finding {
                path: folder.clone(),
                position: None,
                object: None,
                severity,
                message: message.to_owned(),
            }));
        }
        findings
    }

    /// Adds files that are read for their image fields: those outside of the paths that a kustomization reaches.
    pub(super) fn add_images_only(&mut self, files: Vec<T>, path: impl Fn(&T) -> &RepoPath) {
        let read = files.into_iter().filter(|file| {
            let name = path(file).file_name();
            is_manifest_name(name) || KUSTOMIZATIONS.contains(&name)
        });
        self.images_only.extend(read);
        self.images_only.sort_by(|a, b| path(a).cmp(path(b)));
    }

    /// The folders whose files are no plain manifests.
    pub(super) fn into_folders(self) -> Folders {
        self.folders
    }
}

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Manifest,
    ImagesOnly,
}

/// The folders whose files are no plain manifests.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    charts: BTreeSet<RepoPath>,
    kustomizations: BTreeSet<RepoPath>,
    /// Single files that are no manifests.
    left_out: BTreeSet<RepoPath>,
    /// The paths that are read; all, if empty.
    paths: Vec<RepoPath>,
}

impl Folders {
    fn of<'a>(paths: impl Iterator<Item = &'a RepoPath> + Clone) -> Self {
        let holding = |names: &[&str]| -> BTreeSet<RepoPath> {
            let holders = paths.clone().filter(|path| names.contains(&path.file_name()));
            holders.map(RepoPath::parent).collect()
        };
        Self {
            charts: holding(&[CHART]),
            kustomizations: holding(&KUSTOMIZATIONS),
            left_out: BTreeSet::new(),
            paths: Vec::new(),
        }
    }

    /// Whether the file makes its folder a chart or a kustomization.
    pub(super) fn is_made_by(path: &RepoPath) -> bool {
        makes_a_unit(path.file_name())
    }

    /// Whether the file lies in none of the folders.
    pub(super) fn are_clear_of(&self, path: &RepoPath) -> bool {
        !below(path, &self.charts) && !below(path, &self.kustomizations)
    }

    /// Whether the file is a plain manifest.
    pub(super) fn has_manifest(&self, path: &RepoPath) -> bool {
        self.role(path) == Some(Role::Manifest)
    }

    /// Whether the file or folder lies in a hidden folder, or is one, below the paths that are read.
    pub(super) fn is_hidden(&self, path: &RepoPath) -> bool {
        let lies_in = |own: &&RepoPath| path.is_within(own);
        let around = self.paths.iter().filter(lies_in).map(|own| own.as_str().len()).max();
        let below = path.as_str().get(around.unwrap_or_default()..).unwrap_or_default();
        below.split('/').any(|part| part.starts_with('.'))
    }

    /// Whether the file or folder lies in a chart. Nothing in a chart is a plain manifest.
    pub(super) fn are_charts_around(&self, path: &RepoPath) -> bool {
        below(path, &self.charts)
    }

    /// All the folders.
    pub(super) fn iter(&self) -> impl Iterator<Item = &RepoPath> {
        self.charts.iter().chain(&self.kustomizations)
    }

    fn role(&self, path: &RepoPath) -> Option<Role> {
        let name = path.file_name();
        if self.is_hidden(path) {
            return None;
        }
        let is_manifest = is_manifest_name(name) && !self.left_out.contains(path);
        if below(path, &self.charts) {
            return (is_manifest && name.starts_with("values")).then_some(Role::ImagesOnly);
        }
        if below(path, &self.kustomizations) {
            return (is_manifest || KUSTOMIZATIONS.contains(&name)).then_some(Role::ImagesOnly);
        }
        is_manifest.then_some(Role::Manifest)
    }
}

/// Whether a file of that name makes its folder a chart or a kustomization.
pub(super) fn makes_a_unit(name: &str) -> bool {
    name == CHART || KUSTOMIZATIONS.contains(&name)
}

/// Whether a file of that name is read as a manifest.
pub(super) fn is_manifest_name(name: &str) -> bool {
    !name.starts_with('.') && MANIFESTS.iter().any(|ending| name.ends_with(ending))
}

fn below(path: &RepoPath, folders: &BTreeSet<RepoPath>) -> bool {
    folders.iter().any(|folder| path.is_within(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(paths: &[&str]) -> Units<RepoPath> {
        let paths: Vec<RepoPath> = paths.iter().map(|path| RepoPath::parse(path).unwrap()).collect();
        discover(&paths, |path| path, &[])
    }

    fn names(paths: &[RepoPath]) -> Vec<&str> {
        paths.iter().map(RepoPath::as_str).collect()
    }

    #[test]
    fn chart_folders_are_passed_over_with_one_notice() {
        let units = units(&[
            "charts/web/Chart.yaml",
            "charts/web/templates/deployment.yaml",
            "charts/web/values.yaml",
            "workloads/web.yaml",
            "workloads/notes.txt",
            "workloads/.hidden.yaml",
        ]);
        assert_eq!(names(&units.manifests), ["workloads/web.yaml"]);
        assert_eq!(names(&units.images_only), ["charts/web/values.yaml"]);
        let findings = units.not_rendered(|_| false);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Notice);
    }

    #[test]
    fn a_kustomization_that_nobody_renders_makes_the_reading_incomplete() {
        let units = units(&["base/web.yaml", "prod/kustomization.yaml", "prod/patch.yaml"]);
        assert_eq!(names(&units.manifests), ["base/web.yaml"]);
        assert_eq!(
            names(&units.images_only),
            ["prod/kustomization.yaml", "prod/patch.yaml"]
        );
        assert_eq!(units.not_rendered(|_| false)[0].severity, Severity::Error);
        assert!(units.not_rendered(|kind| kind == UnitKind::Kustomization).is_empty());
    }

    #[test]
    fn hidden_folders_are_passed_over_unless_they_are_named() {
        let paths: Vec<RepoPath> = [
            ".github/workflows/ci.yaml",
            "a/.ci/kustomization.yaml",
            ".k8s/.x/a.yaml",
            ".k8s/web.yaml",
        ]
        .iter()
        .map(|path| RepoPath::parse(path).unwrap())
        .collect();
        for (named, expected) in [(vec![], vec![]), (vec![".k8s", "a"], vec![".k8s/web.yaml"])] {
            let named: Vec<RepoPath> = named.iter().map(|path| RepoPath::parse(path).unwrap()).collect();
            let units = discover(&paths, |path| path, &named);
            assert_eq!(names(&units.manifests), expected);
            assert!(units.images_only.is_empty() && units.not_rendered(|_| false).is_empty());
        }
    }
}
