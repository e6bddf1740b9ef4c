//! What may be shown of an API server's answer to a rejected write.
//!
//! The server quotes what it rejects: `Invalid value: "hunter2"`, `expected string, got &{hunter2}`, and the whole pod template
//! of an immutable Job. The values come from manifests, and manifests hold secrets. So a message keeps the reason and the
//! field path, and loses the values. About a Secret nothing else is kept, because webhooks and policies write free text.

use kube::core::Status;
use kube::core::response::StatusCause;

/// The words in front of a quoted value. Source: `ErrorType.String` in k8s.io/apimachinery, pkg/util/validation/field.
const VALUE_WORDS: [&str; 4] = [
    "Invalid value: ",
    "Duplicate value: ",
    "Unsupported value: ",
    "Not found: ",
];

/// The words in front of text that the server copies from the request, up to the end of the message. Sources:
/// structured-merge-diff, typed/helpers.go (`expected string, got …`); json-iterator (`error found in #10 byte of ...|…`);
/// strconv and time (`parsing "…"`).
const COPY_WORDS: [&str; 5] = [
    ", got ",
    " but got ",
    "error found in #",
    "parsing \"",
    "parsing time \"",
];

/// The reason of an answer that is no `Status`. Source: kube-client, `handle_api_errors`.
pub(super) const PAGE_REASON: &str = "Failed to parse error data";

/// The message of a rejected request without the values of the object. A page that a proxy answers in the place of the server
/// may repeat the request, token included, so nothing of the page is kept.
pub(super) fn without_values(status: &Status) -> String {
    if status.reason == PAGE_REASON {
        return format!(
            "status {}; the answer is no answer of a Kubernetes API server, and its text is not shown",
            status.code
        );
    }
    if status.message.is_empty() {
        return format!("status {} {}", status.code, status.reason);
    }
    let causes = causes(status);
    match status.message.split_once(" is invalid: ") {
        Some((object, _)) if !causes.is_empty() => {
            let reasons: Vec<String> = causes
                .iter()
                .map(|cause| with_field(cause, &plain(&cause.message)))
                .collect();
            format!("{object} is invalid: {}", reasons.join(", "))
        }
        _ => plain(&status.message),
    }
}

/// The error of a write of a Secret, with the server's answer reduced to its reason and field paths.
pub(super) fn reduced_for_secret(mut error: kube::Error) -> kube::Error {
    if let kube::Error::Api(status) = &mut error {
        reduce_for_secret(status);
    }
    error
}

/// Reduces an answer about a Secret to its reason and field paths. The code, the reason and the object's name stay as they are.
/// A 403 from the server's own authorizer stays whole: the message names the missing right and quotes nothing of the object.
fn reduce_for_secret(status: &mut Status) {
    let message = bare(status);
    status.message = message;
    if let Some(details) = &mut status.details {
        for cause in &mut details.causes {
            cause.message = kind_of_cause(cause).to_owned();
        }
    }
}

fn bare(status: &Status) -> String {
    let text = status.message.as_str();
    if status.reason == PAGE_REASON {
        return without_values(status);
    }
    if let Some(kept) = kept_whole(status) {
        return kept;
    }
    let mut fields: Vec<String> = causes(status)
        .iter()
        .map(|cause| with_field(cause, kind_of_cause(cause)))
        .collect();
    if fields.is_empty() {
        fields = typed_paths(text);
    }
    let about = if let Some(webhook) = quoted_after(text, "admission webhook \"") {
        format!("admission webhook {webhook:?} denied the request")
    } else if let Some(quota) = word_after(text, "exceeded quota: ") {
        format!("exceeded quota: {quota}")
    } else if text.contains("field is immutable") {
        "the Secret is immutable".to_owned()
    } else if status.reason.is_empty() {
        format!("status {}", status.code)
    } else {
        format!("status {} {}", status.code, status.reason)
    };
    let hidden = "the server's text is not shown, because it may quote the Secret";
    match fields.is_empty() {
        true => format!("{about}; {hidden}"),
        false => format!("{about}: {}; {hidden}", fields.join(", ")),
    }
}

/// Messages that the server forms from names alone.
fn kept_whole(status: &Status) -> Option<String> {
    let text = status.message.as_str();
    let one_line = text.len() <= 1000 && !text.contains('\n') && !text.contains("admission webhook");
    let names_only = match status.code {
        401 | 410 | 429 | 503 | 504 => text.len() <= 200 && causes(status).is_empty(),
        403 => {
            let start = text
                .find(" is forbidden: User \"")
                .or_else(|| text.strip_prefix("User \"").map(|_| 0));
            start.is_some_and(|at| at < 300) && text.contains(" cannot ")
        }
        404 => text.ends_with(" not found") || text == "the server could not find the requested resource",
        409 => {
            text.ends_with(
                "the object has been modified; please apply your changes to the latest version and try again",
            ) || text.ends_with("already exists")
        }
        _ => false,
    };
    (one_line && names_only).then(|| text.to_owned())
}

/// What the server names as the causes of a refusal.
pub(super) fn causes(status: &Status) -> &[StatusCause] {
    status.details.as_ref().map_or(&[], |details| details.causes.as_slice())
}

fn with_field(cause: &StatusCause, message: &str) -> String {
    match (cause.field.as_str(), message) {
        ("" | "<nil>", message) => message.to_owned(),
        (field, "") => field.to_owned(),
        (field, message) => format!("{field}: {message}"),
    }
}

/// The words of the API server for the machine-readable reason of a cause.
fn kind_of_cause(cause: &StatusCause) -> &'static str {
    match cause.reason.as_str() {
        "FieldValueNotFound" => "Not found",
        "FieldValueRequired" => "Required value",
        "FieldValueDuplicate" => "Duplicate value",
        "FieldValueNotSupported" => "Unsupported value",
        "FieldValueForbidden" => "Forbidden",
        "FieldValueTooLong" => "Too long",
        "FieldValueTooMany" => "Too many",
        "FieldValueTypeInvalid" => "Invalid type",
        "NamespaceTerminating" => "the namespace is being terminated",
        _ => "Invalid value",
    }
}

/// The field paths in `.stringData.a: expected string, got …`. A path ends at the first colon.
fn typed_paths(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split("): ").find_map(typed_path));
    lines.map(|path| format!("{path}: unexpected type")).collect()
}

fn typed_path(text: &str) -> Option<&str> {
    let (path, reason) = text.trim().split_once(": ")?;
    let is_path = |c: char| c.is_ascii_alphanumeric() || PATH_MARKS.contains(c);
    let is_path = path.starts_with('.') && path.len() < 300 && path.chars().all(is_path);
    (is_path && reason.starts_with("expected ")).then_some(path)
}

const PATH_MARKS: &str = ".-_/[]=\",~";

/// The text without the values that it quotes.
fn plain(text: &str) -> String {
    let (text, typed) = without_copies(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((at, word)) = first_of(rest, &VALUE_WORDS) {
        let value = at + word.len();
        out.push_str(rest.get(..value).unwrap_or_default());
        let after = rest.get(value..).unwrap_or_default();
        let (shown, detail) = after.split_at_checked(value_end(after)).unwrap_or((after, ""));
        match detail.strip_prefix(": ") {
            Some(_) if is_plain_number(shown) => {
                out.push_str(shown);
                rest = detail;
            }
            Some(detail) => rest = detail,
            None => {
                out.truncate(out.trim_end_matches([' ', ':']).len());
                rest = detail;
            }
        }
    }
    out.push_str(rest);
    for line in typed {
        out.push_str("; ");
        out.push_str(&line);
    }
    out
}

/// Whether the value is a number like a port or a count, which hides nothing.
fn is_plain_number(value: &str) -> bool {
    (1..=5).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text up to the first copy of the request, and the field paths of the lines after it.
fn without_copies(text: &str) -> (String, Vec<String>) {
    let Some((at, word)) = first_of(text, &COPY_WORDS) else {
        return (text.to_owned(), Vec::new());
    };
    let kept = text.get(..at).unwrap_or_default().trim_end_matches([',', ' ', ':']);
    let rest = text.get(at + word.len()..).unwrap_or_default();
    let next = rest.split_once('\n').map_or("", |(_, next)| next);
    (kept.to_owned(), typed_paths(next))
}

/// The end of a value in the syntax of Go or JSON: the first `: ` or `, ` outside of quotes and brackets, or the end.
fn value_end(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            ':' | ',' if depth == 0 && text.get(at + 1..).is_some_and(|rest| rest.starts_with(' ')) => return at,
            _ => {}
        }
    }
    text.len()
}

fn first_of<'a>(text: &str, words: &[&'a str]) -> Option<(usize, &'a str)> {
    words
        .iter()
        .filter_map(|word| Some((text.find(word)?, *word)))
        .min_by_key(|(at, _)| *at)
}

fn quoted_after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let name = text.split_once(start)?.1.split_once('"')?.0;
    is_name(name).then_some(name)
}

fn word_after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let name = text.split_once(start)?.1.split([',', ' ']).next()?;
    is_name(name).then_some(name)
}

/// Names of webhooks and quotas are DNS names.
fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::response::StatusDetails;

    fn status(code: u16, message: &str, causes: &[(&str, &str, &str)]) -> Status {
        let causes = causes.iter().map(|(reason, field, message)| StatusCause {
            reason: (*reason).to_owned(),
            message: (*message).to_owned(),
            field: (*field).to_owned(),
        });
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: causes.collect(),
            retry_after_seconds: 0,
        };
        Status::failure(message, "Invalid")
            .with_code(code)
            .with_details(details)
    }

    #[test]
    fn the_reason_and_the_field_are_kept_and_the_value_is_not() {
        for (message, expected) in [
            (
                r#"failed to create typed patch object (d/a; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="a"].env[name="PIN"].value: expected string, got &value.valueUnstructured{Value:98765}"#,
                r#"failed to create typed patch object (d/a; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="a"].env[name="PIN"].value: expected string"#,
            ),
            (
                "errors:\n  .spec.a: expected string, got &{hunter2\nhunter2}\n  .spec.b[0]: expected numeric (int or float), got hunter2",
                "errors:\n  .spec.a: expected string; .spec.b[0]: unexpected type",
            ),
            (
                r#"Service "a" is invalid: spec.ports[1].name: Duplicate value: "hunter2""#,
                r#"Service "a" is invalid: spec.ports[1].name: Duplicate value"#,
            ),
            (
                r#"Service "a" is invalid: spec.clusterIPs: Invalid value: ["hunter2: \"x"]: failed to allocate IP: provided IP is already allocated"#,
                r#"Service "a" is invalid: spec.clusterIPs: Invalid value: failed to allocate IP: provided IP is already allocated"#,
            ),
            (
                r#"Job.batch "a" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Env: []core.EnvVar{{Name:"a", Value:"hunter2: } x"}}, N: (*int)(0xc0)}: field is immutable"#,
                r#"Job.batch "a" is invalid: spec.template: Invalid value: field is immutable"#,
            ),
            (
                r#"Service "a" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535"#,
                r#"Service "a" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535"#,
            ),
            (
                r#"X.y "a" is invalid: spec.pin: Invalid value: 918273645: must be short"#,
                r#"X.y "a" is invalid: spec.pin: Invalid value: must be short"#,
            ),
            (
                r#"Job.batch "a" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Value:"hunter2 cut off"#,
                r#"Job.batch "a" is invalid: spec.template: Invalid value"#,
            ),
            (
                r#"X.y "a" is invalid: [spec.a: Unsupported value: "hunter2": supported values: "A", "B", spec.b: Required value]"#,
                r#"X.y "a" is invalid: [spec.a: Unsupported value: supported values: "A", "B", spec.b: Required value]"#,
            ),
            (
                r#"Quantity: unmarshalerDecoder: bad, error found in #10 byte of ...|":"hunter2"}|..., bigger context ...|hunter2|..."#,
                "Quantity: unmarshalerDecoder: bad",
            ),
            (
                r#"strconv.ParseInt: parsing "hunter2": invalid syntax"#,
                "strconv.ParseInt",
            ),
            (
                "services \"a\" is forbidden: exceeded quota",
                "services \"a\" is forbidden: exceeded quota",
            ),
        ] {
            assert_eq!(without_values(&status(422, message, &[])), expected);
        }
    }

    #[test]
    fn the_causes_are_read_where_the_server_lists_them() {
        let message = r#"Deployment.apps "a" is invalid: [x: Invalid value: "hunter2, y: Required value"]"#;
        let causes = [
            (
                "FieldValueInvalid",
                "spec.x",
                "Invalid value: \"hunter2, y\": must be short",
            ),
            ("FieldValueRequired", "spec.y", "Required value"),
        ];
        let text = without_values(&status(422, message, &causes));
        assert_eq!(
            text,
            r#"Deployment.apps "a" is invalid: spec.x: Invalid value: must be short, spec.y: Required value"#
        );
    }

    #[test]
    fn of_a_secret_only_the_reason_and_the_field_are_kept() {
        for (code, message, causes, kept) in [
            (
                500,
                "failed to create typed patch object (d/a; /v1, Kind=Secret): .stringData.config.yaml: expected string, got &{map[password:hunter2]}",
                &[][..],
                ".stringData.config.yaml: unexpected type",
            ),
            (
                500,
                "failed to create typed patch object (d/a; /v1, Kind=Secret): errors:\n  .data.a: expected string, got &{[hunter2]}\n  .data.b: expected string, got hunter2",
                &[],
                ".data.a: unexpected type, .data.b: unexpected type",
            ),
            (
                422,
                "Secret \"a\" is invalid: data[hunter2]: Invalid value: \"hunter2\": bad",
                &[(
                    "FieldValueInvalid",
                    "data[key]",
                    "Invalid value: \"hunter2\": hunter2 is bad",
                )],
                "data[key]: Invalid value",
            ),
            (
                403,
                "admission webhook \"w.example.com\" denied the request: hunter2 is weak, User \"x\" cannot",
                &[],
                "admission webhook \"w.example.com\" denied the request",
            ),
            (
                403,
                "secrets \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: hunter2",
                &[],
                "status 403",
            ),
            (400, "illegal base64 data: parsing hunter2", &[], "status 400"),
            (502, "<html>hunter2</html>", &[], "status 502"),
            (500, "etcdserver: hunter2", &[], "status 500"),
        ] {
            let mut status = status(code, message, causes);
            reduce_for_secret(&mut status);
            let shown = format!("{status:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(status.message.contains(kept), "{shown}");
        }
    }

    #[test]
    fn a_page_of_a_proxy_is_not_shown() {
        for message in ["Bad Gateway: Authorization: Bearer hunter2", ""] {
            let mut status = Status::failure(message, PAGE_REASON).with_code(502);
            let shown = without_values(&status);
            assert!(
                shown.starts_with("status 502; ") && !shown.contains("hunter2"),
                "{shown}"
            );
            reduce_for_secret(&mut status);
            assert_eq!(status.message, shown);
        }
    }

    #[test]
    fn a_missing_right_on_secrets_is_named_in_full() {
        let message = "secrets \"a\" is forbidden: User \"system:serviceaccount:t:t\" cannot patch resource \"secrets\" \
                       in API group \"\" in the namespace \"d\"";
        let mut status = status(403, message, &[]);
        reduce_for_secret(&mut status);
        assert_eq!(status.message, message);
    }
}
