use crate::notice::Access;

/// What a pass found about the deploy key or login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyReport {
    /// The fingerprint of the key in use; `None` for a login.
    pub key: Option<String>,
    /// The fingerprint of the next key.
    pub next: Option<String>,
    /// Whether the git server lets the agent fetch; `None` if that is not known.
    pub may_read: Option<bool>,
    /// Whether the git server lets the agent push; `None` if that is not known.
    pub may_write: Option<bool>,
}

impl KeyReport {
    /// A report without keys.
    pub(super) fn of(access: Option<&Access>) -> Self {
        let access = access.filter(|access| !matches!(access, Access::Nothing { problem, .. } if is_unknown(*problem)));
        Self {
            may_read: access.map(|access| !matches!(access, Access::Nothing { .. })),
            may_write: access.map(|access| *access == Access::ReadAndWrite),
            ..Self::default()
        }
    }
}

/// A server that does not answer says nothing about rights.
fn is_unknown(problem: crate::port::RepoProblem) -> bool {
    problem == crate::port::RepoProblem::Unreachable
}
