use super::role::{Role, RoleArn};
use std::fmt;

/// The identity whose credentials sign a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The agent's own: the credentials that the SDK finds in the agent's environment.
    #[default]
    Agent,
    /// A role that the agent assumes; before it, the roles that lead to it, in the order in which the agent assumes them.
    Role {
        /// The roles that are assumed first. Empty: the agent's own credentials assume the role.
        through: Vec<Role>,
        /// The role whose credentials sign.
        role: Role,
    },
}

impl Identity {
    /// The last of these roles, assumed through those before it. Without roles: the agent's own identity.
    pub fn of_roles(mut roles: Vec<Role>) -> Self {
        match roles.pop() {
            Some(role) => Self::Role { through: roles, role },
            None => Self::Agent,
        }
    }

    /// The role whose credentials sign; `None` for the agent's own identity.
    pub fn role(&self) -> Option<&Role> {
        match self {
            Self::Agent => None,
            Self::Role { role, .. } => Some(role),
        }
    }

    /// The identity that assumes the role; `None` for the agent's own.
    pub(super) fn base(&self) -> Option<Self> {
        match self {
            Self::Agent => None,
            Self::Role { through, .. } => Some(Self::of_roles(through.clone())),
        }
    }

    /// The role's name in messages, and whom to grant a right: `the agent's role`, `the role arn:…`.
    pub(crate) fn shown(&self) -> impl fmt::Display + '_ {
        Shown(self.role().map(|role| &role.arn))
    }
}

struct Shown<'a>(Option<&'a RoleArn>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("the agent's role"),
            Some(arn) => write!(f, "the role {arn}"),
        }
    }
}
