use super::former_owner::FormerOwner;
use super::live_object::LiveObject;
use super::set::{PART_OF_LABEL, SetId};

/// Which objects of others may be taken over without asking for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Adoption {
    /// Objects of a Helm release, Flux v2, Argo CD or another set need `tidegate.dev/adopt: "true"`.
    #[default]
    Annotated,
    /// `sync.adopt`: only objects of another set need the annotation.
    All,
}

/// What an apply of a live object would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// The agent's own object, of which the record has lost the UID.
    Own,
    /// The agent takes the object over.
    Adopt(FormerOwner),
    /// The object's owner has not agreed.
    Refuse(FormerOwner),
}

/// Decides whether a live object may be taken over. `annotated`: its manifest says `tidegate.dev/adopt: "true"`.
pub fn contact(live: &LiveObject, set: &SetId, annotated: bool, adoption: Adoption) -> Contact {
    let label = live.labels.get(PART_OF_LABEL);
    if live.was_applied && label.is_some_and(|label| label == set.as_str()) {
        return Contact::Own;
    }
    let owner = FormerOwner::of(live, set);
    let is_offered = live
        .annotations
        .get("tidegate.dev/adopt")
        .is_some_and(|text| text == "true");
    let may_adopt = match &owner {
        // The live annotation may come from the other set's manifest: two agents would take the object from each other.
        FormerOwner::Set(_) => annotated,
        FormerOwner::Helm(_) | FormerOwner::Flux(_) | FormerOwner::ArgoCd(_) => {
            annotated || is_offered || adoption == Adoption::All
        }
        FormerOwner::FluxV1 | FormerOwner::Manager(_) | FormerOwner::Nobody => true,
    };
    match may_adopt {
        true => Contact::Adopt(owner),
        false => Contact::Refuse(owner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::SetName;

    fn set(namespace: &str) -> SetId {
        SetName {
            namespace: namespace.into(),
            name: "tidegate".into(),
        }
        .id()
    }

    fn live(labels: &[(&str, &str)], annotations: &[(&str, &str)], managers: &[&str]) -> LiveObject {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        LiveObject {
            labels: map(labels),
            annotations: map(annotations),
            managers: managers.iter().map(|name| (*name).to_owned()).collect(),
            was_applied: false,
            ..LiveObject::default()
        }
    }

    #[test]
    fn what_a_tool_or_another_set_marks_as_its_own_is_refused_and_the_rest_is_adopted() {
        let other = set("other");
        let refused = [
            (
                live(
                    &[],
                    &[
                        ("meta.helm.sh/release-name", "web"),
                        ("meta.helm.sh/release-namespace", "shop"),
                    ],
                    &["helm"],
                ),
                "Helm release shop/web",
            ),
            (live(&[], &[], &["helm"]), "a Helm release"),
            (
                live(
                    &[
                        ("kustomize.toolkit.fluxcd.io/name", "apps"),
                        ("kustomize.toolkit.fluxcd.io/namespace", "flux-system"),
                    ],
                    &[],
                    &[],
                ),
                "Flux Kustomization flux-system/apps",
            ),
            (
                live(
                    &[
                        ("helm.toolkit.fluxcd.io/name", "web"),
                        ("helm.toolkit.fluxcd.io/namespace", "shop"),
                    ],
                    &[],
                    &["helm-controller"],
                ),
                "Flux HelmRelease shop/web",
            ),
            (live(&[], &[], &["kustomize-controller"]), "Flux"),
            (
                live(
                    &[],
                    &[("argocd.argoproj.io/tracking-id", "shop:apps/Deployment:shop/web")],
                    &[],
                ),
                "Argo CD application shop",
            ),
            (
                live(&[("app.kubernetes.io/instance", "shop")], &[], &["argocd-controller"]),
                "Argo CD application shop",
            ),
            (
                live(&[("argocd.argoproj.io/instance", "shop")], &[], &[]),
                "Argo CD application shop",
            ),
        ];
        let here = set("tidegate");
        for (object, name) in refused {
            assert_eq!(
                contact(&object, &here, false, Adoption::Annotated),
                Contact::Refuse(FormerOwner::of(&object, &here))
            );
            assert_eq!(FormerOwner::of(&object, &here).to_string(), name);
            assert!(
                matches!(contact(&object, &here, true, Adoption::Annotated), Contact::Adopt(_)),
                "{name}"
            );
            assert!(
                matches!(contact(&object, &here, false, Adoption::All), Contact::Adopt(_)),
                "{name}"
            );
        }
        let theirs = live(&[(PART_OF_LABEL, other.as_str())], &[], &["tidegate"]);
        assert!(matches!(
            contact(&theirs, &here, false, Adoption::All),
            Contact::Refuse(FormerOwner::Set(_))
        ));
        assert!(matches!(
            contact(&theirs, &here, true, Adoption::Annotated),
            Contact::Adopt(FormerOwner::Set(_))
        ));
        let adopted = [
            (
                live(
                    &[
                        ("app.kubernetes.io/instance", "shop"),
                        ("app.kubernetes.io/managed-by", "Helm"),
                    ],
                    &[],
                    &["kubectl-client-side-apply"],
                ),
                "kubectl-client-side-apply",
            ),
            (
                live(&[("fluxcd.io/sync-gc-mark", "sha256.abc")], &[], &["kubectl"]),
                "Flux v1",
            ),
            (
                live(&[], &[("kustomize.toolkit.fluxcd.io/prune", "disabled")], &["kubectl"]),
                "kubectl",
            ),
            (live(&[], &[], &[]), "somebody"),
        ];
        for (object, name) in adopted {
            assert_eq!(
                contact(&object, &here, false, Adoption::Annotated),
                Contact::Adopt(FormerOwner::of(&object, &here))
            );
            assert_eq!(FormerOwner::of(&object, &here).to_string(), name);
        }
    }

    #[test]
    fn the_agents_own_object_is_known_without_its_uid() {
        let here = set("tidegate");
        let mut own = live(
            &[(PART_OF_LABEL, here.as_str())],
            &[("meta.helm.sh/release-name", "web")],
            &["tidegate"],
        );
        own.was_applied = true;
        assert_eq!(contact(&own, &here, false, Adoption::Annotated), Contact::Own);
        own.was_applied = false;
        assert!(matches!(
            contact(&own, &here, false, Adoption::Annotated),
            Contact::Refuse(FormerOwner::Helm(_))
        ));
    }
}
