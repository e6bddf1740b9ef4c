use super::*;
use crate::model::{FieldName, ObjectId, RepoPath, Tag};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn path(name: &str) -> RepoPath {
    RepoPath::parse(name).unwrap()
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifest");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

/// The file a case is about, and its name in the config repo.
fn input(case: &Path) -> (RepoPath, Vec<u8>) {
    ["in.yaml", "in.json", "Chart.yaml", "kustomization.yaml"]
        .iter()
        .find_map(|name| Some((path(name), std::fs::read(case.join(name)).ok()?)))
        .unwrap_or_else(|| panic!("{} has no input", case.display()))
}

/// `<object> | <field> | <tag>`, one a line.
fn changes(case: &Path, reading: &Reading) -> Option<Vec<TagChange>> {
    let text = std::fs::read_to_string(case.join("change")).ok()?;
    let change = |line: &str| {
        let [object, field, tag] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{}: {line}", case.display())
        };
        let found = reading
            .documents
            .iter()
            .find(|document| document.object.to_string() == object);
        TagChange {
            object: found.map_or_else(|| unknown(object), |document| document.object.clone()),
            field: FieldName(field.to_owned()),
            tag: Tag::parse(tag).unwrap(),
        }
    };
    Some(text.lines().filter(|line| !line.is_empty()).map(change).collect())
}

/// `Kind namespace/name` of no object in the file.
fn unknown(text: &str) -> ObjectId {
    let (kind, name) = text.split_once(' ').unwrap();
    let (namespace, name) = name.split_once('/').unwrap();
    ObjectId::new("apps/v1", kind, Some(namespace), name)
}

fn describe(bytes: &[u8], reading: &Reading) -> String {
    let mut text = String::new();
    for document in &reading.documents {
        writeln!(
            text,
            "{} {} at {}",
            document.api_version, document.object, document.position
        )
        .unwrap();
        let plain = Intent::default();
        let intent = &document.intent;
        if intent.automated {
            writeln!(text, "  automated").unwrap();
        }
        if let Some(lock) = &intent.lock {
            writeln!(text, "  locked by {:?}, reason {:?}", lock.by, lock.reason).unwrap();
        }
        if (intent.ignore, intent.keep, intent.drift) != (plain.ignore, plain.keep, plain.drift) {
            writeln!(
                text,
                "  ignore {:?}, keep {}, drift {:?}",
                intent.ignore, intent.keep, intent.drift
            )
            .unwrap();
        }
        for (field, policy) in &intent.policies {
            let field = field.as_ref().map_or("all fields", |field| &*field.0);
            writeln!(
                text,
                "  policy for {field}: {} ({} at {})",
                policy.text, policy.annotation, policy.position
            )
            .unwrap();
        }
        for image in &document.images {
            let written = String::from_utf8_lossy(&bytes[image.slot.span.clone()]);
            writeln!(
                text,
                "  {} = {} at {}, {:?} {:?} `{written}`",
                image.field, image.image, image.position, image.slot.style, image.slot.holds
            )
            .unwrap();
        }
    }
    for finding in &reading.findings {
        writeln!(text, "{:?} {finding}", finding.severity).unwrap();
    }
    text
}

/// Each folder holds a file; `reading` is what must be understood of it, `change` the tags to write, `out.yaml` the
/// file afterwards or `refused` the refusal. `BLESS=1` writes what is found, for a person to read before it is kept.
#[test]
fn golden_folders_read_and_edit_as_written_down() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let mut compare = |file: PathBuf, found: &[u8]| {
        if bless {
            std::fs::write(&file, found).unwrap();
        } else if std::fs::read(&file).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{}", file.display(), String::from_utf8_lossy(found)));
        }
    };
    let cases = cases();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    for case in cases {
        let (name, bytes) = input(&case);
        let reading = read(&name, &bytes);
        compare(case.join("reading"), describe(&bytes, &reading).as_bytes());
        let Some(changes) = changes(&case, &reading) else {
            continue;
        };
        match set_tags(&name, &bytes, &changes) {
            Ok(edited) => compare(
                case.join(format!("out.{}", name.as_str().rsplit('.').next().unwrap())),
                &edited,
            ),
            Err(refused) => compare(case.join("refused"), format!("{refused}\n").as_bytes()),
        }
    }
    assert!(
        wrong.is_empty(),
        "found otherwise than written down:\n{}",
        wrong.join("\n")
    );
}

fn value(text: &str) -> serde_json::Value {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{text}\n");
    let reading = read(&path("in.yaml"), text.as_bytes());
    let Some(document) = reading.documents.into_iter().next() else {
        return format!("{}", reading.findings[0]).into();
    };
    document.value
}

#[test]
fn values_are_kubectls() {
    use serde_json::json;
    for (text, want) in [
        (
            "d: [yes, no, on, off, y, n, True, FALSE]",
            json!([true, false, true, false, true, false, true, false]),
        ),
        (
            "d: [0644, 00123, 0o644, 0x1F, 0b11, 1_000, 08, -017, +5]",
            json!([420, 83, 420, 31, 3, 1000, 8, -15, 5]),
        ),
        ("d: {<<: {a: 1, b: 1}, b: 2}", json!({"a": 1, "b": 2})),
        (
            "d: {b: 2, <<: [{a: 1, b: 1}, {a: 3, c: 3}]}",
            json!({"a": 1, "b": 1, "c": 3}),
        ),
        ("b: &b {a: 1}\nd: {<<: *b, c: *b}", json!({"a": 1, "c": {"a": 1}})),
        ("d: {\"<<\": {a: 1}}", json!({"<<": {"a": 1}})),
        (
            "d: [!Ref foo, !Ref 5, !!str 5, !!int 5, !!float 5]",
            json!(["foo", "5", "5", 5, 5]),
        ),
        ("d: !!binary aGk=", json!("hi")),
        ("d: {a: 1, a: 2}", json!({"a": 2})),
        (
            "d: [18446744073709551616, 9223372036854775807, 1e20, 1e22]",
            json!([18446744073709552000.0, i64::MAX, 1e20, 1e22]),
        ),
        ("d: {1: x, true: w, 1.5: z}", json!({"1": "x", "true": "w", "1.5": "z"})),
        ("d:\tx", json!("x")),
        (
            "d: [1234e5, 1e3, 1.0, 1.5, .5, 1., -1e-2, 1e400]",
            json!([123400000, 1000, 1, 1.5, 0.5, 1, -0.01, "1e400"]),
        ),
        (
            "d: [~, null, Null, NULL, nUll, '']",
            json!([null, null, null, null, "nUll", ""]),
        ),
        (
            "d: [1:20, 2024-01-02, 2001-12-14t21:59:43.10-05:00, 1.2.3, 0123456, 12e4567]",
            json!([
                "1:20",
                "2024-01-02",
                "2001-12-14t21:59:43.10-05:00",
                "1.2.3",
                42798,
                "12e4567"
            ]),
        ),
        ("d: ['yes', \"0644\", \"1e3\"]", json!(["yes", "0644", "1e3"])),
        ("d: |\n  yes\n", json!("yes\n")),
        ("d: \"\\ud83d\\ude00 \\/ \\u00e9\"", json!("\u{1f600} / \u{e9}")),
    ] {
        assert_eq!(value(text)["d"], want, "{text}");
    }
}

#[test]
fn values_that_kubectl_refuses_are_findings() {
    for (text, want) in [
        ("d: .inf", "JSON cannot hold"),
        ("d: {~: 1}", "empty key"),
        ("d: {[a]: 1}", "list or a map as a key"),
        ("d: {<<: 5}", "merges (<<)"),
        ("d: !!int five", "not the int that its tag claims"),
        ("d: !!binary '*'", "not base64"),
        ("d: *nowhere", "does not parse"),
    ] {
        let found = value(text).to_string();
        assert!(found.contains(want), "{text}: {found}");
    }
}
