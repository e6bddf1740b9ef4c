use super::index::{OverlayIndex, join};
use crate::model::RepoPath;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a part of a kustomization is a setting.
pub(super) fn is_setting(key: &str) -> bool {
    ["configurations", "openapi"].contains(&key)
}

/// The settings of kustomizations that also work on objects of others: `configurations` on the objects of every kustomization
/// above, and `openapi` on all that are built together.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The place of a setting, by the number of each kustomization that the setting works on.
    configurations: BTreeMap<usize, String>,
    schemas: BTreeMap<usize, String>,
}

impl Settings {
    /// Finds the settings. Few repositories have one.
    pub(super) fn new(index: &OverlayIndex<'_>, folders: &BTreeMap<RepoPath, usize>) -> Self {
        let mut above: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut settings = Self::default();
        let mut parts = index
            .overlays
            .iter()
            .flat_map(|overlay| &overlay.kustomization.not_evaluated);
        if !parts.any(|part| is_setting(part.key)) {
            return settings;
        }
        for (at, overlay) in index.overlays.iter().enumerate() {
            let parts = overlay.kustomization.resources.iter();
            let folder = overlay.path.parent();
            let paths = parts.chain(&overlay.kustomization.components);
            let below = paths.filter_map(|part| folders.get(&join(&folder, part)?));
            below.for_each(|below| above.entry(*below).or_default().push(at));
        }
        for (at, overlay) in index.overlays.iter().enumerate() {
            let parts = overlay.kustomization.not_evaluated.iter();
            for part in parts.filter(|part| is_setting(part.key)) {
                let place = format!("{}:{}", overlay.path, part.position);
                let places = match part.key {
                    "openapi" => &mut settings.schemas,
                    _ => &mut settings.configurations,
                };
                for reached in reached(at, &above) {
                    places.entry(reached).or_insert_with(|| place.clone());
                }
            }
        }
        settings
    }

    /// The place of a configuration that works on the objects of a kustomization.
    pub(super) fn configuration(&self, at: usize) -> Option<&str> {
        self.configurations.get(&at).map(String::as_str)
    }

    /// The place of a schema that works on all that a kustomization renders.
    pub(super) fn schema(&self, at: usize) -> Option<&str> {
        self.schemas.get(&at).map(String::as_str)
    }
}

/// A kustomization and all above it.
fn reached(at: usize, above: &BTreeMap<usize, Vec<usize>>) -> BTreeSet<usize> {
    let (mut seen, mut open) = (BTreeSet::from([at]), vec![at]);
    while let Some(at) = open.pop() {
        let more = above.get(&at).into_iter().flatten();
        open.extend(more.filter(|above| seen.insert(**above)));
    }
    seen
}
