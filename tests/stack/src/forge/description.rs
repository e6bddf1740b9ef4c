//! The published description of a forge's API: its calls, their parameters and their answers.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::schema::{Names, faults, resolve};
use super::server::Ask;

/// A description of an API, in the shape of OpenAPI 3.0.
#[derive(Debug, Clone)]
pub struct Description {
    root: Value,
    answers: Names,
}

impl Description {
    /// Reads OpenAPI 3.0 in JSON or YAML. Answers may have names that the description does not have.
    ///
    /// # Errors
    /// When the text is neither JSON nor YAML.
    pub fn openapi(text: &str) -> Result<Self> {
        Ok(Self {
            root: serde_yaml::from_str(text).context("the description cannot be read")?,
            answers: Names::Any,
        })
    }

    /// Reads AWS's own model of a service with the JSON protocol. The target of an operation replaces the path. Requests and
    /// answers may only have names of the model.
    ///
    /// # Errors
    /// When the text is not a model.
    pub fn aws(text: &str) -> Result<Self> {
        let model: Value = serde_json::from_str(text).context("the model cannot be read")?;
        let prefix = model["metadata"]["targetPrefix"]
            .as_str()
            .context("the model has no targetPrefix")?;
        let shapes = model["shapes"].as_object().context("the model has no shapes")?;
        let schemas: Map<String, Value> = shapes
            .iter()
            .map(|(name, shape)| (name.clone(), schema(shape)))
            .collect();
        let content = |name: &Value| json!({"content": {"application/json": {"schema": reference(name)}}});
        let operations = model["operations"].as_object().context("the model has no operations")?;
        let paths: Map<String, Value> = operations
            .iter()
            .map(|(name, operation)| {
                let errors: Vec<Value> = operation["errors"].as_array().into_iter().flatten().cloned().collect();
                let mut responses = json!({"200": content(&operation["output"]["shape"])});
                responses["400"] = json!({"x-errors": errors});
                let post = json!({"requestBody": content(&operation["input"]["shape"]), "responses": responses});
                (format!("/{prefix}.{name}"), json!({"post": post}))
            })
            .collect();
        Ok(Self {
            root: json!({"paths": paths, "components": {"schemas": schemas}}),
            answers: Names::Declared,
        })
    }

    /// An example of the description.
    #[must_use]
    pub fn example(&self, name: &str) -> Value {
        self.root["components"]["examples"][name]["value"].clone()
    }

    /// The faults of a call.
    #[must_use]
    pub fn request(&self, ask: &Ask) -> Vec<String> {
        let Some((places, operation)) = self.operation(ask) else {
            return vec!["there is no such call".to_owned()];
        };
        let mut found = self.parameters(ask, &places, operation);
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        found.extend(match (schema, &ask.body) {
            (Some(schema), Some(body)) => faults(&self.root, schema, body, Names::Declared),
            (None, Some(_)) => vec!["it takes no body".to_owned()],
            (Some(_), None) if operation["requestBody"]["required"] == true => vec!["it wants a body".to_owned()],
            (_, None) => Vec::new(),
        });
        found
    }

    /// The faults of an answer to a call. An answer with a status that is not described must be a redirect or an error.
    #[must_use]
    pub fn answer(&self, ask: &Ask, status: u16, body: &Value) -> Vec<String> {
        let Some((_, operation)) = self.operation(ask) else {
            return Vec::new();
        };
        let Some(response) = operation["responses"].get(status.to_string()) else {
            return match status {
                300..=599 => Vec::new(),
                _ => vec![format!("status {status} is not described")],
            };
        };
        let response = resolve(&self.root, response);
        if let Some(errors) = response["x-errors"].as_array() {
            let kind = body["__type"].as_str().unwrap_or_default();
            let known = errors.iter().any(|error| error["shape"] == kind);
            // All operations share these errors, and no model lists them.
            let common = ["AccessDeniedException", "ThrottlingException"].contains(&kind);
            return if known || common {
                Vec::new()
            } else {
                vec![format!("{kind:?} is no error of it")]
            };
        }
        match response.pointer("/content/application~1json/schema") {
            Some(schema) => faults(&self.root, schema, body, self.answers),
            None => Vec::new(),
        }
    }

    /// The operation, and the values of the names in its path template.
    fn operation(&self, ask: &Ask) -> Option<(Vec<(&str, String)>, &Value)> {
        let paths = self.root["paths"].as_object()?;
        paths.iter().find_map(|(template, operations)| {
            let places = places(template, &ask.path)?;
            Some((places, operations.get(ask.method.to_lowercase())?))
        })
    }

    fn parameters(&self, ask: &Ask, places: &[(&str, String)], operation: &Value) -> Vec<String> {
        let mut found = Vec::new();
        let declared: Vec<&Value> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| resolve(&self.root, parameter))
            .collect();
        let of = |location: &str, name: &str| {
            declared
                .iter()
                .find(|parameter| parameter["in"] == location && parameter["name"] == name)
        };
        let query = ask.query.iter().map(|(name, value)| ("query", name.as_str(), value));
        let path = places.iter().map(|(name, value)| ("path", *name, value));
        for (location, name, value) in query.chain(path) {
            match of(location, name) {
                Some(parameter) => {
                    let schema = resolve(&self.root, &parameter["schema"]);
                    let wrong = faults(&self.root, schema, &typed(schema, value), Names::Declared);
                    found.extend(wrong.into_iter().map(|fault| format!("{location} {name}: {fault}")));
                }
                None if self.answers == Names::Declared => {}
                None => found.push(format!("{location} {name}: there is no such parameter")),
            }
        }
        for parameter in declared
            .iter()
            .filter(|parameter| parameter["required"] == true && parameter["in"] == "query")
        {
            let name = parameter["name"].as_str().unwrap_or_default();
            if !ask.query.iter().any(|(given, _)| given == name) {
                found.push(format!("query {name}: missing"));
            }
        }
        found
    }
}

/// What a path has for the names of a template.
fn places<'a>(template: &'a str, path: &str) -> Option<Vec<(&'a str, String)>> {
    let (expected, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    if expected.len() != given.len() {
        return None;
    }
    let mut places = Vec::new();
    for (expected, given) in expected.into_iter().zip(given) {
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !given.is_empty() => places.push((name, given.to_owned())),
            None if expected == given => {}
            _ => return None,
        }
    }
    Some(places)
}

/// A text from an address as the schema would have it.
fn typed(schema: &Value, text: &str) -> Value {
    let parsed = match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().ok().map(Value::from),
        Some("boolean") => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    parsed.unwrap_or_else(|| text.into())
}

fn reference(name: &Value) -> Value {
    json!({"$ref": format!("#/components/schemas/{}", name.as_str().unwrap_or_default())})
}

/// AWS's shape as a schema. Times are numbers in its JSON protocol.
fn schema(shape: &Value) -> Value {
    let of = |part: &Value| reference(&part["shape"]);
    match shape["type"].as_str().unwrap_or_default() {
        "structure" => {
            let members = shape["members"].as_object().into_iter().flatten();
            let properties: Map<String, Value> = members.map(|(name, member)| (name.clone(), of(member))).collect();
            let required = shape.get("required").cloned().unwrap_or_else(|| json!([]));
            json!({"type": "object", "properties": properties, "required": required})
        }
        "list" => json!({"type": "array", "items": of(&shape["member"])}),
        "map" => json!({"type": "object", "additionalProperties": of(&shape["value"])}),
        "string" => {
            let mut schema = json!({"type": "string"});
            for (theirs, ours) in [("min", "minLength"), ("max", "maxLength"), ("enum", "enum")] {
                if let Some(value) = shape.get(theirs) {
                    schema[ours] = value.clone();
                }
            }
            schema
        }
        "integer" | "long" => json!({"type": "integer"}),
        "boolean" => json!({"type": "boolean"}),
        "timestamp" | "double" | "float" => json!({"type": "number"}),
        other => json!({ other: "an unknown shape" }),
    }
}
