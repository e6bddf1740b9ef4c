use super::scene::{Scene, create, delete, entry, holds, meta, patch, secret, uid};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use tidegate_stack::ControlPlane;

/// What kubed writes on its copies, by its source.
fn kubed_copy(namespace: &str, value: &[u8]) -> Secret {
    let origin = json!({"namespace": namespace, "name": "tls", "uid": "7", "resourceVersion": "9"}).to_string();
    let labels = [
        ("kubed.appscode.com/origin.name", "tls"),
        ("kubed.appscode.com/origin.namespace", namespace),
        ("kubed.appscode.com/origin.cluster", "one"),
        ("app", "shop"),
    ];
    let annotations = [
        ("kubed.appscode.com/origin", &*origin),
        ("kubed.appscode.com/sync", "copy=yes"),
    ];
    secret(meta("tls", &labels, &annotations), &[("key", value)])
}

#[tokio::test(flavor = "multi_thread")]
async fn kubed_s_annotations_go_on_working_and_its_copies_are_taken_over_in_place() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "copykubed").await;
    let from = scene.make_namespace("from", &[]).await;
    let label = scene.namespace("l");
    let first = scene.make_namespace("a", &[("copy", &label)]).await;
    let second = scene.make_namespace("b", &[("copy", &label)]).await;
    let wanted = format!("copy={label}");
    let annotation = [("kubed.appscode.com/sync", &*wanted)];
    let source = create(
        &scene.secrets(&from),
        &secret(meta("tls", &[], &annotation), &[("key", b"2")]),
    )
    .await;
    let old = create(&scene.secrets(&first), &kubed_copy(&from, b"1")).await;
    // Another object of the same name that kubed made of another source.
    let strange = create(&scene.secrets(&second), &kubed_copy("elsewhere", b"0")).await;
    let pattern = scene.namespace("*");

    scene.rules(&format!("{{annotated: [\"{pattern}\"], kind: Secret}}"), "");
    scene.agent.run().await.unwrap();
    scene
        .says(
            "here",
            &format!("Secret {first}/tls\":\"kubed made this copy of the same source"),
        )
        .await;
    assert_eq!(
        entry(&scene.secrets(&first).get("tls").await.unwrap(), "key"),
        Some(b"1".to_vec())
    );

    scene.rules(
        &format!("{{annotated: [\"{pattern}\"], kind: Secret, adopt: true}}"),
        "",
    );
    scene.restart().await;
    let copy = scene.becomes(scene.secrets(&first), "tls", holds("key", b"2")).await;
    assert_eq!(uid(&copy), uid(&old), "the copy is changed in place");
    let (labels, annotations) = (copy.metadata.labels.unwrap(), copy.metadata.annotations.unwrap());
    let is_kubed_s = |key: &String| key.starts_with("kubed.");
    assert!(
        !labels.keys().any(is_kubed_s) && !annotations.keys().any(is_kubed_s),
        "{labels:?} {annotations:?}"
    );
    assert_eq!(labels["app"], "shop");
    scene
        .says(
            "here",
            &format!("Secret {second}/tls\":\"an object of this name is there"),
        )
        .await;
    let untouched = scene.secrets(&second).get("tls").await.unwrap();
    assert_eq!(untouched.metadata.resource_version, strange.metadata.resource_version);

    // "false" selects namespaces with a label of that name: none. The copy goes, the source and the strange object stay.
    patch(
        &scene.secrets(&from),
        "tls",
        json!({"metadata": {"annotations": {"kubed.appscode.com/sync": "false"}}}),
    )
    .await;
    scene.gone(scene.secrets(&first), "tls").await;
    patch(
        &scene.secrets(&from),
        "tls",
        json!({"metadata": {"annotations": {"kubed.appscode.com/sync": wanted}}}),
    )
    .await;
    scene.becomes(scene.secrets(&first), "tls", holds("key", b"2")).await;
    // A selector that cannot be read freezes the copies.
    patch(
        &scene.secrets(&from),
        "tls",
        json!({"metadata": {"annotations": {"kubed.appscode.com/sync": "copy in ("}}}),
    )
    .await;
    scene.says("here", "its copies stay as they are").await;
    assert!(scene.secrets(&first).get_opt("tls").await.unwrap().is_some());
    // The annotation is taken away.
    patch(
        &scene.secrets(&from),
        "tls",
        json!({"metadata": {"annotations": {"kubed.appscode.com/sync": null}}}),
    )
    .await;
    scene.gone(scene.secrets(&first), "tls").await;
    assert_eq!(uid(&scene.secrets(&from).get("tls").await.unwrap()), uid(&source));
    delete(&scene.secrets(&second), "tls").await;
}
