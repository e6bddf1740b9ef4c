//! The pods that an object's manifest describes.

use super::kind::GroupKind;
use serde_json::Value;

/// The image of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerImage {
    /// The name of the container.
    pub container: String,
    /// The image, as the manifest writes it.
    pub image: String,
}

/// An object has a handful of containers.
const MAX_CONTAINERS: usize = 256;

/// Whether objects of this kind run pods, or may: those of kinds that a definition brings.
pub fn is_workload(kind: &GroupKind) -> bool {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps" | "batch", _) | ("", "Pod" | "ReplicationController") => true,
        _ => !kind.is_built_in(),
    }
}

/// The lists of a pod spec that hold containers. Of two containers with one name, the one of the earlier list counts.
pub(crate) const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The path from an object to its pod spec.
pub(crate) fn pod_spec_path(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        "PodTemplate" => &["template", "spec"],
        _ => &["spec", "template", "spec"],
    }
}

/// The name of a container's image field: the container's name, or its place in the list.
pub(crate) fn container_field(name: Option<String>, list: &str, at: usize) -> String {
    name.unwrap_or_else(|| format!("{list}[{at}]"))
}

/// The images of the containers that a manifest describes, each name once.
pub fn container_images(manifest: &Value) -> Vec<ContainerImage> {
    let kind = manifest.get("kind").and_then(Value::as_str).unwrap_or_default();
    let spec = pod_spec_path(kind)
        .iter()
        .try_fold(manifest, |value, key| value.get(key));
    let mut images: Vec<ContainerImage> = Vec::new();
    let lists = CONTAINERS
        .into_iter()
        .filter_map(|list| Some((list, spec?.get(list)?.as_array()?)));
    let containers = lists.flat_map(|(list, containers)| {
        let places = containers.iter().enumerate();
        places.map(move |(at, container)| (list, at, container))
    });
    for (list, at, container) in containers.take(MAX_CONTAINERS) {
        let text = |key: &str| container.get(key).and_then(Value::as_str).map(str::to_owned);
        let container = container_field(text("name"), list, at);
        if let Some(image) = text("image").filter(|_| images.iter().all(|known| known.container != container)) {
            images.push(ContainerImage { container, image });
        }
    }
    images
}

/// Whether a selector finds the pods of objects of this kind. A CronJob is ready, and its Jobs are not declared.
pub fn runs_pods(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("apps", _) | ("batch", "Job") | ("", "ReplicationController") | ("argoproj.io", "Rollout")
    )
}

/// The label selector of a workload's pods, as a query of the API writes it; `None` if no selector finds them.
pub fn pod_selector(kind: &GroupKind, name: &str, manifest: &Value) -> Option<String> {
    if !runs_pods(kind) {
        return None;
    }
    if kind.is("batch", "Job") {
        return Some(format!("batch.kubernetes.io/job-name={name}"));
    }
    let selector = manifest.pointer("/spec/selector")?.as_object()?;
    let labels = match selector.get("matchLabels") {
        Some(labels) => labels.as_object(),
        None if selector.contains_key("matchExpressions") => None,
        // A ReplicationController's selector is the labels themselves.
        None => Some(selector),
    };
    let mut terms: Vec<String> = Vec::new();
    for (key, value) in labels.into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str()?));
    }
    for expression in selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let key = expression.get("key")?.as_str()?;
        let values = expression.get("values").and_then(Value::as_array);
        let values: Vec<&str> = values.into_iter().flatten().filter_map(Value::as_str).collect();
        terms.push(match expression.get("operator")?.as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    // Without a term every pod of the namespace would be meant.
    (!terms.is_empty()).then(|| terms.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_images_of_a_manifest_are_those_of_its_pods() {
        let pod = json!({"initContainers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "old:1"}], "containers": [
            {"name": "b", "image": "y:2"}, {"name": "c"}, 7, {"image": "z:3"}]});
        let rows = [
            json!({"kind": "Pod", "spec": pod}),
            json!({"kind": "Deployment", "spec": {"template": {"spec": pod}}}),
            json!({"kind": "Rollout", "spec": {"template": {"spec": pod}}}),
            json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}),
            json!({"kind": "PodTemplate", "template": {"spec": pod}}),
        ];
        for manifest in rows {
            let images = container_images(&manifest);
            let found: Vec<String> = images
                .iter()
                .map(|image| format!("{} {}", image.container, image.image))
                .collect();
            assert_eq!(found, ["b y:2", "containers[3] z:3", "a x:1"], "{manifest}");
        }
        assert_eq!(container_images(&json!({"spec": {"values": {}}})), []);
        assert_eq!(container_images(&json!([])), []);
    }

    #[test]
    fn a_selector_never_means_every_pod() {
        let of = |kind: &str, manifest: Value| pod_selector(&GroupKind::parse(kind).unwrap(), "web", &manifest);
        let spec = |selector: Value| json!({"spec": {"selector": selector}});
        let rows = [
            (
                "Deployment.apps",
                spec(json!({"matchLabels": {"app": "web", "tier": "x"}})),
                Some("app=web,tier=x"),
            ),
            (
                "StatefulSet.apps",
                spec(json!({"matchLabels": {"app": "web"}, "matchExpressions": [
                    {"key": "t", "operator": "NotIn", "values": ["a", "b"]}, {"key": "u", "operator": "Exists"}]})),
                Some("app=web,t notin (a,b),u"),
            ),
            ("ReplicationController", spec(json!({"app": "web"})), Some("app=web")),
            ("Job.batch", json!({}), Some("batch.kubernetes.io/job-name=web")),
            ("CronJob.batch", spec(json!({"app": "web"})), None),
            ("Deployment.apps", spec(json!({})), None),
            ("Deployment.apps", spec(json!({"matchLabels": {}})), None),
            ("Deployment.apps", spec(json!({"matchLabels": {"app": 3}})), None),
            ("Deployment.apps", json!({}), None),
        ];
        for (kind, manifest, expected) in rows {
            assert_eq!(of(kind, manifest.clone()).as_deref(), expected, "{kind} {manifest}");
        }
    }
}
