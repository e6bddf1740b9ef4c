use super::label_selector::LabelSelector;
use std::collections::BTreeMap;

/// The annotation with which a source asks for copies: `"true"` for all namespaces, or a selector of namespaces by label.
pub const MIRROR_TO_ANNOTATION: &str = "tidegate.dev/mirror-to";
/// kubed's name for the same.
pub(super) const KUBED_SYNC: &str = "kubed.appscode.com/sync";
/// The annotation with which a source asks for copies in other clusters, as a list of targets.
pub const MIRROR_TARGETS_ANNOTATION: &str = "tidegate.dev/mirror-to-targets";
/// kubed's name for the same: contexts of a kubeconfig.
pub(super) const KUBED_CONTEXTS: &str = "kubed.appscode.com/sync-contexts";

/// What a source asks for by annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorAsk {
    /// The namespaces, by label. `None`: the source asks for copies in other clusters only.
    pub namespaces: Option<LabelSelector>,
    /// The other clusters, by the names of their targets.
    pub targets: Vec<String>,
}

/// What these annotations ask for, if they ask for anything.
pub(super) fn ask(annotations: &BTreeMap<String, String>) -> Option<Result<MirrorAsk, String>> {
    let written = [MIRROR_TO_ANNOTATION, KUBED_SYNC].into_iter();
    let written = written.filter_map(|key| Some((key, annotations.get(key)?))).next();
    let contexts = annotations
        .get(MIRROR_TARGETS_ANNOTATION)
        .or_else(|| annotations.get(KUBED_CONTEXTS));
    if written.is_none() && contexts.is_none() {
        return None;
    }
    let namespaces = match written {
        None => None,
        // kubed reads "false" as the name of a label, which no namespace has.
        Some((key, text)) => match selector(text) {
            Ok(selector) => Some(selector),
            Err(error) => return Some(Err(format!("annotation {key}: {error}"))),
        },
    };
    let names = contexts.into_iter().flat_map(|text| text.split(','));
    let names = names.map(str::trim).filter(|name| !name.is_empty());
    Some(Ok(MirrorAsk {
        namespaces,
        targets: names.map(str::to_owned).collect(),
    }))
}

fn selector(text: &str) -> Result<LabelSelector, String> {
    match text.trim() {
        "" | "true" => Ok(LabelSelector::default()),
        text => LabelSelector::parse(text).map_err(|error| error.to_string()),
    }
}
