use super::report::Report;
use super::text::{Text, parsed};
use crate::aws::{ExternalId, Identity, Role, RoleArn, SessionName};
use schemars::JsonSchema;
use serde::Deserialize;

/// A role of a chain.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["roleArn"]))]
pub(super) struct ChainedRole {
    /// ARN of the role.
    role_arn: Option<Text<RoleArn>>,
    /// External ID that the role's trust policy asks for.
    external_id: Option<Text<ExternalId>>,
    /// Name of the session in CloudTrail.
    #[schemars(extend("default" = "tidegate"))]
    session_name: Option<Text<SessionName>>,
}

/// The keys of a section that say with which identity AWS is called: one role, or a chain of roles.
pub(super) struct WrittenIdentity {
    pub(super) role_arn: Option<Text<RoleArn>>,
    pub(super) external_id: Option<Text<ExternalId>>,
    pub(super) session_name: Option<Text<SessionName>>,
    pub(super) roles: Vec<ChainedRole>,
}

/// The longest chain of roles. Each role is a call to STS.
const LONGEST_CHAIN: usize = 5;

impl WrittenIdentity {
    /// What the keys mean. `path` is that of the section.
    pub(super) fn identity(self, report: &Report, path: &str) -> Identity {
        let is_chain = !self.roles.is_empty();
        for (key, is_set) in [
            ("roleArn", self.role_arn.is_some()),
            ("externalId", self.external_id.is_some()),
            ("sessionName", self.session_name.is_some()),
        ] {
            if is_chain && is_set {
                let message = format!(
                    "{key} and roles exclude each other: write {key} into the role of the list that it belongs to"
                );
                report.mistake(&format!("{path}.{key}"), message);
            } else if is_set && self.role_arn.is_none() && !report.is_rejected(&format!("{path}.roleArn")) {
                let message = format!("{key} belongs to a role: set roleArn, too");
                report.mistake(&format!("{path}.{key}"), message);
            }
        }
        let mut roles = Vec::new();
        for (index, role) in self.roles.into_iter().enumerate() {
            let path = format!("{path}.roles[{index}]");
            if role.role_arn.is_none() {
                report.missing(&format!("{path}.roleArn"), "write the ARN of the role");
            }
            roles.extend(read(role));
        }
        if !is_chain {
            roles.extend(read(ChainedRole {
                role_arn: self.role_arn,
                external_id: self.external_id,
                session_name: self.session_name,
            }));
        }
        check_chain(&roles, report, path);
        Identity::of_roles(roles)
    }
}

fn read(role: ChainedRole) -> Option<Role> {
    Some(Role {
        arn: role.role_arn?.value,
        external_id: role.external_id.map(|id| id.value),
        session_name: role.session_name.map(|name| name.value),
    })
}

fn check_chain(roles: &[Role], report: &Report, path: &str) {
    if roles.len() > LONGEST_CHAIN {
        let message = format!("a chain has {LONGEST_CHAIN} roles at most, found {}", roles.len());
        report.mistake(&format!("{path}.roles"), message);
    }
    for (index, pair) in roles.windows(2).enumerate() {
        let [from, to] = [pair[0].arn.partition().name, pair[1].arn.partition().name];
        if from != to {
            let message = format!("a role of the partition {from} cannot assume one of {to}");
            report.mistake(&format!("{path}.roles[{}].roleArn", index + 1), message);
        }
    }
}

parsed! {
    RoleArn: {"pattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"},
    ExternalId: {"pattern": "^[0-9A-Za-z_+=,.@:/-]+$", "minLength": 2, "maxLength": 1224},
    SessionName: {"pattern": "^[0-9A-Za-z_+=,.@-]{2,64}$"},
}
