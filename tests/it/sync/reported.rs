//! Rejected objects, an absent server, rollouts and previews: what the reports say.

use super::scene::{Target, config_map, connect_with, deployment, service};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::cluster::Access;
use tidegate::model::TargetId;
use tidegate::resource::DeletionLimit;
use tidegate::sync::{Approval, Change, Syncer};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

#[tokio::test]
async fn a_rejected_object_is_reported_with_the_servers_message_and_the_others_go_on() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-refused").await;
    let mut bad = service("bad");
    bad["spec"]["ports"][0]["port"] = json!(99_999);
    let mut typo = deployment("typo", "1");
    typo["spec"]["replicaz"] = json!(2);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret", "namespace": null},
        "stringData": {"pin": 918_273_645, "config.yaml": {"password": "hunter22"}}, "data": {"a": ["hunter22"]}});
    let mut env = deployment("env", "1");
    env["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "PIN", "value": 918_273_645}]);
    let unknown =
        json!({"apiVersion": "nowhere.example.com/v1", "kind": "Thing", "metadata": {"name": "x", "namespace": null}});
    let declared = target.plain(vec![bad, config_map("good", "1"), typo, unknown, secret, env]);
    let report = target.pass(&declared).await;
    assert_eq!(report.count(Change::Created), 1, "{report:#?}");
    let problems = report.problems().join("\n");
    println!("{problems}");
    for part in [
        "workloads/0000.yaml: Service sync-refused/bad: Service \"bad\" is invalid",
        "spec.ports[0].port",
        "replicaz",
        "stringData.config.yaml",
        "env[name=\"PIN\"].value: expected string",
        "the cluster does not serve nowhere.example.com/v1 Thing",
    ] {
        assert!(problems.contains(part), "{part} is not in\n{problems}");
    }
    assert_eq!(report.failed.len(), 5);
    assert!(problems.contains("Secret sync-refused/secret"), "{problems}");
    for value in ["918273645", "hunter22"] {
        assert!(!problems.contains(value), "{value} is in\n{problems}");
    }
    assert!(report.next_try.is_some());
    let before = target.requests();
    let again = target.pass(&declared).await;
    assert_eq!(again.failed.len(), 5, "reported until it is corrected");
    assert_eq!(target.requests(), before, "not hammered");
}

#[tokio::test]
async fn an_api_server_that_is_away_is_one_error_and_the_next_pass_carries_on() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-away").await;
    let objects: Vec<Value> = (0..50).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    control_plane.stop_api_server();
    let changed: Vec<Value> = (0..50).map(|n| config_map(&format!("c{n}"), "2")).collect();
    let declared = target.plain(changed);
    let report = target.pass(&declared).await;
    let outage = report.outage.unwrap();
    println!("{outage}");
    assert!(
        outage.contains("cannot be reached") && outage.contains("127.0.0.1"),
        "{outage}"
    );
    assert!(report.failed.is_empty() && report.pruned.is_empty());
    control_plane.start_api_server().await.unwrap();
    target
        .pass_until(&declared, |report| report.is_in_sync() && report.unwatched.is_empty())
        .await;
    let live = target.api::<ConfigMap>().get("c49").await.unwrap();
    assert_eq!(live.data.unwrap()["key"], "2");
    target
        .api::<ConfigMap>()
        .delete("c7", &DeleteParams::default())
        .await
        .unwrap();
    target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
}

#[tokio::test]
async fn a_preview_says_what_would_happen_and_writes_nothing() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-preview").await;
    let objects: Vec<Value> = (0..8).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    let versions = async |target: &Target| -> BTreeMap<String, Option<String>> {
        let maps = target.api::<ConfigMap>().list(&Default::default()).await.unwrap();
        maps.iter()
            .map(|map| (map.name_any(), map.resource_version()))
            .collect()
    };
    let before = versions(&target).await;
    // Server-side apply records times in whole seconds, and a ConfigMap has no generation.
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    target.restart(&control_plane).await;
    let mut next = objects[..7].to_vec();
    next[0] = config_map("c0", "2");
    next.push(deployment("new", "1"));
    let declared = target.plain(next);
    let preview = target.syncer.preview(&declared, Approval::default()).await.unwrap();
    let text = preview.to_string();
    println!("{text}");
    assert!(
        text.contains("apply  ConfigMap sync-preview/c0: configured (workloads/0000.yaml)"),
        "{text}"
    );
    assert!(text.contains("apply  Deployment sync-preview/new: created"), "{text}");
    assert!(text.contains("prune  ConfigMap sync-preview/c7"), "{text}");
    assert!(text.ends_with("6 objects are as declared\n"), "{text}");
    assert_eq!(versions(&target).await, before);
}

#[tokio::test]
async fn a_rollout_is_followed_to_its_end_and_a_stuck_one_says_what_it_waits_for() {
    let control_plane = ControlPlane::shared_with_pods().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-rollout").await;
    let declared = target.plain(vec![deployment("web", "1")]);
    let started = Instant::now();
    target
        .pass_until(&declared, |report| report.unready.is_empty() && report.untouched == 1)
        .await;
    println!("applied and rolled out in {:?}", started.elapsed());
    let stuck = target.plain(vec![deployment("web", "2-unready")]);
    let report = target
        .pass_until(&stuck, |report| {
            report
                .unready
                .first()
                .is_some_and(|(_, health)| health.to_string().contains("old replicas to go"))
        })
        .await;
    println!("{}", report.unready[0].1);
    let corrected = target.plain(vec![deployment("web", "3")]);
    target
        .pass_until(&corrected, |report| report.unready.is_empty() && report.untouched == 1)
        .await;
}

#[tokio::test]
async fn an_account_without_rights_reports_what_it_lacks_and_does_the_rest() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-rights").await;
    let client = target.client.clone();
    let account: k8s_openapi::api::core::v1::ServiceAccount =
        serde_json::from_value(json!({"metadata": {"name": "agent"}})).unwrap();
    let agents = "sync-rights-agent";
    Api::namespaced(client.clone(), agents)
        .create(&PostParams::default(), &account)
        .await
        .unwrap();
    let role: k8s_openapi::api::rbac::v1::ClusterRole = serde_json::from_value(json!({
        "metadata": {"name": "agent"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]}],
    }))
    .unwrap();
    Api::all(client.clone())
        .create(&PostParams::default(), &role)
        .await
        .unwrap();
    let binding: k8s_openapi::api::rbac::v1::ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": {"name": "agent"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "agent"},
        "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": agents}],
    }))
    .unwrap();
    Api::all(client).create(&PostParams::default(), &binding).await.unwrap();
    let token = control_plane.service_account_token(agents, "agent").await.unwrap();
    let access = Access::Kubeconfig {
        path: control_plane.kubeconfig_for_token(&token).unwrap(),
        context: None,
    };
    let cluster = connect_with(access, TargetId::here(), agents).await;
    target.server = Arc::clone(&cluster.api);
    target.syncer = Syncer::new(cluster, DeletionLimit::default());
    let declared = target.plain(vec![config_map("a", "1"), service("web")]);
    let report = target.pass(&declared).await;
    let problems = report.problems().join("\n");
    println!("{problems}");
    assert_eq!(report.count(Change::Created), 1, "{report:#?}");
    assert!(problems.contains("cannot patch resource \"services\""), "{problems}");
    assert!(
        problems.contains("Service cannot be watched, drift is not noticed: services is forbidden"),
        "{problems}"
    );
    let rule = r#"rbac: {extraRules: [{apiGroups: [""], resources: ["services"], verbs: [get, list, watch, create, patch, delete]}]}"#;
    assert!(problems.contains(rule), "{problems}");
    let more = target.plain(vec![
        config_map("a", "1"),
        service("web"),
        service("api"),
        service("db"),
    ]);
    let report = target.pass(&more).await;
    let problems = report.problems();
    assert_eq!(report.failed.len(), 3, "{report:#?}");
    let lines = problems
        .iter()
        .filter(|line| line.contains("cannot patch resource \"services\""));
    assert_eq!(lines.count(), 1, "one line for one missing right: {problems:#?}");
}
