use super::{Fingerprint, GroupKind, Health, ResourceVersion};
use crate::model::ObjectId;
use serde::Serialize;
use std::fmt;

/// What we keep of a live object of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedObject {
    /// Its UID.
    pub uid: String,
    /// The version this was read at.
    pub version: ResourceVersion,
    /// `metadata.generation`, where its kind has one.
    pub generation: Option<i64>,
    /// Our ownership fingerprint, if we have a `managedFields` entry.
    pub fingerprint: Option<Fingerprint>,
    /// Who else last wrote to it.
    pub last_writer: Option<String>,
    /// Whether it has owner references: somebody else creates and deletes it.
    pub is_owned: bool,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// What its annotations say about deletion.
    pub prune: PruneWish,
    /// How it is.
    pub health: Health,
}

/// What an object's annotations say about its deletion when it is no longer declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PruneWish {
    /// Nothing: deleted, unless its kind holds data or other objects.
    #[default]
    Unsaid,
    /// `tidegate.dev/prune: "enabled"`: deleted whatever its kind.
    Enabled,
    /// `tidegate.dev/prune: "disabled"`, `tidegate.dev/ignore` or `fluxcd.io/ignore` in any form: never deleted.
    Disabled,
}

impl PruneWish {
    /// Reads the annotations of a live object; they came from its last manifest.
    pub fn read<'a>(annotations: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut wish = Self::Unsaid;
        for (key, value) in annotations {
            match (key, value) {
                ("tidegate.dev/prune", "disabled") => return Self::Disabled,
                ("tidegate.dev/ignore" | "fluxcd.io/ignore" | "flux.weave.works/ignore", value) if value != "false" => {
                    return Self::Disabled;
                }
                ("tidegate.dev/prune", "enabled") => wish = Self::Enabled,
                _ => {}
            }
        }
        wish
    }
}

/// Why an object that is no longer declared is left standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// We never applied it: it carries our label only.
    NotOurs,
    /// It has an owner, who creates and deletes it; the label was copied from there.
    HasOwner,
    /// It is the namespace that the agent lives in, or the set's own record.
    OwnPlace,
    /// An annotation says so.
    Asked,
    /// Its kind holds data or other objects and nothing asked for its deletion.
    Precious,
    /// It is being deleted already.
    Terminating,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOurs => "it was not applied by tidegate",
            Self::HasOwner => "it belongs to another object (owner references)",
            Self::OwnPlace => "the agent itself lives there",
            Self::Asked => "its annotations ask to keep it",
            Self::Precious => "its kind is only deleted when it is annotated tidegate.dev/prune: \"enabled\"",
            Self::Terminating => "it is being deleted already",
        })
    }
}

/// Whether a member of the set that is no longer declared may be deleted. `own_namespace` is where the agent lives.
///
/// # Errors
/// The reason to leave it standing.
pub fn may_prune(id: &ObjectId, live: &ObservedObject, own_namespace: &str) -> Result<(), Kept> {
    let kind = GroupKind::of(id);
    if live.is_terminating {
        return Err(Kept::Terminating);
    }
    if live.fingerprint.is_none() {
        return Err(Kept::NotOurs);
    }
    if live.is_owned {
        return Err(Kept::HasOwner);
    }
    if kind.is("", "Namespace") && id.name == own_namespace {
        return Err(Kept::OwnPlace);
    }
    match live.prune {
        PruneWish::Disabled => Err(Kept::Asked),
        PruneWish::Enabled => Ok(()),
        PruneWish::Unsaid if is_precious(&kind) => Err(Kept::Precious),
        PruneWish::Unsaid => Ok(()),
    }
}

fn is_precious(kind: &GroupKind) -> bool {
    kind.is("apiextensions.k8s.io", "CustomResourceDefinition")
        || kind.is("", "Namespace")
        || kind.is("", "PersistentVolume")
        || kind.is("", "PersistentVolumeClaim")
}

/// How many deletions one commit may cause before a person has to confirm them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletionLimit {
    /// More than so many wait.
    pub count: usize,
    /// More than this share of the set, in percent, waits, unless it is a single object.
    pub percent: usize,
}

/// Ten objects are what a person removes on purpose in one commit; a quarter of a set is what a wrong path removes.
impl Default for DeletionLimit {
    fn default() -> Self {
        Self { count: 10, percent: 25 }
    }
}

impl DeletionLimit {
    /// Whether so many deletions out of a set of this size wait for a confirmation. A single object does not wait,
    /// unless it is the last of its set; an emptied set always waits.
    pub fn is_exceeded(&self, deletions: usize, set: usize) -> bool {
        let emptied = deletions > 0 && deletions >= set;
        emptied
            || deletions > self.count
            || (deletions > 1 && deletions.saturating_mul(100) > set.saturating_mul(self.percent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{FieldsEntry, Ownership};

    fn live() -> ObservedObject {
        let fields = serde_json::json!({});
        let entry = FieldsEntry {
            manager: "tidegate",
            operation: "Apply",
            subresource: "",
            api_version: "v1",
            time: None,
            fields: &fields,
        };
        ObservedObject {
            uid: "u".into(),
            version: ResourceVersion::new("1"),
            generation: None,
            fingerprint: Ownership::read([entry]).fingerprint,
            last_writer: None,
            is_owned: false,
            is_terminating: false,
            prune: PruneWish::Unsaid,
            health: Health::Unknown,
        }
    }

    #[test]
    fn only_what_is_ours_alone_and_not_precious_is_deleted() {
        let id = |kind: &str, name: &str| ObjectId {
            group: GroupKind::parse(kind).unwrap().group,
            kind: GroupKind::parse(kind).unwrap().kind,
            namespace: None,
            name: name.into(),
        };
        let plain = live();
        let wish = |prune| ObservedObject { prune, ..live() };
        let rows = [
            ("Service", "web", plain.clone(), Ok(())),
            (
                "Service",
                "web",
                ObservedObject {
                    fingerprint: None,
                    ..live()
                },
                Err(Kept::NotOurs),
            ),
            (
                "Service",
                "web",
                ObservedObject {
                    is_owned: true,
                    ..live()
                },
                Err(Kept::HasOwner),
            ),
            (
                "Service",
                "web",
                ObservedObject {
                    is_terminating: true,
                    ..live()
                },
                Err(Kept::Terminating),
            ),
            ("Service", "web", wish(PruneWish::Disabled), Err(Kept::Asked)),
            ("Namespace", "shop", plain.clone(), Err(Kept::Precious)),
            ("Namespace", "shop", wish(PruneWish::Enabled), Ok(())),
            ("Namespace", "tidegate", wish(PruneWish::Enabled), Err(Kept::OwnPlace)),
            ("PersistentVolumeClaim", "data", plain.clone(), Err(Kept::Precious)),
            ("PersistentVolume", "data", plain.clone(), Err(Kept::Precious)),
            (
                "CustomResourceDefinition.apiextensions.k8s.io",
                "w",
                plain.clone(),
                Err(Kept::Precious),
            ),
            (
                "CustomResourceDefinition.apiextensions.k8s.io",
                "w",
                wish(PruneWish::Enabled),
                Ok(()),
            ),
        ];
        for (kind, name, live, expected) in rows {
            assert_eq!(may_prune(&id(kind, name), &live, "tidegate"), expected, "{kind} {name}");
        }
    }

    #[test]
    fn annotations_in_either_spelling_keep_an_object() {
        let rows: [(&[(&str, &str)], PruneWish); 7] = [
            (&[], PruneWish::Unsaid),
            (&[("tidegate.dev/prune", "enabled")], PruneWish::Enabled),
            (&[("tidegate.dev/prune", "disabled")], PruneWish::Disabled),
            (&[("tidegate.dev/ignore", "sync-only")], PruneWish::Disabled),
            (&[("fluxcd.io/ignore", "sync_only")], PruneWish::Disabled),
            (
                &[("tidegate.dev/prune", "enabled"), ("fluxcd.io/ignore", "true")],
                PruneWish::Disabled,
            ),
            (&[("fluxcd.io/ignore", "false")], PruneWish::Unsaid),
        ];
        for (annotations, expected) in rows {
            assert_eq!(
                PruneWish::read(annotations.iter().copied()),
                expected,
                "{annotations:?}"
            );
        }
    }

    #[test]
    fn deletions_above_ten_or_a_quarter_wait_and_an_emptied_set_always_does() {
        let limit = DeletionLimit::default();
        let rows = [
            (0, 0, false),
            (1, 2, false),
            (1, 1, true),
            (2, 4, true),
            (2, 8, false),
            (3, 8, true),
            (10, 1000, false),
            (11, 1000, true),
        ];
        for (deletions, set, expected) in rows {
            assert_eq!(limit.is_exceeded(deletions, set), expected, "{deletions} of {set}");
        }
    }
}
