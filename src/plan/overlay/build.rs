use super::images;
use super::index::{OverlayIndex, join};
use super::object::Object;
use super::patch;
use super::prepared::{Prepared, PreparedPatch};
use super::select::Selector;
use super::settings::Settings;
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
    built: BTreeMap<usize, Rc<Built<'a>>>,
    /// The kustomizations whose settings reach further than their own objects.
    settings: Settings,
    /// The bytes of memory of the copies that stay: what the files hold, and `built`.
    kept: usize,
    pub(super) sources: Sources<'a>,
    objects: usize,
}

/// What a kustomization makes.
#[derive(Debug, Clone, Default)]
struct Built<'a> {
    objects: Vec<Object<'a>>,
    /// Objects or images that are there, too, and that nobody knows.
    unread: Option<Rc<str>>,
}

impl<'a, 'i> Build<'a, 'i> {
    pub(super) fn new(index: &'i OverlayIndex<'a>) -> Self {
        let mut sources = Sources::default();
        let folders = index.overlays.iter().enumerate();
        let folders: BTreeMap<RepoPath, usize> = folders.map(|(at, overlay)| (overlay.path.parent(), at)).collect();
        let prepared = Prepared::new(index, &mut sources);
        Self {
            prepared,
            settings: Settings::new(index, &folders),
            folders,
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
        let mut objects = self.accumulate(at, Built::default(), &mut Vec::new()).objects;
        self.sources.copied = self.kept;
        objects.retain(|object| !object.is_local());
        if let Some(place) = self.settings.schema(at) {
            for object in objects.iter_mut().filter(|object| object.is_merged) {
                object.refuse(|| {
                    format!(
                        "{place}: openapi may change how patches are merged and is not evaluated; write the tag in the images of \
                         the kustomization that is applied"
                    )
                });
            }
        }
        objects
    }

    /// Whether the kustomizations hold more than is followed.
    pub(super) fn is_exhausted(&self) -> bool {
        self.objects > MOST_OBJECTS || self.sources.is_exhausted
    }

    fn folder(&self, from: &RepoPath, part: &str) -> Option<usize> {
        self.folders.get(&join(from, part)?).copied()
    }

    /// Adds what a kustomization makes to what came before, and changes it all.
    fn accumulate(&mut self, at: usize, mut all: Built<'a>, way: &mut Vec<usize>) -> Built<'a> {
        let Some(overlay) = self.index.overlays.get(at).copied() else {
            return all;
        };
        if way.len() >= DEEPEST || way.contains(&at) || self.is_exhausted() {
            return all;
        }
        way.push(at);
        let folder = overlay.path.parent();
        for resource in &overlay.kustomization.resources {
            let more = match self.folder(&folder, resource) {
                Some(below) => self.below(below, way),
                None => self.file(overlay.path, resource),
            };
            self.objects += more.objects.len();
            all.objects.extend(more.objects.iter().cloned());
            all.unread = all.unread.or_else(|| more.unread.clone());
        }
        if let Some(part) = overlay.kustomization.generated.first() {
            let text = || not_read(&format!("the {} of {}:{}", part.key, overlay.path, part.position));
            all.unread = all.unread.or_else(|| Some(text()));
        }
        for component in &overlay.kustomization.components {
            match self.folder(&folder, component) {
                Some(component) => all = self.accumulate(component, all, way),
                None => all.unread = all.unread.or_else(|| Some(unread(overlay.path, component))),
            }
        }
        way.pop();
        self.change(at, &mut all);
        all
    }

    fn file(&self, from: &RepoPath, name: &str) -> Rc<Built<'a>> {
        let path = join(&from.parent(), name);
        let objects = path.and_then(|path| self.prepared.files.get(&path));
        Rc::new(Built {
            unread: objects.is_none().then(|| unread(from, name)),
            objects: objects.cloned().unwrap_or_default(),
        })
    }

    fn below(&mut self, at: usize, way: &mut Vec<usize>) -> Rc<Built<'a>> {
        if let Some(built) = self.built.get(&at) {
            return Rc::clone(built);
        }
        let built = Rc::new(self.accumulate(at, Built::default(), way));
        // Within a circle the result depends on the way.
        if !way.contains(&at) {
            self.kept += built.objects.iter().map(|object| object.weight).sum::<usize>();
            self.built.insert(at, Rc::clone(&built));
        }
        built
    }

    /// Applies the parts of a kustomization to objects, in the order of kustomize.
    fn change(&mut self, at: usize, all: &mut Built<'a>) {
        let (overlay, prepared) = (self.index.overlays[at], &self.prepared.overlays[at]);
        let metadata = &overlay.kustomization.metadata;
        let is_changed = metadata != &AddedMetadata::default() || !prepared.images.is_empty();
        let objects = &mut all.objects;
        let copied = objects.iter().filter(|object| is_changed && object.is_shared());
        if !self.sources.copy(copied.map(|object| object.weight).sum()) {
            return;
        }
        for patch in &prepared.patches {
            patch::apply(objects, patch, &mut self.sources);
        }
        for object in objects.iter_mut() {
            add_metadata(object, &overlay.kustomization.metadata);
        }
        for patch in &prepared.late_patches {
            patch::apply(objects, patch, &mut self.sources);
        }
        let mut unknown = None;
        for object in objects.iter_mut() {
            images::apply(&mut object.value, &prepared.images);
            for (part, selector) in &prepared.not_evaluated {
                let is_for = |selector: &Selector<'_>| selector.selects(object).unwrap_or(true);
                if selector.as_ref().is_none_or(is_for) {
                    let place = format!("{}:{}", overlay.path, part.position);
                    object.refuse(|| not_evaluated(&place, part.key));
                    unknown.get_or_insert_with(|| {
                        format!("images that the {} of {place} set, which are not evaluated", part.key).into()
                    });
                }
            }
            if let Some(place) = self.settings.configuration(at) {
                object.refuse(|| not_evaluated(place, "configurations"));
            }
        }
        if let Some(unread) = &all.unread {
            self.object_to(at, unread);
        }
        all.unread = all.unread.take().or(unknown);
    }

    /// A tag that may also reach objects that nobody has read is not for automation to write.
    fn object_to(&mut self, at: usize, unread: &str) {
        let prepared = &self.prepared.overlays[at];
        let patches = prepared.patches.iter().chain(&prepared.late_patches);
        let patches = patches.filter(|patch| patch.selector.is_some());
        let tags = patches.flat_map(PreparedPatch::sources);
        let sources: Vec<usize> = tags.chain(prepared.images.iter().map(|entry| entry.source)).collect();
        for source in sources {
            self.sources.object_to(source, || {
                format!(
                    "a new tag here may also change {unread}; ask for bumps with a marker behind the tag, or keep them in a \
                     kustomization of their own"
                )
            });
        }
    }
}

fn not_evaluated(place: &str, key: &str) -> String {
    format!("{place}: {key} may change the image and are not evaluated; set the image under images instead")
}

/// A resource or component that is not among the files.
fn unread(from: &RepoPath, name: &str) -> Rc<str> {
    not_read(&format!("{name} ({from})"))
}

fn not_read(what: &str) -> Rc<str> {
    format!("objects of {what}, which are not read").into()
}

/// Writes what a kustomization writes into every object.
fn add_metadata(object: &mut Object<'_>, metadata: &AddedMetadata) {
    if let Some(namespace) = &metadata.namespace {
        object.keep_identity();
        let own = object.metadata();
        own.map(|own| own.insert("namespace".to_owned(), namespace.clone().into()));
    }
    rename(object, &metadata.name_prefix, &metadata.name_suffix);
    object.annotate("labels", &metadata.labels);
    object.annotate("annotations", &metadata.annotations);
}

/// Adds a prefix and a suffix. Patches may also use the name between the two.
fn rename(object: &mut Object<'_>, prefix: &str, suffix: &str) {
    for (before, behind) in [(prefix, ""), ("", suffix)] {
        if before.is_empty() && behind.is_empty() {
            continue;
        }
        object.keep_identity();
        let name = object.identity().name;
        if let Some(metadata) = object.metadata() {
            metadata.insert("name".to_owned(), format!("{before}{name}{behind}").into());
        }
    }
}
