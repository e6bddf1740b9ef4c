use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Who may assume a role.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The principals: ARNs of users and roles.
    pub principals: Vec<String>,
    /// The external ID that the caller must send.
    pub external_id: Option<String>,
    /// How long a session lasts.
    pub life: Duration,
}

impl Trust {
    /// A role that this principal may assume, for an hour.
    #[must_use]
    pub fn of(principal: &str) -> Self {
        Self {
            principals: vec![principal.to_owned()],
            external_id: None,
            life: Duration::from_secs(3600),
        }
    }

    /// The same trust, which asks for an external ID.
    #[must_use]
    pub fn with_external_id(self, id: &str) -> Self {
        Self {
            external_id: Some(id.to_owned()),
            ..self
        }
    }

    /// The same trust, with sessions of another length.
    #[must_use]
    pub fn lasting(self, life: Duration) -> Self {
        Self { life, ..self }
    }
}

/// A cluster of EKS.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The address of the API server.
    pub endpoint: String,
    /// The authority of its certificate, in PEM format.
    pub authority: String,
    /// `ACTIVE`, `CREATING` and so on. A cluster that is being created has no endpoint yet.
    pub status: String,
}

/// A request that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation, such as `AssumeRole`.
    pub operation: String,
    /// The region of the signature.
    pub region: String,
    /// The ARN of the caller, as GetCallerIdentity names it.
    pub caller: String,
    /// The role or cluster that was asked for; empty where there is none.
    pub subject: String,
    /// The session's name; empty where there is none.
    pub session: String,
}

/// Who an access key belongs to.
#[derive(Debug, Clone)]
pub(super) struct Principal {
    pub(super) account: String,
    /// As GetCallerIdentity names it.
    pub(super) arn: String,
    /// As trust policies name it.
    pub(super) iam_arn: String,
    pub(super) secret: String,
    pub(super) token: String,
    pub(super) ends: Option<jiff::Timestamp>,
}

/// All that a server knows.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) keys: BTreeMap<String, Principal>,
    pub(super) roles: BTreeMap<String, Trust>,
    pub(super) clusters: BTreeMap<(String, String), Cluster>,
    /// The IAM ARNs of principals that may call eks:DescribeCluster; empty: everybody.
    pub(super) may_describe: BTreeSet<String>,
    /// The access entries of all clusters: the groups of a principal by its IAM ARN.
    pub(super) access: BTreeMap<String, Vec<String>>,
    pub(super) calls: Vec<Call>,
    /// Operations that answer with HTTP 503.
    pub(super) out_of_order: BTreeSet<String>,
    pub(super) sessions: u32,
}

impl State {
    pub(super) fn note(&mut self, operation: &str, region: &str, caller: &Principal, subject: &str, session: &str) {
        self.calls.push(Call {
            operation: operation.to_owned(),
            region: region.to_owned(),
            caller: caller.arn.clone(),
            subject: subject.to_owned(),
            session: session.to_owned(),
        });
    }
}
