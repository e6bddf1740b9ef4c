use crate::manifest::yaml::cursor::Place;
use crate::model::{ObjectId, Position};

/// What to do about templates.
pub(crate) const TEMPLATES: &str = "keep templates out of the synced paths or below a folder with a Chart.yaml";

/// What a document says of itself.
pub(crate) struct Head {
    pub api_version: String,
    pub kind: String,
}

/// Which object a document is.
///
/// # Errors
/// Where and what is missing of its metadata.
pub(crate) fn identity(place: &Place<'_>, head: &Head) -> Result<ObjectId, (Position, String)> {
    let metadata = place.key("metadata");
    let field = |key: &str| {
        metadata
            .as_ref()
            .and_then(|metadata| metadata.key(key))
            .filter(|place| !place.is_null())
    };
    let field_position = |key: &str| field(key).map(|place| place.position());
    let text = |key: &str| match field(key) {
        None => Ok(None),
        Some(place) => place.text().map(Some).ok_or_else(|| {
            let message = match place.is_template() {
                true => of_template(key),
                false => format!("the {key} in its metadata is not text; write it in quotes"),
            };
            (place.position(), message)
        }),
    };
    let name = text("name")?.filter(|name| !name.is_empty()).ok_or_else(|| {
        let message = match field("generateName") {
            Some(_) => "has a generateName instead of a name, so that it cannot be kept as declared; give it a name",
            None => "has no metadata.name; give it one",
        };
        (place.position(), format!("this {} {message}", head.kind))
    })?;
    let namespace = text("namespace")?;
    for (field, text) in [("name", Some(&name)), ("namespace", namespace.as_ref())] {
        if text.is_some_and(|text| !can_name(text)) {
            let position = field_position(field).unwrap_or_else(|| place.position());
            if text.is_some_and(|text| text.contains("{{")) {
                return Err((position, of_template(field)));
            }
            let message = format!(
                "the {field} in its metadata is not one that an object can have; 1 to 253 characters without blanks, / and % are wanted"
            );
            return Err((position, message));
        }
    }
    let plain = |text: &str, more: &[u8]| {
        text.len() <= 253 && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    if !plain(&head.kind, b"") || !plain(&head.api_version, b"./-") {
        let message = "its apiVersion or kind is not one that an object can have; letters and digits are wanted, and . / - in the apiVersion";
        return Err((place.position(), message.to_owned()));
    }
    Ok(ObjectId::new(
        &head.api_version,
        &head.kind,
        namespace.as_deref(),
        &name,
    ))
}

fn of_template(field: &str) -> String {
    format!("the {field} in its metadata is that of a template; {TEMPLATES}")
}

/// What any API server takes as a part of an object's address, whatever the kind asks for besides (apimachinery
/// `IsValidPathSegmentName`).
fn can_name(text: &str) -> bool {
    text.len() <= 253
        && !matches!(text, "." | "..")
        && !text
            .chars()
            .any(|c| matches!(c, '/' | '%') || c.is_control() || c.is_whitespace())
}

/// The value with what a typed list says of its items.
pub(crate) fn complete(mut value: serde_json::Value, head: &Head) -> serde_json::Value {
    if let Some(map) = value.as_object_mut() {
        map.entry("apiVersion")
            .or_insert_with(|| head.api_version.clone().into());
        map.entry("kind").or_insert_with(|| head.kind.clone().into());
    }
    value
}
