use super::report::Report;
use super::text::{FromText, Label, Text, choices};
use crate::manifest::Variables;
use crate::model::SecretBytes;
use crate::source::{self, SubstituteFrom};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Variables that the agent replaces in objects (`${NAME}`), with the rules of Flux v2.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Substitute {
    /// Variables with their values. They win over those of `from`.
    variables: BTreeMap<String, Text<Value>>,
    /// ConfigMaps and Secrets whose entries are variables. Later ones win. The agent follows them, and applies the objects anew when
    /// a value changes.
    from: Vec<Source>,
    /// Whether a variable that nothing sets is an error. `false`: such a variable is empty.
    strict: bool,
}

impl Default for Substitute {
    fn default() -> Self {
        Self {
            variables: BTreeMap::new(),
            from: Vec::new(),
            strict: true,
        }
    }
}

/// The value of a variable.
#[derive(Debug)]
struct Value(String);

impl FromText for Value {
    fn schema() -> serde_json::Value {
        serde_json::json!({})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

/// A ConfigMap or Secret whose entries are variables.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["kind", "name"]))]
struct Source {
    /// `ConfigMap` or `Secret`.
    kind: Option<Text<SourceKind>>,
    /// Name of the object.
    name: Option<Text<Label>>,
    /// Namespace of the object. Default: the agent's own.
    namespace: Option<Text<Label>>,
    /// Whether the variables are complete while there is no such object.
    optional: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    ConfigMap,
    Secret,
}

choices!(SourceKind: "ConfigMap" => Self::ConfigMap, "Secret" => Self::Secret);

impl Substitute {
    pub(super) fn settings(self, report: &Report) -> source::Substitute {
        let mut known = Variables::default();
        let variables = self.variables.into_iter();
        let variables: BTreeMap<String, String> = variables.map(|(name, text)| (name, text.value.0)).collect();
        for (name, value) in &variables {
            if let Err(invalid) = known.set(name, &SecretBytes::new(value.as_bytes()), false) {
                report.mistake(&format!("sync.substitute.variables.{name}"), invalid.to_string());
            }
        }
        let mut from = Vec::new();
        for (index, source) in self.from.into_iter().enumerate() {
            let path = format!("sync.substitute.from[{index}]");
            let (Some(kind), Some(name)) = (&source.kind, &source.name) else {
                report.missing(&path, "write kind (ConfigMap or Secret) and name");
                continue;
            };
            from.push(SubstituteFrom {
                is_secret: kind.value == SourceKind::Secret,
                namespace: source.namespace.map(|name| name.value.0),
                name: name.value.0.clone(),
                optional: source.optional,
            });
        }
        source::Substitute {
            variables,
            from,
            strict: self.strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::read;

    fn mistakes(text: &str) -> Vec<String> {
        let error = read("f", text).unwrap_err();
        error.mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn variables_of_manifests_are_texts_with_names_and_their_sources_are_named() {
        let sync = |text: &str| {
            format!("repo: {{url: \"ssh://git@github.com/acme/fleet.git\"}}\nsync: {{substitute: {text}}}\n")
        };
        let settings = read(
            "f",
            &sync("{variables: {A: x, B: ''}, from: [{kind: Secret, name: a, optional: true}]}"),
        )
        .unwrap();
        let substitute = settings.sync.substitute.unwrap();
        assert!(substitute.strict && substitute.from[0].is_secret && substitute.from[0].optional);
        assert_eq!(
            substitute.variables.into_iter().collect::<Vec<_>>(),
            [("A".to_owned(), "x".to_owned()), ("B".to_owned(), String::new())]
        );
        assert!(read("f", &sync("")).unwrap().sync.substitute.is_none());
        for (text, expected) in [
            (
                "{variables: {A: 5}}",
                "2: sync.substitute.variables.A: expected a string, found a number: put it in quotes",
            ),
            (
                "{variables: {a-b: x}}",
                "2: sync.substitute.variables.a-b: \"a-b\" is no name of a variable",
            ),
            ("{from: [{name: a}]}", "2: sync.substitute.from[0]: missing"),
            ("{from: [{kind: Pod, name: a}]}", "2: sync.substitute.from[0].kind:"),
        ] {
            let found = mistakes(&sync(text));
            assert!(found[0].starts_with(expected), "{found:?}");
        }
    }
}
