use crate::manifest::read::identity::Head;
use crate::manifest::yaml::cursor::Cursor;
use crate::model::Severity;

/// Why a document is not an object that sync applies.
pub(crate) enum NotAnObject {
    Kustomization,
    /// The severity and the message of the finding.
    Other(Severity, String),
}

/// `apiVersion` and `kind` of a document.
///
/// # Errors
/// The document is a kustomization, the description of a chart, or not an object.
pub(crate) fn head(file_name: &str, root: &Cursor<'_>) -> Result<Head, NotAnObject> {
    let skipped = |what: &str| Err(NotAnObject::Other(Severity::Notice, format!("is {what}; skipped")));
    let incomplete = |message: &str| Err(NotAnObject::Other(Severity::Error, message.to_owned()));
    match file_name {
        "Chart.yaml" => return skipped("the description of a Helm chart"),
        "kustomization.yaml" | "kustomization.yml" | "Kustomization" => return Err(NotAnObject::Kustomization),
        _ => {}
    }
    let api_version = root.text_at("apiVersion");
    if api_version
        .as_deref()
        .is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"))
    {
        return Err(NotAnObject::Kustomization);
    }
    match (api_version, root.text_at("kind")) {
        (Some(api_version), Some(kind)) => Ok(Head { api_version, kind }),
        (None, None) => {
            let named = root.walk(&["metadata", "name"]).is_some();
            if named && ["spec", "data"].iter().any(|key| root.key(key).is_some()) {
                incomplete("has a metadata.name, but neither apiVersion nor kind; add both")
            } else {
                skipped("not a Kubernetes object (neither apiVersion nor kind)")
            }
        }
        (None, Some(_)) => incomplete("has a kind, but no apiVersion; add it as a string"),
        (Some(_), None) => incomplete("has an apiVersion, but no kind; add it as a string"),
    }
}
