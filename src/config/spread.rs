//! What the rules that spread objects over namespaces have in common.

use super::report::Report;
use super::text::{FromText, Text, parsed};
use crate::model::Wildcard;
use crate::spread::{LabelSelector, NamespaceRule};

/// A name of an object: a DNS name.
#[derive(Debug, Clone)]
pub(super) struct ObjectName(pub(super) String);

impl FromText for ObjectName {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_valid = (1..=253).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_valid && text.starts_with(is_end) && text.ends_with(is_end) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{text:?} is not a valid name: write up to 253 lowercase letters, digits, - and ., with a letter or digit at either end"
        ))
    }
}

/// A name of a namespace; `*` stands for any characters, `?` for one.
#[derive(Debug, Clone)]
pub(super) struct NamespacePattern(pub(super) String);

impl FromText for NamespacePattern {
    fn schema() -> serde_json::Value {
        serde_json::json!({"pattern": "^[-a-z0-9*?]{1,63}$"})
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*?".contains(&byte);
        if (1..=63).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{text:?} matches no namespace: write a name of lowercase letters, digits and -; * stands for any characters"
        ))
    }
}

parsed!(LabelSelector: {"minLength": 1});

/// Names, names that are left out, and labels.
pub(super) type Written = (
    Vec<Text<NamespacePattern>>,
    Vec<Text<NamespacePattern>>,
    Option<Text<LabelSelector>>,
);

/// The namespaces of a rule. `known`: the namespaces that the agent works in; empty: all.
pub(super) fn namespace_rule(
    report: &Report,
    path: &str,
    known: &[String],
    (names, except, selector): Written,
) -> NamespaceRule {
    if names.is_empty() && selector.is_none() {
        report.missing(
            &format!("{path}.namespaces"),
            "write the names of namespaces, [\"*\"] for all of them, or a selector",
        );
    }
    if selector.is_some() && !known.is_empty() {
        report.mistake(
            &format!("{path}.selector"),
            "with sync.namespaces the agent reads no labels of namespaces: write their names in namespaces",
        );
    }
    let patterns = |all: Vec<Text<NamespacePattern>>| all.into_iter().map(|name| Wildcard::new(name.value.0)).collect();
    NamespaceRule {
        names: patterns(names),
        except: patterns(except),
        selector: selector.map(|selector| selector.value).unwrap_or_default(),
    }
}
