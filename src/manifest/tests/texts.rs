//! Texts where a manifest is expected, byte order marks inside a file, and markers behind what names an object.

use super::path;
use crate::manifest::{Reading, annotate, read, set_tags};
use crate::manifest::{TagChange, can_skip_for_images};
use crate::model::{FieldName, Severity, Tag};

fn reading(text: &str) -> Reading {
    read(&path("apps/web.yaml"), text.as_bytes())
}

fn severities(text: &str) -> Vec<Severity> {
    reading(text).findings.iter().map(|finding| finding.severity).collect()
}

#[test]
fn a_text_where_a_manifest_stood_is_an_error() {
    for text in [
        "version https://git-lfs.github.com/spec/v1\noid sha256:4665a5ea\nsize 12\n",
        "$ANSIBLE_VAULT;1.1;AES256\n6638643965323633646262656665\n3061\n",
        "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3Jn\n-----END AGE ENCRYPTED FILE-----\n",
        "age-encryption.org/v1\n-> X25519 abc\ndef\n",
        "-----BEGIN PGP MESSAGE-----\n\nhQEMA/abc+\n=abcd\n-----END PGP MESSAGE-----\n",
        "-----BEGIN PGP MESSAGE-----\nVersion: GnuPG v2\n\nhQEMA/abc+\n=abcd\n-----END PGP MESSAGE-----\n",
        "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n",
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
        "404: Not Found",
        "500: Internal Server Error\n",
        "Not Found",
        "see web.yml",
        "true",
        "12",
        "\"\"",
        "|\n  apiVersion: v1\n  kind: ConfigMap\n",
        "r.io/a:1 # tidegate.dev/image: semver:~1\n",
        "data: ENC[AES256_GCM,data:abc,type:str]\nsops:\n  mac: ENC[AES256_GCM,data:x,type:str]\n",
        "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n",
    ] {
        assert!(severities(text).contains(&Severity::Error), "{text}");
        let behind = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n---\n{text}");
        assert!(severities(&behind).contains(&Severity::Error), "{behind}");
    }
}

#[test]
fn values_lists_of_anything_else_and_empty_documents_are_no_errors() {
    for text in [
        "",
        "---\n# nothing\n---\n",
        "replicas: 3\n",
        "404: {page: errors.html}\n",
        "- a\n- {op: remove, path: /spec/x}\n",
        "password: ENC[AES256_GCM,data:abc,type:str]\nsops:\n  mac: ENC[AES256_GCM,data:x,type:str]\n",
    ] {
        assert!(
            !severities(text).contains(&Severity::Error),
            "{text}: {:?}",
            reading(text).findings
        );
    }
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: b\nspec:\n  containers:\n  - name: main\n    image: r.io/a:1\n";

#[test]
fn a_byte_order_mark_may_start_every_document() {
    for between in [
        "---\n\u{feff}",
        "---\r\n\u{feff}",
        "--- # next\n# more\n\n\u{feff}",
        "...\n\u{feff}",
        "...\n\u{feff}---\n",
        "---\n\u{feff}---\n\u{feff}# head\n",
    ] {
        let text = format!("\u{feff}{MAP}{between}{POD}");
        let reading = reading(&text);
        assert_eq!((reading.documents.len(), &*reading.findings), (2, &[][..]), "{text:?}");
        let document = &reading.documents[1];
        let lines = text[..text.find("kind: Pod").unwrap()].matches('\n').count();
        assert_eq!(document.position.line, lines, "{text:?}");
        assert!(!can_skip_for_images(&path("apps/web.yaml"), text.as_bytes()));
        let change = TagChange {
            object: document.object.id.clone(),
            field: FieldName("main".to_owned()),
            name: None,
            tag: Tag::parse("2").unwrap(),
            digest: None,
        };
        let edited = set_tags(&path("apps/web.yaml"), text.as_bytes(), &[change]).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), text.replace("r.io/a:1", "r.io/a:2"));
        let id = &document.object.id;
        let annotated = annotate(
            &path("apps/web.yaml"),
            text.as_bytes(),
            id,
            &[("a.example/b", Some("c"))],
        )
        .unwrap();
        let expected = text.replace("  name: b\n", "  name: b\n  annotations:\n    a.example/b: c\n");
        let without_quotes = String::from_utf8(annotated).unwrap().replace('"', "");
        assert_eq!(without_quotes.replace("\r\n", "\n"), expected.replace("\r\n", "\n"));
    }
}

#[test]
fn a_byte_order_mark_inside_a_document_is_no_start_of_one() {
    let text = format!("{MAP}data:\n  key: |\n    text\n\u{feff}---\n{POD}");
    assert!(severities(&text).contains(&Severity::Error), "{:?}", reading(&text));
    let kept = format!("{MAP}data:\n  key: |\n    ---\n    \u{feff}text\n");
    let reading = reading(&kept);
    assert_eq!(
        reading.documents[0].object.value.value()["data"]["key"],
        "---\n\u{feff}text\n"
    );
}

#[test]
fn no_marker_behind_what_names_an_object_is_followed() {
    let marker = "# {\"$imagepolicy\": \"shop:web\"}";
    for text in [
        format!("apiVersion: a.io/b:1 {marker}\n"),
        format!("kind: a.io/b:1 {marker}\n"),
        format!("metadata:\n  name: a.io/b:1 {marker}\n"),
        format!("metadata:\n  labels:\n    version: a.io/b:1 {marker}\n"),
        format!("apiVersion: v1 {marker}\nkind: ConfigMap\nmetadata: {{name: a}}\n"),
        format!("{MAP}  annotations:\n    image: a.io/b:1 {marker}\n"),
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b:1 {marker}\n"
        ),
        format!("patches:\n- target:\n    kind: a.io/b:1 {marker}\n"),
    ] {
        for name in ["web.yaml", "kustomization.yaml", "values.yaml"] {
            let reading = read(&path(name), text.as_bytes());
            let documents = reading.documents.iter().chain(&reading.values);
            assert!(
                documents.into_iter().all(|document| document.images.is_empty()),
                "{name}: {text}"
            );
            let reported = reading
                .findings
                .iter()
                .any(|finding| finding.message.contains("this marker is behind"));
            assert!(reported, "{name}: {text}: {:?}", reading.findings);
        }
    }
}
