//! STS: the query protocol in, XML out.

use std::collections::BTreeMap;

use super::server::Answer;
use super::sigv4::decoded;
use super::state::{Principal, State};

const SPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The names and values of a form or a query.
pub(super) fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

pub(super) fn failure(status: u16, code: &str, message: &str) -> Answer {
    let side = if status < 500 { "Sender" } else { "Receiver" };
    let body = format!(
        "<ErrorResponse xmlns=\"{SPACE}\"><Error><Type>{side}</Type><Code>{code}</Code><Message>{}</Message></Error>\
         <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>",
        escaped(message)
    );
    Answer {
        status,
        kind: "text/xml",
        body,
    }
}

fn success(operation: &str, result: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"{SPACE}\"><{operation}Result>{result}</{operation}Result><ResponseMetadata>\
         <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></{operation}Response>"
    );
    Answer {
        status: 200,
        kind: "text/xml",
        body,
    }
}

pub(super) fn answer(
    state: &mut State,
    parameters: &BTreeMap<String, String>,
    caller: &Principal,
    region: &str,
) -> Answer {
    let of = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let operation = of("Action");
    state.note(operation, region, caller, of("RoleArn"), of("RoleSessionName"));
    if state.out_of_order.contains(operation) {
        return failure(503, "ServiceUnavailable", "the service is out of order");
    }
    match operation {
        "GetCallerIdentity" => success(
            operation,
            &format!(
                "<Arn>{}</Arn><UserId>AIDATIDEGATESTACK000</UserId><Account>{}</Account>",
                escaped(&caller.arn),
                caller.account
            ),
        ),
        "AssumeRole" => assume(
            state,
            of("RoleArn"),
            of("RoleSessionName"),
            parameters.get("ExternalId"),
            caller,
        ),
        _ => failure(400, "InvalidAction", "Could not find operation"),
    }
}

fn assume(state: &mut State, role: &str, session: &str, external_id: Option<&String>, caller: &Principal) -> Answer {
    let is_name = (2..=64).contains(&session.len())
        && session
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if !is_name {
        let message = format!(
            "1 validation error detected: Value '{session}' at 'roleSessionName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\w+=,.@-]*"
        );
        return failure(400, "ValidationError", &message);
    }
    let trust = state.roles.get(role).filter(|trust| {
        trust.principals.contains(&caller.iam_arn)
            && trust.external_id.as_ref().is_none_or(|id| Some(id) == external_id)
    });
    let (Some(trust), Some((account, name))) = (trust.cloned(), account_and_name(role)) else {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
            caller.arn
        );
        return failure(403, "AccessDenied", &message);
    };
    state.sessions += 1;
    let key = format!("ASIA{account}{:04}", state.sessions);
    let partition = role.split(':').nth(1).unwrap_or("aws");
    let ends = jiff::Timestamp::now() + trust.life;
    let principal = Principal {
        arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"),
        iam_arn: format!("arn:{partition}:iam::{account}:role/{name}"),
        secret: format!("secret-of-{key}"),
        token: format!("token-of-{key}"),
        account,
        ends: Some(ends),
    };
    let result = format!(
        "<AssumedRoleUser><AssumedRoleId>AROATIDEGATESTACK000:{session}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{}</Expiration></Credentials>",
        principal.arn,
        principal.secret,
        principal.token,
        ends.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    state.keys.insert(key, principal);
    success("AssumeRole", &result)
}

/// The account of a role, and its name without its path.
fn account_and_name(role: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = role.splitn(6, ':').collect();
    let name = parts.get(5)?.strip_prefix("role/")?;
    Some(((*parts.get(4)?).to_owned(), name.rsplit('/').next()?.to_owned()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
