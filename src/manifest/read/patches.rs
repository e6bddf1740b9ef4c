use crate::manifest::read::identity::{Head, identity};
use crate::manifest::read::images::Images;
use crate::manifest::read::{helm, pod};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::{parse, tree};
use crate::model::{FieldName, ImageRef, ObjectId, Position};

/// A patch of a kustomization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Position of the patch in the kustomization.
    pub position: Position,
    /// The patch's file, as written; `None` for a patch within the kustomization.
    pub file: Option<String>,
    /// The objects that the patch is for, if the kustomization names them apart from the patch.
    pub target: Option<Target>,
    /// What a patch within the kustomization does to images.
    pub inline: Vec<ImagePatch>,
}

/// The objects that a patch is for. An object must match every part that is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// API group.
    pub group: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Regular expression for the whole name.
    pub name: Option<String>,
}

/// What a patch does to images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePatch {
    /// The patch is a part of an object that names images.
    Object {
        /// Identity of the object.
        object: ObjectId,
        /// The images that the patch names with name and tag.
        images: Vec<(FieldName, ImageRef)>,
        /// The patch as a JSON value.
        value: serde_json::Value,
    },
    /// The patch is an operation (RFC 6902) on an image.
    Operation {
        /// The path of the image, as a JSON pointer.
        pointer: String,
    },
}

impl Target {
    /// Whether the patch may be for an object. Selection by labels or annotations is ignored.
    pub fn matches(&self, object: &ObjectId) -> bool {
        let is = |expected: &Option<String>, text: &str| expected.as_ref().is_none_or(|expected| expected == text);
        let named = self.name.as_ref().is_none_or(|name| {
            let whole = regex::Regex::new(&format!("^(?:{name})$"));
            whole.map_or(name == &object.name, |whole| whole.is_match(&object.name))
        });
        is(&self.group, &object.group) && is(&self.kind, &object.kind) && named
    }
}

/// The patches of a kustomization, in the order in which kustomize applies them.
pub(crate) fn patches(kustomization: &Cursor<'_>) -> Vec<Patch> {
    let merged = kustomization.items_at("patchesStrategicMerge").into_iter();
    let merged = merged.filter_map(|item| {
        let text = item.text()?;
        let is_file = !text.contains('\n') && !text.contains(": ");
        Some(Patch {
            position: item.position(),
            inline: if is_file { Vec::new() } else { image_patches(&text) },
            file: is_file.then_some(text),
            target: None,
        })
    });
    let others = ["patches", "patchesJson6902"].into_iter();
    let others = others.flat_map(|key| kustomization.items_at(key)).filter_map(|item| {
        let file = item.text_at("path");
        let patch = item
            .key("patch")
            .and_then(|patch| patch.text())
            .filter(|_| file.is_none());
        (file.is_some() || patch.is_some()).then(|| Patch {
            position: item.position(),
            file,
            target: item
                .key("target")
                .filter(Cursor::is_mapping)
                .map(|cursor| target(&cursor)),
            inline: patch.as_deref().map(image_patches).unwrap_or_default(),
        })
    });
    merged.chain(others).collect()
}

fn target(cursor: &Cursor<'_>) -> Target {
    Target {
        group: cursor.text_at("group"),
        kind: cursor.text_at("kind"),
        name: cursor.text_at("name"),
    }
}

/// What a patch within a kustomization does to images; nothing if the patch cannot be read. kustomize reports such a
/// patch.
fn image_patches(text: &str) -> Vec<ImagePatch> {
    let trees = parse::parse(text).ok().and_then(|events| tree::build(events).ok());
    let trees = trees.unwrap_or_default();
    let roots = trees.iter().map(Cursor::root);
    roots
        .flat_map(|root| {
            let operations = operations(&root).into_iter();
            let operations = operations.map(|pointer| ImagePatch::Operation { pointer });
            operations.chain(object_patch(&root)).collect::<Vec<_>>()
        })
        .collect()
}

/// The patch as a part of an object; `None` if it names no images.
fn object_patch(root: &Cursor<'_>) -> Option<ImagePatch> {
    let text = |key: &str| root.key(key).and_then(|cursor| cursor.text());
    let head = Head {
        api_version: text("apiVersion")?,
        kind: text("kind")?,
    };
    let object = identity(root, &head).ok()?;
    let Images { sites, .. } = match &*head.kind {
        "HelmRelease" => helm::image_fields(root, &[], &[]),
        kind => pod::image_fields(&pod::pod_spec(root, kind)?, &[]),
    };
    let images = sites.into_iter().map(|site| (site.field.field, site.field.image));
    Some(ImagePatch::Object {
        object,
        images: images.collect(),
        value: root.json(&mut Vec::new()).ok()?,
    })
}

/// The JSON pointers of the images that a list of operations (RFC 6902) sets.
pub(crate) fn operations(root: &Cursor<'_>) -> Vec<String> {
    let pointers = root.items().into_iter().filter_map(|item| {
        let text = |key: &str| item.key(key).and_then(|cursor| cursor.text());
        let sets = text("op").is_some_and(|op| matches!(&*op, "add" | "replace" | "copy" | "move"));
        text("path").filter(|path| sets && path.ends_with("/image"))
    });
    pointers.collect()
}
