//! Defaults that the server set, and that do not fit what a later commit declares.

use super::scene::{Target, deployment};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tidegate::sync::{Approval, Change};
use tidegate_stack::ControlPlane;

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    object
}

fn stateful_set(name: &str) -> Value {
    let mut object = deployment(name, "1");
    object["kind"] = json!("StatefulSet");
    object
}

#[tokio::test]
async fn a_member_of_a_union_that_the_server_once_defaulted_makes_way() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-union").await;
    let volume = |name: &str, source: Value| {
        let mut volume = json!([{"name": "data"}, {"name": "other"}]);
        if let Some(source) = source.as_object() {
            volume[0].as_object_mut().unwrap().extend(source.clone());
        }
        with(deployment(name, "1"), "/spec/template/spec/volumes", volume)
    };
    let strategy = |name: &str, strategy| with(deployment(name, "1"), "/spec/strategy", strategy);
    let update = |strategy| with(stateful_set("db"), "/spec/updateStrategy", strategy);
    let before = vec![
        deployment("undeclared", "1"),
        strategy("named", json!({"type": "RollingUpdate"})),
        strategy(
            "set",
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}}),
        ),
        volume("volume", json!(null)),
        update(json!({"type": "RollingUpdate"})),
    ];
    let recreate = json!({"type": "Recreate"});
    let after = vec![
        with(deployment("undeclared", "2"), "/spec/strategy", recreate.clone()),
        strategy("named", recreate.clone()),
        strategy("set", recreate.clone()),
        volume("volume", json!({"configMap": {"name": "settings"}})),
        update(json!({"type": "OnDelete"})),
    ];
    let first = target.plain(before.clone());
    let report = target.pass(&first).await;
    assert!(report.is_in_sync(), "{report:#?}");
    let scaled = PatchParams {
        field_manager: Some("kube-controller-manager".into()),
        ..PatchParams::default()
    };
    let labelled = json!({"metadata": {"labels": {"theirs": "x"}}});
    let deployments = target.api::<Deployment>();
    deployments
        .patch("named", &scaled, &Patch::Merge(&labelled))
        .await
        .unwrap();

    let second = target.plain(after.clone());
    let preview = target.syncer.preview(&second, Approval::default()).await.unwrap();
    assert!(preview.failed.is_empty(), "{preview}");
    assert!(
        preview.objects.iter().all(|object| object.change == Change::Configured),
        "{preview}"
    );
    let report = target.pass(&second).await;
    assert!(report.is_in_sync(), "{report:#?}");
    assert_eq!(report.count(Change::Configured), 5);
    for name in ["undeclared", "named", "set"] {
        let live = deployments.get(name).await.unwrap();
        let strategy = live.spec.strategy.unwrap();
        assert_eq!(
            (strategy.type_.as_deref(), strategy.rolling_update),
            (Some("Recreate"), None)
        );
    }
    let live = deployments.get("named").await.unwrap();
    assert_eq!(live.metadata.labels.unwrap()["theirs"], "x", "what others own stays");
    let volumes = deployments
        .get("volume")
        .await
        .unwrap()
        .spec
        .template
        .spec
        .unwrap()
        .volumes
        .unwrap();
    assert!(
        volumes[0].config_map.is_some() && volumes[0].empty_dir.is_none(),
        "{volumes:?}"
    );
    assert!(volumes[1].empty_dir.is_some(), "a default that is not in the way stays");
    let update = target
        .api::<StatefulSet>()
        .get("db")
        .await
        .unwrap()
        .spec
        .update_strategy
        .unwrap();
    assert_eq!(
        (update.type_.as_deref(), update.rolling_update),
        (Some("OnDelete"), None)
    );

    let report = target.pass_until(&second, |report| report.requests == 0).await;
    assert_eq!(report.untouched, 5, "{report:#?}");
    let back = target.plain(before);
    let report = target.pass(&back).await;
    assert!(report.is_in_sync(), "and back again: {report:#?}");
}

#[tokio::test]
async fn what_cannot_change_is_refused_in_the_servers_words() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-immutable").await;
    let first = target.plain(vec![deployment("web", "1")]);
    target.pass(&first).await;
    let mut other = deployment("web", "1");
    for pointer in ["/spec/selector/matchLabels/app", "/spec/template/metadata/labels/app"] {
        *other.pointer_mut(pointer).unwrap() = json!("other");
    }
    let declared = target.plain(vec![other]);
    let before = target.requests();
    let report = target.pass(&declared).await;
    assert!(report.failed[0].message.contains("field is immutable"), "{report:#?}");
    assert!(target.requests() - before <= 3, "the refusal is not tried around");
}
