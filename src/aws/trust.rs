//! What to add to IAM so that a role can be assumed: texts for people, made without a request.

use super::role::{ExternalId, RoleArn, is_account};

/// The principal that an error message of AWS names (`User: arn:… is not authorized to perform: …`), in the form in which a
/// trust policy names it: a role, or a user. The path of a role is unknown.
pub(super) fn principal(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("User: ")?;
    principal_of(rest.split_whitespace().next()?)
}

/// A caller, as GetCallerIdentity names it, in the form in which a trust policy names it.
pub(super) fn principal_of(caller: &str) -> Option<String> {
    let arn = caller.strip_prefix("arn:")?;
    let parts: Vec<&str> = arn.splitn(5, ':').collect();
    let [partition, service, "", account, resource] = parts[..] else {
        return None;
    };
    is_account(account).then_some(())?;
    match (service, resource.split_once('/')) {
        ("sts", Some(("assumed-role", role))) => {
            let name = role.split('/').next()?;
            Some(format!("arn:{partition}:iam::{account}:role/{name}"))
        }
        ("iam", Some(("user" | "role", _))) => Some(format!("arn:{arn}")),
        _ => None,
    }
}

/// The statement of a trust policy that lets `principal` assume the role.
pub(crate) fn trust_statement(principal: &str, external_id: Option<&ExternalId>) -> String {
    let mut statement = serde_json::json!({
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
    });
    if let Some(id) = external_id {
        statement["Condition"] = serde_json::json!({"StringEquals": {"sts:ExternalId": id.as_str()}});
    }
    statement.to_string()
}

/// The statement of an identity policy that allows to assume the role.
pub(crate) fn assume_statement(role: &RoleArn) -> String {
    serde_json::json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role.to_string()}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_read_from_the_message_of_aws() {
        let of = |who: &str| {
            principal(&format!(
                "User: {who} is not authorized to perform: sts:AssumeRole on resource: x"
            ))
        };
        assert_eq!(
            of("arn:aws-cn:sts::111122223333:assumed-role/tidegate/session").as_deref(),
            Some("arn:aws-cn:iam::111122223333:role/tidegate")
        );
        assert_eq!(
            of("arn:aws:iam::111122223333:user/team/ci").as_deref(),
            Some("arn:aws:iam::111122223333:user/team/ci")
        );
        for other in [
            "anonymous",
            "arn:aws:sts::1:assumed-role/a/b",
            "arn:aws:sts::111122223333:federated-user/x",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(principal("Access denied"), None);
    }

    #[test]
    fn an_external_id_becomes_a_condition() {
        let id = ExternalId::parse("shop-7").unwrap();
        let text = trust_statement("arn:aws:iam::111122223333:role/a", Some(&id));
        assert!(text.contains(r#""sts:ExternalId":"shop-7""#), "{text}");
        assert!(!trust_statement("x", None).contains("Condition"));
    }
}
