//! What somebody changes in the cluster, and what becomes of it.

use super::scene::{Target, config_map, definition, deployment, service, widget};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tidegate::port::TargetApi as _;
use tidegate::resource::{Drift, Ignore, Intent};
use tidegate::sync::Change;
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

#[tokio::test]
async fn an_edited_field_is_put_back_with_exactly_one_apply() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-drift").await;
    let declared = target.plain(vec![deployment("web", "1"), deployment("api", "1")]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;

    let mark = control_plane.audit_mark();
    let edit =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "example.com/app:evil"}]}}}});
    let params = PatchParams {
        field_manager: Some("kubectl-set".into()),
        ..PatchParams::default()
    };
    let started = Instant::now();
    target
        .api::<Deployment>()
        .patch("web", &params, &Patch::Strategic(&edit))
        .await
        .unwrap();
    let report = target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
    println!("put back {:?} after the edit", started.elapsed());
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.applied[0].by.as_deref(), Some("kubectl-set"));
    let live = target.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(
        live.spec.template.spec.unwrap().containers[0].image.as_deref(),
        Some("example.com/app:1")
    );
    for _ in 0..10 {
        target.pass(&declared).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let requests = control_plane.requests_since(&mark).await.unwrap();
    let ours: Vec<_> = requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/") && request.resource == "deployments")
        .filter(|request| request.verb != "watch")
        .collect();
    assert_eq!(ours.len(), 1, "{ours:#?}");
    assert_eq!((ours[0].verb.as_str(), ours[0].name.as_str()), ("patch", "web"));
}

/// An entry of `managedFields` names fields and a second, and no values: what two processes of the agent wrote within a second
/// looks the same there.
#[tokio::test]
async fn what_another_process_of_the_agent_wrote_within_the_same_second_is_put_right() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-twin").await;
    for round in 0..3 {
        let (new, old) = (format!("new-{round}"), format!("old-{round}"));
        // At the beginning of a second, so that both write in it.
        let part = jiff::Timestamp::now().subsec_nanosecond();
        tokio::time::sleep(Duration::from_nanos(1_000_000_000 - part.unsigned_abs() as u64)).await;
        let declared = target.plain(vec![config_map("a", &new), deployment("web", &new)]);
        target.pass(&declared).await;
        let older = PatchParams::apply("tidegate").force();
        let (mut map, mut web) = (target.api::<ConfigMap>(), target.api::<Deployment>());
        for value in [config_map("a", &old), deployment("web", &old)] {
            overwrite(&mut map, &mut web, &older, value).await;
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        let is_right = async || {
            let map = map.get("a").await.unwrap().data.unwrap();
            let web = web.get("web").await.unwrap().spec.template.spec.unwrap();
            map["key"] == new && web.containers[0].image.as_deref() == Some(&format!("example.com/app:{new}"))
        };
        while !is_right().await {
            assert!(Instant::now() < deadline, "the older state stays in round {round}");
            target.pass(&declared).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        target.pass_until(&declared, |report| report.requests == 0).await;
    }
}

/// Applies a manifest as another process of the agent does, with the label of the live object.
async fn overwrite(map: &mut Api<ConfigMap>, web: &mut Api<Deployment>, params: &PatchParams, mut value: Value) {
    let labels = |live: Option<std::collections::BTreeMap<String, String>>| json!(live.unwrap_or_default());
    if value["kind"] == "ConfigMap" {
        value["metadata"]["labels"] = labels(map.get("a").await.unwrap().metadata.labels);
        map.patch("a", params, &Patch::Apply(&value)).await.unwrap();
    } else {
        value["metadata"]["labels"] = labels(web.get("web").await.unwrap().metadata.labels);
        web.patch("web", params, &Patch::Apply(&value)).await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_service_comes_back() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-gone").await;
    let declared = target.plain(vec![service("web"), config_map("a", "1")]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    target
        .api::<Service>()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    let report = target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
    assert_eq!(report.applied.len(), 1);
    assert!(target.api::<Service>().get("web").await.is_ok());
}

#[tokio::test]
async fn drift_is_reported_or_ignored_as_the_manifest_says() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-intent").await;
    let with = |drift, ignore| Intent {
        drift,
        ignore,
        ..Intent::default()
    };
    let declared = target.commit(vec![
        (config_map("warn", "1"), with(Drift::Warn, Ignore::No)),
        (config_map("ignore", "1"), with(Drift::Ignore, Ignore::No)),
        (config_map("not-applied", "1"), with(Drift::Repair, Ignore::Yes)),
    ]);
    target.pass(&declared).await;
    assert!(
        target
            .api::<ConfigMap>()
            .get_opt("not-applied")
            .await
            .unwrap()
            .is_none()
    );
    let edit = json!({"data": {"key": "edited"}});
    for name in ["warn", "ignore"] {
        target
            .api::<ConfigMap>()
            .patch(name, &PatchParams::default(), &Patch::Merge(&edit))
            .await
            .unwrap();
    }
    let report = target.pass_until(&declared, |report| !report.drifted.is_empty()).await;
    assert_eq!(report.drifted[0].id.name, "warn");
    assert!(report.applied.is_empty(), "{report:#?}");
    let live = target.api::<ConfigMap>().get("ignore").await.unwrap();
    assert_eq!(live.data.unwrap()["key"], "edited");
}

#[tokio::test]
async fn a_definition_that_is_taken_away_comes_back_with_its_objects() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-taken").await;
    let declared = target.plain(vec![definition(), widget("sync-taken")]);
    target.pass(&declared).await;
    target
        .pass_until(&declared, |report| report.requests == 0 && report.is_in_sync())
        .await;
    let definitions: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
        Api::all(target.client.clone());
    definitions
        .delete("widgets.example.com", &DeleteParams::default())
        .await
        .unwrap();
    target
        .pass_until(&declared, |report| report.count(Change::Repaired) > 0)
        .await;
    let widgets = kube::api::ApiResource {
        group: "example.com".into(),
        version: "v1".into(),
        api_version: "example.com/v1".into(),
        kind: "Widget".into(),
        plural: "widgets".into(),
    };
    let widgets: Api<kube::api::DynamicObject> = Api::namespaced_with(target.client.clone(), "sync-taken", &widgets);
    let mut back = None;
    let server = target.server.clone();
    let mut changes = server.observed().subscribe();
    for _ in 0..100 {
        target.pass(&declared).await;
        back = widgets.get_opt("w").await.ok().flatten();
        if back.is_some() {
            break;
        }
        let _ = tokio::time::timeout(Duration::from_millis(300), changes.changed()).await;
    }
    assert!(back.is_some());
    let report = target
        .pass_until(&declared, |report| report.is_in_sync() && report.unwatched.is_empty())
        .await;
    assert!(report.pruned.is_empty());

    let without = target.plain(vec![definition()]);
    let report = target.pass_until(&without, |report| !report.pruned.is_empty()).await;
    assert_eq!(report.pruned[0].kind, "Widget");
}

#[tokio::test]
async fn an_edited_secret_is_put_back_though_its_manifest_says_string_data() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-secret").await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": null},
        "stringData": {"password": "declared"}});
    let declared = target.plain(vec![secret]);
    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    target.pass_until(&declared, |report| report.requests == 0).await;
    let edit = json!({"stringData": {"password": "edited"}});
    let secrets = target.api::<k8s_openapi::api::core::v1::Secret>();
    secrets
        .patch("login", &PatchParams::default(), &Patch::Merge(&edit))
        .await
        .unwrap();
    target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
    assert_eq!(
        secrets.get("login").await.unwrap().data.unwrap()["password"].0,
        b"declared"
    );
}

/// `$(HOST)` resolves only behind `HOST`: the order of environment variables is content, and no manager owns it.
#[tokio::test]
async fn an_edit_of_the_order_of_a_list_is_put_back() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-order").await;
    let mut web = deployment("web", "1");
    web["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "HOST", "value": "web"}, {"name": "URL", "value": "http://$(HOST)/"}]);
    let declared = target.plain(vec![web, deployment("api", "1")]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;

    let names = |live: &Deployment| -> Vec<String> {
        let pod = live.spec.template.spec.as_ref().unwrap();
        let env = pod.containers[0].env.iter().flatten();
        env.map(|variable| variable.name.clone()).collect()
    };
    let api = target.api::<Deployment>();
    let mut live = api.get("web").await.unwrap();
    let pod = live.spec.template.spec.as_mut().unwrap();
    pod.containers[0].env.as_mut().unwrap().reverse();
    let edited = api.replace("web", &PostParams::default(), &live).await.unwrap();
    assert_eq!(names(&edited), ["URL", "HOST"]);
    let report = target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
    assert_eq!(report.looks, 1, "{report:#?}");
    assert_eq!(names(&api.get("web").await.unwrap()), ["HOST", "URL"]);

    // Somebody who changes what is not declared moves the generation, too: one request, and no repair.
    let scale = json!({"spec": {"paused": true}});
    let params = PatchParams {
        field_manager: Some("some-controller".into()),
        ..PatchParams::default()
    };
    target.pass_until(&declared, |report| report.requests == 0).await;
    let before = target.requests();
    api.patch("api", &params, &Patch::Merge(&scale)).await.unwrap();
    let report = target.pass_until(&declared, |report| !report.applied.is_empty()).await;
    assert_eq!(report.count(Change::Unchanged), 1, "{report:#?}");
    target.pass_until(&declared, |report| report.requests == 0).await;
    assert_eq!(target.requests() - before, 1);
}
