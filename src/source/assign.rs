use super::carry_out::{CarriedOut, is_kustomization, is_of_flux_itself, is_source};
use super::discover::Folders;
use super::duplicates::drop_duplicates;
use super::reading::FileReading;
use super::substitution::Substitution;
use super::{argo_cd, flux_v2};
use crate::manifest::Document;
use crate::model::{CommitId, ConfigBranch, Finding, RepoPath, Severity, TargetId};
use crate::port::{DeclaredImages, Rendering, TargetState, TreeFile};
use crate::resource::{Object, Suspended};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The paths of the config repo that a target applies.
#[derive(Debug, Clone)]
pub struct TargetPaths {
    /// The target.
    pub target: TargetId,
    /// The folders and files; all of the config repo, if empty.
    pub paths: Vec<RepoPath>,
    /// Whether somebody carries out the HelmReleases there. Else each is an error.
    pub runs_releases: bool,
}

impl TargetPaths {
    /// The paths of the cluster that the agent runs in.
    pub fn here(paths: Vec<RepoPath>) -> Self {
        Self {
            target: TargetId::here(),
            paths,
            runs_releases: true,
        }
    }

    /// Whether the target applies the files at the path.
    pub(super) fn covers(&self, path: &RepoPath) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|own| path.is_within(own))
    }

    /// The target's state, from its objects in order and the findings of its paths.
    pub(super) fn state(
        &self,
        commit: CommitId,
        objects: Vec<Arc<Object>>,
        mut findings: Vec<Finding>,
        units: Arc<[RepoPath]>,
    ) -> TargetState {
        findings.sort();
        TargetState {
            target: self.target.clone(),
            commit,
            objects,
            complete: !findings.iter().any(Finding::is_error),
            findings,
            units,
            suspended: Suspended::default(),
        }
    }

    /// Errors for the target's paths that have no file below them. A missing folder is a typing error or was moved; it does not
    /// mean that its objects should be deleted.
    fn vanished(&self, files: &[TreeFile]) -> Vec<Finding> {
        let root = [RepoPath::default()];
        let paths = if self.paths.is_empty() { &root[..] } else { &self.paths };
        let paths = paths.iter();
        let vanished = paths.filter(|path| !files.iter().any(|file| file.path.is_within(path)));
        let message = |path: &RepoPath| match path.as_str() {
            "" => {
                "the commit has no files, so nothing is pruned: an emptied repository does not ask for deletions; revert the \
                 commit, or add a file"
            }
            _ => {
                "the repository has no file below this path of repo.paths, so nothing is pruned; correct repo.paths, or add \
                 a file"
            }
        };
        vanished.map(|path| error(path, message(path).to_owned())).collect()
    }

    /// Takes the HelmReleases out that nobody would carry out, and says so at each.
    fn refuse_releases(&self, objects: &mut Vec<Arc<Object>>) -> Vec<Finding> {
        if self.runs_releases {
            return Vec::new();
        }
        let is_release =
            |object: &mut Arc<Object>| object.id.kind == "HelmRelease" && object.id.group == "helm.fluxcd.io";
        let refused = objects.extract_if(.., is_release);
        let findings = refused.map(|object| Finding {
            path: object.origin.path().clone(),
            position: object.origin.position(),
            object: Some(object.id.clone()),
            severity: Severity::Error,
            message: format!(
                "the agent carries out HelmReleases in its own cluster only, in a target without namespaces and serviceAccount, and \
                 {} is none; declare the objects of the chart instead, or run an agent in that cluster",
                self.target
            ),
        });
        findings.collect()
    }

    /// The charts and kustomizations around a path of the target that the target does not cover as a whole. Another target
    /// covers them, so that the files below are no longer plain manifests and their objects would look deleted.
    fn swallowed(&self, folders: &Folders) -> Vec<Finding> {
        let mut findings = Vec::new();
        for folder in folders.iter().filter(|folder| !self.covers(folder)) {
            if let Some(path) = self.paths.iter().find(|path| path.is_within(folder)) {
                findings.push(error(
                    folder,
                    format!(
                        "is a chart or a kustomization, and {path} of target {} lies in it; name the whole folder or a path \
                         outside of it",
                        self.target
                    ),
                ));
            }
        }
        findings
    }
}

fn error(path: &RepoPath, message: String) -> Finding {
    Finding {
        path: path.clone(),
        position: None,
        object: None,
        severity: Severity::Error,
        message,
    }
}

/// What was read of a commit.
pub(super) struct Read<'a> {
    pub(super) commit: CommitId,
    /// The whole listing.
    pub(super) files: &'a [TreeFile],
    pub(super) folders: &'a Folders,
    /// The plain manifests, ordered by path.
    pub(super) manifests: &'a [(TreeFile, Arc<FileReading>)],
    /// The files that are read for their images.
    pub(super) images_only: &'a [(TreeFile, Arc<FileReading>)],
    pub(super) renderings: &'a [Arc<Rendering>],
    /// The kustomization folders; twice those that are only a part of others.
    pub(super) units: Arc<[RepoPath]>,
    /// The findings of units that nobody renders, and of entries that are not read.
    pub(super) not_read: Vec<Finding>,
    /// The branch that the agent follows, if it is known.
    pub(super) own: Option<Arc<ConfigBranch>>,
    /// Replaces variables in the objects.
    pub(super) substitution: &'a Substitution,
    /// What Kustomizations of Flux v2 declare, if they are carried out.
    pub(super) carried: Option<&'a CarriedOut>,
    /// The files in their folders that are applied as they are.
    pub(super) carried_files: &'a [(TreeFile, Arc<FileReading>)],
}

impl Read<'_> {
    /// Whether an object is applied where it is declared, and not by a Kustomization of Flux v2.
    fn is_applied_by_itself(&self, object: &Object) -> bool {
        self.carried.is_none_or(|carried| {
            let is_claimed = carried
                .claimed
                .iter()
                .any(|folder| object.origin.path().is_within(folder));
            !is_claimed && is_wanted(object, carried)
        })
    }

    /// Whether something sets the images of a file elsewhere.
    fn is_sealed(&self, path: &RepoPath) -> bool {
        self.carried
            .is_some_and(|carried| carried.sealed.iter().any(|folder| path.is_within(folder)))
    }
}

/// Whether an object is for the cluster, where Kustomizations are carried out: neither one of these, nor Flux itself.
fn is_wanted(object: &Object, carried: &CarriedOut) -> bool {
    !is_kustomization(object) && !is_of_flux_itself(object) && (carried.claimed.is_empty() || !is_source(object))
}

/// What the targets apply.
pub(super) struct Assigned {
    pub(super) targets: BTreeMap<TargetId, Arc<TargetState>>,
    pub(super) images: DeclaredImages,
    /// The findings of all targets, in order.
    pub(super) findings: Vec<Finding>,
    /// Whether a target has two declarations of one object. The target then applies none of them.
    pub(super) has_duplicates: bool,
    /// Whether Flux v2 applies a folder with changes.
    pub(super) has_foreign: bool,
}

/// Gives each target its objects and the findings of its paths.
pub(super) fn assign(targets: &[TargetPaths], mut read: Read<'_>) -> Assigned {
    let common = findings(&mut read);
    let all = read.manifests.iter().chain(read.images_only);
    let mut foreign = match read.carried {
        Some(_) => Vec::new(),
        None => flux_v2::folders(read.own.as_deref(), all.map(|(_, reading)| &**reading)),
    };
    let has_foreign = !foreign.is_empty() || read.carried.is_some();
    // A path that is not here is one of another repository.
    foreign.retain(|folder| read.files.iter().any(|file| folder.has(&file.path)));
    let mut own = BTreeSet::new();
    let mut states = BTreeMap::new();
    let mut duplicates = BTreeMap::new();
    for target in targets {
        let mut objects = objects_of(target, &read);
        objects.retain(|object| read.is_applied_by_itself(object));
        if read.carried.is_some() {
            objects.extend(carried_objects(target, &read));
            objects.sort_by(|a, b| a.origin.path().cmp(b.origin.path()));
        }
        objects.retain(|object| !foreign.iter().any(|folder| folder.has(object.origin.path())));
        let mut extra = target.vanished(read.files);
        extra.extend(target.refuse_releases(&mut objects));
        extra.extend(target.swallowed(read.folders));
        extra.extend(
            read.substitution
                .unknown(target.paths.first().unwrap_or(&RepoPath::default())),
        );
        extra.extend(foreign.iter().filter_map(|folder| folder.finding(&target.paths)));
        let (twice, declared_twice) = drop_duplicates(&mut objects);
        extra.extend(declared_twice);
        let covered = common.iter().filter(|finding| target.covers(&finding.path));
        let findings = covered.chain(&extra).cloned().collect();
        let mut state = target.state(read.commit, objects, findings, Arc::clone(&read.units));
        state.suspended = read
            .carried
            .map(|carried| carried.suspended.clone())
            .unwrap_or_default();
        states.insert(target.target.clone(), Arc::new(state));
        own.extend(extra);
        duplicates.insert(&target.target, twice);
    }
    let is_applied = |document: &&Arc<Document>| {
        let mut covering = targets.iter().filter(|target| target.covers(document.path()));
        let object = read.substitution.of(&document.object);
        object.is_some_and(|object| covering.any(|target| !duplicates[&target.target].contains(&object.id)))
    };
    let documents = read.manifests.iter().flat_map(|(_, reading)| &reading.documents);
    let plain = documents.filter(is_applied);
    let carried = read.carried_files.iter().flat_map(|(_, reading)| &reading.documents);
    let mut applied: Vec<Arc<Document>> = plain.chain(carried).cloned().collect();
    applied.retain(|document| !read.is_sealed(document.path()));
    if read.carried.is_some() {
        applied.sort_by(|a, b| (a.path(), a.position).cmp(&(b.path(), b.position)));
        applied.dedup_by(|a, b| (a.path(), a.position) == (b.path(), b.position));
    }
    let mut findings: Vec<Finding> = common.into_iter().chain(own).collect();
    findings.sort();
    Assigned {
        targets: states,
        images: images(applied, &read),
        findings,
        has_duplicates: duplicates.values().any(|twice| !twice.is_empty()),
        has_foreign,
    }
}

/// The findings of files and units. A file that is read for its images leaves warnings only: nothing of it is applied.
fn findings(read: &mut Read<'_>) -> Vec<Finding> {
    let mut findings = std::mem::take(&mut read.not_read);
    for (_, reading) in read.manifests {
        findings.extend(reading.findings.iter().cloned());
    }
    for (_, reading) in read.images_only {
        let all = reading.findings.iter();
        findings.extend(all.filter(|finding| finding.severity == Severity::Warning).cloned());
    }
    for rendering in read.renderings {
        findings.extend(rendering.findings.iter().cloned());
    }
    let documents = read.manifests.iter().flat_map(|(_, reading)| &reading.documents);
    let plain = documents.map(|document| &*document.object);
    let rendered = read.renderings.iter().flat_map(|rendering| &rendering.objects);
    findings.extend(read.substitution.findings());
    findings.extend(read.carried.iter().flat_map(|carried| carried.findings.iter().cloned()));
    findings.extend(argo_cd::notice(plain.chain(rendered.map(|object| &**object))));
    findings
}

fn objects_of(target: &TargetPaths, read: &Read<'_>) -> Vec<Arc<Object>> {
    let manifests = read.manifests.iter();
    let covered = manifests.filter(|(file, _)| target.covers(&file.path));
    let documents = covered.flat_map(|(_, reading)| &reading.documents);
    let mut objects: Vec<Arc<Object>> = documents
        .filter_map(|document| read.substitution.of(&document.object))
        .collect();
    let rendered = read.renderings.iter().flat_map(|rendering| &rendering.objects);
    let rendered = rendered.filter(|object| target.covers(object.origin.path()));
    let plain = objects.len();
    objects.extend(rendered.filter_map(|object| read.substitution.of(object)));
    if objects.len() > plain {
        objects.sort_by(|a, b| a.origin.path().cmp(b.origin.path()));
    }
    objects
}

/// What the Kustomizations declare that stand in the target's paths.
fn carried_objects(target: &TargetPaths, read: &Read<'_>) -> Vec<Arc<Object>> {
    let Some(carried) = read.carried else { return Vec::new() };
    let own = carried.objects.iter().filter(|(declared, _)| target.covers(declared));
    let objects = own.flat_map(|(_, objects)| objects);
    objects.filter(|object| is_wanted(object, carried)).cloned().collect()
}

fn images(applied: Vec<Arc<Document>>, read: &Read<'_>) -> DeclaredImages {
    let mut images = DeclaredImages {
        applied,
        own: read.own.clone(),
        ..DeclaredImages::default()
    };
    for (file, reading) in read.images_only.iter().filter(|(file, _)| !read.is_sealed(&file.path)) {
        images.bases.extend(reading.documents.iter().cloned());
        images.files.insert(file.path.clone());
        if reading.findings.iter().any(Finding::is_error) {
            images.incomplete.insert(file.path.clone());
        }
        if !reading.operations.is_empty() {
            let operations = (file.path.clone(), Arc::clone(&reading.operations));
            images.operations.push(operations);
        }
    }
    let values = read.manifests.iter().chain(read.images_only);
    for (_, reading) in values.filter(|(file, _)| !read.is_sealed(&file.path)) {
        let kustomization = reading.values.first().zip(reading.kustomization.as_ref());
        let kustomization = kustomization.map(|(document, parts)| (Arc::clone(document), Arc::clone(parts)));
        images.kustomizations.extend(kustomization);
        images.values.extend(reading.values.iter().cloned());
    }
    images
}
