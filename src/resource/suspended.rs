use super::member_key::{MemberKey, MemberKeys};

/// Kustomizations of Flux v2 whose objects stay as they are, declared or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspended {
    /// Those that are suspended.
    suspended: MemberKeys,
    /// All that are declared.
    declared: MemberKeys,
}

impl Suspended {
    /// The annotation of an object that comes from a Kustomization: `NAMESPACE/NAME` of the Kustomization.
    pub const ANNOTATION: &str = "tidegate.dev/kustomization";

    /// Of all Kustomizations that are declared, by the text of the annotation, those that are suspended.
    pub fn of<N: AsRef<str>>(all: impl IntoIterator<Item = (N, bool)>) -> Self {
        let mut found = Self::default();
        for (name, is_suspended) in all {
            let key = MemberKey::of_kustomization(name.as_ref());
            found.declared.insert(key);
            if is_suspended {
                found.suspended.insert(key);
            }
        }
        found
    }

    /// Whether an object that comes from this Kustomization stays. A Kustomization that nobody declares may be one that a suspended
    /// one declared: then nobody asked to delete its objects.
    pub fn holds(&self, kustomization: Option<MemberKey>) -> bool {
        kustomization.is_some_and(|key| {
            !self.suspended.is_empty() && (self.suspended.contains(&key) || !self.declared.contains(&key))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_a_suspended_kustomization_stay_and_those_of_what_it_may_have_declared() {
        let held = Suspended::of([("flux-system/apps", true), ("flux-system/base", false)]);
        let holds = |name| held.holds(Some(MemberKey::of_kustomization(name)));
        assert!(holds("flux-system/apps") && holds("flux-system/gone"));
        assert!(!holds("flux-system/base") && !held.holds(None));
        let nothing = Suspended::of([("flux-system/base", false)]);
        assert!(!nothing.holds(Some(MemberKey::of_kustomization("flux-system/gone"))));
    }
}
