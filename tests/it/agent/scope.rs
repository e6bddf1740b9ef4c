use super::world::{HOST, World, deployment};
use tidegate_stack::ControlPlane;

fn second(namespace: &str, name: &str, annotations: &str, image: &str) -> String {
    deployment(namespace, "1.0.0")
        .replace("name: web\n  namespace", &format!("name: {name}\n  namespace"))
        .replace("fluxcd.io/automated: \"true\"", annotations)
        .replace("shop/web:1.0.0", image)
}

/// Only repositories that an automated field names, and of those only what the globs let through.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_automated_field_names_or_a_glob_excludes_is_not_asked_for() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("scope-{}", std::process::id());
    let on = "tidegate.dev/automated: \"true\"";
    let files = [
        (
            "namespace.yaml",
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        ("web.yaml", deployment(&namespace, "1111aaa")),
        (
            "manual.yaml",
            second(
                &namespace,
                "manual",
                "tidegate.dev/automated: \"false\"",
                "shop/manual:1111aaa",
            ),
        ),
        ("cache.yaml", second(&namespace, "cache", on, "shop/cache:1111aaa")),
        ("debug.yaml", second(&namespace, "debug", on, "shop/debug:1111aaa")),
    ];
    let mut world = World::with(&cluster, "scope", &namespace, &files).await;
    let registries =
        format!("registries:\n- {{host: {HOST}, exclude: [\"shop/cache\", \"shop/*:*-debug\"], scan: 1h}}\n");
    world
        .agent
        .configure(|options| options.registries = registries)
        .unwrap();
    for repository in ["shop/web", "shop/manual", "shop/cache", "shop/debug", "shop/unnamed"] {
        world.ecr.push_tag(repository, "1111aaa").unwrap();
        world.ecr.push_tag(repository, "2222bbb").unwrap();
    }
    world.ecr.push_tag("shop/debug", "3333ccc-debug").unwrap();
    let mark = world.ecr.mark();
    world.agent.run().await.unwrap();
    world.runs("2222bbb").await;
    world.agent.ask(&["scan"]).await.unwrap();

    let requests = world.ecr.requests_since(&mark);
    for never in ["shop/manual", "shop/cache", "shop/unnamed"] {
        assert_eq!(requests.count_for("DescribeImages", never), 0, "{never}");
    }
    assert_eq!(
        requests.total(),
        requests.count("DescribeImages"),
        "no other call than the one listing"
    );
    assert!(world.repo.file_at("main", "debug.yaml").unwrap().contains(":2222bbb"));
    assert!(world.repo.file_at("main", "cache.yaml").unwrap().contains(":1111aaa"));
    let status: serde_json::Value = serde_json::from_str(&world.agent.get("/v1/status").await.unwrap().1).unwrap();
    let cache = status["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["path"] == "cache.yaml")
        .unwrap();
    let reason = cache["reason"].as_str().unwrap();
    assert!(reason.contains("exclude") && reason.contains("shop/cache"), "{reason}");
}

/// Each policy takes what a person would take from the same tags.
#[tokio::test(flavor = "multi_thread")]
async fn every_policy_chooses_its_own_newest_in_one_commit() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("policies-{}", std::process::id());
    let automated = |policy: &str| format!("tidegate.dev/automated: \"true\"\n    {policy}");
    let files = [
        (
            "namespace.yaml",
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        (
            "web.yaml",
            second(
                &namespace,
                "web",
                &automated("filter.fluxcd.io/web: semver:~1.2"),
                "shop/web:1.2.0",
            ),
        ),
        (
            "glob.yaml",
            second(
                &namespace,
                "glob",
                &automated("tidegate.dev/policy: glob:main-*"),
                "shop/web:main-1",
            ),
        ),
        (
            "regex.yaml",
            second(
                &namespace,
                "regex",
                &automated("fluxcd.io/tag.web: 'regex:^rel-'"),
                "shop/web:rel-1",
            ),
        ),
        (
            "plain.yaml",
            second(&namespace, "plain", "fluxcd.io/automated: \"true\"", "shop/web:1.2.0"),
        ),
    ];
    let mut world = World::with(&cluster, "policies", &namespace, &files).await;
    for (minute, tag) in [
        "1.2.0", "main-1", "rel-1", "1.2.9", "1.3.0", "rel-2", "main-2", "1.2.8", "latest",
    ]
    .iter()
    .enumerate()
    {
        world
            .ecr
            .push_tag_at("shop/web", tag, 1_790_000_000.0 + 60.0 * minute as f64)
            .unwrap();
    }
    world.agent.run().await.unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    for (file, tag) in [
        ("web.yaml", "1.2.9"),
        ("glob.yaml", "main-2"),
        ("regex.yaml", "rel-2"),
        ("plain.yaml", "1.2.8"),
    ] {
        let text = world.repo.file_at("main", file).unwrap();
        assert!(
            text.contains(&format!("shop/web:{tag} ")),
            "{file} should have {tag}:\n{text}"
        );
    }
    assert_eq!(world.repo.log().unwrap().len(), 2, "one commit for all");
    assert_eq!(world.repo.log().unwrap()[0].subject, "Bump 4 images");
}

/// An image in a block scalar cannot be edited. The agent reports only this, and names file and line.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_edited_is_reported_with_its_position_and_nothing_else() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("folded-{}", std::process::id());
    let web = deployment(&namespace, "1111aaa");
    let line = web.lines().find(|line| line.contains("image: ")).unwrap();
    let (before, image) = line.split_once("image: ").unwrap();
    let image = image.split_whitespace().next().unwrap();
    let indent = " ".repeat(before.len() + 2);
    let files = [
        (
            "namespace.yaml",
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        (
            "web.yaml",
            web.replace(line, &format!("{before}image: >-\n{indent}{image}")),
        ),
    ];
    let mut world = World::with(&cluster, "folded", &namespace, &files).await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.run().await.unwrap();
    let scanned = world.agent.call(&["scan"]).await.unwrap();
    let told = String::from_utf8(scanned.stdout).unwrap();
    assert!(
        told.contains("web.yaml:") && told.contains("write it on one line"),
        "{told}"
    );
    assert!(!told.contains("the plan changes nothing"), "{told}");
}

/// Forty repositories have news at once: their listings end one by one, their bumps share commits.
#[tokio::test(flavor = "multi_thread")]
async fn images_pushed_together_share_commits() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("many-{}", std::process::id());
    let on = "tidegate.dev/automated: \"true\"";
    let namespace_file = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n");
    let mut files = vec![("namespace.yaml".to_owned(), namespace_file)];
    for number in 0..40 {
        let text = second(
            &namespace,
            &format!("d{number}"),
            on,
            &format!("shop/app-{number}:1111aaa"),
        );
        files.push((format!("d{number}.yaml"), text));
    }
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let mut world = World::with(&cluster, "many", &namespace, &files).await;
    for number in 0..40 {
        world.ecr.push_tag(&format!("shop/app-{number}"), "1111aaa").unwrap();
    }
    world.agent.run().await.unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    for number in 0..40 {
        world.ecr.push_tag(&format!("shop/app-{number}"), "2222bbb").unwrap();
    }
    world.agent.ask(&["scan"]).await.unwrap();
    let text = |number| world.repo.file_at("main", &format!("d{number}.yaml")).unwrap();
    assert!((0..40).all(|number| text(number).contains(":2222bbb")));
    let commits = world.repo.log().unwrap().len() - 1;
    assert!(commits <= 20, "{commits} commits for 40 images");
}

/// One of two images in a file cannot be edited with certainty; the other is bumped all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_edited_does_not_hold_up_its_neighbour() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("neighbour-{}", std::process::id());
    let on = "tidegate.dev/automated: \"true\"";
    let folded = second(&namespace, "folded", on, "shop/web:1111aaa").replace(
        &format!("image: {HOST}/shop/web:1111aaa   # by CI"),
        &format!("image: >-\n          {HOST}/shop/web:1111aaa"),
    );
    let files = [
        (
            "namespace.yaml",
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n"),
        ),
        (
            "both.yaml",
            format!("{folded}---\n{}", deployment(&namespace, "1111aaa")),
        ),
    ];
    let mut world = World::with(&cluster, "neighbour", &namespace, &files).await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.run().await.unwrap();
    world.runs("2222bbb").await;
    let text = world.repo.file_at("main", "both.yaml").unwrap();
    assert!(text.contains(":2222bbb   # by CI") && text.contains(">-"), "{text}");
    let told = world.agent.call(&["scan"]).await.unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("both.yaml:") && told.contains("not edited"), "{told}");
}
