use crate::model::{FieldName, HoldUntil, Position};
use std::collections::BTreeMap;

/// What the annotations of an object ask of automation.
///
/// Both spellings of an annotation count (`tidegate.dev/…` and Flux v1's). If an object has both, `tidegate.dev/…` wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AutomationIntent {
    /// `automated: "true"`.
    pub automated: bool,
    /// Present when `locked: "true"`.
    pub lock: Option<Lock>,
    /// What ends a hold of the object's image fields; `None` if no annotation says it.
    pub hold: Option<HoldUntil>,
    /// Policies by image field, as written. The key `None` has the policy for all fields.
    pub policies: BTreeMap<Option<FieldName>, PolicyText>,
}

impl AutomationIntent {
    /// The policy text that governs a field: its own, or the one for all fields.
    pub fn policy(&self, field: &FieldName) -> Option<&PolicyText> {
        self.policies
            .get(&Some(field.clone()))
            .or_else(|| self.policies.get(&None))
    }
}

/// The value of a policy annotation, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// The value as written, e.g. `semver:~1.2`.
    pub text: String,
    /// Whether the value is a string, as Kubernetes requires. A value of another type (`1.2` without quotes) is a policy
    /// that cannot be used.
    pub is_text: bool,
    /// The annotation's key as written, for messages.
    pub annotation: String,
    /// Position of the value.
    pub position: Position,
}

/// Who locked a workload, and why; `None` if the annotations do not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// `locked-by`.
    pub by: Option<String>,
    /// `locked-reason`.
    pub reason: Option<String>,
}
