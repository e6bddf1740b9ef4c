use crate::manifest::{Document, ImageField, Lock, Marker, MarkerPolicy};
use crate::model::{FieldId, ImageRef, Position, RepoPath};
use crate::policy::Policy;

/// An image field that somebody asked us to keep up to date.
#[derive(Debug, Clone, PartialEq)]
pub struct AutomatedField {
    /// The file.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// The image as written.
    pub image: ImageRef,
    /// Where its tag stands.
    pub position: Position,
    /// The policy, or why the one that is written cannot be used, with its place.
    pub policy: Result<Policy, String>,
    /// Present when the workload is locked.
    pub lock: Option<Lock>,
}

/// The automated fields of a document, in file order; none if it is not automated. Fields with a marker of their own are
/// left to [`marked`].
pub fn automated(path: &RepoPath, document: &Document) -> Vec<AutomatedField> {
    if !document.intent.automated {
        return Vec::new();
    }
    document
        .images
        .iter()
        .filter(|image| image.marker.is_none())
        .map(|image| {
            let policy = match document.intent.policy(&image.field) {
                None => Ok(Policy::default()),
                Some(written) => Policy::parse(&written.text)
                    .map_err(|error| format!("{path}:{}: {}: {error}", written.position, written.annotation)),
            };
            field(path, document, image, policy)
        })
        .collect()
}

/// The fields of a document that a comment on their line asks to be bumped. `policy_object` finds Flux v2's ImagePolicy of a
/// namespace and a name.
pub fn marked<'a>(
    path: &RepoPath,
    document: &Document,
    policy_object: impl Fn(&str, &str) -> Option<&'a serde_json::Value>,
) -> Vec<AutomatedField> {
    let policy = |marker: &Marker| {
        let parsed = match &marker.policy {
            MarkerPolicy::Text(text) if text.is_empty() => return Ok(Policy::default()),
            MarkerPolicy::Text(text) => Policy::parse(text).map_err(|error| error.to_string()),
            MarkerPolicy::ImagePolicy { namespace, name } => match policy_object(namespace, name) {
                Some(object) => Policy::from_image_policy(object).map_err(|error| error.to_string()),
                None => Err(format!(
                    "there is no ImagePolicy {namespace}/{name} in the repository; add it or write # tidegate.dev/image: <policy>"
                )),
            },
        };
        parsed.map_err(|error| format!("{path}:{}: {error}", marker.position))
    };
    let images = document.images.iter();
    images
        .filter_map(|image| Some(field(path, document, image, policy(image.marker.as_ref()?))))
        .collect()
}

fn field(path: &RepoPath, document: &Document, image: &ImageField, policy: Result<Policy, String>) -> AutomatedField {
    AutomatedField {
        path: path.clone(),
        field: FieldId {
            object: document.object.clone(),
            field: image.field.clone(),
        },
        image: image.image.clone(),
        position: image.position,
        policy,
        lock: document.intent.lock.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;
    use serde_json::json;

    fn told(text: &str) -> Vec<String> {
        let path = RepoPath::parse("values.yaml").unwrap();
        let policy = json!({
            "metadata": {"name": "web", "namespace": "flux-system"},
            "spec": {"policy": {"semver": {"range": "1.x"}}},
        });
        let find = |namespace: &str, name: &str| ((namespace, name) == ("flux-system", "web")).then_some(&policy);
        let reading = read(&path, text.as_bytes());
        let documents = reading.values.iter().chain(&reading.documents);
        let fields = documents.flat_map(|document| marked(&path, document, find));
        let fields = fields.map(|field| match field.policy {
            Ok(_) => format!("{} {}", field.field, field.image),
            Err(reason) => reason,
        });
        fields.collect()
    }

    #[test]
    fn markers_ask_for_bumps_with_their_own_policies() {
        let text = "a: r.example/a:1 # tidegate.dev/image: semver:~1\nb: r.example/b:1.0.0 # {\"$imagepolicy\": \"flux-system:web\"}\nc: r.example/c:1\n";
        assert_eq!(
            told(text),
            [
                "File values.yaml a r.example/a:1",
                "File values.yaml b r.example/b:1.0.0"
            ]
        );
    }

    #[test]
    fn markers_whose_policy_cannot_be_used_say_where() {
        let text = "a: r.example/a:1 # tidegate.dev/image: semver:~x~\nb: r.example/b:1 # {\"$imagepolicy\": \"flux-system:other\"}\n";
        let told = told(text);
        assert!(told[0].starts_with("values.yaml:1:18: "), "{told:?}");
        assert!(
            told[1].starts_with("values.yaml:2:18: there is no ImagePolicy flux-system/other"),
            "{told:?}"
        );
    }

    #[test]
    fn a_marked_field_of_an_automated_workload_is_bumped_once() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {tidegate.dev/automated: \"true\"}}\nspec:\n  containers:\n  - name: a\n    image: x/a:1 # tidegate.dev/image: semver:*\n  - {name: b, image: x/b:1}\n";
        assert_eq!(told(text), ["Pod p a x/a:1"]);
        let path = RepoPath::parse("a.yaml").unwrap();
        let reading = read(&path, text.as_bytes());
        let others = automated(&path, &reading.documents[0]);
        assert_eq!(others.len(), 1);
        assert_eq!(others[0].field.field.0, "b");
    }
}
