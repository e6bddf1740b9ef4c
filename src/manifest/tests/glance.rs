//! The look at a file's bytes before the parser: it may be in vain, never wrong.

use super::path;
use crate::manifest::{AutomationIntent, Reading, is_beside_images, may_hold_images, read};
use crate::resource::Intent;
use proptest::prelude::*;

/// What of a reading images are found by.
fn holds_images(reading: &Reading) -> bool {
    let of_images = |word: &str| {
        ["image", "this marker", "SOPS", "tidegate.dev", "fluxcd.io"]
            .iter()
            .any(|about| word.contains(about))
    };
    !reading.values.is_empty()
        || reading.kustomization.is_some()
        || !reading.operations.is_empty()
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
    if is_beside_images(&path(name), text) {
        prop_assert!(!holds_images(&reading), "{reading:?}\n{shown}");
        prop_assert_eq!(&reading.findings, &[], "{}", shown);
    }
    Ok(())
}

/// Plain objects without images, as most of a config repo is.
const PLAIN: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: shop\n  labels: {app: web, tier: \"back\"}\ndata:\n  LEVEL: info\n  app.conf: |\n    key = value # no comment\n\n      further in\n  other: 'one'\n",
    "# owner — é\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {app: web}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n  - port: 81 # second\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n    name: web\nrules:\n    - apiGroups: [\"\", apps]\n      resources: [pods]\n      verbs:\n        - get\n        - list\n    - nonResourceURLs: [/healthz]\n      verbs: ['get']\n",
    "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\nspec:\n  rules:\n    - host: shop.example\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend: {service: {name: web, port: {number: 80}}}\n",
];

/// Words, valid and not, that lines are made of.
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

/// A plain file into which something was written, or from which something was taken, at any place.
fn disturbed() -> impl Strategy<Value = String> {
    (
        prop::sample::select(PLAIN),
        any::<prop::sample::Index>(),
        0..6usize,
        prop::collection::vec(prop::sample::select(PIECES), 0..3),
        any::<bool>(),
    )
        .prop_map(|(text, at, gone, with, crlf)| {
            let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            places.push(text.len());
            let start = at.index(places.len());
            let end = (start + gone).min(places.len() - 1);
            let text = [&text[..places[start]], &with.concat(), &text[places[end]..]].concat();
            if crlf { text.replace('\n', "\r\n") } else { text }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_passed_over_in_which_something_is_found(text in pieces()) {
        check("in.yaml", text.as_bytes())?;
    }

    #[test]
    fn a_plain_file_that_was_disturbed_is_passed_over_only_while_it_stays_plain(text in disturbed()) {
        check("in.yaml", text.as_bytes())?;
        check("Chart.yaml", text.as_bytes())?;
        check("kustomization.yaml", text.as_bytes())?;
    }
}

#[test]
fn plain_objects_without_images_are_passed_over() {
    for text in PLAIN {
        for text in [
            (*text).to_owned(),
            text.replace('\n', "\r\n"),
            format!("\u{feff}{text}"),
            text.trim_end().to_owned(),
        ] {
            assert_eq!(read(&path("in.yaml"), text.as_bytes()).findings, []);
            assert!(is_beside_images(&path("in.yaml"), text.as_bytes()), "{text}");
        }
    }
}

#[test]
fn every_golden_folder_is_read_as_if_nothing_were_passed_over() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifest");
    let cases = std::fs::read_dir(root).unwrap().map(|case| case.unwrap().path());
    for case in cases.filter(|case| case.is_dir()) {
        for file in std::fs::read_dir(case).unwrap() {
            let (file, name) = file.map(|file| (file.path(), file.file_name())).unwrap();
            check(name.to_str().unwrap(), &std::fs::read(&file).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
}
