use std::collections::BTreeMap;

/// What a pass found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorReport {
    /// How many copies of the agent there are.
    pub copies: usize,
    /// What is not as the rules say, by what it is about.
    pub problems: BTreeMap<String, String>,
    /// Why no mirror is kept, if so.
    pub off: Option<String>,
}
