use crate::model::{FieldName, HoldUntil, Position};
use crate::resource::ALLOCATION;

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
    /// Whether a rollout that fails takes a bump back; `None` if no annotation says it.
    pub revert_on_failure: Option<bool>,
    /// Policies by image field, as written.
    pub policies: PolicyTexts,
    /// The groups of the object's image fields; `None` where no annotation names one.
    pub groups: Option<Box<GroupTexts>>,
}

/// The groups of an object's image fields, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupTexts {
    /// The names of the groups by image field.
    pub names: PolicyTexts,
    /// The expression whose first capture group must be equal in the tags of a group.
    pub part: Option<PolicyText>,
}

impl GroupTexts {
    /// The name of the group of a field: the field's own, or the one for all fields.
    pub fn name(&self, field: &FieldName) -> Option<&PolicyText> {
        self.names.of(field)
    }

    fn weight(&self) -> usize {
        let part = self.part.iter().map(PolicyText::weight).sum::<usize>();
        size_of::<Self>() + self.names.weight() + part
    }
}

/// Texts by image field, such as policies, ordered by field. `None` in place of a field has the text for all fields.
///
/// A list, because most objects have one policy, and the smallest map has room for eleven.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyTexts(Vec<(Option<FieldName>, PolicyText)>);

impl PolicyTexts {
    /// Sets the policy of a field, or that for all fields.
    pub fn insert(&mut self, field: Option<FieldName>, policy: PolicyText) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&field)) {
            Ok(at) => self.0[at].1 = policy,
            Err(at) => self.0.insert(at, (field, policy)),
        }
    }

    /// The policies with their fields.
    pub fn iter(&self) -> impl Iterator<Item = &(Option<FieldName>, PolicyText)> {
        self.0.iter()
    }

    fn move_to(&mut self, position: Position) {
        self.0.iter_mut().for_each(|(_, policy)| policy.position = position);
    }

    /// Gives back memory that is not used.
    pub(crate) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    fn get(&self, field: Option<&FieldName>) -> Option<&PolicyText> {
        let found = self.0.iter().find(|(known, _)| known.as_ref() == field);
        found.map(|(_, policy)| policy)
    }

    /// The text of a field: its own, or the one for all fields.
    fn of(&self, field: &FieldName) -> Option<&PolicyText> {
        self.get(Some(field)).or_else(|| self.get(None))
    }

    fn weight(&self) -> usize {
        let text = |(field, text): &(Option<FieldName>, PolicyText)| {
            let field = field.as_ref().map_or(0, |field| field.0.len());
            size_of::<Option<FieldName>>() + field + text.weight()
        };
        self.iter().map(text).sum()
    }
}

impl AutomationIntent {
    /// About how many bytes of memory the policies and groups take.
    pub(super) fn weight(&self) -> usize {
        self.policies.weight() + self.groups.as_ref().map_or(0, |groups| groups.weight())
    }

    /// Says where the policies and groups stand.
    pub(crate) fn move_to(&mut self, position: Position) {
        self.policies.move_to(position);
        if let Some(groups) = &mut self.groups {
            groups.names.move_to(position);
            groups.part.iter_mut().for_each(|part| part.position = position);
        }
    }

    /// The policy text that governs a field: its own, or the one for all fields.
    pub fn policy(&self, field: &FieldName) -> Option<&PolicyText> {
        self.policies.of(field)
    }
}

/// The value of an annotation such as a policy, and its position.
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

impl PolicyText {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.annotation.len() + 3 * ALLOCATION
    }
}

/// Who locked a workload, and why; `None` if the annotations do not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// `locked-by`.
    pub by: Option<String>,
    /// `locked-reason`.
    pub reason: Option<String>,
}
