use super::object::Object;
use crate::manifest::Target;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// The largest program of a regular expression, in bytes. Names need far less.
const LARGEST_PATTERN: usize = 64 << 10;

/// A target, ready to be compared with objects.
pub(super) struct Selector<'a> {
    target: &'a Target,
    namespace: Pattern<'a>,
    name: Pattern<'a>,
    group: Pattern<'a>,
    version: Pattern<'a>,
    kind: Pattern<'a>,
}

/// A regular expression of a target, for a whole text.
enum Pattern<'a> {
    Any,
    /// A text in which nothing means anything but itself.
    Plain(&'a str),
    Whole(Regex),
    /// A pattern that cannot be evaluated.
    Unusable(&'a str),
}

impl<'a> Selector<'a> {
    pub(super) fn new(target: &'a Target) -> Self {
        Self {
            namespace: Pattern::new(target.namespace.as_deref()),
            name: Pattern::new(target.name.as_deref()),
            group: Pattern::new(target.group.as_deref()),
            version: Pattern::new(target.version.as_deref()),
            kind: Pattern::new(target.kind.as_deref()),
            target,
        }
    }

    /// Whether the target selects an object, by the rules of kustomize: regular expressions for the whole name, namespace,
    /// group, version and kind, the name and the namespace as they are or as the file has them; selectors for labels and
    /// annotations.
    ///
    /// # Errors
    /// The target cannot be evaluated. The error says which part.
    pub(super) fn selects(&self, object: &Object<'_>) -> Result<bool, String> {
        let (now, first) = (object.identity(), object.original());
        let at = |pointer: &str| object.value.pointer(pointer);
        Ok(self
            .namespace
            .matches([first.effective_namespace(), now.effective_namespace()])?
            && self.name.matches([&first.name, &now.name])?
            && self.group.matches([&now.group])?
            && self.version.matches([&now.version])?
            && self.kind.matches([&now.kind])?
            && is_selected(self.target.labels.as_deref(), at("/metadata/labels"))?
            && is_selected(self.target.annotations.as_deref(), at("/metadata/annotations"))?)
    }
}

impl<'a> Pattern<'a> {
    fn new(pattern: Option<&'a str>) -> Self {
        let Some(pattern) = pattern else { return Self::Any };
        if pattern.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Self::Plain(pattern);
        }
        let whole = RegexBuilder::new(&format!("^(?:{pattern})$"))
            .size_limit(LARGEST_PATTERN)
            .build();
        whole.map_or(Self::Unusable(pattern), Self::Whole)
    }

    /// Whether the pattern matches one of the texts.
    fn matches<const N: usize>(&self, texts: [&str; N]) -> Result<bool, String> {
        match self {
            Self::Any => Ok(true),
            Self::Plain(plain) => Ok(texts.contains(plain)),
            Self::Whole(whole) => Ok(texts.iter().any(|text| whole.is_match(text))),
            Self::Unusable(pattern) => Err(format!("the pattern {pattern:?} cannot be evaluated")),
        }
    }
}

/// Whether a selector in the language of Kubernetes matches a map of strings.
fn is_selected(selector: Option<&str>, map: Option<&Value>) -> Result<bool, String> {
    let Some(selector) = selector else { return Ok(true) };
    let value = |key: &str| map.and_then(|map| map.get(key)).and_then(Value::as_str);
    for requirement in requirements(selector) {
        let holds = requirement_holds(requirement.trim(), value)
            .ok_or_else(|| format!("the selector {selector:?} cannot be evaluated"))?;
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The parts of a selector: commas outside of parentheses separate them.
fn requirements(selector: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, character) in selector.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(selector.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.extend(selector.get(start..));
    found
}

fn requirement_holds<'v>(requirement: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<bool> {
    let is_key = |key: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
        !key.is_empty() && key.bytes().all(allowed)
    };
    if let Some(key) = requirement.strip_prefix('!') {
        let key = key.trim();
        return is_key(key).then(|| value(key).is_none());
    }
    for (sign, expected) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, text)) = requirement.split_once(sign) {
            let (key, text) = (key.trim(), text.trim());
            let is = value(key) == Some(text);
            return (is_key(key) && !text.contains('=')).then_some(is == expected);
        }
    }
    let Some((head, list)) = requirement.split_once('(') else {
        return is_key(requirement).then(|| value(requirement).is_some());
    };
    let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
    let (key, list) = (key.trim(), list.strip_suffix(')')?);
    let is_listed = value(key).is_some_and(|value| list.split(',').any(|item| item.trim() == value));
    match operator {
        "in" if is_key(key) => Some(is_listed),
        "notin" if is_key(key) => Some(!is_listed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_kubernetes_reads_them() {
        let map = serde_json::json!({"app": "web", "tier": "front"});
        for (selector, expected) in [
            ("app=web", Some(true)),
            ("app==web,tier!=back", Some(true)),
            ("app = api", Some(false)),
            ("gone!=x", Some(true)),
            ("app in (api, web)", Some(true)),
            ("app notin (api,web), tier", Some(false)),
            ("gone notin (x)", Some(true)),
            ("!gone", Some(true)),
            ("!app", Some(false)),
            ("tier", Some(true)),
            ("app > 1", None),
            ("app in web", None),
        ] {
            assert_eq!(is_selected(Some(selector), Some(&map)).ok(), expected, "{selector}");
        }
        assert_eq!(is_selected(Some("app"), None), Ok(false));
        assert_eq!(is_selected(None, None), Ok(true));
    }
}
