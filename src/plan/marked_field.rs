use super::field::{AutomatedField, field, immutable_document};
use super::image_policies::ImagePolicies;
use crate::manifest::{Document, ImageField, MarkedName, Marker, MarkerPolicy};
use crate::model::{ImageRef, RepoPath};
use crate::policy::Policy;
use std::cell::LazyCell;

/// The fields of a document with a marker: a comment on their line that asks for bumps.
pub fn marked(path: &RepoPath, document: &Document, policies: &ImagePolicies<'_>) -> Vec<AutomatedField> {
    let immutable = LazyCell::new(|| immutable_document(document));
    let images = document.images.iter();
    images
        .filter_map(|image| {
            let marker = image.marker.as_ref()?;
            let meant = match &*immutable {
                Some(reason) => Err(reason.clone()),
                None => meant(path, marker, image, policies),
            };
            let field = match meant {
                Ok(meant) => AutomatedField {
                    image: image.with_repository(meant.repository.as_ref().unwrap_or(&image.image)),
                    new_name: meant.new_name,
                    ..field(path, document, image, Ok(meant.policy))
                },
                Err(error) => {
                    let error = format!("{path}:{}: {error}", marker.position);
                    field(path, document, image, Err(error))
                }
            };
            Some(field)
        })
        .collect()
}

/// What a marker asks for.
#[derive(Default)]
struct Meant {
    policy: Policy,
    /// The image's repository, if only the ImagePolicy names it.
    repository: Option<ImageRef>,
    /// The image's new name, if the marker asks for another name than the file has.
    new_name: Option<ImageRef>,
}

fn meant(path: &RepoPath, marker: &Marker, image: &ImageField, policies: &ImagePolicies<'_>) -> Result<Meant, String> {
    match &marker.policy {
        MarkerPolicy::Text(text) if text.is_empty() => Ok(Meant::default()),
        MarkerPolicy::Text(text) => match Policy::parse(text) {
            Ok(policy) => Ok(Meant {
                policy,
                ..Meant::default()
            }),
            Err(error) => Err(error.to_string()),
        },
        MarkerPolicy::ImagePolicy { namespace, name } => {
            if let Some(writer) = policies.writer(path) {
                return Err(format!(
                    "Flux v2 writes this field to the same branch ({writer}), so that two programs would compete; suspend or \
                     remove that ImageUpdateAutomation, or write # tidegate.dev/image: <policy> instead of the marker"
                ));
            }
            let policy = policies.policy(namespace, name)?;
            if !image.has_repository {
                let repository = Some(policies.repository(namespace, name)?);
                return Ok(Meant {
                    policy,
                    repository,
                    new_name: None,
                });
            }
            Ok(Meant {
                policy,
                repository: None,
                new_name: new_name(image, policies)?,
            })
        }
    }
}

/// The name that an image gets together with its next tag: that of the ImageRepository of its marker, if the marker asks for
/// the name and the file has the name of another repository.
///
/// # Errors
/// The repository is not known, or the name cannot be written.
pub fn new_name(image: &ImageField, policies: &ImagePolicies<'_>) -> Result<Option<ImageRef>, String> {
    let Some(marker) = image.marker.as_ref().filter(|_| image.has_repository) else {
        return Ok(None);
    };
    let (MarkedName::Follows | MarkedName::Fixed(_), MarkerPolicy::ImagePolicy { namespace, name }) =
        (&marker.name, &marker.policy)
    else {
        return Ok(None);
    };
    let repository = policies.repository(namespace, name)?;
    if repository.repository() == image.image.repository() {
        return Ok(None);
    }
    match &marker.name {
        MarkedName::Fixed(reason) => Err(format!(
            "the ImageRepository names {}, and the name {} cannot be written: {reason}",
            repository.name(),
            image.image.name()
        )),
        MarkedName::Stays | MarkedName::Follows => Ok(Some(repository)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read;
    use crate::model::{BranchName, ConfigBranch, Remote};
    use crate::plan::automated;

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
        let text = "b:\n  version: 1.0.0 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n";
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

    #[test]
    fn a_field_that_flux_writes_to_the_same_branch_is_left_to_flux() {
        let automation = |spec: &str| {
            format!(
                "{POLICIES}---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: {{name: all, namespace: \
                 flux-system}}\nspec: {spec}\n"
            )
        };
        let reason = |spec: &str| {
            let path = |text| RepoPath::parse(text).unwrap();
            let objects = read(&path("policies.yaml"), automation(spec).as_bytes());
            let policies = ImagePolicies::among(objects.documents.iter().map(|document| ("policies.yaml", document)));
            let path = path("apps/values.yaml");
            let text = "b: r.example/b:1.0.0 # {\"$imagepolicy\": \"flux-system:web\"}\n";
            let reading = read(&path, text.as_bytes());
            marked(&path, &reading.values[0], &policies)[0].policy.clone().err()
        };
        for spec in [
            "{update: {path: ./apps}}",
            "{git: {checkout: {ref: {branch: main}}, push: {branch: main}}}",
        ] {
            assert!(
                reason(spec).is_some_and(|reason| reason.contains("two programs would compete")),
                "{spec}"
            );
        }
        for spec in [
            "{suspend: true}",
            "{update: {path: ./other}}",
            "{git: {push: {branch: flux}}}",
        ] {
            assert_eq!(reason(spec), None, "{spec}");
        }
    }

    #[test]
    fn an_automation_of_flux_that_writes_to_another_repository_or_branch_is_none_of_ours() {
        let own = ConfigBranch {
            remote: Remote::parse("ssh://git@github.com/acme/fleet.git"),
            branch: BranchName::parse("main").unwrap(),
        };
        let path = |text| RepoPath::parse(text).unwrap();
        let file = path("apps/values.yaml");
        #[rustfmt::skip]
        let rows = [
            ("https://github.com/acme/fleet", "",                                                                true),
            ("git@github.com:acme/fleet",     "git: {push: {branch: main}}",                                     true),
            ("https://github.com/acme/fleet", "git: {checkout: {ref: {branch: staging}}, push: {branch: main}}", true),
            ("https://github.com/acme/fleet", "git: {push: {branch: flux}}",                                     false),
            ("https://github.com/acme/fleet", "git: {checkout: {ref: {branch: staging}}}",                       false),
            ("https://github.com/acme/other", "git: {push: {branch: main}}",                                     false),
        ];
        for (url, git, writes) in rows {
            let text = format!(
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: fleet, namespace: \
                 flux-system}}\nspec: {{url: \"{url}\", ref: {{branch: main}}}}\n---\napiVersion: \
                 image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: {{name: all, namespace: \
                 flux-system}}\nspec: {{sourceRef: {{kind: GitRepository, name: fleet}}, {git}}}\n"
            );
            let objects = read(&path("flux.yaml"), text.as_bytes());
            let documents = objects.documents.iter().map(|document| ("flux.yaml", document));
            let policies = ImagePolicies::of_repository(Some(&own), documents);
            assert_eq!(policies.writer(&file).is_some(), writes, "{url} {git}");
        }
    }

    /// The image that each marked field has, the name that it gets, or why it is not bumped.
    fn names(text: &str) -> Vec<String> {
        let path = |text| RepoPath::parse(text).unwrap();
        let objects = read(&path("policies.yaml"), POLICIES.as_bytes());
        let policies = ImagePolicies::among(objects.documents.iter().map(|document| ("policies.yaml", document)));
        let path = path("values.yaml");
        let reading = read(&path, text.as_bytes());
        let fields = reading
            .values
            .iter()
            .flat_map(|document| marked(&path, document, &policies));
        let fields = fields.map(|field| match (field.policy, field.new_name) {
            (Ok(_), Some(name)) => format!("{} -> {name}", field.image),
            (Ok(_), None) => field.image.to_string(),
            (Err(reason), _) => reason,
        });
        fields.collect()
    }

    #[test]
    fn a_name_follows_the_image_repository_where_its_marker_asks_for_the_name() {
        let new = "r.example:5000/shop/web";
        let [whole, name, tag] =
            ["", ":name", ":tag"].map(|part| format!("# {{\"$imagepolicy\": \"flux-system:web{part}\"}}"));
        #[rustfmt::skip]
        let rows = [
            (format!("a: old/web:1 {whole}\n"), format!("old/web:1 -> {new}")),
            (format!("a: old/web {whole}\n"), format!("old/web -> {new}")),
            (format!("a: {new}:1 {whole}\n"), format!("{new}:1")),
            (format!("repository: old/web {name}\ntag: v1 {tag}\n"), format!("old/web:v1 -> {new}")),
            (format!("repository: {new} {name}\ntag: v1 {tag}\n"), format!("{new}:v1")),
            (format!("repository: old/web\ntag: v1 {tag}\n"), "old/web:v1".to_owned()),
            (format!("a:\n  b: old/web {name}\nc:\n  d: v1 {tag}\n"), format!("old/web:v1 -> {new}")),
        ];
        for (text, expected) in rows {
            assert_eq!(names(&text), [expected], "{text}");
        }
    }

    #[test]
    fn a_field_whose_name_cannot_be_known_or_written_is_not_bumped() {
        let whole = |policy: &str| format!("a: old/web:1 # {{\"$imagepolicy\": \"flux-system:{policy}\"}}\n");
        let rows = [
            (whole("api"), "there is no ImageRepository images/api"),
            (whole("job"), "which is not registry/name"),
            (whole("none"), "there is no ImagePolicy flux-system/none"),
        ];
        for (text, expected) in rows {
            let found = names(&text);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
        let path = RepoPath::parse("kustomization.yaml").unwrap();
        let text = "kind: Kustomization\nimages:\n- name: old/web # {\"$imagepolicy\": \"flux-system:web:name\"}\n  newTag: v1 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n";
        let objects = read(&RepoPath::parse("policies.yaml").unwrap(), POLICIES.as_bytes());
        let policies = ImagePolicies::among(objects.documents.iter().map(|document| ("policies.yaml", document)));
        let reason = marked(&path, &read(&path, text.as_bytes()).values[0], &policies)[0]
            .policy
            .clone()
            .unwrap_err();
        assert!(
            reason.contains("r.example:5000/shop/web") && reason.contains("add a newName"),
            "{reason}"
        );
    }
}
