use super::path;
use crate::manifest::read;
use crate::manifest::yaml::retyped::is_retyped;

fn value(text: &str) -> serde_json::Value {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{text}\n");
    let reading = read(&path("in.yaml"), text.as_bytes());
    let Some(document) = reading.documents.into_iter().next() else {
        return format!("{}", reading.findings[0]).into();
    };
    document.object.value.value()
}

#[test]
fn values_are_as_kubectl_reads_them() {
    use serde_json::json;
    for (text, expected) in [
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
        ("d: |\n\ne: |+\n\n", json!("")),
        ("d: |+ # kept\n\ne: 1", json!("\n")),
        ("d: \"\\ud83d\\ude00 \\/ \\u00e9\"", json!("\u{1f600} / \u{e9}")),
    ] {
        assert_eq!(value(text)["d"], expected, "{text}");
    }
}

#[test]
fn values_that_kubectl_rejects_are_findings() {
    for (text, expected) in [
        ("d: .inf", "JSON cannot hold"),
        ("d: {~: 1}", "empty key"),
        ("d: {[a]: 1}", "list or a map as a key"),
        ("d: {<<: 5}", "merges (<<)"),
        ("d: !!int five", "has the tag !!int"),
        ("d: !!binary '*'", "not base64"),
        ("d: *nowhere", "does not parse"),
    ] {
        let found = value(text).to_string();
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn texts_that_yaml_readers_take_for_another_type_are_recognised() {
    for text in [
        "",
        "~",
        "null",
        "True",
        "yes",
        "NO",
        "off",
        "y",
        "1",
        "1234567",
        "0123456",
        "1e5",
        "1234e56",
        "1.10",
        ".5",
        "1.",
        "0x1f",
        "0o17",
        "0b1",
        "1_000",
        "_1",
        "1:20",
        "190:20:30.15",
        "2024-01-02",
        "2024-1-2T03:04:05Z",
        ".inf",
        "-.INF",
        ".NaN",
        "=",
        "<<",
        "+1",
        "-1e-3",
        "0X1F",
        "1_0.2_0",
    ] {
        assert!(is_retyped(text), "{text}");
    }
    for text in [
        "v1",
        "1.2.3",
        "1.2.3-rc.1",
        "main-20240102",
        "1a2b3c4",
        "e5",
        "0xg",
        "latest",
        "1.2-3",
        "2024-01-02-3",
        "20240102T030405Z",
        "1e",
        "none",
        "truee",
        "r.example/a:1",
        "1.2.3_4",
        "_",
        "abc",
    ] {
        assert!(!is_retyped(text), "{text}");
    }
}
