use crate::model::Position;
use crate::resource::value_weight;
use serde_json::Value;

/// The parts of a kustomization that decide about images.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kustomization {
    /// Whether the file is a component: its parts apply to the kustomization that includes it.
    pub is_component: bool,
    /// `resources` and `bases`, as written.
    pub resources: Vec<String>,
    /// `components`, as written.
    pub components: Vec<String>,
    /// `patchesStrategicMerge` and `patches`, in order. kustomize applies them before everything else.
    pub patches: Vec<Patch>,
    /// `patchesJson6902`, in order. kustomize applies them after names and labels, and before `images`.
    pub late_patches: Vec<Patch>,
    /// What the kustomization writes into the metadata of every object.
    pub metadata: AddedMetadata,
    /// The entries of `images` and `imageTags`, in order.
    pub images: Vec<ImageOverride>,
    /// The parts that may change images and that Tidegate does not evaluate.
    pub not_evaluated: Vec<NotEvaluated>,
    /// The parts that add objects which Tidegate does not read.
    pub generated: Vec<Generated>,
}

/// A part of a kustomization that adds objects which Tidegate does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The key, e.g. `helmCharts`.
    pub key: &'static str,
    /// Position of the part.
    pub position: Position,
}

/// What a kustomization writes into the metadata of every object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddedMetadata {
    /// `namespace`.
    pub namespace: Option<String>,
    /// `namePrefix`; empty if there is none.
    pub name_prefix: String,
    /// `nameSuffix`; empty if there is none.
    pub name_suffix: String,
    /// `labels` and `commonLabels`, by key.
    pub labels: Vec<(String, String)>,
    /// `commonAnnotations`, by key.
    pub annotations: Vec<(String, String)>,
}

/// One entry of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOverride {
    /// The image name that the entry is for. The entry's image field has the same name.
    pub name: String,
    /// The name that the entry sets.
    pub new_name: Option<String>,
    /// Whether the entry sets the tag, so that the base's tag and digest have no effect.
    pub sets_tag: bool,
    /// Whether the entry sets the digest, so that the base's tag and digest have no effect.
    pub sets_digest: bool,
    /// What the entry appends to the base's tag, if the entry sets neither. The base's digest goes.
    pub tag_suffix: Option<String>,
    /// The position of the tag or the digest; of the entry, if it has neither.
    pub position: Position,
}

/// A part of a kustomization that may change images and that Tidegate does not evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotEvaluated {
    /// The key, e.g. `transformers`.
    pub key: &'static str,
    /// Position of the part.
    pub position: Position,
    /// The objects that the part may change; `None` stands for all.
    pub target: Option<Target>,
}

/// A patch of a kustomization.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Position of the patch in the kustomization.
    pub position: Position,
    /// The patch's file, as written; `None` for a patch within the kustomization.
    pub file: Option<String>,
    /// The objects that the patch is for, if the kustomization names them apart from the patch.
    pub target: Option<Target>,
    /// A patch within the kustomization.
    pub inline: PatchBody,
    /// Whether the patch may change the name of an object.
    pub renames: bool,
}

/// What a patch consists of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatchBody {
    /// Parts of objects (strategic merge), as JSON values.
    pub parts: Vec<Value>,
    /// Operations (RFC 6902).
    pub operations: Vec<Operation>,
    /// Whether the patch cannot be read.
    pub is_unreadable: bool,
}

/// An operation (RFC 6902).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Operation {
    /// `add`, `remove`, `replace`, `move`, `copy` or `test`.
    pub op: String,
    /// The JSON pointer of the place that the operation changes.
    pub path: String,
    /// The JSON pointer that `move` and `copy` take the value from.
    pub from: Option<String>,
    /// The value of `add`, `replace` and `test`.
    pub value: Value,
}

impl Operation {
    /// About how many bytes of memory the operation takes.
    pub fn weight(&self) -> usize {
        let texts = [&self.op, &self.path].into_iter().chain(&self.from);
        size_of::<Self>() + texts.map(String::len).sum::<usize>() + value_weight(&self.value)
    }
}

/// The objects that a patch is for. An object must match every part that is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// Regular expression for the whole API group.
    pub group: Option<String>,
    /// Regular expression for the whole API version.
    pub version: Option<String>,
    /// Regular expression for the whole kind.
    pub kind: Option<String>,
    /// Regular expression for the whole name.
    pub name: Option<String>,
    /// Regular expression for the whole namespace.
    pub namespace: Option<String>,
    /// Selector for labels, in the language of Kubernetes.
    pub labels: Option<String>,
    /// Selector for annotations, in the same language.
    pub annotations: Option<String>,
}
