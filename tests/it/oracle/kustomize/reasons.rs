use super::generator::Repository;
use super::rendered::Image;
use tidegate::plan::AutomatedField;

/// What Tidegate does not evaluate, and says so of every image that it may change.
const NOT_EVALUATED: [&str; 3] = ["replacements", "transformers", "generators"];

/// Why a field is not bumped.
pub(super) fn reason(field: &AutomatedField) -> String {
    match (&field.policy, &field.lock) {
        (Err(reason), _) => reason.clone(),
        (_, Some(lock)) => format!("locked: {lock:?}"),
        _ => panic!("not refused: {field:?}"),
    }
}

/// Whether Tidegate evaluates all that a repository has.
pub(super) fn is_evaluated(repository: &Repository) -> bool {
    !NOT_EVALUATED.iter().any(|key| repository.has_key(key))
}

/// Whether a field may be refused although an edit would be right: nobody knows what Tidegate does not evaluate, and nobody can
/// tell two containers of one name apart.
pub(super) fn is_due(reason: &str, reached: &[Image], repository: &Repository) -> bool {
    if reason.contains("no field of its own") {
        return reached.iter().any(|image| image.is_doubled);
    }
    let mut keys = NOT_EVALUATED.iter();
    let is_about_them = reason.contains("not evaluated") || reason.contains("not read");
    is_about_them && keys.any(|key| reason.contains(key) && repository.has_key(key))
}

/// Whether what a refusal says is not so.
pub(super) fn untrue(reason: &str, reached: &[Image], repository: &Repository) -> bool {
    let any = |is: fn(&&Image) -> bool| reached.iter().find(is).is_some();
    let is_true = if reason.starts_with("locked") {
        any(|image| image.locked)
    } else if reason.contains("not automated") {
        any(|image| !image.automated || image.field.is_none())
    } else if reason.contains("different policies") {
        reached.iter().any(|image| image.policy != reached[0].policy)
    } else if reason.contains("tagSuffix") {
        any(|image| image.tag.matches('.').count() != 2 || image.tag.contains('-'))
    } else if reason.contains("template of a Job") {
        any(|image| image.immutable)
    } else if reason.contains("not evaluated") || reason.contains("not read") {
        is_due(reason, reached, repository)
    } else {
        true
    };
    !is_true
}

/// The words of a reason that do not change from one repository to the next.
pub(super) fn kind(reason: &str) -> String {
    let kinds = [
        "locked",
        "not automated",
        "different policies",
        "tagSuffix",
        "JSON pointer",
        "inside a kustomization",
        "two entries",
        "test operation",
        "two containers",
        "cannot be read",
        "not evaluated",
        "not read",
        "template of a Job",
    ];
    let known = kinds.iter().find(|kind| reason.contains(**kind));
    known.map_or(reason.to_owned(), |kind| (*kind).to_owned())
}
