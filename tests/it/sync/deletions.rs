//! What is deleted, and what is not without being confirmed.

use super::scene::{Target, config_map, definition, service, widget};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::ResourceExt;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tidegate::sync::{Approval, Change};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

#[tokio::test]
async fn what_left_the_repo_is_deleted_and_what_is_not_ours_alone_stays() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-prune").await;
    let keep = |value: Value, key: &str, text: &str| {
        let mut value = value;
        value["metadata"]["annotations"] = json!({key: text});
        value
    };
    let mut objects: Vec<Value> = (0..30).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": null},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let all = |objects: &[Value]| {
        let mut all = objects.to_vec();
        all.extend([
            service("web"),
            keep(config_map("kept", "1"), "tidegate.dev/prune", "disabled"),
            keep(config_map("sync-only", "1"), "fluxcd.io/ignore", "sync_only"),
            claim.clone(),
        ]);
        all
    };
    let declared = target.plain(all(&objects));
    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    let owned = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web",
        "uid": target.api::<Service>().get("web").await.unwrap().uid().unwrap()}]}});
    target
        .api::<ConfigMap>()
        .patch("c1", &PatchParams::default(), &Patch::Merge(&owned))
        .await
        .unwrap();
    // Other tools take objects over that were the agent's.
    let marks = [
        (
            "c2",
            "kustomize-controller",
            json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}),
        ),
        (
            "c3",
            "argocd-controller",
            json!({"annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:x/c3"}}),
        ),
        (
            "c4",
            "helm",
            json!({"annotations": {"meta.helm.sh/release-name": "web"}}),
        ),
    ];
    for (name, manager, marks) in marks {
        let params = PatchParams {
            field_manager: Some(manager.into()),
            ..PatchParams::default()
        };
        let marked = Patch::Merge(json!({"metadata": marks}));
        target.api::<ConfigMap>().patch(name, &params, &marked).await.unwrap();
    }
    let label = target.api::<ConfigMap>().get("c0").await.unwrap().labels().clone();
    let copied = ConfigMap {
        metadata: ObjectMeta {
            name: Some("copied-label".into()),
            labels: Some(label),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    target
        .api::<ConfigMap>()
        .create(&PostParams::default(), &copied)
        .await
        .unwrap();

    let forged = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "forged", "labels": copied.metadata.labels}, "data": {"k": "v"}});
    let as_agent = PatchParams::apply("tidegate").force();
    target
        .api::<ConfigMap>()
        .patch("forged", &as_agent, &Patch::Apply(&forged))
        .await
        .unwrap();

    objects.drain(0..5);
    let shrunk = target.plain(objects.clone());
    let report = target
        .pass_until(&shrunk, |report| report.retained.len() == 9 && report.pruned.is_empty())
        .await;
    let left = |name: &'static str| {
        let api = target.api::<ConfigMap>();
        async move { api.get_opt(name).await.unwrap().is_some() }
    };
    assert!(!left("c0").await, "undeclared: {report:#?}");
    assert!(left("c1").await, "owned by another object");
    assert!(
        left("c2").await && left("c3").await && left("c4").await,
        "other tools have them now"
    );
    assert!(left("kept").await && left("sync-only").await && left("copied-label").await);
    assert!(left("forged").await, "neither the label nor the field manager is proof");
    assert!(target.api::<Service>().get_opt("web").await.unwrap().is_none());
    let claims = target.api::<k8s_openapi::api::core::v1::PersistentVolumeClaim>();
    assert!(claims.get_opt("data").await.unwrap().is_some(), "holds data");
}

#[tokio::test]
async fn nothing_is_deleted_after_an_incomplete_reading_or_above_the_limit_until_confirmed() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-limit").await;
    let objects: Vec<Value> = (0..12).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let count = async |target: &Target| {
        let maps = target.api::<ConfigMap>().list(&Default::default()).await.unwrap();
        maps.iter().filter(|map| map.name_any().starts_with('c')).count()
    };

    let mut broken = target.plain(objects[..11].to_vec());
    broken.complete = false;
    let report = target.pass(&broken).await;
    assert!(
        report.prune_blocked.as_ref().unwrap().contains("not every file"),
        "{report:#?}"
    );
    assert_eq!(count(&target).await, 12);

    let emptied = target.plain(vec![]);
    let report = target.pass(&emptied).await;
    let waiting = report.waiting.as_ref().unwrap();
    assert_eq!(waiting.objects.len(), 12);
    assert!(
        waiting
            .remedy
            .contains(&format!("tidegate confirm {}", emptied.commit.short())),
        "{}",
        waiting.remedy
    );
    assert_eq!(count(&target).await, 12);

    let approval = Approval {
        confirmed: Some(declared.commit),
        ..Approval::default()
    };
    let report = target.syncer.pass(&emptied, approval).await;
    assert!(report.waiting.is_some(), "another commit was confirmed");
    let approval = Approval {
        confirmed: Some(emptied.commit),
        ..Approval::default()
    };
    let report = target.syncer.pass(&emptied, approval).await;
    assert_eq!(report.pruned.len(), 12, "{report:#?}");
    assert_eq!(count(&target).await, 0);
}

#[tokio::test]
async fn a_rewritten_history_applies_and_deletes_nothing_until_confirmed() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-history").await;
    let objects: Vec<Value> = (0..12).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let other = target.plain(objects[..11].to_vec());
    let broken = Approval {
        history_broken: true,
        ..Approval::default()
    };
    let report = target.syncer.pass(&other, broken).await;
    assert_eq!(report.waiting.unwrap().objects.len(), 1);
    assert_eq!(target.syncer.last_applied().await.unwrap(), Some(declared.commit));
    let approval = Approval {
        confirmed: Some(other.commit),
        ..broken
    };
    assert_eq!(target.syncer.pass(&other, approval).await.pruned.len(), 1);
    assert_eq!(target.syncer.last_applied().await.unwrap(), Some(other.commit));
}

#[tokio::test]
async fn a_restarted_agent_finds_its_record_and_deletes_what_left_meanwhile() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-restart").await;
    let mut objects: Vec<Value> = (0..8).map(|n| config_map(&format!("c{n}"), "1")).collect();
    objects.push(service("web"));
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;

    target.restart(&control_plane).await;
    assert_eq!(target.syncer.last_applied().await.unwrap(), Some(declared.commit));
    objects.pop();
    let without_service = target.plain(objects);
    let report = target.pass(&without_service).await;
    assert_eq!(
        report.pruned.len(),
        1,
        "the record names kinds that are no longer declared: {report:#?}"
    );
    assert_eq!(report.count(Change::Unchanged), 8);
}

/// A Service with a node port and an address of its own.
fn exposed(name: &str, port: u16, address: &str) -> Value {
    let mut object = service(name);
    object["spec"]["type"] = json!("NodePort");
    object["spec"]["ports"][0]["nodePort"] = json!(port);
    object["spec"]["clusterIP"] = json!(address);
    object
}

#[tokio::test]
async fn a_service_is_renamed_with_its_node_port_and_its_address() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-rename").await;
    let kept: Vec<Value> = (0..8).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let first = target.plain([kept.clone(), vec![service("probe")]].concat());
    target.pass(&first).await;
    let probe = target.api::<Service>().get("probe").await.unwrap();
    let address = probe.spec.unwrap().cluster_ip.unwrap();
    let (network, _) = address.rsplit_once('.').unwrap();
    let address = format!("{network}.77");
    let with = |target: &mut Target, services: Vec<Value>| target.plain([kept.clone(), services].concat());
    let second = with(&mut target, vec![exposed("old", 30_777, &address), service("probe")]);
    assert!(target.pass(&second).await.is_in_sync());
    target.pass_until(&second, |report| report.requests == 0).await;

    let renamed = with(&mut target, vec![exposed("new", 30_777, &address), service("probe")]);
    let preview = target.syncer.preview(&renamed, Approval::default()).await.unwrap();
    assert!(
        preview.failed.is_empty() && preview.prune_blocked.is_none(),
        "{preview}"
    );
    assert_eq!(preview.deletions.len(), 1, "{preview}");
    let report = target.pass(&renamed).await;
    assert!(report.is_in_sync(), "{report:#?}");
    assert_eq!(
        (report.pruned.len(), report.count(Change::Created)),
        (1, 1),
        "{report:#?}"
    );
    let services = target.api::<Service>();
    assert!(services.get_opt("old").await.unwrap().is_none());
    let live = services.get("new").await.unwrap().spec.unwrap();
    assert_eq!(live.cluster_ip, Some(address.clone()));
    assert_eq!(live.ports.unwrap()[0].node_port, Some(30_777));
    target.pass_until(&renamed, |report| report.requests == 0).await;

    // What the refused object asks for is not what the deletion sets free.
    let taken = probe_port(&target).await;
    let clash = with(&mut target, vec![exposed("newer", taken, ""), service("probe")]);
    let preview = target.syncer.preview(&clash, Approval::default()).await.unwrap();
    let report = target.pass(&clash).await;
    assert!(report.failed[0].message.contains("already allocated"), "{report:#?}");
    assert!(report.pruned.is_empty() && preview.deletions.is_empty(), "{report:#?}");
    assert_eq!(preview.prune_blocked, report.prune_blocked);
    assert!(services.get_opt("new").await.unwrap().is_some());
}

/// The node port of a Service that somebody else made.
async fn probe_port(target: &Target) -> u16 {
    let mut theirs = exposed("theirs", 30_778, "");
    theirs["metadata"]["namespace"] = json!(target.namespace);
    theirs["spec"].as_object_mut().unwrap().remove("clusterIP");
    let theirs: Service = serde_json::from_value(theirs).unwrap();
    target
        .api::<Service>()
        .create(&PostParams::default(), &theirs)
        .await
        .unwrap();
    30_778
}

#[tokio::test]
async fn a_group_that_does_not_answer_concerns_only_who_has_objects_of_it() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-group").await;
    let broken: kube::api::DynamicObject = serde_json::from_value(json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.example.com"},
        "spec": {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 10,
            "insecureSkipTLSVerify": true, "service": {"namespace": "sync-group", "name": "nobody", "port": 443}},
    }))
    .unwrap();
    let resource = kube::api::ApiResource {
        group: "apiregistration.k8s.io".into(),
        version: "v1".into(),
        api_version: "apiregistration.k8s.io/v1".into(),
        kind: "APIService".into(),
        plural: "apiservices".into(),
    };
    let services = kube::Api::<kube::api::DynamicObject>::all_with(target.client.clone(), &resource);
    services.create(&PostParams::default(), &broken).await.unwrap();
    let maps = |count: usize| {
        (0..count)
            .map(|n| config_map(&format!("c{n}"), "1"))
            .collect::<Vec<_>>()
    };
    let first = target.plain(maps(8));
    assert!(target.pass(&first).await.is_in_sync());
    target.pass_until(&first, |report| report.requests == 0).await;
    let second = target.plain(maps(7));
    let report = target.pass(&second).await;
    assert!(
        report.is_in_sync() && report.pruned.len() == 1,
        "nothing of the set is in the group: {report:#?}"
    );

    let third = target.plain([maps(6), vec![widget("sync-group")]].concat());
    let report = target
        .pass_until(&third, |report| {
            report
                .failed
                .iter()
                .any(|failed| failed.message.contains("example.com does not answer"))
        })
        .await;
    assert!(report.outage.is_none() && report.failed.len() == 1, "{report:#?}");
    let count = target.api::<ConfigMap>().list(&Default::default()).await.unwrap();
    assert_eq!(count.iter().filter(|map| map.name_any().starts_with('c')).count(), 6);

    services.delete("v1.example.com", &Default::default()).await.unwrap();
    let mended = target.plain([maps(6), vec![widget("sync-group"), definition()]].concat());
    target.pass_until(&mended, |report| report.is_in_sync()).await;
}
