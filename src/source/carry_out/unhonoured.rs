//! What a Kustomization asks for and nobody does.

use serde_json::Value;

/// Keys of the `spec` that are honoured, or that ask for nothing that is left to do.
const KNOWN: [&str; 26] = [
    "buildMetadata",
    "commonMetadata",
    "components",
    "decryption",
    "deletionPolicy",
    "dependsOn",
    "force",
    "healthChecks",
    "ignoreMissingComponents",
    "images",
    "interval",
    "namePrefix",
    "nameSuffix",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "path",
    "postBuild",
    "prune",
    "retryInterval",
    "sourceRef",
    "suspend",
    "targetNamespace",
    "timeout",
    "validation",
    "wait",
];

/// The keys in parts of the `spec` that are honoured, or refused with words of their own.
const PARTS: [(&str, &[&str]); 6] = [
    ("commonMetadata", &["labels", "annotations"]),
    ("decryption", &["provider", "secretRef", "serviceAccountName"]),
    ("dependsOn", &["kind", "name", "namespace", "readyExpr"]),
    ("healthChecks", &["apiVersion", "kind", "name", "namespace"]),
    ("postBuild", &["substitute", "substituteFrom"]),
    ("sourceRef", &["apiVersion", "kind", "name", "namespace"]),
];

/// The parts of a `spec` that nobody honours, with advice.
pub(super) fn unhonoured(written: &Value) -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    for name in written.as_object().into_iter().flat_map(|all| all.keys()) {
        if !KNOWN.contains(&name.as_str()) && !written[name].is_null() {
            let advice = match name.as_str() {
                "healthCheckExprs" => "health is judged by conditions and by kstatus; remove the field",
                "ignore" => "annotate the objects tidegate.dev/ignore-fields",
                _ => "it is not known; remove the field",
            };
            all.push((format!("spec.{name}"), advice));
        }
    }
    let depends_on = written.get("dependsOn").and_then(Value::as_array);
    if depends_on.into_iter().flatten().any(|on| on.get("readyExpr").is_some()) {
        all.push((
            "spec.dependsOn[].readyExpr".to_owned(),
            "readiness is judged by conditions and by kstatus; remove the field",
        ));
    }
    for (part, known) in PARTS {
        all.extend(unknown_keys(written.get(part), known).map(|name| {
            let advice = "it is not known; remove the field, or correct its name";
            (format!("spec.{part}: {name}"), advice)
        }));
    }
    let text = written.get("deletionPolicy").and_then(Value::as_str);
    match (text, written.get("prune") == Some(&Value::Bool(true))) {
        (Some("Orphan"), true) => all.push((
            "spec.deletionPolicy: Orphan".to_owned(),
            "objects that leave git stay in the cluster even while the Kustomization is declared; write prune: false, or remove the field",
        )),
        (Some("Delete" | "WaitForTermination"), false) => all.push((
            "spec.deletionPolicy".to_owned(),
            "with prune: false, objects stay when the Kustomization leaves git; write prune: true, or remove the field",
        )),
        _ => {}
    }
    all
}

/// The keys of a part of a `spec`, or of each item of a list, that are not known.
fn unknown_keys<'a>(part: Option<&'a Value>, known: &'a [&'a str]) -> impl Iterator<Item = &'a String> {
    let items = match part {
        Some(Value::Array(items)) => items.as_slice(),
        Some(part) => std::slice::from_ref(part),
        None => &[],
    };
    let keys = items.iter().filter_map(Value::as_object).flat_map(|map| map.keys());
    keys.filter(|key| !known.contains(&key.as_str()))
}
