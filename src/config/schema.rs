use super::file::File;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The JSON schema (draft 7) of `tidegate.yaml`, with the default of each key.
///
/// `read` checks more than the schema: what values mean, and how keys fit each other.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<File>().to_value();
    tidy(&mut schema);
    schema
}

/// Drops what says nothing to a reader: the default `null`, the integer format of the Rust type, the line breaks of comments.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            if keywords.get("default").is_some_and(Value::is_null) {
                keywords.remove("default");
            }
            if keywords.get("format").is_some_and(|format| format == "uint") {
                keywords.remove("format");
            }
            if let Some(Value::String(text)) = keywords.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            keywords.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
