use super::role::RoleArn;
use std::fmt;

/// Why there are no credentials of an identity. The text says what failed, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsFailure {
    /// The agent's own environment has no credentials.
    None {
        /// What the SDK tried.
        why: String,
    },
    /// A role cannot be assumed.
    Role(Box<RoleFailure>),
    /// The credentials did not come in time.
    Deadline {
        /// Whose credentials.
        identity: String,
        /// The time that was given, in seconds.
        seconds: u64,
    },
}

/// Why a role cannot be assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFailure {
    /// The role.
    pub role: RoleArn,
    /// The region whose STS was called.
    pub region: String,
    /// Whether STS answered and refused.
    pub refused: bool,
    /// What STS answered, or why it did not.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

impl CredentialsFailure {
    /// Whether nothing answered, so that the next attempt may succeed without a change by a person.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::None { .. } => false,
            Self::Role(failure) => !failure.refused,
            Self::Deadline { .. } => true,
        }
    }
}

impl fmt::Display for CredentialsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None { why } if why.contains("audience") => write!(
                f,
                "no AWS credentials: {why}; the trust policy of the role and the identity provider of the cluster must name \
                 the audience sts.amazonaws.com, in China too"
            ),
            Self::None { why } => write!(
                f,
                "no AWS credentials: {why}; give the agent's pod a role (IRSA, EKS Pod Identity, node role) or set access \
                 keys in its environment; if the role was added after the pod started, restart the pod"
            ),
            Self::Role(failure) => failure.fmt(f),
            Self::Deadline { identity, seconds } => write!(
                f,
                "no credentials of {identity} within {seconds} s; check that the agent reaches STS and the source of its \
                 credentials"
            ),
        }
    }
}

impl fmt::Display for RoleFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            role,
            region,
            why,
            remedy,
            ..
        } = self;
        write!(f, "sts:AssumeRole of {role} in {region} failed: {why}; {remedy}")
    }
}

impl std::error::Error for CredentialsFailure {}
