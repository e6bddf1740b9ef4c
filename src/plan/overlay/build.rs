use super::images;
use super::index::{OverlayIndex, join};
use super::object::Object;
use super::patch;
use super::prepared::Prepared;
use super::select::selects;
use super::sources::Sources;
use crate::manifest::AddedMetadata;
use crate::model::RepoPath;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The deepest chain of kustomizations that is followed. Real repositories have three or four levels.
const DEEPEST: usize = 32;
/// The most objects that all kustomizations together may hold. A repository of a thousand overlays has fewer.
const MOST_OBJECTS: usize = 200_000;

/// Builds kustomizations as kustomize does, as far as images are concerned.
pub(super) struct Build<'a, 'i> {
    index: &'i OverlayIndex<'a>,
    prepared: Prepared<'a>,
    folders: BTreeMap<RepoPath, usize>,
    /// What kustomizations that others build on hold.
    built: BTreeMap<usize, Rc<Vec<Object<'a>>>>,
    /// The bytes of memory of the copies that stay: what the files hold, and `built`.
    kept: usize,
    pub(super) sources: Sources<'a>,
    objects: usize,
}

impl<'a, 'i> Build<'a, 'i> {
    pub(super) fn new(index: &'i OverlayIndex<'a>) -> Self {
        let mut sources = Sources::default();
        let folders = index.overlays.iter().enumerate();
        let prepared = Prepared::new(index, &mut sources);
        Self {
            folders: folders.map(|(at, overlay)| (overlay.path.parent(), at)).collect(),
            prepared,
            built: BTreeMap::new(),
            kept: sources.copied,
            index,
            sources,
            objects: 0,
        }
    }

    /// The kustomizations that no other one builds on, and that are no components.
    pub(super) fn tops(&self) -> Vec<usize> {
        let mut is_below = vec![false; self.index.overlays.len()];
        for overlay in &self.index.overlays {
            let parts = overlay.kustomization.resources.iter();
            for at in parts.filter_map(|part| self.folder(&overlay.path.parent(), part)) {
                is_below[at] = true;
            }
        }
        let all = self.index.overlays.iter().enumerate();
        all.filter(|(at, overlay)| !is_below[*at] && !overlay.kustomization.is_component)
            .map(|(at, _)| at)
            .collect()
    }

    /// What a kustomization renders. The memory that the objects take is free again after them.
    pub(super) fn top(&mut self, at: usize) -> Vec<Object<'a>> {
        let objects = self.accumulate(at, Vec::new(), &mut Vec::new());
        self.sources.copied = self.kept;
        objects
    }

    /// Whether the kustomizations hold more than is followed.
    pub(super) fn is_exhausted(&self) -> bool {
        self.objects > MOST_OBJECTS || self.sources.is_exhausted
    }

    fn folder(&self, from: &RepoPath, part: &str) -> Option<usize> {
        self.folders.get(&join(from, part)?).copied()
    }

    /// Adds the objects of a kustomization to those that came before, and changes them all.
    fn accumulate(&mut self, at: usize, mut objects: Vec<Object<'a>>, way: &mut Vec<usize>) -> Vec<Object<'a>> {
        let Some(overlay) = self.index.overlays.get(at).copied() else {
            return objects;
        };
        if way.len() >= DEEPEST || way.contains(&at) || self.is_exhausted() {
            return objects;
        }
        way.push(at);
        let folder = overlay.path.parent();
        for resource in &overlay.kustomization.resources {
            let more = match self.folder(&folder, resource) {
                Some(below) => self.below(below, way),
                None => self.file(&folder, resource),
            };
            self.objects += more.len();
            objects.extend(more.iter().cloned());
        }
        for component in &overlay.kustomization.components {
            if let Some(component) = self.folder(&folder, component) {
                objects = self.accumulate(component, objects, way);
            }
        }
        way.pop();
        self.change(at, &mut objects);
        objects
    }

    fn file(&self, folder: &RepoPath, name: &str) -> Rc<Vec<Object<'a>>> {
        let path = join(folder, name);
        let objects = path.and_then(|path| self.prepared.files.get(&path));
        Rc::new(objects.cloned().unwrap_or_default())
    }

    fn below(&mut self, at: usize, way: &mut Vec<usize>) -> Rc<Vec<Object<'a>>> {
        if let Some(built) = self.built.get(&at) {
            return Rc::clone(built);
        }
        let built = Rc::new(self.accumulate(at, Vec::new(), way));
        // Within a circle the result depends on the way.
        if !way.contains(&at) {
            self.kept += built.iter().map(|object| object.weight).sum::<usize>();
            self.built.insert(at, Rc::clone(&built));
        }
        built
    }

    /// Applies the parts of a kustomization to objects, in the order of kustomize.
    fn change(&mut self, at: usize, objects: &mut Vec<Object<'a>>) {
        let (overlay, prepared) = (self.index.overlays[at], &self.prepared.overlays[at]);
        let metadata = &overlay.kustomization.metadata;
        let is_changed = metadata != &AddedMetadata::default() || !prepared.images.is_empty();
        let copied = objects.iter().filter(|object| is_changed && object.is_shared());
        if !self.sources.copy(copied.map(|object| object.weight).sum()) {
            return;
        }
        for patch in &prepared.patches {
            patch::apply(objects, patch, &mut self.sources);
        }
        for object in objects.iter_mut() {
            if let Some(namespace) = &metadata.namespace {
                object.keep_identity();
                let own = object.metadata();
                own.map(|own| own.insert("namespace".to_owned(), namespace.clone().into()));
            }
            rename(object, &metadata.name_prefix, &metadata.name_suffix);
            object.annotate("labels", &metadata.labels);
            object.annotate("annotations", &metadata.annotations);
        }
        for patch in &prepared.late_patches {
            patch::apply(objects, patch, &mut self.sources);
        }
        for object in objects.iter_mut() {
            images::apply(&mut object.value, &prepared.images);
            for part in &overlay.kustomization.not_evaluated {
                let target = part.target.as_ref();
                if target.is_none_or(|target| selects(target, object).unwrap_or(true)) {
                    object.refuse(|| {
                        format!(
                            "{}:{}: {} may change the image and are not evaluated; set the image under images instead",
                            overlay.path, part.position, part.key
                        )
                    });
                }
            }
        }
    }
}

fn rename(object: &mut Object<'_>, prefix: &str, suffix: &str) {
    if prefix.is_empty() && suffix.is_empty() {
        return;
    }
    object.keep_identity();
    let name = object.identity().name;
    if let Some(metadata) = object.metadata() {
        metadata.insert("name".to_owned(), format!("{prefix}{name}{suffix}").into());
    }
}
