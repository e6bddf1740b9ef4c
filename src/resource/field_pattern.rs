use super::field_set::plain;
use super::weight::ALLOCATION;
use serde_json::Value;

/// The path of one field of an object, as people write it: `spec.replicas`, `data["app.conf"]`,
/// `spec.template.spec.containers[name=app].env[name=DEBUG]`, or as a JSON pointer: `/data/app.conf`.
///
/// In a pointer, an item of a list goes by the value of one of its keys (`/spec/template/spec/containers/app/image`). A
/// number stands for every item, since the server counts items by their keys. `*` stands for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPattern(Vec<Segment>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field of this name, or an item that has this value under one of its keys.
    Name(String),
    /// The item of a list with these keys.
    Item(Vec<(String, String)>),
    /// Every field and item.
    Any,
}

impl FieldPattern {
    /// Reads a path; `None` if the text is no path.
    pub fn parse(text: &str) -> Option<Self> {
        let mut segments: Vec<Segment> = match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|name| Segment::of_text(&name.replace("~1", "/").replace("~0", "~")))
                .collect(),
            None => dotted(text)?,
        };
        // A list that grew has room for four; annotations have long lists of paths.
        segments.shrink_to_fit();
        let is_named = |segment: &Segment| *segment != Segment::Name(String::new());
        (!segments.is_empty() && segments.iter().all(is_named)).then_some(Self(segments))
    }

    /// Reads paths that commas, blanks or line ends separate.
    ///
    /// # Errors
    /// The text that is no path.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let words = split(text).into_iter();
        words.map(|word| Self::parse(&word).ok_or(word)).collect()
    }

    /// About how many bytes of memory the path takes.
    pub(super) fn weight(&self) -> usize {
        let segment = |segment: &Segment| match segment {
            Segment::Name(name) => name.len() + ALLOCATION,
            Segment::Item(keys) => {
                let key = |(key, value): &(String, String)| {
                    size_of::<(String, String)>() + key.len() + value.len() + 2 * ALLOCATION
                };
                keys.iter().map(key).sum::<usize>() + ALLOCATION
            }
            Segment::Any => 0,
        };
        let segments = self.0.iter().map(segment).sum::<usize>();
        size_of::<Self>() + ALLOCATION + self.0.len() * size_of::<Segment>() + segments
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Removes the field from an object.
    pub fn remove_from(&self, object: &mut Value) {
        remove(object, &self.0);
    }

    /// Whether an object has the field.
    pub fn is_in(&self, object: &Value) -> bool {
        is_in(object, &self.0)
    }
}

/// Splits outside brackets.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut depth) = (vec![String::new()], 0_usize);
    for letter in text.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = depth == 0 && (letter == ',' || letter.is_whitespace());
        match words.last_mut() {
            Some(word) if !ends => word.push(letter),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn dotted(text: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (keys, after) = inner.split_once(']')?;
            segments.push(bracket(keys)?);
            rest = after;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            segments.push(Segment::of_text(name));
            rest = after;
        }
    }
    Some(segments)
}

/// `name=app`, `port=80,protocol=TCP`, `"a key"`, `0` or `*`.
fn bracket(text: &str) -> Option<Segment> {
    let text = text.trim();
    if let Some(quoted) = text.strip_prefix(['"', '\'']) {
        return Some(Segment::Name(quoted.strip_suffix(['"', '\''])?.to_owned()));
    }
    if !text.contains('=') {
        return Some(Segment::of_text(text));
    }
    let pairs = text.split(',').map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some((key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
    });
    pairs.collect::<Option<_>>().map(Segment::Item)
}

impl Segment {
    fn of_text(text: &str) -> Self {
        let is_index = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text == "*" || is_index {
            true => Self::Any,
            false => Self::Name(text.to_owned()),
        }
    }

    /// A key of `fieldsV1`: `f:NAME`, `k:{keys of an item}`, `v:a value` or `i:an index`.
    pub(super) fn of_key(key: &str) -> Self {
        match key.split_once(':') {
            Some(("k", keys)) => {
                let keys = serde_json::from_str::<Value>(keys).unwrap_or_default();
                let pairs = keys.as_object().into_iter().flatten();
                Self::Item(pairs.map(|(key, value)| (key.clone(), plain(value))).collect())
            }
            Some(("v", value)) => {
                Self::Name(serde_json::from_str(value).map_or(value.to_owned(), |value| plain(&value)))
            }
            Some((_, name)) => Self::Name(name.to_owned()),
            None => Self::Name(key.to_owned()),
        }
    }

    /// Whether a key of `fieldsV1` is meant.
    pub(super) fn matches(&self, key: &str) -> bool {
        match (self, Self::of_key(key)) {
            (Self::Any, _) => true,
            (Self::Name(name), Self::Name(known)) => *name == known,
            (Self::Name(name), Self::Item(pairs)) => pairs.iter().any(|(_, value)| value == name),
            (Self::Item(wanted), Self::Item(pairs)) => wanted.iter().all(|pair| pairs.contains(pair)),
            (Self::Item(_), _) | (Self::Name(_), Self::Any) => false,
        }
    }

    /// Writes the segment behind a path.
    pub(super) fn write(&self, path: &mut String) {
        match self {
            Self::Name(name) if name.contains(['.', '[', ' ', ',']) || name.is_empty() => {
                path.push_str(&format!("[{name:?}]"));
            }
            Self::Name(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Self::Item(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
                path.push_str(&format!("[{}]", pairs.join(",")));
            }
            Self::Any => path.push_str("[*]"),
        }
    }

    /// The name of a field of an object.
    pub(super) fn name(&self) -> Option<&String> {
        match self {
            Self::Name(name) => Some(name),
            Self::Item(_) | Self::Any => None,
        }
    }

    /// Whether an item of a manifest is meant: the server fills in keys that the item lacks, such as the protocol of a port.
    pub(super) fn is_item_or_default(&self, item: &Value) -> bool {
        match self {
            Self::Item(pairs) => {
                let fits = |(key, value): &(String, String)| item.get(key).is_none_or(|known| plain(known) == *value);
                let names_one = pairs.iter().any(|(key, _)| item.get(key).is_some());
                names_one && pairs.iter().all(fits)
            }
            Self::Name(_) | Self::Any => self.is_item(item),
        }
    }

    /// Whether an item of a list is meant.
    fn is_item(&self, item: &Value) -> bool {
        let keys = || item.as_object().into_iter().flatten();
        match self {
            Self::Any => true,
            Self::Name(name) => plain(item) == *name || keys().any(|(_, value)| plain(value) == *name),
            Self::Item(pairs) => pairs
                .iter()
                .all(|(key, value)| item.get(key).is_some_and(|known| plain(known) == *value)),
        }
    }
}

fn remove(object: &mut Value, path: &[Segment]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    match object {
        Value::Object(fields) => fields.retain(|name, value| {
            let is_meant = *first == Segment::Any || *first == Segment::Name(name.clone());
            if is_meant {
                remove(value, rest);
            }
            !is_meant || !rest.is_empty()
        }),
        Value::Array(items) => items.retain_mut(|item| {
            let is_meant = first.is_item(item);
            if is_meant {
                remove(item, rest);
            }
            !is_meant || !rest.is_empty()
        }),
        _ => {}
    }
}

fn is_in(object: &Value, path: &[Segment]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    match object {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            (*first == Segment::Any || *first == Segment::Name(name.clone())) && is_in(value, rest)
        }),
        Value::Array(items) => items.iter().any(|item| first.is_item(item) && is_in(item, rest)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_is_read_in_each_spelling_and_printed_as_it_is_read() {
        let rows = [
            ("spec.replicas", "spec.replicas"),
            ("/spec/replicas", "spec.replicas"),
            ("data[\"app.conf\"]", "data[\"app.conf\"]"),
            ("/data/app.conf", "data[\"app.conf\"]"),
            ("/metadata/annotations/a~1b", "metadata.annotations.a/b"),
            (
                "spec.ports[port=80,protocol=TCP].name",
                "spec.ports[port=80,protocol=TCP].name",
            ),
            ("spec.containers[0].image", "spec.containers[*].image"),
        ];
        for (text, printed) in rows {
            let path = FieldPattern::parse(text).unwrap();
            let mut back = String::new();
            path.segments().iter().for_each(|segment| segment.write(&mut back));
            assert_eq!(back, printed, "{text}");
            assert_eq!(FieldPattern::parse(printed), Some(path), "{text}");
        }
        for text in ["", "/", "spec.", "spec..a", "spec[name=x", ".", "data[\"a]"] {
            assert_eq!(FieldPattern::parse(text), None, "{text:?}");
        }
        let list = FieldPattern::parse_list("spec.ports[port=80,protocol=TCP], /data/a\nspec.paused").unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(FieldPattern::parse_list("spec..a"), Err("spec..a".to_owned()));
    }

    #[test]
    fn a_path_finds_and_removes_the_field_of_an_object() {
        let object = json!({"spec": {"replicas": 3, "containers": [{"name": "app", "image": "a"}, {"name": "b", "image": "b"}]}});
        let rows = [
            ("spec.replicas", json!({"containers": object["spec"]["containers"]})),
            (
                "spec.containers[name=app].image",
                json!({"replicas": 3, "containers": [{"name": "app"}, {"name": "b", "image": "b"}]}),
            ),
            (
                "/spec/containers/b",
                json!({"replicas": 3, "containers": [{"name": "app", "image": "a"}]}),
            ),
            (
                "spec.containers[*].image",
                json!({"replicas": 3, "containers": [{"name": "app"}, {"name": "b"}]}),
            ),
            ("spec.paused", object["spec"].clone()),
        ];
        for (path, spec) in rows {
            let path = FieldPattern::parse(path).unwrap();
            let mut left = object.clone();
            assert_eq!(path.is_in(&object), spec != object["spec"]);
            path.remove_from(&mut left);
            assert_eq!(left, json!({"spec": spec}), "{path:?}");
        }
    }
}
