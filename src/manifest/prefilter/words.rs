use crate::manifest::prefilter::fast_scan::is_plain_objects;
use crate::manifest::yaml::limits;
use crate::model::RepoPath;
use regex::bytes::Regex;
use std::sync::LazyLock;

/// A file of this size, in bytes, cannot reach the limits on nodes and documents.
const MAX_BYTES: usize = 256 * 1024;

/// Whether a file may contain image fields, or anything that decides about them: markers, annotations of `tidegate.dev`
/// or Flux, `ImagePolicy` or `ImageRepository` objects, kustomizations, patches of operations on images, SOPS documents.
///
/// The check does not parse the file. If it returns false, [`read`](crate::manifest::read) finds none of these, and no
/// problem with one of them.
///
/// Each of these needs a word that YAML can only write out. A scalar is the text in the file, except for escapes in
/// double quotes, `!!binary`, and line breaks, which become blanks. A file with escapes or tags counts as one that may
/// contain image fields.
pub fn may_hold_images(path: &RepoPath, bytes: &[u8]) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        let words = [
            r"(?-u:images?\b)",
            r"\$imagepolicy",
            r"tidegate\.dev/",
            r"fluxcd\.io/",
            r"flux\.weave\.works/",
            r"kustomize\.config\.k8s\.io/",
            r"(?-u:sops\b)",
            r"!!|!<|%TAG",
        ];
        Regex::new(&words.join("|")).expect("the pattern is a constant")
    });
    let is_kustomization = matches!(
        path.file_name(),
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    );
    is_kustomization || WORDS.is_match(bytes) || bytes.contains(&b'\\') && bytes.contains(&b'"')
}

/// Whether a reader that only wants image fields can skip a file: the file has none (see [`may_hold_images`]), and it is
/// written in such a plain form that it has no finding either.
///
/// The check does not parse the file. If it returns true, [`read`](crate::manifest::read) returns objects without image
/// fields, and no finding. It returns false for a file that does not parse, that declares a key or an object twice, or
/// that is not a manifest.
pub fn can_skip_for_images(path: &RepoPath, bytes: &[u8]) -> bool {
    path.file_name() != "Chart.yaml"
        && bytes.len() <= MAX_BYTES
        && !may_hold_images(path, bytes)
        && !ODD_ANNOTATIONS.is_match(bytes)
        && limits::decode(bytes).is_ok_and(|source| is_plain_objects(&source.text))
}

/// Kinds of built-in API groups whose objects have no images, and get none from a patch.
const KINDS_WITHOUT_IMAGES: [&str; 24] = [
    "APIService",
    "Certificate",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CustomResourceDefinition",
    "Endpoints",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PriorityClass",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StorageClass",
];

/// Whether objects of a kind have no images, and get none from a patch. Other groups have kinds of the same names: a Service of
/// Knative has containers.
pub(crate) fn has_no_images(group: &str, kind: &str) -> bool {
    KINDS_WITHOUT_IMAGES.contains(&kind) && is_built_in(group)
}

/// Whether the API server serves the group by itself, or the group is that of certificates.
fn is_built_in(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io") || group == "cert-manager.io"
}

/// Whether every object of a file that [`can_skip_for_images`] lets go is of a kind without images. Any other object may get an
/// image from a patch of a kustomization, or may itself be a patch.
pub(crate) fn names_no_workload(bytes: &[u8]) -> bool {
    let texts = |pattern: &'static Regex| {
        let found = pattern.captures_iter(bytes).filter_map(|found| found.get(1));
        found.map(|text| std::str::from_utf8(text.as_bytes()).unwrap_or_default())
    };
    texts(&KIND).all(|kind| KINDS_WITHOUT_IMAGES.contains(&kind))
        && texts(&API_VERSION).all(|version| version.split_once('/').is_none_or(|(group, _)| is_built_in(group)))
}

static KIND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)^["']?kind["']?[ \t]*:[ \t]*["']?([^"'\s#]*)"#).expect("the pattern is a constant")
});

static API_VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)^["']?apiVersion["']?[ \t]*:[ \t]*["']?([^"'\s#]*)"#).expect("the pattern is a constant")
});

/// Annotations that may not be a block mapping. The reader reports annotations that are not a map.
static ODD_ANNOTATIONS: LazyLock<Regex> = LazyLock::new(|| {
    let on_same_line = r"[ \t]*[^\s#]";
    let list_below = r"([ \t]*(#[^\n]*)?\r?\n)+[ \t]*-[ \t\r\n]";
    Regex::new(&format!(r#"annotations["']?[ \t]*:({on_same_line}|{list_below})"#)).expect("the pattern is a constant")
});
