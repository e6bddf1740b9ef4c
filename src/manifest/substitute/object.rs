use super::functions::Failure;
use super::print::print;
use super::template::{Malformed, evaluate};
use super::variables::Variables;
use crate::manifest::read::open::read;
use crate::model::Finding;
use crate::resource::{Intent, Object};
use serde_json::Value;
use std::sync::Arc;

/// The label or annotation that keeps an object as it is, as Flux v2 has it.
const OPT_OUT: &str = "kustomize.toolkit.fluxcd.io/substitute";
const DISABLED: &str = "disabled";

/// Why nothing was substituted in an object. The message says what to do, and repeats no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSubstituted {
    /// Variables that nothing sets.
    #[error(
        "{} not set; set {}, give a default (${{NAME:=default}}), write $${{NAME}} for the text itself, or annotate the object \
         {OPT_OUT}: disabled",
        variables(.0), if .0.len() == 1 { "it" } else { "them" }
    )]
    Missing(Vec<String>),
    /// An expression that cannot be evaluated.
    #[error("{0}; write $${{ for a plain ${{, or annotate the object {OPT_OUT}: disabled")]
    Malformed(&'static str),
    /// The text with its values is no object.
    #[error(
        "with the values of its variables it is no longer one Kubernetes object; look for a value that YAML does not read as \
         text, and put quotes around it"
    )]
    NoObject,
}

/// Whether variables may change the object: it has an expression, and does not ask to stay as it is.
pub fn may_change(object: &Object) -> bool {
    let text = object.value.text();
    if !text.contains("${") && !text.contains("$$") {
        return false;
    }
    let value = object.value.value();
    let opts_out =
        |entries| value.pointer(entries).and_then(|all: &Value| all.get(OPT_OUT)) == Some(&Value::from(DISABLED));
    !opts_out("/metadata/labels") && !opts_out("/metadata/annotations")
}

/// An object with the values of its variables; `None` for an object that stays as it is.
///
/// # Errors
/// Nothing of the object may be applied.
pub fn substitute(object: &Object, variables: &Variables) -> Result<Option<Object>, NotSubstituted> {
    if variables.is_empty() || !may_change(object) {
        return Ok(None);
    }
    let text = print(&object.value.value());
    let evaluated = evaluate(&text, variables).map_err(|malformed| NotSubstituted::Malformed(words(malformed)))?;
    if !evaluated.missing.is_empty() {
        return Err(NotSubstituted::Missing(evaluated.missing.into_iter().collect()));
    }
    if evaluated.text == text {
        return Ok(None);
    }
    let mut reading = read(object.origin.path(), evaluated.text.as_bytes());
    let (Some(document), None) = (reading.documents.pop(), reading.documents.pop()) else {
        return Err(NotSubstituted::NoObject);
    };
    if reading.findings.iter().any(Finding::is_error) {
        return Err(NotSubstituted::NoObject);
    }
    let read = Arc::unwrap_or_clone(document.object);
    Ok(Some(Object {
        origin: object.origin.clone(),
        intent: Intent {
            hide_values: object.intent.hide_values || evaluated.has_secrets,
            ..read.intent
        },
        ..read
    }))
}

fn variables(names: &[String]) -> String {
    match names {
        [name] => format!("the variable {name} is"),
        names => format!("the variables {} are", names.join(", ")),
    }
}

fn words(malformed: Malformed) -> &'static str {
    match malformed {
        Malformed::Syntax => "it has a ${ that begins no expression of a variable",
        Malformed::Depth => "it has too many expressions of variables in each other",
        Malformed::Length => "with the values of its variables it is larger than 4 MiB",
        Malformed::Function(Failure::TooLong) => "a pattern is removed from a value of more than 4096 bytes",
        Malformed::Function(Failure::SplitCharacter) => "an offset into a value lies within a character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RepoPath, SecretBytes};

    fn object(text: &str) -> Object {
        let reading = read(&RepoPath::parse("a.yaml").unwrap(), text.as_bytes());
        Object::clone(&reading.documents[0].object)
    }

    fn variables() -> Variables {
        let mut variables = Variables::new(true);
        let all = [
            ("REPLICAS", "3"),
            ("NAME", "web"),
            ("LIST", "[a, b]"),
            ("PORT", "'80'"),
            ("PASSWORD", "s3cr3t: }"),
            ("LINES", "a\nb"),
        ];
        for (name, value) in all {
            variables
                .set(name, &SecretBytes::new(value), name == "PASSWORD")
                .unwrap();
        }
        variables
    }

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

    #[test]
    fn values_have_the_types_that_yaml_gives_them_whatever_quotes_stand_around_expressions() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: \"${NAME}-a\", annotations: {port: '${PORT}'}}\nspec:\n  \
                    replicas: \"${REPLICAS}\"\n  args: ${LIST}\n  text: 'no ${NAME}: yes'\n";
        let done = substitute(&object(text), &variables()).unwrap().unwrap();
        assert_eq!(done.id.name, "web-a");
        let value = done.value.value();
        assert_eq!(value["spec"]["replicas"], 3);
        assert_eq!(value["spec"]["args"], serde_json::json!(["a", "b"]));
        assert_eq!(value["spec"]["text"], "no web: yes");
        assert_eq!(value["metadata"]["annotations"]["port"], "80");
        assert!(!done.intent.hide_values);
    }

    #[test]
    fn line_breaks_of_values_are_left_out_and_those_of_the_text_stay() {
        let text = format!("{MAP}data:\n  a: |\n    x ${{LINES}}\n    y\n");
        let done = substitute(&object(&text), &variables()).unwrap().unwrap();
        assert_eq!(done.value.value()["data"]["a"], "x ab\ny\n");
    }

    #[test]
    fn objects_stay_as_they_are_if_they_ask_for_it_or_have_no_expression() {
        let out = "  {kind}: {kustomize.toolkit.fluxcd.io/substitute: disabled}\ndata: {a: \"${x.y}\"}\n";
        for text in [
            format!("{MAP}{}", out.replace("{kind}", "labels")),
            format!("{MAP}{}", out.replace("{kind}", "annotations")),
            format!("{MAP}data: {{a: 100$}}\n"),
            format!("{MAP}data: {{a: plain}}\n"),
        ] {
            assert_eq!(substitute(&object(&text), &variables()), Ok(None), "{text}");
        }
        let text = format!("{MAP}data: {{a: \"${{NAME}}\"}}\n");
        assert_eq!(
            substitute(&object(&text), &Variables::new(true)),
            Ok(None),
            "there are no variables"
        );
    }

    #[test]
    fn errors_name_variables_and_no_values() {
        for (data, expected) in [
            (
                "${A} ${B:-x} ${C}",
                NotSubstituted::Missing(vec!["A".to_owned(), "C".to_owned()]),
            ),
            ("${ A }", NotSubstituted::Malformed(words(Malformed::Syntax))),
            ("${PASSWORD}", NotSubstituted::NoObject),
        ] {
            let text = format!("{MAP}data: {{a: \"{data}\"}}\n");
            let error = substitute(&object(&text), &variables()).unwrap_err();
            assert_eq!(error, expected);
            assert!(!format!("{error} {error:?}").contains("s3cr3t"));
        }
        let one = NotSubstituted::Missing(vec!["A".to_owned()]).to_string();
        assert!(
            one.starts_with("the variable A is not set; set it, give a default (${NAME:=default}), write $${NAME}"),
            "{one}"
        );
    }

    #[test]
    fn an_object_with_a_value_of_a_secret_hides_its_values() {
        let text = format!("{MAP}data: {{a: \"x: ${{PASSWORD}}\"}}\n");
        let done = substitute(&object(&text), &variables()).unwrap().unwrap();
        assert!(done.intent.hide_values);
        assert_eq!(done.value.value()["data"]["a"], "x: s3cr3t: }");
    }

    #[test]
    fn an_image_with_a_variable_is_not_bumped_and_says_so() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, annotations: {tidegate.dev/automated: \"true\"}}\nspec: \
                    {template: {spec: {containers: [{name: a, image: \"${R}/web:1\"}, {name: b, image: \"r.example/web:${TAG:-1}\"}]}}}\n";
        let reading = read(&RepoPath::parse("a.yaml").unwrap(), text.as_bytes());
        assert!(reading.documents[0].images.is_empty());
        let said: Vec<&str> = reading.findings.iter().map(|finding| &*finding.message).collect();
        assert_eq!(said.len(), 2);
        assert!(
            said.iter()
                .all(|said| said.contains("is not bumped: it holds a variable (${...})")),
            "{said:?}"
        );
    }
}
