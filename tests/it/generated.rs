//! Files that are made from the configuration types, and stay as they are made: the chart's `values.schema.json` and the table
//! of keys in `docs/configuration.md`. `TIDEGATE_BLESS=1 cargo test --test it generated` writes both anew.

use serde_json::{Map, Value};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Compares a file with what it has to be, or writes it.
fn check(name: &str, expected: &str) {
    if std::env::var_os("TIDEGATE_BLESS").is_some() {
        std::fs::write(path(name), expected).unwrap();
    }
    assert!(
        read(name) == expected,
        "{name} does not fit the configuration types: run TIDEGATE_BLESS=1 cargo test --test it generated"
    );
}

/// Merges a JSON merge patch (RFC 7396) into a value: null removes a key.
fn merge(into: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *into = patch;
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let into = into.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            into.remove(&key);
        } else {
            merge(into.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[test]
fn the_charts_schema_is_that_of_the_configuration_and_of_its_own_keys() {
    let mut schema = tidegate::config::schema();
    let own = serde_json::from_str(&read("tests/fixtures/chart/own-keys.json")).unwrap();
    merge(&mut schema, own);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    check("charts/tidegate/values.schema.json", &text);
}

#[test]
fn the_charts_values_are_the_defaults_of_the_configuration() {
    fn check(path: &str, values: &serde_yaml::Value, schema: &Value) {
        for (key, value) in values.as_mapping().into_iter().flatten() {
            let key = key.as_str().unwrap();
            let (path, schema) = (format!("{path}.{key}"), &schema["properties"][key]);
            if let Some(default) = schema.get("default").filter(|default| !default.is_object()) {
                assert_eq!(&serde_json::to_value(value).unwrap(), default, "{path}");
            }
            check(&path, value, schema);
        }
    }
    let values: serde_yaml::Value = serde_yaml::from_str(&read("charts/tidegate/values.yaml")).unwrap();
    check("", &values, &tidegate::config::schema());
}

const START: &str = "<!-- The table is generated: TIDEGATE_BLESS=1 cargo test --test it generated -->\n";
const END: &str = "<!-- end of the table -->\n";

#[test]
fn the_documented_keys_are_those_of_the_configuration() {
    let page = read("docs/configuration.md");
    let (before, rest) = page.split_once(START).expect("the page has the table's start");
    let (_, after) = rest.split_once(END).expect("the page has the table's end");
    let mut table = "| key | default | meaning |\n| --- | --- | --- |\n".to_owned();
    add_rows(&mut table, "", &tidegate::config::schema());
    check("docs/configuration.md", &format!("{before}{START}{table}{END}{after}"));
}

/// One row for each key, sections before their keys.
fn add_rows(table: &mut String, prefix: &str, schema: &Value) {
    let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        let items = schema.get("items").filter(|items| items["properties"].is_object());
        let path = match items {
            Some(_) => format!("{prefix}{key}[]"),
            None => format!("{prefix}{key}"),
        };
        let default = match schema.get("default") {
            _ if items.is_none()
                && required.contains(&&Value::from(key.as_str()))
                && schema["properties"].is_null() =>
            {
                "required".to_owned()
            }
            Some(Value::String(text)) => format!("`{}`", if text.is_empty() { "\"\"" } else { text }),
            Some(value) if items.is_none() => format!("`{value}`"),
            _ => String::new(),
        };
        let meaning = schema["description"].as_str().unwrap_or_default().replace('|', "\\|");
        writeln!(table, "| `{path}` | {default} | {meaning} |").unwrap();
        add_rows(table, &format!("{path}."), items.unwrap_or(schema));
    }
}
