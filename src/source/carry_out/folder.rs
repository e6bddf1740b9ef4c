use super::generate::Additions;
use super::spec::Carried;
use crate::model::RepoPath;
use crate::port::{SecretName, TreeFile, TreeListing, UnitKind};
use crate::source::discover::{KUSTOMIZATIONS, is_manifest_name};
use crate::source::pending::{Pending, Renderers};
use crate::source::reach::Reach;
use crate::source::reach_paths::joined;
use crate::source::unread;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The folder of a Kustomization.
pub(super) struct Folder {
    /// The file of its kustomization; one that is made, if it has none.
    file: String,
    /// The manifests that are applied as they are, if it has no kustomization.
    pub(super) plain: BTreeSet<RepoPath>,
    /// The folders with a kustomization that it consists of, and its components.
    pub(super) reached: BTreeSet<RepoPath>,
    resources: Vec<String>,
    components: Vec<String>,
    /// Why it cannot be rendered.
    refusal: Option<String>,
}

impl Folder {
    pub(super) fn of(carried: &Carried, listing: &TreeListing) -> Self {
        let path = &carried.path;
        let files: Vec<&TreeFile> = listing.files.iter().filter(|file| file.path.is_within(path)).collect();
        let mut folder = Self {
            file: KUSTOMIZATIONS[0].to_owned(),
            plain: BTreeSet::new(),
            reached: BTreeSet::new(),
            resources: Vec::new(),
            components: Vec::new(),
            refusal: None,
        };
        let not_read = unread::findings(&listing.unread, &Default::default());
        folder.refusal = not_read
            .into_iter()
            .find(|finding| finding.path.is_within(path))
            .map(|finding| finding.to_string());
        if files.is_empty() {
            folder.refusal = Some(format!("the repository has no file below {path}; correct spec.path"));
        }
        let holders: BTreeSet<RepoPath> = files
            .iter()
            .filter(|file| KUSTOMIZATIONS.contains(&file.path.file_name()))
            .map(|file| file.path.parent())
            .collect();
        if holders.contains(path) {
            let own = files
                .iter()
                .find(|file| file.path.parent() == *path && KUSTOMIZATIONS.contains(&file.path.file_name()));
            folder.file = own.map_or(folder.file, |file| file.path.file_name().to_owned());
            folder.reached.insert(path.clone());
        } else {
            folder.add_all(path, &files, &holders);
        }
        for component in &carried.spec.components {
            match joined(path, component) {
                Ok(reached) => drop(folder.reached.insert(reached)),
                Err(reason) => folder.refusal = Some(format!("spec.components names {component:?}, {reason}")),
            }
            folder.components.push(component.clone());
        }
        folder
    }

    /// Names everything below the folder: manifests, and folders with a kustomization.
    fn add_all(&mut self, path: &RepoPath, files: &[&TreeFile], holders: &BTreeSet<RepoPath>) {
        let relative = |inner: &RepoPath| {
            let inner = inner.as_str().strip_prefix(path.as_str()).unwrap_or(inner.as_str());
            format!("./{}", inner.trim_start_matches('/'))
        };
        let is_hidden = |inner: &RepoPath| relative(inner).split('/').skip(1).any(|part| part.starts_with('.'));
        let is_outermost =
            |holder: &&RepoPath| !holders.iter().any(|other| other != *holder && holder.is_within(other));
        let inner: Vec<&RepoPath> = holders
            .iter()
            .filter(is_outermost)
            .filter(|holder| !is_hidden(holder))
            .collect();
        self.reached.extend(inner.iter().copied().cloned());
        let is_plain = |file: &RepoPath| {
            let name = file.file_name();
            is_manifest_name(name) && !name.ends_with(".json") && !is_hidden(file)
        };
        for file in files.iter().map(|file| &file.path) {
            if is_plain(file) && !holders.iter().any(|holder| file.is_within(holder)) {
                self.plain.insert(file.clone());
            }
        }
        self.resources = self.plain.iter().chain(inner).map(relative).collect();
        self.resources.sort();
    }

    /// What kustomize makes the objects of.
    ///
    /// # Errors
    /// Why there is nothing to render.
    pub(super) fn pending(
        &self,
        carried: &Carried,
        listing: &TreeListing,
        reach: &Reach,
        renderers: &Renderers,
    ) -> Result<Pending, String> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let renderer = renderers.of(UnitKind::Kustomization).ok_or(
            "there is no kustomize program to render it; install kustomize 5 or newer on the PATH of the agent, or name it in \
             render.kustomize",
        )?;
        let plain = listing.files.iter().filter(|file| self.plain.contains(&file.path));
        let mut files: BTreeMap<RepoPath, TreeFile> = plain.map(|file| (file.path.clone(), file.clone())).collect();
        let mut components = self.components.clone();
        for reached in &self.reached {
            let found = reach.files(reached)?;
            if found.is_empty() && !carried.spec.ignore_missing_components {
                return Err(format!("{reached} has no kustomization.yaml; correct spec.components"));
            } else if found.is_empty() {
                components.retain(|component| joined(&carried.path, component).as_ref() != Ok(reached));
            }
            files.extend(found.into_iter().map(|file| (file.path.clone(), file)));
        }
        let additions = Additions::of(&carried.spec, self.file.clone(), self.resources.clone(), components);
        Ok(Pending {
            kind: UnitKind::Kustomization,
            path: carried.path.clone(),
            files: files.into_values().collect(),
            renderer: Arc::clone(renderer),
            additions: Some(Arc::new(additions)),
            keys: carried.keys().map(|name| SecretName {
                namespace: carried.key.namespace.clone(),
                name: name.to_owned(),
            }),
        })
    }
}
