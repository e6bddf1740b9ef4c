//! What of a commit renderers make objects of: which folders and files, and of which files each of them is made.

use super::carry_out::Additions;
use super::discover::Units;
use super::named::Named;
use super::reach::{Reach, Roots};
use super::reading::FileReading;
use crate::model::{CommitId, Finding, RepoPath, Severity};
use crate::port::{ConfigRepo, Renderer, RepoFailure, SecretName, TreeFile, TreeListing, UnitKind};
use std::sync::Arc;

/// A unit of a tree listing that a renderer takes.
pub(super) struct Pending {
    pub(super) kind: UnitKind,
    pub(super) path: RepoPath,
    pub(super) files: Vec<TreeFile>,
    pub(super) renderer: Arc<dyn Renderer>,
    /// What a Kustomization of Flux adds to the folder.
    pub(super) additions: Option<Arc<Additions>>,
    /// The Secret with the keys of its encrypted files, if it is not that of the configuration.
    pub(super) keys: Option<SecretName>,
}

/// The units of a commit.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) pending: Vec<Pending>,
    /// The units that cannot be rendered, and those that nobody includes.
    pub(super) findings: Vec<Finding>,
    /// The kustomization folders; twice those that are only a part of others.
    pub(super) folders: Vec<RepoPath>,
    /// The paths outside of `repo.paths` that a kustomization names.
    pub(super) outside: Vec<RepoPath>,
}

/// The programs and libraries that make objects of units.
pub(super) struct Renderers(pub(super) Vec<Arc<dyn Renderer>>);

impl Renderers {
    pub(super) fn of(&self, kind: UnitKind) -> Option<&Arc<dyn Renderer>> {
        self.0.iter().find(|renderer| renderer.takes(kind))
    }

    /// Takes the units out of a listing that a renderer makes objects of.
    pub(super) async fn plan(
        &self,
        repo: &impl ConfigRepo,
        commit: CommitId,
        units: &mut Units<TreeFile>,
        (listing, paths): (&TreeListing, &[RepoPath]),
        named: &mut Named,
    ) -> Result<Plan, RepoFailure> {
        let mut plan = Plan::default();
        if let Some(renderer) = self.of(UnitKind::Chart) {
            plan.pending.extend(charts(units, &listing.files, renderer));
        }
        let folders = units.of_kind(UnitKind::Kustomization);
        if folders.is_empty() {
            *named = Named::default();
        } else if let Some(renderer) = self.of(UnitKind::Kustomization) {
            let listed = (&*listing.files, &*listing.unread, paths);
            let reach = Reach::of(repo, commit, folders.iter().copied(), listed, named).await?;
            let roots = reach.roots(folders);
            plan.take_kustomizations(&reach, roots, renderer);
            let is_covered = |path: &RepoPath| paths.is_empty() || paths.iter().any(|own| path.is_within(own));
            units.add_images_only(reach.files_outside(is_covered), |file| &file.path);
            plan.outside = reach.outside;
        }
        Ok(plan)
    }

    /// Takes the encrypted files out of the manifests, if there is a renderer for them.
    pub(super) fn take_encrypted(&self, manifests: &mut Vec<(TreeFile, Arc<FileReading>)>) -> Vec<Pending> {
        let Some(renderer) = self.of(UnitKind::Encrypted) else {
            return Vec::new();
        };
        let (encrypted, plain) = std::mem::take(manifests)
            .into_iter()
            .partition(|(_, reading)| reading.encrypted);
        *manifests = plain;
        let pending = Vec::into_iter(encrypted).map(|(file, _): (TreeFile, _)| Pending {
            kind: UnitKind::Encrypted,
            path: file.path.clone(),
            files: vec![file],
            renderer: Arc::clone(renderer),
            additions: None,
            keys: None,
        });
        pending.collect()
    }
}

impl Plan {
    fn take_kustomizations(&mut self, reach: &Reach, roots: Roots, renderer: &Arc<dyn Renderer>) {
        let finding = |path: &RepoPath, severity, message: String| Finding {
            path: path.clone(),
            position: None,
            object: None,
            severity,
            message,
        };
        for folder in &roots.rendered {
            match reach.files(folder) {
                Ok(files) => self.pending.push(Pending {
                    kind: UnitKind::Kustomization,
                    path: folder.clone(),
                    files,
                    renderer: Arc::clone(renderer),
                    additions: None,
                    keys: None,
                }),
                Err(reason) => self
                    .findings
                    .push(finding(folder, Severity::Error, format!("not rendered: {reason}"))),
            }
        }
        let message = "a component that no kustomization below repo.paths includes, so that nothing of it is applied";
        let unused = roots.unused.iter();
        self.findings
            .extend(unused.map(|folder| finding(folder, Severity::Notice, message.to_owned())));
        let included = roots.included.into_iter().flat_map(|folder| [folder.clone(), folder]);
        self.folders = roots.rendered.into_iter().chain(included).chain(roots.unused).collect();
    }
}

fn charts(units: &Units<TreeFile>, files: &[TreeFile], renderer: &Arc<dyn Renderer>) -> Vec<Pending> {
    let folders = units.of_kind(UnitKind::Chart).into_iter();
    let charts = folders.map(|folder| Pending {
        kind: UnitKind::Chart,
        path: folder.clone(),
        files: files
            .iter()
            .filter(|file| file.path.is_within(folder))
            .cloned()
            .collect(),
        renderer: Arc::clone(renderer),
        additions: None,
        keys: None,
    });
    charts.collect()
}
