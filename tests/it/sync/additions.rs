//! What people add to live objects beside the manifest, and what becomes of it.

use super::scene::{Target, config_map, deployment};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tidegate::resource::{Drift, FieldPattern, Intent};
use tidegate::sync::{Approval, Change, SyncReport};
use tidegate_stack::ControlPlane;

async fn edit(target: &Target, name: &str, manager: Option<&str>, patch: Value) {
    let params = PatchParams {
        field_manager: manager.map(str::to_owned),
        ..PatchParams::default()
    };
    let api = target.api::<Deployment>();
    api.patch(name, &params, &Patch::Strategic(&patch)).await.unwrap();
}

fn container(fields: Value) -> Value {
    let mut container = fields;
    container["name"] = json!("app");
    json!({"spec": {"template": {"spec": {"containers": [container]}}}})
}

async fn live(target: &Target, name: &str) -> Value {
    serde_json::to_value(target.api::<Deployment>().get(name).await.unwrap()).unwrap()
}

fn repaired(report: &SyncReport) -> bool {
    report.count(Change::Repaired) == 1
}

#[tokio::test]
async fn fields_that_people_add_are_taken_away_with_who_and_what() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "added").await;
    let declared = target.plain(vec![deployment("web", "1"), config_map("a", "1")]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let debug = container(json!({"env": [{"name": "DEBUG", "value": "1"}]}));
    let undo =
        container(json!({"image": "example.com/app:0", "command": ["old"], "env": [{"name": "OLD", "value": "1"}]}));
    for (manager, patch, field) in [
        (
            Some("kubectl-set"),
            debug.clone(),
            "spec.template.spec.containers[name=app].env",
        ),
        (
            Some("kubectl-rollout"),
            json!({"spec": {"paused": true}}),
            "spec.paused",
        ),
        (
            Some("kubectl-rollout"),
            undo,
            "spec.template.spec.containers[name=app].command",
        ),
        (
            Some("k9s"),
            json!({"spec": {"minReadySeconds": 7}}),
            "spec.minReadySeconds",
        ),
    ] {
        let generation = live(&target, "web").await["metadata"]["generation"].as_i64().unwrap();
        edit(&target, "web", manager, patch).await;
        let report = target.pass_until(&declared, repaired).await;
        let object = &report.applied[0];
        assert_eq!(object.by.as_deref(), manager);
        assert!(
            object.removed.iter().any(|path| path.starts_with(field)),
            "{field}: {object:?}"
        );
        let now = live(&target, "web").await;
        let app = &now["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(app["image"], "example.com/app:1");
        assert!(app.get("env").is_none() && app.get("command").is_none(), "{app}");
        assert!(now["spec"].get("paused").is_none() && now["spec"].get("minReadySeconds").is_none());
        assert_eq!(now["metadata"]["generation"], generation + 2, "one edit, one repair");
        target.pass_until(&declared, |report| report.requests == 0).await;
    }
    let unnamed = control_plane.client_named("curl/8.9").await.unwrap();
    let maps = kube::Api::<ConfigMap>::namespaced(unnamed, "added");
    let patch = json!({"data": {"added": "by hand"}});
    maps.patch("a", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
    let report = target.pass_until(&declared, repaired).await;
    assert_eq!(
        (report.applied[0].by.as_deref(), report.applied[0].removed.clone()),
        (Some("curl"), vec!["data.added".to_owned()])
    );
    assert_eq!(maps.get("a").await.unwrap().data.unwrap().len(), 1);
}

#[tokio::test]
async fn what_people_rely_on_and_what_controllers_write_stays() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "relied-on").await;
    let mut web = deployment("web", "1");
    web["spec"].as_object_mut().unwrap().remove("replicas");
    let declared = target.plain(vec![web]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let restart =
        json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}});
    edit(&target, "web", Some("kubectl-rollout"), restart).await;
    let marks = json!({"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}});
    edit(&target, "web", Some("kubectl-label"), marks).await;
    let scaled = json!({"spec": {"replicas": 4}});
    edit(&target, "web", Some("kubectl-edit"), scaled.clone()).await;
    let params = PatchParams {
        field_manager: Some("kubectl".into()),
        ..PatchParams::default()
    };
    let api = target.api::<Deployment>();
    api.patch_scale("web", &params, &Patch::Merge(&scaled)).await.unwrap();
    edit(
        &target,
        "web",
        Some("vpa-updater"),
        container(json!({"resources": {"limits": {"cpu": "1"}}})),
    )
    .await;
    let before = live(&target, "web").await;
    let unchanged = target.requests();
    target.pass_until(&declared, |report| report.requests == 0).await;
    let looks = target.requests() - unchanged;
    assert!(looks <= 4, "one look for each move of the generation, found {looks}");
    let after = live(&target, "web").await;
    assert_eq!(
        after["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    // A change of the manifest leaves them, too.
    let mut next = deployment("web", "2");
    next["spec"].as_object_mut().unwrap().remove("replicas");
    let declared = target.plain(vec![next]);
    target.pass(&declared).await;
    let after = live(&target, "web").await;
    for pointer in [
        "/spec/replicas",
        "/metadata/labels/team",
        "/metadata/annotations/note",
        "/spec/template/metadata/annotations",
        "/spec/template/spec/containers/0/resources",
    ] {
        assert_eq!(after.pointer(pointer), before.pointer(pointer), "{pointer}");
        assert!(after.pointer(pointer).is_some(), "{pointer}");
    }
}

#[tokio::test]
async fn additions_are_kept_or_only_reported_where_the_manifest_says_so() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "kept").await;
    let ignoring = Intent {
        ignore_fields: FieldPattern::parse_list("spec.paused, spec.minReadySeconds").unwrap(),
        ..Intent::default()
    };
    let warning = Intent {
        drift: Drift::Warn,
        ..Intent::default()
    };
    let mut minimum = deployment("ignored", "1");
    minimum["spec"]["minReadySeconds"] = json!(1);
    let objects = vec![(minimum, ignoring), (deployment("warned", "1"), warning)];
    let declared = target.commit(objects);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let patch = json!({"spec": {"paused": true, "minReadySeconds": 9}});
    edit(&target, "ignored", Some("kubectl-edit"), patch).await;
    edit(
        &target,
        "warned",
        Some("kubectl-rollout"),
        json!({"spec": {"paused": true}}),
    )
    .await;
    let report = target.pass_until(&declared, |report| !report.drifted.is_empty()).await;
    let problems = report.problems().join("\n");
    assert!(problems.contains("kubectl-rollout added spec.paused"), "{problems}");
    target.pass_until(&declared, |report| report.requests == 0).await;
    assert_eq!(live(&target, "warned").await["spec"]["paused"], true);
    let ignored = live(&target, "ignored").await;
    assert_eq!(
        (&ignored["spec"]["paused"], &ignored["spec"]["minReadySeconds"]),
        (&json!(true), &json!(9))
    );
    // The plan of a process that remembers nothing finds what is to be removed.
    edit(
        &target,
        "ignored",
        Some("kubectl-set"),
        container(json!({"command": ["x"]})),
    )
    .await;
    target.restart(&control_plane).await;
    let preview = target
        .syncer
        .preview(&declared, Approval::default())
        .await
        .unwrap()
        .to_string();
    assert!(
        preview.contains("kubectl-set") && preview.contains("command"),
        "{preview}"
    );
}

#[tokio::test]
async fn an_object_that_hangs_on_a_finalizer_and_a_rollout_that_stalls_are_told() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "unsettled").await;
    let mut map = config_map("stuck", "1");
    map["metadata"]["finalizers"] = json!(["example.com/never"]);
    let mut web = deployment("web", "1");
    web["spec"]["progressDeadlineSeconds"] = json!(2);
    web["spec"]["minReadySeconds"] = json!(0);
    let declared = target.plain(vec![map, web]);
    target.pass(&declared).await;
    let maps = target.api::<ConfigMap>();
    maps.delete("stuck", &DeleteParams::default()).await.unwrap();
    let report = target.pass_until(&declared, |report| report.unsettled.len() == 2).await;
    assert!(!report.is_in_sync(), "{report:#?}");
    let problems = report.problems().join("\n");
    assert!(
        problems.contains("ConfigMap unsettled/stuck") && problems.contains("example.com/never"),
        "{problems}"
    );
    assert!(
        problems.contains("Deployment unsettled/web: it is not ready after"),
        "{problems}"
    );
    let record = kube::Api::<ConfigMap>::namespaced(target.client.clone(), "unsettled-agent");
    let record = record.get("here").await.unwrap().data.unwrap();
    assert!(record["problems"].contains("example.com/never"), "{record:?}");
    let preview = target
        .syncer
        .preview(&declared, Approval::default())
        .await
        .unwrap()
        .to_string();
    assert!(
        preview.contains("unwell") && preview.contains("example.com/never"),
        "{preview}"
    );
    let free = json!({"metadata": {"finalizers": null}});
    maps.patch("stuck", &PatchParams::default(), &Patch::Merge(&free))
        .await
        .unwrap();
    let report = target.pass_until(&declared, |report| report.unsettled.len() == 1).await;
    assert!(report.is_in_sync(), "{report:#?}");
}
