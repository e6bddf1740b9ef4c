use crate::manifest::prefilter::fast_scan;
use crate::manifest::yaml::limits;
use crate::model::RepoPath;
use regex::bytes::Regex;
use std::sync::LazyLock;

/// Whether a file may hold what images are found by, told by its bytes alone: an image field, a marker, an annotation of
/// ours or of Flux's, an `ImagePolicy` or `ImageRepository`, a kustomization, a patch of operations on images, a SOPS
/// document. Where this says no, [`read`](crate::manifest::read) finds none of them, nor anything wrong with one.
///
/// Each of them has a word that YAML can only write out: a scalar is the text that stands in the file but for escapes in
/// double quotes, for `!!binary`, and for line ends, which become blanks. A file with escapes or tags is taken for one that
/// may hold images.
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
        Regex::new(&words.join("|")).expect("the words are written here")
    });
    let is_kustomization = matches!(
        path.file_name(),
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    );
    is_kustomization || WORDS.is_match(bytes) || bytes.contains(&b'\\') && bytes.contains(&b'"')
}

/// Whether reading a file for its images would be in vain, told without a parser: it holds none (see
/// [`may_hold_images`]), and it is written so plainly that there is nothing to find fault with either.
///
/// Where this says yes, [`read`](crate::manifest::read) gives objects without images and without a finding. It is never said of a
/// file that does not parse, that declares a key or an object twice, or that is no manifest.
pub fn is_beside_images(path: &RepoPath, bytes: &[u8]) -> bool {
    path.file_name() != "Chart.yaml"
        && bytes.len() <= MAX_BYTES
        && !may_hold_images(path, bytes)
        && !ODD_ANNOTATIONS.is_match(bytes)
        && limits::text(bytes).is_ok_and(|text| fast_scan::is_ordinary(text.text))
}

/// Annotations that may be no map of lines, which the reader finds fault with.
static ODD_ANNOTATIONS: LazyLock<Regex> = LazyLock::new(|| {
    let in_line = r"[ \t]*[^\s#]";
    let below = r"([ \t]*(#[^\n]*)?\r?\n)+[ \t]*-[ \t\r\n]";
    Regex::new(&format!(r#"annotations["']?[ \t]*:({in_line}|{below})"#)).expect("the pattern is written here")
});

/// A file of this size cannot reach the reader's bounds on nodes and documents.
const MAX_BYTES: usize = 256 * 1024;
