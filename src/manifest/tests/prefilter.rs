//! The prefilter may let a file without image fields through, and never holds back a file with one.

use super::path;
use crate::manifest::{AutomationIntent, Reading, can_skip_for_images, may_hold_images, read};
use crate::resource::Intent;
use proptest::prelude::*;

/// Whether a reading has image fields, or anything that decides about them.
fn holds_images(reading: &Reading) -> bool {
    let of_images = |word: &str| {
        ["image", "this marker", "SOPS", "tidegate.dev", "fluxcd.io"]
            .iter()
            .any(|about| word.contains(about))
    };
    !reading.values.is_empty()
        || reading.kustomization.is_some()
        || reading
            .operations
            .iter()
            .any(|operation| operation.path.ends_with("/image"))
        || reading.findings.iter().any(|finding| of_images(&finding.message))
        || reading.documents.iter().any(|document| {
            !document.images.is_empty()
                || document.object.intent != Intent::default()
                || document.automation != AutomationIntent::default()
                || ["ImagePolicy", "ImageRepository"].contains(&&*document.object.id.kind)
                    && document.object.id.group == "image.toolkit.fluxcd.io"
        })
}

fn check(name: &str, text: &[u8]) -> Result<(), TestCaseError> {
    let reading = read(&path(name), text);
    let shown = String::from_utf8_lossy(text);
    if !may_hold_images(&path(name), text) {
        prop_assert!(!holds_images(&reading), "{reading:?}\n{shown}");
    }
    if can_skip_for_images(&path(name), text) {
        prop_assert!(!holds_images(&reading), "{reading:?}\n{shown}");
        prop_assert_eq!(&reading.findings, &[], "{}", shown);
    }
    Ok(())
}

/// Plain objects without images. Most files of a config repo are of this kind.
const PLAIN: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: shop\n  labels: {app: web, tier: \"back\"}\ndata:\n  LEVEL: info\n  app.conf: |\n    key = value # no comment\n\n      further in\n  other: 'one'\n",
    "# owner — é\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {app: web}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n  - port: 81 # second\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n    name: web\nrules:\n    - apiGroups: [\"\", apps]\n      resources: [pods]\n      verbs:\n        - get\n        - list\n    - nonResourceURLs: [/healthz]\n      verbs: ['get']\n",
    "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\nspec:\n  rules:\n    - host: shop.example\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend: {service: {name: web, port: {number: 80}}}\n",
];

/// Pieces that lines are made of, valid and invalid.
const PIECES: &[&str] = &[
    "\n",
    "\n",
    "\n",
    "\n",
    "  ",
    "  ",
    "    ",
    "- ",
    "a: ",
    "b: ",
    "a:",
    "key: ",
    "x",
    "1",
    "true",
    "null",
    "y: ",
    "on: ",
    "image: ",
    "images: ",
    "image",
    "containers:",
    "newTag: ",
    "spec:",
    "metadata:",
    "name: web",
    "apiVersion: v1",
    "kind: Pod",
    "kind: List",
    "items:",
    "---",
    "...",
    "|",
    ">-",
    "|+",
    "\"",
    "'",
    "\\",
    "\\x61",
    "{a: b}",
    "{a: b, a: c}",
    "[x, y]",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    " # c",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!binary aW1hZ2U=",
    "!!str ",
    "? ",
    "\t",
    "\r",
    "é",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "%TAG ! tag:yaml.org,2002:",
    ".inf",
    "-",
    "-1",
    "--x",
    "http://x",
    "sops:",
    "mac: x",
    "tidegate.dev/automated: \"true\"",
    "fluxcd.io/ignore: x",
    "# tidegate.dev/image:",
    "# {\"$imagepolicy\": \"a:b\"}",
    "im",
    "age",
    "- op: add\n  path: /image",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..30).prop_map(|pieces| pieces.concat())
}

/// A plain file with a few bytes removed and a few pieces inserted at one position.
fn disturbed() -> impl Strategy<Value = String> {
    (
        prop::sample::select(PLAIN),
        any::<prop::sample::Index>(),
        0..6usize,
        prop::collection::vec(prop::sample::select(PIECES), 0..3),
        any::<bool>(),
    )
        .prop_map(|(text, at, gone, with, crlf)| {
            let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            offsets.push(text.len());
            let start = at.index(offsets.len());
            let end = (start + gone).min(offsets.len() - 1);
            let text = [&text[..offsets[start]], &with.concat(), &text[offsets[end]..]].concat();
            if crlf { text.replace('\n', "\r\n") } else { text }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_skipped_in_which_a_reading_finds_something(text in pieces()) {
        check("in.yaml", text.as_bytes())?;
    }

    #[test]
    fn a_disturbed_plain_file_is_skipped_only_if_it_is_still_plain(text in disturbed()) {
        check("in.yaml", text.as_bytes())?;
        check("Chart.yaml", text.as_bytes())?;
        check("kustomization.yaml", text.as_bytes())?;
    }
}

#[test]
fn plain_objects_without_images_are_skipped() {
    for text in PLAIN {
        for text in [
            (*text).to_owned(),
            text.replace('\n', "\r\n"),
            format!("\u{feff}{text}"),
            text.trim_end().to_owned(),
        ] {
            assert_eq!(read(&path("in.yaml"), text.as_bytes()).findings, []);
            assert!(can_skip_for_images(&path("in.yaml"), text.as_bytes()), "{text}");
        }
    }
}

#[test]
fn the_prefilter_agrees_with_the_reading_of_every_golden_folder() {
    let root = super::checkout().join("tests/fixtures/manifest");
    let cases = std::fs::read_dir(root).unwrap().map(|case| case.unwrap().path());
    for case in cases.filter(|case| case.is_dir()) {
        for file in std::fs::read_dir(case).unwrap() {
            let (file, name) = file.map(|file| (file.path(), file.file_name())).unwrap();
            check(name.to_str().unwrap(), &std::fs::read(&file).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
}
