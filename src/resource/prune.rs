use super::immutable::holds_data;
use super::kind::GroupKind;
use super::member::{Authorship, Members};
use super::observed::ObservedObject;
use super::prune_policy::PrunePolicy;
use crate::model::ObjectId;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// What is never pruned or never written in a target, whatever the annotations say.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Protected {
    /// Namespaces, such as the one that the agent runs in.
    pub namespaces: BTreeSet<String>,
    /// Objects that the agent itself writes, such as the target's record. A manifest with one of these names is an error.
    pub objects: BTreeSet<ObjectId>,
    /// The only namespaces that may be written; empty: the whole cluster.
    pub fence: Vec<String>,
}

impl Protected {
    /// Why an object may not be written, if it is outside of the fence.
    pub fn outside(&self, id: &ObjectId) -> Option<String> {
        let names = || self.fence.join(", ");
        match &id.namespace {
            _ if self.fence.is_empty() => None,
            Some(namespace) if self.fence.contains(namespace) => None,
            Some(namespace) => Some(format!(
                "the object is in namespace {namespace}, and this target may write in {} only (targets[].namespaces); move the \
                 object, or add the namespace there",
                names()
            )),
            None => Some(format!(
                "the object is cluster-wide, and this target may write in {} only (targets[].namespaces); move the object to \
                 another target",
                names()
            )),
        }
    }

    /// Whether an object is a protected namespace or lies in one.
    pub fn has(&self, id: &ObjectId) -> bool {
        let is_namespace = GroupKind::of(id).is("", "Namespace");
        let namespace = if is_namespace {
            Some(&id.name)
        } else {
            id.namespace.as_ref()
        };
        namespace.is_some_and(|namespace| self.namespaces.contains(namespace))
    }
}

/// Why an object that is no longer declared is not pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetainReason {
    /// The agent never applied it, by its record: somebody copied the set's label.
    NotApplied,
    /// It has an owner, which creates and deletes it. The label was copied from the owner.
    HasOwner,
    /// Another tool has marked it as its own since the agent applied it.
    OtherTool,
    /// It is a protected namespace of the target or lies in one: the agent runs there.
    AgentNamespace,
    /// Its annotations disable pruning.
    Annotated,
    /// Its kind holds data or other objects, and no annotation enables pruning.
    ProtectedKind,
    /// It is being deleted already.
    Terminating,
    /// It comes from a Kustomization of Flux v2 that is suspended.
    Suspended,
}

impl fmt::Display for RetainReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotApplied => "it was not applied by tidegate",
            Self::HasOwner => "it belongs to another object (owner references)",
            Self::OtherTool => "another tool (a Helm release, Flux or Argo CD) has marked it as its own",
            Self::AgentNamespace => "the agent itself runs there",
            Self::Annotated => "its annotations disable pruning",
            Self::ProtectedKind => "its kind is only deleted when it is annotated tidegate.dev/prune: \"enabled\"",
            Self::Terminating => "it is being deleted already",
            Self::Suspended => {
                "its Kustomization is suspended, or was perhaps declared by one that is; nothing of that is deleted until it is resumed"
            }
        })
    }
}

/// Whether a member of the set that is no longer declared may be pruned, and who applied it.
///
/// # Errors
/// Why it is retained.
pub fn may_prune(
    id: &ObjectId,
    live: &ObservedObject,
    members: &Members,
    protected: &Protected,
) -> Result<Authorship, RetainReason> {
    let kind = GroupKind::of(id);
    if live.is_terminating {
        return Err(RetainReason::Terminating);
    }
    let authorship = members.authorship(id, live);
    if authorship == Authorship::Foreign || live.fingerprint.is_none() {
        return Err(RetainReason::NotApplied);
    }
    if live.is_owned {
        return Err(RetainReason::HasOwner);
    }
    if live.is_claimed {
        return Err(RetainReason::OtherTool);
    }
    if protected.has(id) {
        return Err(RetainReason::AgentNamespace);
    }
    match live.prune {
        PrunePolicy::Disabled => Err(RetainReason::Annotated),
        PrunePolicy::Enabled if members.was_enabled(live, authorship) => Ok(authorship),
        PrunePolicy::Enabled | PrunePolicy::ByKind if holds_data(&kind) => Err(RetainReason::ProtectedKind),
        PrunePolicy::Enabled | PrunePolicy::ByKind => Ok(authorship),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Fingerprint, MemberKey, MemberKeys, ResourceVersion};

    fn live() -> ObservedObject {
        ObservedObject {
            fingerprint: Some(Fingerprint::of_agent("")),
            ..ObservedObject::plain("u", ResourceVersion::new("1"))
        }
    }

    #[test]
    fn only_applied_objects_without_owner_of_unprotected_kinds_are_pruned() {
        let id = |kind: &str, name: &str| ObjectId {
            group: GroupKind::parse(kind).unwrap().group,
            kind: GroupKind::parse(kind).unwrap().kind,
            namespace: None,
            name: name.into(),
        };
        let plain = live();
        let protected = Protected {
            namespaces: BTreeSet::from(["tidegate".to_owned()]),
            ..Protected::default()
        };
        let with = |prune| ObservedObject { prune, ..live() };
        let members = Members {
            applied: [MemberKey::of_uid("u")].into(),
            enabled: [MemberKey::of_uid("u")].into(),
            ..Members::default()
        };
        let rows = [
            ("Service", "web", plain.clone(), Ok(())),
            (
                "Service",
                "web",
                ObservedObject {
                    fingerprint: None,
                    ..live()
                },
                Err(RetainReason::NotApplied),
            ),
            (
                "Service",
                "web",
                ObservedObject {
                    is_owned: true,
                    ..live()
                },
                Err(RetainReason::HasOwner),
            ),
            (
                "Service",
                "web",
                ObservedObject {
                    is_claimed: true,
                    ..live()
                },
                Err(RetainReason::OtherTool),
            ),
            (
                "Service",
                "web",
                ObservedObject {
                    is_terminating: true,
                    ..live()
                },
                Err(RetainReason::Terminating),
            ),
            (
                "Service",
                "web",
                with(PrunePolicy::Disabled),
                Err(RetainReason::Annotated),
            ),
            ("Namespace", "shop", plain.clone(), Err(RetainReason::ProtectedKind)),
            ("Namespace", "shop", with(PrunePolicy::Enabled), Ok(())),
            (
                "Namespace",
                "tidegate",
                with(PrunePolicy::Enabled),
                Err(RetainReason::AgentNamespace),
            ),
            (
                "PersistentVolumeClaim",
                "data",
                plain.clone(),
                Err(RetainReason::ProtectedKind),
            ),
            (
                "PersistentVolume",
                "data",
                plain.clone(),
                Err(RetainReason::ProtectedKind),
            ),
            (
                "CustomResourceDefinition.apiextensions.k8s.io",
                "w",
                plain.clone(),
                Err(RetainReason::ProtectedKind),
            ),
            (
                "CustomResourceDefinition.apiextensions.k8s.io",
                "w",
                with(PrunePolicy::Enabled),
                Ok(()),
            ),
        ];
        for (kind, name, live, expected) in rows {
            let decided = may_prune(&id(kind, name), &live, &members, &protected);
            assert_eq!(decided, expected.map(|()| Authorship::Recorded), "{kind} {name}");
        }
        for (namespace, expected) in [
            ("tidegate", Err(RetainReason::AgentNamespace)),
            ("tidegate-too", Ok(Authorship::Recorded)),
        ] {
            let id = ObjectId {
                namespace: Some(namespace.to_owned()),
                ..id("Service", "web")
            };
            for live in [plain.clone(), with(PrunePolicy::Enabled)] {
                assert_eq!(may_prune(&id, &live, &members, &protected), expected, "{namespace}");
            }
        }
        assert_eq!(
            may_prune(&id("Service", "web"), &plain, &Members::default(), &protected),
            Err(RetainReason::NotApplied),
            "the label and the field manager are no proof"
        );
        let not_enabled = Members {
            enabled: MemberKeys::new(),
            ..members
        };
        assert_eq!(
            may_prune(
                &id("Namespace", "shop"),
                &with(PrunePolicy::Enabled),
                &not_enabled,
                &protected
            ),
            Err(RetainReason::ProtectedKind),
            "the live annotation is no proof"
        );
    }
}
