use crate::manifest::read::image_site::Problem;
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::limits::TEMPLATE_ADVICE;
use crate::model::ObjectId;

/// The longest name that Kubernetes allows, in characters.
const MAX_NAME: usize = 253;

/// `apiVersion` and `kind` of a document.
pub(crate) struct Head {
    pub api_version: String,
    pub kind: String,
}

/// The identity of the object in a document.
///
/// # Errors
/// A part of the identity is missing or is not valid.
pub(crate) fn identity(cursor: &Cursor<'_>, head: &Head) -> Result<ObjectId, Problem> {
    let metadata = cursor.key("metadata");
    let field = |key: &str| {
        metadata
            .as_ref()
            .and_then(|metadata| metadata.key(key))
            .filter(|cursor| !cursor.is_null())
    };
    let text = |key: &str| match field(key) {
        None => Ok(None),
        Some(cursor) => cursor.text().map(Some).ok_or_else(|| Problem {
            message: match cursor.is_template() {
                true => is_template(key),
                false => format!("metadata.{key} is not a string; write it in quotes"),
            },
            position: cursor.position(),
        }),
    };
    let name = text("name")?
        .filter(|name| !name.is_empty())
        .ok_or_else(|| no_name(cursor, head, field("generateName").is_some()))?;
    let namespace = text("namespace")?;
    for (key, text) in [("name", Some(&name)), ("namespace", namespace.as_ref())] {
        let Some(text) = text.filter(|text| !is_valid_name(text)) else {
            continue;
        };
        return Err(Problem {
            position: field(key).map_or_else(|| cursor.position(), |cursor| cursor.position()),
            message: match text.contains("{{") {
                true => is_template(key),
                false => format!(
                    "metadata.{key} is not a valid name; write 1 to {MAX_NAME} characters without blanks, / and %"
                ),
            },
        });
    }
    if !is_plain(&head.kind, b"") || !is_plain(&head.api_version, b"./-") {
        return Err(Problem {
            position: cursor.position(),
            message: "apiVersion or kind is not valid; write letters and digits, and in the apiVersion also . / -"
                .to_owned(),
        });
    }
    Ok(ObjectId::new(
        &head.api_version,
        &head.kind,
        namespace.as_deref(),
        &name,
    ))
}

fn no_name(cursor: &Cursor<'_>, head: &Head, has_generate_name: bool) -> Problem {
    let reason = match has_generate_name {
        true => "has a generateName and no name, so that each apply would create another object; give it a name",
        false => "has no metadata.name; add one",
    };
    Problem {
        position: cursor.position(),
        message: format!("this {} {reason}", head.kind),
    }
}

fn is_template(key: &str) -> String {
    format!("metadata.{key} is a template; {TEMPLATE_ADVICE}")
}

fn is_plain(text: &str, more: &[u8]) -> bool {
    text.len() <= MAX_NAME && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
}

/// Whether any API server accepts a text as a part of an object's URL path (apimachinery `IsValidPathSegmentName`). A
/// kind may have further rules.
fn is_valid_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && !matches!(text, "." | "..")
        && !text
            .chars()
            .any(|c| matches!(c, '/' | '%') || c.is_control() || c.is_whitespace())
}

/// Adds `apiVersion` and `kind` to an item of a typed list, which may omit them.
pub(crate) fn complete(mut value: serde_json::Value, head: &Head) -> serde_json::Value {
    if let Some(map) = value.as_object_mut() {
        map.entry("apiVersion")
            .or_insert_with(|| head.api_version.clone().into());
        map.entry("kind").or_insert_with(|| head.kind.clone().into());
    }
    value
}
