//! Checks values against the schemas of OpenAPI 3.0. An unknown keyword is a fault, so that the check skips nothing.

use serde_json::{Map, Value};

/// Whether a value may have names that its schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Only declared names may occur: the forge must understand all that the agent sends.
    Declared,
    /// Any name may occur: a forge may add names to its answers.
    Any,
}

/// The deepest nesting of schemas and values.
const DEEPEST: usize = 32;
/// Keywords that do not restrict values.
const SILENT: [&str; 6] = ["default", "deprecated", "description", "example", "format", "title"];

/// The faults of a value. `root` is the document that `$ref` points into.
pub fn faults(root: &Value, schema: &Value, value: &Value, names: Names) -> Vec<String> {
    let mut check = Check {
        root,
        names,
        found: Vec::new(),
    };
    check.value("", schema, value, 0);
    check.found
}

/// Follows `$ref`s, which are JSON pointers after a `#`.
pub fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEEPEST {
        let Some(pointer) = schema.get("$ref").and_then(Value::as_str) else {
            break;
        };
        schema = root.pointer(pointer.trim_start_matches('#')).unwrap_or(&Value::Null);
    }
    schema
}

struct Check<'a> {
    root: &'a Value,
    names: Names,
    found: Vec<String>,
}

impl Check<'_> {
    fn wrong(&mut self, location: &str, what: impl std::fmt::Display) {
        let location = if location.is_empty() { "it" } else { location };
        self.found.push(format!("{location}: {what}"));
    }

    fn value(&mut self, location: &str, schema: &Value, value: &Value, depth: usize) {
        let Some(schema) = resolve(self.root, schema).as_object().filter(|_| depth < DEEPEST) else {
            return self.wrong(location, "there is no schema");
        };
        if value.is_null() {
            if schema.get("nullable") != Some(&Value::Bool(true)) && schema.contains_key("type") {
                self.wrong(location, "null");
            }
            return;
        }
        for (keyword, rule) in schema {
            self.keyword(location, schema, (keyword, rule), value, depth);
        }
    }

    fn keyword(
        &mut self,
        location: &str,
        schema: &Map<String, Value>,
        (keyword, rule): (&str, &Value),
        value: &Value,
        depth: usize,
    ) {
        let length = |value: &Value| match value {
            Value::String(text) => text.chars().count() as u64,
            Value::Array(entries) => entries.len() as u64,
            _ => 0,
        };
        match keyword {
            "type" if !is(rule.as_str().unwrap_or_default(), value) => {
                self.wrong(location, format!("{value} is no {rule}"));
            }
            "enum" if !rule.as_array().is_some_and(|all| all.contains(value)) => {
                self.wrong(location, format!("{value} is none of {rule}"));
            }
            "properties" => self.properties(location, rule, value, depth),
            "required" => {
                for name in rule.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        self.wrong(location, format!("{name} is missing"));
                    }
                }
            }
            "items" => {
                for (at, entry) in value.as_array().into_iter().flatten().enumerate() {
                    self.value(&format!("{location}[{at}]"), rule, entry, depth + 1);
                }
            }
            "additionalProperties" if rule.is_object() => {
                let declared = schema.get("properties").and_then(Value::as_object);
                for (name, entry) in value.as_object().into_iter().flatten() {
                    if !declared.is_some_and(|declared| declared.contains_key(name)) {
                        self.value(&format!("{location}.{name}"), rule, entry, depth + 1);
                    }
                }
            }
            "oneOf" | "anyOf" => {
                let ways = rule.as_array().map(Vec::as_slice).unwrap_or_default();
                let fits = |way: &Value| faults(self.root, way, value, self.names).is_empty();
                if !ways.iter().any(fits) {
                    self.wrong(location, format!("{value} matches none of the alternatives"));
                }
            }
            "minItems" | "minLength" if length(value) < rule.as_u64().unwrap_or_default() => {
                self.wrong(location, format!("shorter than {rule}"));
            }
            "maxItems" | "maxLength" if length(value) > rule.as_u64().unwrap_or_default() => {
                self.wrong(location, format!("longer than {rule}"));
            }
            "type"
            | "enum"
            | "nullable"
            | "minItems"
            | "minLength"
            | "maxItems"
            | "maxLength"
            | "additionalProperties" => {}
            known if SILENT.contains(&known) || known.starts_with("x-") => {}
            other => self.wrong(location, format!("the keyword {other} is not checked")),
        }
    }

    fn properties(&mut self, location: &str, declared: &Value, value: &Value, depth: usize) {
        for (name, entry) in value.as_object().into_iter().flatten() {
            let location = format!("{location}.{name}");
            match declared.get(name) {
                Some(schema) => self.value(&location, schema, entry, depth + 1),
                None if self.names == Names::Declared => self.wrong(&location, "there is no such name"),
                None => {}
            }
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, faults};
    use serde_json::json;

    #[test]
    fn each_breach_of_a_schema_is_found() {
        let root = json!({"components": {"schemas": {"pet": {
            "type": "object", "required": ["name"],
            "properties": {
                "name": {"type": "string", "maxLength": 3},
                "age": {"type": "integer", "nullable": true},
                "tags": {"type": "array", "minItems": 1, "items": {"oneOf": [{"type": "string"}, {"$ref": "#/components/schemas/pet"}]}},
                "kind": {"type": "string", "enum": ["cat"]},
            },
        }}}});
        let schema = json!({"$ref": "#/components/schemas/pet"});
        let found = |value, names| faults(&root, &schema, &value, names);
        let right = json!({"name": "Tom", "age": null, "tags": ["a", {"name": "b"}], "kind": "cat"});
        assert!(found(right, Names::Declared).is_empty());
        for (wrong, word) in [
            (json!([]), "is no"),
            (json!({}), "missing"),
            (json!({"name": null}), "null"),
            (json!({"name": 1}), "is no"),
            (json!({"name": "Tommy"}), "longer"),
            (json!({"name": "Tom", "age": 1.5}), "is no"),
            (json!({"name": "Tom", "tags": []}), "shorter"),
            (json!({"name": "Tom", "tags": [1]}), "none of the alternatives"),
            (json!({"name": "Tom", "kind": "dog"}), "none of"),
            (json!({"name": "Tom", "colour": "grey"}), "no such name"),
        ] {
            let found = found(wrong.clone(), Names::Declared);
            assert!(found.len() == 1 && found[0].contains(word), "{wrong}: {found:?}");
        }
        assert!(found(json!({"name": "Tom", "colour": "grey"}), Names::Any).is_empty());
        let unknown = faults(
            &root,
            &json!({"type": "string", "contentMediaType": "x"}),
            &json!("a"),
            Names::Any,
        );
        assert!(unknown[0].contains("not checked"), "{unknown:?}");
    }
}
