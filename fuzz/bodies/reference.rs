use std::sync::LazyLock;
use tidegate::model::{ImageRef, Tag};

/// The grammar as the distribution project's `reference` package writes it (`regexp.go`), with the registered digests.
static GRAMMAR: LazyLock<regex::Regex> = LazyLock::new(|| {
    let label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let host = format!(r"(?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
    let part = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*";
    let tag = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    let digest = "(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})";
    regex::Regex::new(&format!(
        r"\A((?:{host}/)?{part}(?:/{part})*)(?::{tag})?(?:@{digest})?\z"
    ))
    .expect("the grammar is a regular expression")
});

/// The input is a reference. What is taken prints as it was written, is in the grammar, and keeps its repository when a tag
/// is set; what is in the grammar is taken, but for the rules that go beyond it.
pub fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let grammatical = GRAMMAR.captures(text);
    let image = match ImageRef::parse(text) {
        Ok(image) => image,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let name = grammatical.as_ref().and_then(|found| found.get(1));
            assert!(
                name.is_none_or(|name| beyond_the_grammar(name.as_str())),
                "{text:?} is in the grammar, but: {error}"
            );
            return;
        }
    };
    assert!(grammatical.is_some(), "{text:?} is not in the grammar");
    assert_eq!(image.to_string(), text);
    assert_eq!(ImageRef::parse(&image.to_string()).as_ref(), Ok(&image));

    let tag = Tag::parse("0123456").expect("seven digits are a tag");
    let tagged = image.with_tag(tag.clone());
    assert_eq!(tagged.tag(), Some(&tag));
    assert_eq!(tagged.digest(), None);
    assert_eq!(tagged.repository(), image.repository());
    assert_eq!(ImageRef::parse(&tagged.to_string()).as_ref(), Ok(&tagged));

    let canonical = image.repository().to_string();
    if canonical.len() <= 255 {
        let again = ImageRef::parse(&canonical).map(|image| image.repository());
        assert_eq!(again, Ok(image.repository()), "{canonical:?} is not canonical");
    }
}

/// 64 hex digits (an image's id to distribution too), longer than a name may be, or a first part that distribution's
/// short-name rule and its grammar read in two ways: one that stands for a host, since it has a dot, and is none; or
/// brackets that do not stand for one, since they have neither a colon nor a capital letter.
fn beyond_the_grammar(name: &str) -> bool {
    let first = name.split_once('/').map_or("", |(first, _)| first);
    let id = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let no_host = first.starts_with('[') && !first.contains(|c: char| c == ':' || c.is_ascii_uppercase());
    id || no_host || name.len() + "library/".len() > 255 || first.contains('_') && first.contains('.')
}
