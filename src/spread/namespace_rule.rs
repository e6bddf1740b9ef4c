use super::label_selector::LabelSelector;
use crate::model::Wildcard;
use std::collections::BTreeMap;

/// What is known of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceFacts {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Whether the namespace is being deleted: nothing can be created there.
    pub is_ending: bool,
}

/// Which namespaces a rule reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceRule {
    /// Patterns of names. Empty: any name.
    pub names: Vec<Wildcard>,
    /// Patterns of names that are left out.
    pub except: Vec<Wildcard>,
    /// What the labels must meet.
    pub selector: LabelSelector,
}

impl NamespaceRule {
    /// Whether the rule reaches this namespace.
    pub fn matches(&self, name: &str, facts: &NamespaceFacts) -> bool {
        let is_named = |patterns: &[Wildcard]| patterns.iter().any(|pattern| pattern.matches(name));
        !facts.is_ending
            && (self.names.is_empty() || is_named(&self.names))
            && !is_named(&self.except)
            && self.selector.matches(&facts.labels)
    }
}
