//! Files and objects that cannot be used: the agent reports file and line, and applies and bumps everything else.

use super::scene::{AUTOMATED, SOON, Scene, config_map, logged, says, told, warnings, workload};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use std::time::Duration;
use tidegate_stack::agent::NAMESPACE;
use tidegate_stack::{Agent, ControlPlane};

const ANY: &str = "tidegate.dev/policy: semver:*";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_parse_is_reported_with_its_line_and_nothing_is_pruned_until_it_does() {
    let name = "bad-yaml";
    let cluster = ControlPlane::shared().await.unwrap();
    let files = [
        ("broken.yaml", config_map(name, "broken", "before")),
        ("extra.yaml", config_map(name, "extra", "before")),
        ("other.yaml", config_map(name, "other", "before")),
        ("web.yaml", workload(name, "web", "shop/web:1.0.0", &[AUTOMATED, ANY])),
    ];
    let scene = Scene::set(&cluster, name, &files).await;
    scene.pushed("shop/web", "1.0.0");
    let mut agent = scene.running().await;
    scene.applied("extra", "before").await;

    let broken =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\n  namespace: bad-yaml\ndata:\n  value: [\n";
    scene.commits(
        "Break one file, drop another, change a third",
        &[
            ("broken.yaml", Some(broken.to_owned())),
            ("extra.yaml", None),
            ("other.yaml", Some(config_map(name, "other", "after"))),
        ],
    );
    let line = logged(&mut agent, &["broken.yaml:"]).await;
    says(&line, &["WARN", "broken.yaml:8:"]);
    scene.applied("other", "after").await;
    scene.pushed("shop/web", "1.1.0");
    scene.committed("web.yaml", "shop/web:1.1.0").await;
    scene.runs("web", "1.1.0").await;

    let (code, sync) = told(&agent, &["sync"]).await;
    assert_eq!(code, 1, "{sync}");
    says(
        &sync,
        &[
            "broken.yaml:8:",
            "2 objects that are no longer declared were not deleted",
            "correct the files",
        ],
    );
    assert!(
        sync.lines().nth(1).unwrap().contains("broken.yaml:8:"),
        "errors first:\n{sync}"
    );
    let (code, plan) = told(&agent, &["plan"]).await;
    assert_eq!(code, 1, "{plan}");
    says(&plan, &["broken.yaml:8:", "not deleted"]);
    assert!(
        plan.lines().nth(1).unwrap().starts_with("error  broken.yaml:8:"),
        "errors first:\n{plan}"
    );
    partial_everywhere(&scene, &agent, name).await;
    for kept in ["broken", "extra"] {
        scene.applied(kept, "before").await;
    }
    let loud = warnings(&agent, "broken.yaml");
    assert_eq!(loud.len(), 1, "told once: {loud:#?}");

    scene.commits("Mend it", &[("broken.yaml", Some(config_map(name, "broken", "after")))]);
    scene.applied("broken", "after").await;
    logged(&mut agent, &["pruned", "bad-yaml/extra"]).await;
    let (code, sync) = told(&agent, &["sync"]).await;
    assert_eq!(code, 0, "{sync}");
    assert_eq!(agent.get("/readyz").await.unwrap(), (200, "ok\n".to_owned()));
}

/// What every other channel says while `broken.yaml` cannot be read.
async fn partial_everywhere(scene: &Scene, agent: &Agent, name: &str) {
    let (code, status) = told(agent, &["status"]).await;
    assert_eq!(code, 1, "{status}");
    says(&status, &["PROBLEM", "broken.yaml:8:"]);
    let (_, status) = told(agent, &["status", "-o", "json"]).await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["loops"]["sync/here"]["outcome"], "partial");
    says(&status["problems"][0].to_string(), &["broken.yaml:8:"]);
    says(
        &status["targets"]["here"]["problems"][0].to_string(),
        &["broken.yaml:8:"],
    );
    assert_eq!(status["targets"]["here"]["inSync"], false);
    let (ready, text) = agent.get("/readyz").await.unwrap();
    assert_eq!((ready, &*text), (200, "ok\npartial: sync/here\n"));
    let (_, metrics) = agent.get("/metrics").await.unwrap();
    says(
        &metrics,
        &[r#"tidegate_loop_passes_total{loop="sync",target="here",outcome="partial"}"#],
    );
    let records: Api<ConfigMap> = Api::namespaced(scene.client.clone(), NAMESPACE);
    let record = records.get(name).await.unwrap().data.unwrap();
    says(&record["problems"], &["broken.yaml:8:"]);
    let events: Api<Event> = Api::namespaced(scene.client.clone(), NAMESPACE);
    let events = events.list(&ListParams::default()).await.unwrap();
    let about = |event: &Event| {
        let regarding = event.regarding.as_ref().and_then(|object| object.name.as_deref());
        regarding == Some(name) && event.reason.as_deref() == Some("AppliedInPart")
    };
    let event = events.items.into_iter().find(about).unwrap();
    says(&event.note.unwrap_or_default(), &["broken.yaml:8:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_policy_and_an_unquoted_annotation_are_reported_with_their_lines_and_the_others_are_bumped() {
    let name = "bad-policy";
    let cluster = ControlPlane::shared().await.unwrap();
    let files = [
        (
            "api.yaml",
            workload(
                name,
                "api",
                "shop/web:1.0.0",
                &[AUTOMATED, "tidegate.dev/policy: semver:~>x.y"],
            ),
        ),
        (
            "bot.yaml",
            workload(name, "bot", "shop/web:1.0.0", &["fluxcd.io/automated: true", ANY]),
        ),
        (
            "job.yaml",
            workload(name, "job", "shop/web:1.0.0", &[AUTOMATED, "fluxcd.io/tag.ap: glob:*"]),
        ),
        ("web.yaml", workload(name, "web", "shop/web:1.0.0", &[AUTOMATED, ANY])),
    ];
    let scene = Scene::set(&cluster, name, &files).await;
    scene.pushed("shop/web", "1.1.0");
    let mut agent = scene.running().await;
    let policy = logged(&mut agent, &["WARN", "api.yaml"]).await;
    says(&policy, &["8:", "semver:~>x.y", "bad-policy/api"]);
    let unquoted = logged(&mut agent, &["WARN", "bot.yaml:7:"]).await;
    says(
        &unquoted,
        &[
            "fluxcd.io/automated is ignored: expected a string, found a boolean (true without quotes)",
            "write \"true\"",
        ],
    );
    let container = logged(&mut agent, &["WARN", "job.yaml:8:"]).await;
    says(
        &container,
        &["fluxcd.io/tag.ap", "the object has no such container", "(it has: app)"],
    );

    scene.committed("web.yaml", "shop/web:1.1.0").await;
    scene.runs("web", "1.1.0").await;
    scene.runs("api", "1.0.0").await;
    let refused = logged(&mut agent, &["WARN", "bot.yaml: "]).await;
    says(&refused, &["bad-policy/bot", "annotations"]);
    for path in ["api.yaml", "bot.yaml"] {
        let tip = scene.repo.tip().unwrap().unwrap();
        says(&scene.repo.file_at(&tip, path).unwrap(), &["shop/web:1.0.0"]);
    }
    let (_, plan) = told(&agent, &["plan"]).await;
    says(&plan, &["semver:~>x.y", "bot.yaml:7:", "job.yaml:8:"]);
    for part in ["api.yaml", "bot.yaml:7:", "bot.yaml: ", "job.yaml"] {
        let loud = warnings(&agent, part);
        assert_eq!(loud.len(), 1, "told once: {loud:#?}");
    }

    let mended = workload(
        name,
        "api",
        "shop/web:1.0.0",
        &[AUTOMATED, "tidegate.dev/policy: \"semver:~1\""],
    );
    let quoted = workload(name, "bot", "shop/web:1.0.0", &["fluxcd.io/automated: \"true\"", ANY]);
    scene.commits("Mend", &[("api.yaml", Some(mended)), ("bot.yaml", Some(quoted))]);
    scene.runs("api", "1.1.0").await;
    scene.runs("bot", "1.1.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_the_server_refuses_is_reported_in_its_words_and_applied_once_mended() {
    let name = "bad-object";
    let cluster = ControlPlane::shared().await.unwrap();
    let service = |port: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: {name}}}\nspec:\n  ports: [{{port: {port}}}]\n"
        )
    };
    let widget = format!("apiVersion: acme.example/v1\nkind: Widget\nmetadata: {{name: w, namespace: {name}}}\n");
    let files = [
        ("service.yaml", service("70000")),
        ("settings.yaml", config_map(name, "settings", "before")),
        ("web.yaml", workload(name, "web", "shop/web:1.0.0", &[AUTOMATED, ANY])),
        ("widget.yaml", widget),
    ];
    let scene = Scene::set(&cluster, name, &files).await;
    scene.pushed("shop/web", "1.0.0");
    let mut agent = scene.running().await;
    let line = logged(&mut agent, &["WARN", "service.yaml"]).await;
    says(
        &line,
        &["Service", "bad-object/web", "is invalid", "spec.ports[0].port"],
    );
    let kind = logged(&mut agent, &["WARN", "widget.yaml"]).await;
    says(
        &kind,
        &[
            "does not serve acme.example/v1",
            "Widget",
            "CustomResourceDefinition",
            "correct apiVersion and kind",
        ],
    );
    let noted = async || {
        let events: Api<Event> = Api::namespaced(scene.client.clone(), NAMESPACE);
        let events = events.list(&ListParams::default()).await.unwrap();
        events.items.into_iter().find(|event| {
            let regarding = event.regarding.as_ref().and_then(|object| object.name.as_deref());
            regarding == Some(name) && event.reason.as_deref() == Some("AppliedInPart")
        })
    };
    let deadline = tokio::time::Instant::now() + SOON;
    let event = loop {
        if let Some(event) = noted().await {
            break event;
        }
        assert!(tokio::time::Instant::now() < deadline, "kubectl shows no event");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    says(
        &event.note.unwrap_or_default(),
        &["2 problems", "service.yaml", "widget.yaml"],
    );

    scene.applied("settings", "before").await;
    scene.pushed("shop/web", "1.1.0");
    scene.runs("web", "1.1.0").await;
    scene.commits(
        "Another change",
        &[("settings.yaml", Some(config_map(name, "settings", "after")))],
    );
    scene.applied("settings", "after").await;
    let (code, sync) = told(&agent, &["sync"]).await;
    assert_eq!(code, 1, "{sync}");
    says(
        &sync,
        &["2 failed", "service.yaml: ", "spec.ports[0].port", "widget.yaml: "],
    );
    let loud = warnings(&agent, "service.yaml");
    assert_eq!(loud.len(), 1, "told once: {loud:#?}");

    scene.commits("Mend", &[("service.yaml", Some(service("80"))), ("widget.yaml", None)]);
    logged(&mut agent, &["created", "service.yaml"]).await;
    let (code, sync) = told(&agent, &["sync"]).await;
    assert_eq!(code, 0, "{sync}");
}
