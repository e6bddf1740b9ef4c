//! What becomes of changes that somebody makes to the objects of a release.

use super::scene::{Scene, chart};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

const MORE: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: warned, annotations: {tidegate.dev/drift: warn}}
data: {text: declared}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ignored, annotations: {tidegate.dev/drift: ignore}}
data: {text: declared}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shared, annotations: {tidegate.dev/ignore-fields: data.text}}
data: {text: declared, other: declared}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {password: hunter2-declared}
";

const HOOK: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: hook, annotations: {helm.sh/hook: pre-install}, labels: {app.kubernetes.io/managed-by: Helm}}
data: {text: declared}
";

const WORKLOAD: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: registry.example/app:1}]}
";

async fn edit(scene: &Scene, name: &str, data: Value) {
    let by = PatchParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"data": data}));
    scene.maps().patch(name, &by, &patch).await.unwrap();
}

async fn data(scene: &Scene, name: &str, key: &str) -> Option<String> {
    let map: Option<ConfigMap> = scene.maps().get_opt(name).await.unwrap();
    map?.data?.get(key).cloned()
}

/// Waits until the agent has compared the objects of the newest revision.
async fn compared(scene: &mut Scene, revision: u64) {
    let look = async |scene: &Scene| scene.status().await["objects"].clone();
    let is = |objects: &Value| {
        objects["revision"] == revision && objects["digest"].as_str().is_some_and(|digest| !digest.is_empty())
    };
    scene.until("the objects compared", look, is).await;
}

#[tokio::test]
async fn what_somebody_changes_in_a_release_is_put_back_without_a_revision_unless_an_annotation_says_otherwise() {
    let cluster = ControlPlane::shared().await.unwrap();
    let files = chart(&[("templates/more.yaml", MORE), ("templates/hook.yaml", HOOK)]);
    let mut scene = Scene::start(&cluster, "rel-drifted", files, "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    compared(&mut scene, 1).await;

    for name in ["warned", "ignored", "hook"] {
        edit(&scene, name, json!({"text": "by hand"})).await;
    }
    edit(&scene, "shared", json!({"text": "by hand", "other": "by hand"})).await;
    edit(&scene, "web", json!({"text": "by hand", "other": null})).await;
    let secret = json!({"data": {"password": "YnktaGFuZA=="}});
    scene
        .secrets()
        .patch("hidden", &PatchParams::default(), &Patch::Merge(secret))
        .await
        .unwrap();
    let look = async |scene: &Scene| {
        let secret = scene.secrets().get("hidden").await.unwrap();
        let password = secret.data.unwrap()["password"].0.clone();
        (
            data(scene, "web", "text").await,
            data(scene, "web", "other").await,
            data(scene, "shared", "other").await,
            String::from_utf8(password).unwrap(),
        )
    };
    scene
        .until("git's values back", look, |seen| {
            let text = |text: &str| Some(text.to_owned());
            *seen
                == (
                    text("one"),
                    text("of the chart"),
                    text("declared"),
                    "hunter2-declared".to_owned(),
                )
        })
        .await;
    let look = async |scene: &Scene| scene.status().await["objects"]["drifted"].to_string();
    scene
        .until("the report", look, |text| {
            text.contains("warned: data.text changed by kubectl-edit, and not repaired (drift: warn)")
        })
        .await;
    for name in ["warned", "ignored", "hook", "shared"] {
        assert_eq!(data(&scene, name, "text").await.as_deref(), Some("by hand"), "{name}");
    }

    for name in ["web", "warned"] {
        scene.maps().delete(name, &DeleteParams::default()).await.unwrap();
    }
    scene
        .until(
            "the deleted object back",
            async |scene| data(scene, "web", "text").await,
            |text| text.as_deref() == Some("one"),
        )
        .await;
    assert_eq!(scene.history(), [(1, "deployed".to_owned())]);
    let log = scene.agent.log();
    assert!(log.contains("drift repaired") && log.contains("kubectl-edit"), "{log}");
    for value in ["hunter2", "aHVudGVyMi1kZWNsYXJlZA", "by hand"] {
        assert!(
            !log.contains(value) && !scene.status().await.to_string().contains(value),
            "{value}"
        );
    }

    // The next revision finds the objects as helm left them.
    scene.declare("  values: {text: two}\n");
    scene.settled("Succeeded", "two").await;
    compared(&mut scene, 2).await;
    assert_eq!(data(&scene, "warned", "text").await.as_deref(), Some("declared"));
    let values = scene.helm(&["get", "values", "web", "-o", "json"]).unwrap();
    assert_eq!(values.trim(), r#"{"text":"two"}"#);
}

#[tokio::test]
async fn an_autoscaler_keeps_its_replicas_and_a_person_who_scales_does_not() {
    let cluster = ControlPlane::shared().await.unwrap();
    let files = chart(&[("templates/app.yaml", WORKLOAD)]);
    let mut scene = Scene::start(&cluster, "rel-scaled", files, "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    compared(&mut scene, 1).await;
    let api: Api<k8s_openapi::api::apps::v1::Deployment> = Api::namespaced(scene.client.clone(), &scene.namespace);
    let scale = async |manager: &str, replicas: i32| {
        let by = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        api.patch_scale("app", &by, &patch).await.unwrap();
    };
    let replicas = async |_: &Scene| api.get("app").await.unwrap().spec.replicas;
    scale("kubectl", 7).await;
    scene
        .until("the replicas back", replicas, |replicas| *replicas == Some(2))
        .await;
    scale("kube-controller-manager", 5).await;
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "registry.example/app:by-hand"}]}}}});
    api.patch("app", &PatchParams::default(), &Patch::Strategic(image))
        .await
        .unwrap();
    let look = async |_: &Scene| {
        let spec = api.get("app").await.unwrap().spec;
        (spec.replicas, spec.template.spec.unwrap().containers[0].image.clone())
    };
    scene
        .until("the image back", look, |(_, image)| {
            image.as_deref() == Some("registry.example/app:1")
        })
        .await;
    assert_eq!(look(&scene).await.0, Some(5));
    assert_eq!(scene.history().len(), 1);
}

#[tokio::test]
async fn an_agent_that_starts_finds_what_changed_meanwhile_and_compares_nothing_else() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let mut scene = Scene::start(
        &cluster,
        "rel-meanwhile",
        chart(&[("templates/more.yaml", MORE)]),
        "  values: {text: one}\n",
    )
    .await;
    scene.settled("Succeeded", "one").await;
    compared(&mut scene, 1).await;
    scene.agent.stop().await.unwrap();
    let writes = |requests: &[tidegate_stack::control_plane::AuditRequest]| -> Vec<String> {
        let of_objects = requests.iter().filter(|request| {
            request.user_agent.starts_with("tidegate/")
                && ["configmaps", "secrets"].contains(&request.resource.as_str())
        });
        of_objects
            .filter(|request| request.verb == "patch" && request.namespace == scene.namespace)
            .map(|request| format!("{request:?}"))
            .collect()
    };
    let mark = cluster.audit_mark();
    scene.agent.run().await.unwrap();
    scene.agent.ask(&["sync"]).await.unwrap();
    let status = scene.status().await;
    let requests = cluster.requests_since(&mark).await.unwrap();
    assert_eq!(writes(&requests), [""; 0]);
    assert_eq!(scene.status().await, status);
    scene.agent.stop().await.unwrap();

    edit(&scene, "web", json!({"text": "by hand"})).await;
    scene.maps().delete("shared", &DeleteParams::default()).await.unwrap();
    scene.agent.run().await.unwrap();
    let look = async |scene: &Scene| (data(scene, "web", "text").await, data(scene, "shared", "text").await);
    scene
        .until("both back", look, |(web, shared)| {
            web.as_deref() == Some("one") && shared.is_some()
        })
        .await;
    let resource: Api<DynamicObject> = scene.releases();
    assert!(resource.get_opt("web").await.unwrap().is_some());
    assert_eq!(scene.history().len(), 1);
}
