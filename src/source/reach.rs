//! Which files a kustomization folder reaches: its own parts, and those of its bases and components, wherever they lie in the
//! repository.

use super::discover::KUSTOMIZATIONS;
use super::named::{Named, Parsed, Purpose};
use super::reach_paths::{REMOTE, is_remote, joined};
use crate::manifest::{Reference, ReferenceKind};
use crate::model::{BlobId, CommitId, RepoPath};
use crate::port::{ConfigRepo, RepoFailure, TreeFile, UnreadEntry};
use std::collections::{BTreeMap, BTreeSet};

/// What one kustomization folder consists of.
#[derive(Debug, Default)]
struct Parts {
    is_component: bool,
    /// Files that kustomize opens, the kustomization among them.
    files: BTreeSet<RepoPath>,
    /// The folders of other kustomizations that this one includes.
    folders: BTreeSet<RepoPath>,
    /// Why the folder cannot be rendered.
    refusals: Vec<String>,
}

/// A file or folder that a kustomization names.
#[derive(Debug, Clone)]
struct Written {
    /// The folder that the path is relative to.
    folder: RepoPath,
    /// The kustomization.
    file: RepoPath,
    reference: Reference,
}

impl Parts {
    /// Notes what a kustomization file of the folder says, and returns what it names.
    fn note(&mut self, file: &TreeFile, read: &Parsed) -> Vec<Reference> {
        self.files.insert(file.path.clone());
        let read = match read {
            Ok(read) => read,
            Err(reason) => {
                self.refusals.push(format!("{}: {reason}", file.path));
                return Vec::new();
            }
        };
        self.is_component |= read.is_component;
        let refused = read.refused.iter();
        self.refusals.extend(refused.map(|key| {
            format!(
                "{}: {key} needs a chart and helm, which kustomize does not get here; declare a HelmRelease, or commit what the \
                 chart renders",
                file.path
            )
        }));
        read.references.clone()
    }
}

/// The kustomization folders of a commit, and what they reach.
#[derive(Debug, Default)]
pub(super) struct Reach {
    tree: BTreeMap<RepoPath, BlobId>,
    unread: BTreeSet<RepoPath>,
    folders: BTreeMap<RepoPath, Parts>,
    /// The paths outside of `repo.paths` that a kustomization names, and that were looked for.
    pub(super) outside: Vec<RepoPath>,
}

/// What is rendered of a commit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Roots {
    /// The folders that are rendered, in order.
    pub(super) rendered: Vec<RepoPath>,
    /// The folders that are a part of others only.
    pub(super) included: Vec<RepoPath>,
    /// Components that no rendered folder includes.
    pub(super) unused: Vec<RepoPath>,
}

impl Reach {
    /// Follows what the folders name. `files` and `unread` are the listing of `paths` (all of the repository, if empty).
    pub(super) async fn of(
        repo: &impl ConfigRepo,
        commit: CommitId,
        folders: impl IntoIterator<Item = &RepoPath>,
        (files, unread, paths): (&[TreeFile], &[UnreadEntry], &[RepoPath]),
        named: &mut Named,
    ) -> Result<Self, RepoFailure> {
        let mut reach = Self::default();
        reach.add(files, unread);
        let mut fresh = Named::default();
        let mut pending: BTreeSet<RepoPath> = folders.into_iter().cloned().collect();
        while !pending.is_empty() {
            let found = reach.follow(repo, commit, pending, paths, (named, &mut fresh)).await?;
            pending = found
                .into_iter()
                .filter(|folder| !reach.folders.contains_key(folder))
                .collect();
        }
        *named = fresh;
        Ok(reach)
    }

    fn add(&mut self, files: &[TreeFile], unread: &[UnreadEntry]) {
        self.tree
            .extend(files.iter().map(|file| (file.path.clone(), file.blob)));
        self.unread.extend(unread.iter().map(|entry| entry.path.clone()));
    }

    /// Reads the kustomizations of these folders. Returns the folders that they include.
    async fn follow(
        &mut self,
        repo: &impl ConfigRepo,
        commit: CommitId,
        folders: BTreeSet<RepoPath>,
        paths: &[RepoPath],
        (known, fresh): (&Named, &mut Named),
    ) -> Result<BTreeSet<RepoPath>, RepoFailure> {
        let own = |folder: &RepoPath| {
            self.kustomizations(folder)
                .map(|file| (folder.clone(), file))
                .collect::<Vec<_>>()
        };
        let files: Vec<(RepoPath, TreeFile)> = folders.iter().flat_map(own).collect();
        let own = files.iter().map(|(_, file)| (file, Purpose::Kustomization));
        fresh.load(repo, own.collect(), known).await?;
        let empty = |folder| (folder, Parts::default());
        let mut parts: BTreeMap<RepoPath, Parts> = folders.into_iter().map(empty).collect();
        let mut written = Vec::new();
        for (folder, file) in files {
            let read = fresh.of(&file, Purpose::Kustomization)?;
            let references = parts.entry(folder.clone()).or_default().note(&file, read);
            written.extend(references.into_iter().map(|reference| Written {
                folder: folder.clone(),
                file: file.path.clone(),
                reference,
            }));
        }
        self.look_outside(repo, commit, &written, paths).await?;
        let plugins = self.plugins(&written);
        let named = plugins.iter().map(|(_, file, purpose)| (file, *purpose));
        fresh.load(repo, named.collect(), known).await?;
        for (by, file, purpose) in plugins {
            let more = fresh
                .of(&file, purpose)?
                .iter()
                .flat_map(|read| read.references.clone());
            written.extend(more.map(|reference| Written {
                reference,
                ..by.clone()
            }));
        }
        let mut found = BTreeSet::new();
        for by in written {
            let part = parts.entry(by.folder.clone()).or_default();
            match self.resolve(&by.folder, &by.reference) {
                Found::File(path) => drop(part.files.insert(path)),
                Found::Folder(path) => {
                    found.insert(path.clone());
                    part.folders.insert(path);
                }
                Found::Nothing => {}
                Found::Refused(reason) => part.refusals.push(format!(
                    "{}: {} names {:?}, {reason}",
                    by.file, by.reference.key, by.reference.path
                )),
            }
        }
        self.folders.extend(parts);
        Ok(found)
    }

    /// The kustomization files of a folder. More than one is kustomize's to refuse.
    fn kustomizations(&self, folder: &RepoPath) -> impl Iterator<Item = TreeFile> {
        let paths = KUSTOMIZATIONS.iter().filter_map(|name| joined(folder, name).ok());
        paths.filter_map(|path| self.file(&path))
    }

    fn file(&self, path: &RepoPath) -> Option<TreeFile> {
        let blob = *self.tree.get(path)?;
        Some(TreeFile {
            path: path.clone(),
            blob,
        })
    }

    /// Lists what the references name outside of what is listed.
    async fn look_outside(
        &mut self,
        repo: &impl ConfigRepo,
        commit: CommitId,
        written: &[Written],
        paths: &[RepoPath],
    ) -> Result<(), RepoFailure> {
        let resolved = written
            .iter()
            .filter_map(|by| joined(&by.folder, &by.reference.path).ok());
        let is_listed = |path: &RepoPath| {
            paths.is_empty() || paths.iter().chain(&self.outside).any(|listed| path.is_within(listed))
        };
        let missing: BTreeSet<RepoPath> = resolved.filter(|path| !is_listed(path)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<RepoPath> = missing.into_iter().collect();
        let listing = repo.files(commit, missing.clone()).await?;
        self.add(&listing.files, &listing.unread);
        self.outside.extend(missing);
        Ok(())
    }

    /// The files among the references that configure plugins.
    fn plugins(&self, written: &[Written]) -> Vec<(Written, TreeFile, Purpose)> {
        let plugins = written.iter().filter(|by| by.reference.kind == ReferenceKind::Plugin);
        let files = plugins.filter_map(|by| {
            let file = self.file(&joined(&by.folder, &by.reference.path).ok()?)?;
            Some((by.clone(), file, Purpose::Plugin(by.reference.key)))
        });
        files.collect()
    }

    fn resolve(&self, folder: &RepoPath, reference: &Reference) -> Found {
        let may_be_nothing = reference.kind == ReferenceKind::Maybe;
        let path = match joined(folder, &reference.path) {
            Ok(path) => path,
            Err(_) if may_be_nothing && !is_remote(&reference.path) => return Found::Nothing,
            Err(reason) => return Found::Refused(reason),
        };
        if self.tree.contains_key(&path) {
            return Found::File(path);
        }
        if matches!(reference.kind, ReferenceKind::Base | ReferenceKind::Plugin) {
            if self.kustomizations(&path).next().is_some() {
                return match is_remote(&reference.path) && !reference.path.starts_with('.') {
                    // Kustomize takes such a path for an address, whatever the repository has.
                    true => Found::Refused(REMOTE.to_owned()),
                    false => Found::Folder(path),
                };
            }
            let mut from = self.tree.range(path.clone()..);
            if !path.as_str().is_empty() && from.next().is_some_and(|(file, _)| file.is_within(&path)) {
                return Found::Refused("a folder without a kustomization.yaml; add one to it".to_owned());
            }
        }
        if self.unread.iter().any(|entry| path.is_within(entry)) {
            return Found::Refused(
                "a symbolic link or a submodule, which is not followed; commit the files themselves".to_owned(),
            );
        }
        match may_be_nothing {
            true => Found::Nothing,
            false if is_remote(&reference.path) => Found::Refused(REMOTE.to_owned()),
            false => {
                Found::Refused("and the commit has no such file or folder; correct the path, or add it".to_owned())
            }
        }
    }

    /// Which of the folders of `repo.paths` are rendered. A folder that another one includes is not rendered by itself.
    pub(super) fn roots<'a>(&self, folders: impl IntoIterator<Item = &'a RepoPath>) -> Roots {
        let folders: Vec<&RepoPath> = folders.into_iter().collect();
        let is_component = |folder: &RepoPath| self.folders.get(folder).is_some_and(|parts| parts.is_component);
        let (components, others): (Vec<&RepoPath>, Vec<&RepoPath>) =
            folders.into_iter().partition(|folder| is_component(folder));
        let mut included: BTreeSet<RepoPath> = BTreeSet::new();
        let closures: BTreeMap<&RepoPath, BTreeSet<RepoPath>> =
            others.iter().map(|folder| (*folder, self.closure(folder))).collect();
        for (folder, closure) in &closures {
            included.extend(closure.iter().filter(|inner| inner != folder).cloned());
        }
        let mut roots = Roots::default();
        let mut covered = BTreeSet::new();
        for folder in others.iter().filter(|folder| !included.contains(**folder)) {
            covered.extend(closures[folder].iter().cloned());
            roots.rendered.push((*folder).clone());
        }
        // Folders that include each other are in no other folder. Kustomize names the circle when one of them is rendered.
        for folder in &others {
            if !covered.contains(*folder) {
                covered.extend(closures[folder].iter().cloned());
                roots.rendered.push((*folder).clone());
            }
        }
        roots.rendered.sort();
        let is_root = |folder: &RepoPath| roots.rendered.binary_search(folder).is_ok();
        roots.included = others
            .iter()
            .filter(|folder| !is_root(folder))
            .map(|folder| (*folder).clone())
            .collect();
        let (used, unused): (Vec<&RepoPath>, Vec<&RepoPath>) = components
            .into_iter()
            .partition(|component| covered.contains(*component));
        roots.included.extend(used.into_iter().cloned());
        roots.unused = unused.into_iter().cloned().collect();
        roots
    }

    /// The folder, and all that it includes.
    fn closure(&self, folder: &RepoPath) -> BTreeSet<RepoPath> {
        let mut all = BTreeSet::from([folder.clone()]);
        let mut pending = vec![folder];
        while let Some(next) = pending.pop() {
            for inner in self.folders.get(next).into_iter().flat_map(|parts| &parts.folders) {
                if all.insert(inner.clone()) {
                    pending.push(inner);
                }
            }
        }
        all
    }

    /// The files that the folder reaches, ordered by path.
    ///
    /// # Errors
    /// Why the folder cannot be rendered: it needs what is not in the repository.
    pub(super) fn files(&self, folder: &RepoPath) -> Result<Vec<TreeFile>, String> {
        let mut files = BTreeSet::new();
        for inner in self.closure(folder) {
            let Some(parts) = self.folders.get(&inner) else {
                continue;
            };
            if let Some(refusal) = parts.refusals.first() {
                return Err(refusal.clone());
            }
            files.extend(&parts.files);
        }
        Ok(files.into_iter().filter_map(|path| self.file(path)).collect())
    }

    /// The files that the folders reach outside of `paths`.
    pub(super) fn files_outside(&self, is_covered: impl Fn(&RepoPath) -> bool) -> Vec<TreeFile> {
        let all: BTreeSet<&RepoPath> = self.folders.values().flat_map(|parts| &parts.files).collect();
        let outside = all.into_iter().filter(|path| !is_covered(path));
        outside.filter_map(|path| self.file(path)).collect()
    }
}

enum Found {
    File(RepoPath),
    Folder(RepoPath),
    /// The path need not exist.
    Nothing,
    Refused(String),
}
