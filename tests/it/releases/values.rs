//! Values from elsewhere.

use super::scene::{Scene, chart};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use std::collections::BTreeMap;
use tidegate_stack::ControlPlane;

const SECRET: &str = "a-word-that-nobody-may-see";

#[tokio::test]
async fn values_are_merged_in_their_order_and_a_change_of_a_source_leads_to_an_upgrade() {
    let cluster = ControlPlane::shared().await.unwrap();
    let spec = "  valuesFrom:\n  - configMapKeyRef: {name: base}\n  - secretKeyRef: {name: login, optional: true}\n  \
        - chartFileRef: {path: prod.yaml}\n  values: {text: inline}\n";
    let chart = chart(&[("prod.yaml", "other: of the file\n")]);
    let mut scene = Scene::start(&cluster, "rel-values", chart, spec).await;
    let look = async |scene: &Scene| scene.status().await.to_string();
    scene
        .until("the missing ConfigMap", look, |text| {
            text.contains("ChartFetchFailed")
                && text.contains("key values.yaml of ConfigMap")
                && text.contains("is missing")
        })
        .await;
    let metadata = |name: &str| ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    let base = ConfigMap {
        metadata: metadata("base"),
        data: Some(BTreeMap::from([(
            "values.yaml".to_owned(),
            "text: base\nother: base\n".to_owned(),
        )])),
        ..ConfigMap::default()
    };
    scene.maps().create(&PostParams::default(), &base).await.unwrap();
    scene.settled("Succeeded", "inline").await;
    assert_eq!(
        scene.live("other").await.as_deref(),
        Some("of the file"),
        "a later source replaces an earlier one"
    );

    // Without the file, the Secret is the last source.
    let spec = "  valuesFrom:\n  - configMapKeyRef: {name: base}\n  - secretKeyRef: {name: login, optional: true}\n";
    scene.declare(spec);
    scene.settled("Succeeded", "base").await;
    let login = Secret {
        metadata: metadata("login"),
        string_data: Some(BTreeMap::from([(
            "values.yaml".to_owned(),
            format!("text: {SECRET}\n"),
        )])),
        ..Secret::default()
    };
    scene.secrets().create(&PostParams::default(), &login).await.unwrap();
    scene.settled("Succeeded", SECRET).await;
    let change = json!({"data": {"values.yaml": "text: base\nother: newer\n"}});
    scene
        .maps()
        .patch("base", &PatchParams::default(), &Patch::Merge(change))
        .await
        .unwrap();
    scene
        .until(
            "the ConfigMap's change",
            async |scene| scene.live("other").await,
            |text| text.as_deref() == Some("newer"),
        )
        .await;
    let status = scene.settled("Succeeded", SECRET).await;
    assert_eq!(scene.history().len(), 4);

    // A failure that quotes the value does not show it.
    scene.commit(&[(
        "charts/web/templates/map.yaml",
        "{{ fail (printf \"refused: %s\" .Values.text) }}\n",
    )]);
    let failed = scene
        .until("the failure", look, |text| {
            text.contains("DeployFailed") || text.contains("refused")
        })
        .await;
    assert!(failed.contains("refused: <hidden>"), "{failed}");
    for text in [status.to_string(), failed, scene.agent.log()] {
        assert!(!text.contains(SECRET), "{text}");
    }
}
