use std::collections::BTreeMap;

/// How a pass ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullSecretReport {
    /// How many Secrets hold a login of the agent.
    pub secrets: usize,
    /// What is not as the rules say, by the Secret, ServiceAccount or login that it is about.
    pub problems: BTreeMap<String, String>,
    /// Why nothing can be done, if so.
    pub off: Option<String>,
}
