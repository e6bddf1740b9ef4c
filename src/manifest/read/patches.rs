use crate::manifest::read::helm;
use crate::manifest::read::identity::{Head, identity};
use crate::manifest::read::images::{self, Images};
use crate::manifest::yaml::cursor::Place;
use crate::manifest::yaml::events;
use crate::manifest::yaml::tree;
use crate::model::{FieldName, ImageRef, ObjectId, Position};

/// A patch of a kustomization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Where the kustomization names it.
    pub position: Position,
    /// Its file, as written; `None` where it stands in the kustomization itself.
    pub file: Option<String>,
    /// What objects it is for, where that is said beside it and not by itself.
    pub target: Option<Target>,
    /// What it does to images, where it stands in the kustomization itself.
    pub inline: Vec<ImagePatch>,
}

/// The objects that a patch is for: each part that is written must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// API group.
    pub group: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Regular expression of the whole name.
    pub name: Option<String>,
}

/// What a patch does to images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePatch {
    /// It is a part of an object that names images.
    Object {
        /// Which object.
        object: ObjectId,
        /// The images that it says whole.
        images: Vec<(FieldName, ImageRef)>,
        /// The part.
        value: serde_json::Value,
    },
    /// It is an operation (RFC 6902) on an image.
    Operation {
        /// The way to the image, as a JSON pointer.
        pointer: String,
    },
}

impl Target {
    /// Whether an object may be meant; a selection by labels or annotations is not looked at.
    pub fn fits(&self, object: &ObjectId) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        let named = self.name.as_ref().is_none_or(|name| {
            let whole = regex::Regex::new(&format!("^(?:{name})$"));
            whole.map_or(name == &object.name, |whole| whole.is_match(&object.name))
        });
        is(&self.group, &object.group) && is(&self.kind, &object.kind) && named
    }
}

/// The patches of a kustomization, in the order in which kustomize makes them.
pub(crate) fn of(kustomization: &Place<'_>) -> Vec<Patch> {
    let items = |key: &str| kustomization.key(key).map(|list| list.items()).unwrap_or_default();
    let merged = items("patchesStrategicMerge").into_iter().filter_map(|item| {
        let text = item.text()?;
        let is_file = !text.contains('\n') && !text.contains(": ");
        Some(Patch {
            position: item.position(),
            inline: if is_file { Vec::new() } else { inline(&text) },
            file: is_file.then_some(text),
            target: None,
        })
    });
    let others = items("patches").into_iter().chain(items("patchesJson6902"));
    let others = others.filter_map(|item| {
        let text = |key: &str| item.key(key).and_then(|place| place.text());
        let file = text("path").filter(|path| !path.is_empty());
        let patch = text("patch").filter(|_| file.is_none());
        (file.is_some() || patch.is_some()).then(|| Patch {
            position: item.position(),
            file,
            target: item.key("target").filter(Place::is_mapping).map(|place| target(&place)),
            inline: patch.as_deref().map(inline).unwrap_or_default(),
        })
    });
    merged.chain(others).collect()
}

fn target(place: &Place<'_>) -> Target {
    let text = |key: &str| {
        place
            .key(key)
            .and_then(|place| place.text())
            .filter(|text| !text.is_empty())
    };
    Target {
        group: text("group"),
        kind: text("kind"),
        name: text("name"),
    }
}

/// What a text does that stands in a kustomization; nothing if it cannot be read, which is kustomize's to say.
fn inline(text: &str) -> Vec<ImagePatch> {
    let trees = events::parse(text).ok().and_then(|events| tree::build(events).ok());
    let trees = trees.unwrap_or_default();
    let roots = trees.iter().map(Place::root);
    roots
        .flat_map(|root| {
            let operations = operations(&root).into_iter();
            let operations = operations.map(|pointer| ImagePatch::Operation { pointer });
            operations.chain(object(&root)).collect::<Vec<_>>()
        })
        .collect()
}

fn object(root: &Place<'_>) -> Option<ImagePatch> {
    let text = |key: &str| root.key(key).and_then(|place| place.text());
    let head = Head {
        api_version: text("apiVersion")?,
        kind: text("kind")?,
    };
    let object = identity(root, &head).ok()?;
    let Images { sites, .. } = match &*head.kind {
        "HelmRelease" => helm::of_release(root, &[], &[]),
        kind => images::of_pod(&images::pod_spec(root, kind)?, &[]),
    };
    let images = sites.into_iter().map(|site| (site.field.field, site.field.image));
    Some(ImagePatch::Object {
        object,
        images: images.collect(),
        value: root.json(&mut Vec::new()).ok()?,
    })
}

/// The ways to the images that a list of operations sets.
pub(crate) fn operations(root: &Place<'_>) -> Vec<String> {
    let pointers = root.items().into_iter().filter_map(|item| {
        let text = |key: &str| item.key(key).and_then(|place| place.text());
        let sets = text("op").is_some_and(|op| matches!(&*op, "add" | "replace" | "copy" | "move"));
        text("path").filter(|path| sets && path.ends_with("/image"))
    });
    pointers.collect()
}
