use super::world::{HOST, World, deployment};
use serde_json::Value;
use tidegate_stack::ControlPlane;

const OLD: &str = "1111aaa";
const NEW: &str = "2222bbb";

fn release(api: &str, name: &str, namespace: &str, values: &str) -> String {
    format!(
        "apiVersion: {api}\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\nspec:\n  values:\n{values}"
    )
}

fn image_policy(name: &str) -> String {
    let object = |kind: &str, spec: &str| {
        format!(
            "---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {spec}\n"
        )
    };
    object(
        "ImageRepository",
        &format!("{{image: {HOST}/shop/{name}, interval: 5m, exclusionList: ['-debug$']}}"),
    ) + &object(
        "ImagePolicy",
        &format!("{{imageRepositoryRef: {{name: {name}}}, policy: {{alphabetical: {{order: asc}}}}}}"),
    )
}

/// The files that say images, and how each says what was pushed first.
fn said(digest: &str) -> Vec<(&'static str, String)> {
    vec![
        ("prod/kustomization.yaml", format!("newTag: {OLD} # of the shop")),
        ("prod/kustomization.yaml", format!("digest: {digest}")),
        ("values/shop.yaml", format!("image: {HOST}/shop/api:{OLD} # {{")),
        ("values/shop.yaml", format!("tag: \"{OLD}\" # {{")),
        ("releases/one.yaml", format!("tag: {OLD}")),
        ("releases/two.yaml", format!("image: {HOST}/shop/two:{OLD}")),
    ]
}

/// Images that no applied workload says: an overlay's tag and digest, a values file's by Flux's markers, two releases'.
#[tokio::test(flavor = "multi_thread")]
async fn images_of_overlays_values_files_and_releases_are_bumped_where_they_are_written_and_held_when_taken_back() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("overlays-{}", std::process::id());
    let base = |name: &str, policy: &str| {
        deployment(&namespace, "0")
            .replace("name: web", &format!("name: {name}"))
            .replace("shop/web:0", &format!("shop/{name}:0"))
            .replace(
                "fluxcd.io/automated: \"true\"",
                &format!("fluxcd.io/automated: \"true\"\n    {policy}"),
            )
    };
    let first = format!("sha256:{}", "a".repeat(64));
    let marker = |policy: &str| format!("# {{\"$imagepolicy\": \"flux-system:{policy}\"}}");
    let files = [
        (
            "namespace.yaml",
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        (
            "base/kustomization.yaml",
            "resources: [web.yaml, job.yaml]\n".to_owned(),
        ),
        ("base/web.yaml", base("web", "fluxcd.io/tag.web: glob:*")),
        ("base/job.yaml", base("job", "tidegate.dev/policy.job: digest:stable")),
        (
            "prod/kustomization.yaml",
            format!(
                "resources:\n- ../base\nimages:\n- name: {HOST}/shop/web\n  newTag: {OLD} # of the shop\n- name: {HOST}/shop/job\n  \
                 digest: {first}\n"
            ),
        ),
        ("policies.yaml", image_policy("api") + &image_policy("mail")),
        (
            "values/shop.yaml",
            format!(
                "image: {HOST}/shop/api:{OLD} {}\nmail:\n  tag: \"{OLD}\" {}\n",
                marker("api"),
                marker("mail:tag")
            ),
        ),
        (
            "releases/one.yaml",
            release(
                "helm.fluxcd.io/v1",
                "one",
                &namespace,
                &format!("    image:\n      repository: {HOST}/shop/one\n      tag: {OLD}\n"),
            ),
        ),
        (
            "releases/two.yaml",
            release(
                "helm.toolkit.fluxcd.io/v2",
                "two",
                &namespace,
                &format!("    app:\n      image: {HOST}/shop/two:{OLD}\n"),
            ),
        ),
    ];
    let mut world = World::with(&cluster, "overlays", &namespace, &files).await;
    for name in ["web", "api", "mail", "one", "two"] {
        world.ecr.push_tag(&format!("shop/{name}"), OLD).unwrap();
        world.ecr.push_tag(&format!("shop/{name}"), NEW).unwrap();
    }
    let digest = world.ecr.push_tag("shop/job", "stable").unwrap();
    world.agent.run().await.unwrap();
    world.agent.call(&["scan"]).await.unwrap();
    let text = |file: &str| world.repo.file_at("main", file).unwrap();
    for (file, old) in said(&first) {
        let new = old.replace(OLD, NEW).replace(&first, &digest);
        assert!(text(file).contains(&new), "{file} should have {new}:\n{}", text(file));
    }
    assert!(text("base/web.yaml").contains("shop/web:0") && text("base/job.yaml").contains("shop/job:0"));

    let bumped = world.repo.tip().unwrap().unwrap();
    let person = world.repo.work_copy().unwrap();
    while person.git(&["rev-list", "--count", "HEAD"]).unwrap().trim() != "1" {
        person.git(&["reset", "-q", "--hard", "HEAD~1"]).unwrap();
    }
    person.git(&["reset", "-q", "--soft", &bumped]).unwrap();
    let back = person.commit("Take everything back").unwrap();
    person.push().unwrap();
    for _ in 0..3 {
        world.agent.call(&["scan"]).await.unwrap();
    }
    assert_eq!(world.repo.tip().unwrap(), Some(back), "no commit after it");
    let plan: Value = serde_json::from_slice(&world.agent.call(&["plan", "-o", "json"]).await.unwrap().stdout).unwrap();
    let fields = plan["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 6, "{plan:#}");
    assert!(fields.iter().all(|field| field["outcome"] == "held"), "{plan:#}");
    assert!(plan["bumps"].as_array().unwrap().is_empty());

    for name in ["web", "mail"] {
        world.ecr.push_tag(&format!("shop/{name}"), "3333ccc").unwrap();
    }
    for name in ["mail", "api"] {
        world.ecr.push_tag(&format!("shop/{name}"), "4444ddd-debug").unwrap();
    }
    world.agent.call(&["scan"]).await.unwrap();
    let text = |file: &str| world.repo.file_at("main", file).unwrap();
    assert!(text("prod/kustomization.yaml").contains("newTag: 3333ccc # of the shop"));
    assert!(text("values/shop.yaml").contains("tag: \"3333ccc\" # {"));
    for (file, old) in said(&first)
        .iter()
        .filter(|(_, old)| !old.contains("Tag: ") && !old.contains("tag: \""))
    {
        assert!(text(file).contains(old), "{file} should have {old}:\n{}", text(file));
    }
}
