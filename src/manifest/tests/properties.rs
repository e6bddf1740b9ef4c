use super::path;
use crate::manifest::yaml::retyped::is_retyped;
use crate::manifest::{TagChange, annotate, read, set_tags};
use crate::model::{FieldName, Tag};
use proptest::prelude::*;

/// A manifest with one image, and how its tag is written: the text before and after the tag's scalar.
#[derive(Debug, Clone)]
struct Written {
    before: String,
    after: String,
    quote: &'static str,
    /// The part of the scalar before the tag; empty if the scalar is the tag alone.
    name: &'static str,
    line_end: &'static str,
    mark: &'static str,
}

impl Written {
    /// The manifest with a tag as a person may have written it.
    fn found(&self, tag: &str) -> Vec<u8> {
        self.render(tag, self.quote)
    }

    /// The manifest with a tag as the editor must write it.
    fn edited(&self, tag: &str) -> Vec<u8> {
        let retyped = self.quote.is_empty() && is_retyped(&format!("{}{tag}", self.name));
        self.render(tag, if retyped { "\"" } else { self.quote })
    }

    fn render(&self, tag: &str, quote: &str) -> Vec<u8> {
        let Written {
            before, after, name, ..
        } = self;
        let text = format!("{before}{quote}{name}{tag}{quote}{after}");
        format!("{}{}", self.mark, text.replace('\n', self.line_end)).into_bytes()
    }
}

fn tag() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,8}",
        "[0-9]{1,9}",
        "[0-9]e[0-9]{1,3}",
        "[0-9]\\.[0-9]{1,2}",
        "v[0-9]\\.[0-9]\\.[0-9]",
        "[A-Za-z0-9_][A-Za-z0-9._-]{0,20}"
    ]
}

fn written() -> impl Strategy<Value = Written> {
    (
        prop::sample::select(vec!["", "'", "\""]),
        prop::sample::select(vec!["\n", "\r\n"]),
        prop::sample::select(vec!["", "\u{feff}"]),
        prop::sample::select(vec!["", "# head — é\n---\n", "---\n"]),
        prop::sample::select(vec!["", " # tail: {\"x\"}", "   # 漢字", "  "]),
        prop::sample::select(vec!["", "\n", "\n\n# end\n", "\n---\n# nothing\n", "\n...\n"]),
        prop::sample::select(vec!["      - ", "        - ", "       -   "]),
        any::<bool>(),
        "[ -~é漢]{0,20}",
    )
        .prop_map(|(quote, line_end, mark, head, tail, end, item, helm, note)| {
            let note: String = note.chars().filter(|c| *c != '\'').collect();
            let (body, name, end) = if helm {
                let body = "kind: HelmRelease\nmetadata:\n  name: app\nspec:\n  values:\n    image:\n      repository: r.example:5000/a/b\n      tag: ";
                (body.to_owned(), "", format!("\n      pullPolicy: Always{end}"))
            } else {
                let under = " ".repeat(item.len());
                let body = format!("kind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n    spec:\n      containers:\n{item}name: chart-image\n{under}image: ");
                (body, "r.example:5000/a/b:", end.to_owned())
            };
            Written {
                before: format!("{head}note: '{note}'\ntext: |\n  — {note}\n  second\napiVersion: a/v1\n{body}"),
                after: format!("{tail}{end}"),
                quote,
                name,
                line_end,
                mark,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_writes_the_tag_and_leaves_every_other_byte(written in written(), old in tag(), new in tag()) {
        prop_assume!(!old.eq_ignore_ascii_case("null"));
        let before = written.found(&old);
        let reading = read(&path("in.yaml"), &before);
        prop_assert!(reading.is_complete(), "{:?}", reading.findings);
        prop_assert_eq!(reading.documents.len(), 1);
        let document = &reading.documents[0];
        prop_assert_eq!(document.images.len(), 1, "{:?}", reading.findings);
        prop_assert_eq!(document.images[0].image.tag().map(Tag::as_str), Some(&*old));
        let change = TagChange {
            object: document.object.id.clone(),
            field: FieldName("chart-image".to_owned()),
            name: None,
            tag: Tag::parse(&new).unwrap(),
            digest: None,
        };
        let edited = set_tags(&path("in.yaml"), &before, &[change]);
        let expected = if new == old { before } else { written.edited(&new) };
        prop_assert_eq!(edited.map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|refused| refused.to_string()), Ok(String::from_utf8(expected).unwrap()));
    }

    #[test]
    fn an_annotation_that_is_set_and_taken_away_leaves_the_file_as_it_was(written in written(), old in tag(), key in "tidegate\\.dev/[a-z]{1,8}", value in "[ -~é漢]{0,30}") {
        let before = written.found(&old);
        let name = path("in.yaml");
        let object = |bytes: &[u8]| read(&name, bytes).documents.remove(0);
        let id = object(&before).object.id.clone();
        let set = annotate(&name, &before, &id, &[(&key, Some(&value))]).unwrap();
        prop_assert_eq!(&object(&set).object.value.value()["metadata"]["annotations"][&*key], &serde_json::Value::from(value));
        let again = annotate(&name, &set, &id, &[(&key, Some("other"))]).unwrap();
        prop_assert_eq!(&object(&again).object.value.value()["metadata"]["annotations"][&*key], &serde_json::Value::from("other"));
        let gone = annotate(&name, &again, &id, &[(&key, None)]).unwrap();
        prop_assert_eq!(String::from_utf8(gone).unwrap(), String::from_utf8(before).unwrap());
    }

    #[test]
    fn no_text_panics_and_every_edit_reads_back(text in "([ \n]|apiVersion: v1\n|kind: Pod\n|metadata: \\{name: a\\}\n|spec:\n|  containers:\n|  - |name: c\n|    image: |x/a:1|&b |\\*b|---\n|[\\[\\]{}:,#'\"|>%!?é\t-]){0,40}") {
        let reading = read(&path("in.yaml"), text.as_bytes());
        for document in &reading.documents {
            if let Ok(edited) = annotate(&path("in.yaml"), text.as_bytes(), &document.object.id, &[("tidegate.dev/locked", Some("true"))]) {
                let again = read(&path("in.yaml"), &edited);
                let found = again.documents.iter().find(|other| other.object.id == document.object.id);
                prop_assert!(found.is_some_and(|found| found.automation.lock.is_some()));
            }
            for image in &document.images {
                let change = TagChange { object: document.object.id.clone(), field: image.field.clone(), name: None, tag: Tag::parse("1e9").unwrap(), digest: None };
                if let Ok(edited) = set_tags(&path("in.yaml"), text.as_bytes(), &[change]) {
                    let again = read(&path("in.yaml"), &edited);
                    let found = again.documents.iter().flat_map(|document| &document.images).any(|image| image.image.tag().map(Tag::as_str) == Some("1e9"));
                    prop_assert!(found);
                }
            }
        }
        prop_assert_eq!(set_tags(&path("in.yaml"), text.as_bytes(), &[]).ok(), Some(text.into_bytes()));
    }
}
