use std::collections::BTreeMap;

/// Which variables are substituted, and where they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Substitute {
    /// Variables with their values. They win over those of `from`.
    pub variables: BTreeMap<String, String>,
    /// ConfigMaps and Secrets whose entries are variables. Later ones win.
    pub from: Vec<SubstituteFrom>,
    /// Whether a variable that is not set is an error; otherwise the variable is empty.
    pub strict: bool,
}

/// A ConfigMap or Secret whose entries are variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubstituteFrom {
    /// Whether it is a Secret.
    pub is_secret: bool,
    /// The namespace; `None`: the agent's own.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// Whether the variables are complete without the object.
    pub optional: bool,
}
