//! An object as the YAML that Flux evaluates expressions in.
//!
//! Flux lets kustomize print the object, so that a text with an expression stands there without quotes wherever YAML allows it,
//! and what the expression becomes decides the type. What holds no expression is printed as JSON: nothing of it changes.

use serde_json::Value;
use std::fmt::Write as _;

/// The object as YAML.
pub(super) fn print(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Whether a text stands between the parts of an object that has a dollar sign.
fn is_plain_json(value: &Value) -> Option<String> {
    let json = value.to_string();
    (!json.contains('$')).then_some(json)
}

/// Prints a value, from behind the colon of its key, the hyphen of its item, or the start of the document.
fn block(value: &Value, indent: usize, out: &mut String) {
    if let Some(json) = is_plain_json(value) {
        out.push(' ');
        out.push_str(&json);
        out.push('\n');
        return;
    }
    match value {
        Value::Object(entries) => {
            out.push('\n');
            for (key, value) in entries {
                let _ = write!(out, "{:indent$}{}:", "", scalar(key, true, 0));
                block(value, indent + 2, out);
            }
        }
        Value::Array(items) => {
            out.push('\n');
            for item in items {
                let _ = write!(out, "{:indent$}-", "");
                block(item, indent + 2, out);
            }
        }
        Value::String(text) => {
            out.push(' ');
            out.push_str(&scalar(text, false, indent));
            out.push('\n');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text in the style that Go's YAML library chooses.
fn scalar(text: &str, is_key: bool, indent: usize) -> String {
    let quoted = || Value::from(text).to_string();
    if !text.contains('$') {
        return quoted();
    }
    let is_special =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if text.contains(is_special) || text.contains(" \n") {
        return quoted();
    }
    if text.contains('\n') {
        return match is_key || text.ends_with(' ') {
            true => quoted(),
            false => literal(text, indent),
        };
    }
    match is_plain(text) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// Whether a text of one line may stand without quotes in a block.
fn is_plain(text: &str) -> bool {
    let starts_badly = text.starts_with(|c: char| "#,[]{}&*!|>'\"%@`".contains(c));
    let is_indicator = ["- ", "? ", ": "].iter().any(|start| text.starts_with(start)) || text.starts_with("---");
    let is_comment = text.contains(" #");
    let is_mapping = text.contains(": ") || text.ends_with(':');
    let is_padded = text.starts_with(' ') || text.ends_with(' ');
    !(starts_badly || is_indicator || is_comment || is_mapping || is_padded || text.starts_with("..."))
}

/// A text of several lines as a literal block.
fn literal(text: &str, indent: usize) -> String {
    let chomping = match text.strip_suffix('\n') {
        None => "-",
        Some(rest) if rest.ends_with('\n') || rest.is_empty() => "+",
        Some(_) => "",
    };
    let indicator = if text.starts_with([' ', '\n']) { "2" } else { "" };
    let mut block = format!("|{indicator}{chomping}");
    // The block is as deep as its parent, and two more.
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            let _ = write!(block, "{:indent$}{line}", "");
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;
    use crate::model::RepoPath;
    use serde_json::json;

    #[test]
    fn what_is_printed_is_read_as_it_was() {
        let value = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"$x": "5", "y": "true", "z": "$"}},
            "data": {
                "plain": "$a b", "number": "5", "quoted": "$a: b", "comment": "a #$b", "star": "*$a", "hyphen": "- $a",
                "lines": "a\n  b$\n\nc\n", "open": "$a\nb", "many": "$a\n\n\n", "led": "  $a\nb\n", "first": "\n$a\n",
                "padded": " $a ", "tab": "\t$a", "broken": "$a \nb", "quote": "it's $a", "colon": "$a:", "list": "[$a]",
                "only": "$\n", "end": "$a\n ", "unicode": "ä$\u{2028}", "hash": "$a#b", "document": "---$",
            },
            "list": [["$a", {"b": "$c", "d": []}], [], {}, null, 1.5, true, "$a\nb\n", [["$x\ny"]]],
        });
        let text = print(&value);
        let reading = manifest::read(&RepoPath::parse("a.yaml").unwrap(), text.as_bytes());
        assert!(reading.findings.is_empty(), "{:?}\n{text}", reading.findings);
        assert_eq!(reading.documents[0].object.value.value(), value, "{text}");
    }
}
