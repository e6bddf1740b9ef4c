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
    /// Reads the annotations of a live object. Everybody may ask to keep an object. Only the agent's own field may ask
    /// to delete an object that its kind protects.
    pub fn read<'a>(annotations: impl IntoIterator<Item = (&'a str, &'a str)>, owns_prune: bool) -> Self {
        let mut policy = Self::ByKind;
        for (key, value) in annotations {
            match (key, value) {
                ("tidegate.dev/prune", "disabled") => return Self::Disabled,
                ("tidegate.dev/ignore" | "fluxcd.io/ignore" | "flux.weave.works/ignore", value) if value != "false" => {
                    return Self::Disabled;
                }
                ("tidegate.dev/prune", "enabled") if owns_prune => policy = Self::Enabled,
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
                PrunePolicy::read(annotations.iter().copied(), true),
                expected,
                "{annotations:?}"
            );
        }
        let others = |wish| PrunePolicy::read([("tidegate.dev/prune", wish)], false);
        assert_eq!(others("enabled"), PrunePolicy::ByKind, "somebody else's wish to delete");
        assert_eq!(
            others("disabled"),
            PrunePolicy::Disabled,
            "somebody else's wish to keep"
        );
    }
}
