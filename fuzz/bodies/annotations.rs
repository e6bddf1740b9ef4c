use super::document::path;
use super::editor::values;
use serde_json::Value;
use tidegate::manifest::{annotate, read};

/// Most bytes that a new annotation may replace: `null`, `~` or `{}`.
const PLACEHOLDER: usize = 8;

/// The first line of the input is `<number of an object><tab><key>[<tab><value>]`, with `\n`, `\t` and `\\` as escapes in
/// the value; without a value, the annotation is removed. The rest is the file. Properties of an edit that is not refused:
/// the edited file reads back as the same objects with only this annotation changed; a second edit changes nothing;
/// libyaml agrees.
pub fn annotations(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (plan, file) = (String::from_utf8_lossy(&data[..end]), &data[end + 1..]);
    let mut words = plan.splitn(3, '\t');
    let (Some(number), Some(key)) = (words.next().and_then(|word| word.parse::<usize>().ok()), words.next()) else {
        return;
    };
    let value = words.next().map(unescaped);
    let path = path("in.yaml");
    let reading = read(&path, file);
    if reading.documents.is_empty() {
        return;
    }
    let number = number % reading.documents.len();
    let object = &reading.documents[number].object.id;
    let change = [(key, value.as_deref())];
    let Ok(edited) = annotate(&path, file, object, &change) else {
        return;
    };

    let again = read(&path, &edited);
    assert_eq!(reading.documents.len(), again.documents.len());
    for (index, (before, after)) in reading.documents.iter().zip(&again.documents).enumerate() {
        let (before, after) = (&before.object, &after.object);
        assert_eq!(before.id, after.id);
        if index == number {
            let value_after = after.value.value();
            let annotation = value_after
                .pointer("/metadata/annotations")
                .and_then(|all| all.get(key));
            assert_eq!(
                annotation.and_then(Value::as_str),
                value.as_deref(),
                "{key} has another value than planned"
            );
            assert_eq!(without(&before.value.value(), key), without(&after.value.value(), key));
        } else {
            assert_eq!(before.value, after.value);
        }
    }
    assert_eq!(
        annotate(&path, &edited, object, &change).as_ref(),
        Ok(&edited),
        "a second edit changes the file"
    );

    let value_before = reading.documents[number].object.value.value();
    let had = value_before.pointer("/metadata/annotations");
    if value.is_some() && had.is_none_or(|all| all.get(key).is_none()) {
        let kept = common(file.iter().zip(&edited));
        let after = common(file[kept..].iter().rev().zip(edited[kept..].iter().rev()));
        assert!(
            file.len() - kept - after <= PLACEHOLDER,
            "more than an annotation was written"
        );
    }
    if let Some(before) = values(file) {
        let after = values(&edited).expect("libyaml reads the edited file too");
        assert_eq!(before.len(), after.len());
    }
}

fn common<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(ours, theirs)| ours == theirs).count()
}

/// The object without the annotation, and without an empty `annotations`.
fn without(value: &Value, key: &str) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        if let Some(all) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            all.remove(key);
        }
        let empty = |all: &Value| all.is_null() || all.as_object().is_some_and(serde_json::Map::is_empty);
        if metadata.get("annotations").is_some_and(empty) {
            metadata.remove("annotations");
        }
    }
    value
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                other => out.extend(other),
            },
            c => out.push(c),
        }
    }
    out
}
