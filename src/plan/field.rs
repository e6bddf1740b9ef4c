use super::image_policies::ImagePolicies;
use crate::manifest::{Document, ImageField, Lock, Marker, MarkerPolicy};
use crate::model::{FieldId, HoldUntil, ImageRef, Position, RepoPath};
use crate::policy::Policy;

/// An image field that is kept up to date: its workload is automated, or the field has a marker.
#[derive(Debug, Clone, PartialEq)]
pub struct AutomatedField {
    /// The file.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// The image as written.
    pub image: ImageRef,
    /// The position of the tag in the file.
    pub position: Position,
    /// The policy, or why the written policy cannot be used, with its file and position.
    pub policy: Result<Policy, String>,
    /// The lock, if the workload is locked.
    pub lock: Option<Lock>,
    /// What ends a hold, if the workload says it.
    pub hold: Option<HoldUntil>,
}

/// The fields of an automated document, in file order. Fields with a marker of their own are left to [`marked`].
pub fn automated(path: &RepoPath, document: &Document) -> Vec<AutomatedField> {
    if !document.automation.automated {
        return Vec::new();
    }
    document
        .images
        .iter()
        .filter(|image| image.marker.is_none())
        .map(|image| {
            let policy = match document.automation.policy(&image.field) {
                None => Ok(Policy::default()),
                Some(written) if !written.is_text => Err(format!(
                    "{path}:{}: {} is not a string; write it in quotes",
                    written.position, written.annotation
                )),
                Some(written) => Policy::parse(&written.text)
                    .map_err(|error| format!("{path}:{}: {}: {error}", written.position, written.annotation)),
            };
            field(path, document, image, policy)
        })
        .collect()
}

/// The fields of a document with a marker: a comment on their line that asks for bumps.
pub fn marked(path: &RepoPath, document: &Document, policies: &ImagePolicies<'_>) -> Vec<AutomatedField> {
    let images = document.images.iter();
    images
        .filter_map(|image| {
            let marker = image.marker.as_ref()?;
            let (policy, repository) = meant(marker, image, policies)
                .map_err(|error| format!("{path}:{}: {error}", marker.position))
                .map_or_else(
                    |error| (Err(error), None),
                    |(policy, repository)| (Ok(policy), repository),
                );
            Some(AutomatedField {
                image: repository.map_or_else(|| image.image.clone(), |repository| image.with_repository(&repository)),
                ..field(path, document, image, policy)
            })
        })
        .collect()
}

/// The policy of a marker, and the image's repository if only the policy names it.
fn meant(
    marker: &Marker,
    image: &ImageField,
    policies: &ImagePolicies<'_>,
) -> Result<(Policy, Option<ImageRef>), String> {
    match &marker.policy {
        MarkerPolicy::Text(text) if text.is_empty() => Ok((Policy::default(), None)),
        MarkerPolicy::Text(text) => match Policy::parse(text) {
            Ok(policy) => Ok((policy, None)),
            Err(error) => Err(error.to_string()),
        },
        MarkerPolicy::ImagePolicy { namespace, name } => {
            let policy = policies.policy(namespace, name)?;
            let elsewhere = (!image.has_repository).then(|| policies.repository(namespace, name));
            Ok((policy, elsewhere.transpose()?))
        }
    }
}

fn field(path: &RepoPath, document: &Document, image: &ImageField, policy: Result<Policy, String>) -> AutomatedField {
    AutomatedField {
        path: path.clone(),
        field: FieldId {
            object: document.object.id.clone(),
            field: image.field.clone(),
        },
        image: image.image.clone(),
        position: image.position,
        policy,
        lock: document.automation.lock.clone(),
        hold: document.automation.hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;

    const POLICIES: &str = "apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImagePolicy
metadata: {name: web, namespace: flux-system}
spec: {imageRepositoryRef: {name: web}, policy: {semver: {range: 1.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImageRepository
metadata: {name: web, namespace: flux-system}
spec: {image: r.example:5000/shop/web}
---
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImagePolicy
metadata: {name: api, namespace: flux-system}
spec: {imageRepositoryRef: {name: api, namespace: images}, policy: {alphabetical: {}}}
---
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImagePolicy
metadata: {name: job, namespace: flux-system}
spec: {imageRepositoryRef: {name: job}, policy: {alphabetical: {}}}
---
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImageRepository
metadata: {name: job}
spec: {image: \"r.example/job:1\"}
---
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImagePolicy
metadata: {name: odd, namespace: flux-system}
spec: {imageRepositoryRef: {name: web}, policy: {semver: {range: newest}}}
";

    fn messages(text: &str) -> Vec<String> {
        let path = |text| RepoPath::parse(text).unwrap();
        let objects = read(&path("policies.yaml"), POLICIES.as_bytes());
        let policies = ImagePolicies::among(objects.documents.iter().map(|document| ("policies.yaml", document)));
        let path = path("values.yaml");
        let reading = read(&path, text.as_bytes());
        let documents = reading.values.iter().chain(&reading.documents);
        let fields = documents.flat_map(|document| marked(&path, document, &policies));
        let fields = fields.map(|field| match field.policy {
            Ok(_) => format!("{} {}", field.field, field.image),
            Err(reason) => reason,
        });
        fields.collect()
    }

    #[test]
    fn an_image_policy_that_cannot_be_used_is_reported_with_its_namespace_and_position() {
        let messages = messages("image: r.example/web:1 # {\"$imagepolicy\": \"flux-system:odd\"}\n");
        assert_eq!(messages.len(), 1);
        let is = messages[0].contains("ImagePolicy flux-system/odd") && messages[0].ends_with("see policies.yaml:26:1");
        assert!(is, "{messages:?}");
    }

    #[test]
    fn a_tag_alone_is_of_the_repository_that_its_image_policy_names() {
        let text = "tag: 1.0.0 # {\"$imagepolicy\": \"flux-system:web:tag\"}\nname: elsewhere # {\"$imagepolicy\": \"flux-system:web:name\"}\n";
        assert_eq!(messages(text), ["File values.yaml tag elsewhere:1.0.0"]);
        let text = "a: {x: r.example/web} # {\"$imagepolicy\": \"flux-system:web:name\"}\nb:\n  version: 1.0.0 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n";
        assert_eq!(
            messages(text),
            ["File values.yaml b.version r.example:5000/shop/web:1.0.0"]
        );
        let digest = format!("sha256:{}", "a".repeat(64));
        let text = format!("c: {digest} # {{\"$imagepolicy\": \"flux-system:web:digest\"}}\n");
        assert_eq!(
            messages(&text),
            [format!("File values.yaml c r.example:5000/shop/web@{digest}")]
        );
    }

    #[test]
    fn a_tag_alone_whose_repository_is_nowhere_says_what_is_missing() {
        let text = "a: v1 # {\"$imagepolicy\": \"flux-system:api:tag\"}\nb: v1 # {\"$imagepolicy\": \"flux-system:job:tag\"}\nc: v1 # {\"$imagepolicy\": \"flux-system:none:tag\"}\n";
        let messages = messages(text);
        assert!(
            messages[0].starts_with("values.yaml:1:7: there is no ImageRepository images/api"),
            "{messages:?}"
        );
        assert!(
            messages[1].contains("is \"r.example/job:1\", which is not registry/name"),
            "{messages:?}"
        );
        assert!(
            messages[2].starts_with("values.yaml:3:7: there is no ImagePolicy flux-system/none"),
            "{messages:?}"
        );
    }

    #[test]
    fn markers_ask_for_bumps_with_their_own_policies() {
        let text = "a: r.example/a:1 # tidegate.dev/image: semver:~1\nb: r.example/b:1.0.0 # {\"$imagepolicy\": \"flux-system:web\"}\nc: r.example/c:1\n";
        assert_eq!(
            messages(text),
            [
                "File values.yaml a r.example/a:1",
                "File values.yaml b r.example/b:1.0.0"
            ]
        );
    }

    #[test]
    fn markers_whose_policy_cannot_be_used_say_where() {
        let text = "a: r.example/a:1 # tidegate.dev/image: semver:~x~\nb: r.example/b:1 # {\"$imagepolicy\": \"flux-system:other\"}\n";
        let messages = messages(text);
        assert!(messages[0].starts_with("values.yaml:1:18: "), "{messages:?}");
        assert!(
            messages[1].starts_with("values.yaml:2:18: there is no ImagePolicy flux-system/other"),
            "{messages:?}"
        );
    }

    #[test]
    fn a_policy_that_is_no_text_matches_nothing_instead_of_everything() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {tidegate.dev/automated: \"true\", tidegate.dev/policy.a: 1.2}}\nspec:\n  containers:\n  - {name: a, image: x/a:1}\n  - {name: b, image: x/b:1}\n";
        let path = RepoPath::parse("a.yaml").unwrap();
        let reading = read(&path, text.as_bytes());
        let fields = automated(&path, &reading.documents[0]);
        let reason = fields[0].policy.clone().unwrap_err();
        assert!(
            reason.starts_with("a.yaml:3:") && reason.contains("tidegate.dev/policy.a is not a string"),
            "{reason}"
        );
        assert_eq!(fields[1].policy, Ok(Policy::default()));
    }

    #[test]
    fn a_marked_field_of_an_automated_workload_is_bumped_once() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {tidegate.dev/automated: \"true\"}}\nspec:\n  containers:\n  - name: a\n    image: x/a:1 # tidegate.dev/image: semver:*\n  - {name: b, image: x/b:1}\n";
        assert_eq!(messages(text), ["Pod p a x/a:1"]);
        let path = RepoPath::parse("a.yaml").unwrap();
        let reading = read(&path, text.as_bytes());
        let others = automated(&path, &reading.documents[0]);
        assert_eq!(others.len(), 1);
        assert_eq!(others[0].field.field.0, "b");
    }
}
