/// What an object's annotations say about pruning, which deletes it once it is no longer declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PrunePolicy {
    /// No annotation: pruned, unless its kind holds data or other objects.
    #[default]
    ByKind,
    /// `tidegate.dev/prune: "enabled"`: pruned whatever its kind.
    Enabled,
    /// `tidegate.dev/prune: "disabled"`, `tidegate.dev/ignore` or `fluxcd.io/ignore` in any form: never pruned.
    Disabled,
}

impl PrunePolicy {
    /// Reads the annotations of a live object, which come from its last manifest.
    pub fn read<'a>(annotations: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut policy = Self::ByKind;
        for (key, value) in annotations {
            match (key, value) {
                ("tidegate.dev/prune", "disabled") => return Self::Disabled,
                ("tidegate.dev/ignore" | "fluxcd.io/ignore" | "flux.weave.works/ignore", value) if value != "false" => {
                    return Self::Disabled;
                }
                ("tidegate.dev/prune", "enabled") => policy = Self::Enabled,
                _ => {}
            }
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_in_either_spelling_keep_an_object() {
        let rows: [(&[(&str, &str)], PrunePolicy); 7] = [
            (&[], PrunePolicy::ByKind),
            (&[("tidegate.dev/prune", "enabled")], PrunePolicy::Enabled),
            (&[("tidegate.dev/prune", "disabled")], PrunePolicy::Disabled),
            (&[("tidegate.dev/ignore", "sync-only")], PrunePolicy::Disabled),
            (&[("fluxcd.io/ignore", "sync_only")], PrunePolicy::Disabled),
            (
                &[("tidegate.dev/prune", "enabled"), ("fluxcd.io/ignore", "true")],
                PrunePolicy::Disabled,
            ),
            (&[("fluxcd.io/ignore", "false")], PrunePolicy::ByKind),
        ];
        for (annotations, expected) in rows {
            assert_eq!(
                PrunePolicy::read(annotations.iter().copied()),
                expected,
                "{annotations:?}"
            );
        }
    }
}
