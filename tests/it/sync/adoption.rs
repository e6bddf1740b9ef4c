//! Objects that others made: whose are taken over, what is said about them, and what becomes of their fields.

use super::scene::{Target, config_map, connect, deployment, service};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use tidegate::resource::{Adoption, DeletionLimit, Intent};
use tidegate::sync::{Approval, Change, SyncReport, Syncer};
use tidegate_stack::ControlPlane;

/// Somebody creates an object under this field manager.
async fn make<K>(target: &Target, manager: &str, value: Value)
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let params = PostParams {
        field_manager: Some(manager.into()),
        ..PostParams::default()
    };
    let object: K = serde_json::from_value(value).unwrap();
    target.api::<K>().create(&params, &object).await.unwrap();
}

/// What `kubectl apply` leaves: its annotation, labels, and fields that git does not have.
fn web_of_kubectl() -> Value {
    let mut web = deployment("web", "1");
    web["metadata"]["labels"] = json!({"old": "label"});
    web["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"});
    web["spec"]["replicas"] = json!(3);
    web["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "OLD", "value": "1"}]);
    web
}

fn named_port(port: u16) -> Value {
    let mut web = service("web");
    web["spec"]["ports"] = json!([{"name": "http", "port": port}]);
    web
}

fn adopted(report: &SyncReport) -> Vec<(String, String)> {
    let adopted = report.applied.iter().filter(|object| object.change == Change::Adopted);
    adopted
        .map(|object| (object.id.to_string(), object.by.clone().unwrap()))
        .collect()
}

#[tokio::test]
async fn at_first_contact_the_fields_of_kubectl_become_the_agents_and_leave_with_git() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "adopt-kubectl").await;
    make::<Deployment>(&target, "kubectl-client-side-apply", web_of_kubectl()).await;
    make::<Service>(&target, "kubectl-client-side-apply", named_port(80)).await;
    let scaler = PatchParams {
        field_manager: Some("kube-controller-manager".into()),
        ..PatchParams::default()
    };
    let injected = json!({"spec": {"template": {"spec": {"nodeSelector": {"injected": "by-a-controller"}}}}});
    let deployments = target.api::<Deployment>();
    let scaled = json!({"spec": {"replicas": 5}});
    deployments
        .patch_scale("web", &scaler, &Patch::Merge(&scaled))
        .await
        .unwrap();
    deployments
        .patch("web", &scaler, &Patch::Merge(&injected))
        .await
        .unwrap();

    let mut web = deployment("web", "1");
    web["spec"].as_object_mut().unwrap().remove("replicas");
    web["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["new"]);
    let declared = target.plain(vec![web.clone(), named_port(8080), config_map("new", "1")]);
    let preview = target.syncer.preview(&declared, Approval::default()).await.unwrap();
    let text = preview.to_string();
    assert!(
        text.contains("Deployment adopt-kubectl/web: adopted from kubectl-client-side-apply"),
        "{text}"
    );
    assert!(
        text.contains("Service adopt-kubectl/web: adopted from kubectl-client-side-apply"),
        "{text}"
    );
    let report = target.pass(&declared).await;
    assert!(report.failed.is_empty(), "{report:#?}");
    assert_eq!(adopted(&report).len(), 2, "{report:#?}");
    assert_eq!(report.count(Change::Created), 1);

    let live = deployments.get("web").await.unwrap();
    let spec = live.spec;
    let pod = spec.template.spec.unwrap();
    assert_eq!(
        spec.replicas,
        Some(5),
        "replicas that git does not declare keep their value"
    );
    assert_eq!(pod.containers[0].env, None, "what git does not have is gone");
    assert!(pod.node_selector.is_some(), "what a controller wrote stays");
    let labels = live.metadata.labels.unwrap();
    assert!(!labels.contains_key("old"), "{labels:?}");
    assert!(
        !live
            .metadata
            .annotations
            .unwrap_or_default()
            .keys()
            .any(|key| key.contains("last-applied")),
        "kubectl's copy of the manifest is out of date"
    );
    let ports = target
        .api::<Service>()
        .get("web")
        .await
        .unwrap()
        .spec
        .unwrap()
        .ports
        .unwrap();
    assert_eq!(ports.iter().map(|port| port.port).collect::<Vec<_>>(), [8080]);

    target.pass_until(&declared, |report| report.requests == 0).await;
    web["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .remove("args");
    let without = target.plain(vec![
        web,
        named_port(8081),
        config_map("new", "1"),
        config_map("more", "1"),
    ]);
    let report = target.pass(&without).await;
    assert!(report.failed.is_empty() && adopted(&report).is_empty(), "{report:#?}");
    let live = deployments.get("web").await.unwrap();
    let container = &live.spec.template.spec.unwrap().containers[0];
    assert_eq!(container.args, None, "a field that leaves git leaves the cluster");
    let fewer = target.plain(vec![named_port(8081), config_map("new", "1"), config_map("more", "1")]);
    target.pass_until(&fewer, |report| report.pruned.len() == 1).await;
}

#[tokio::test]
async fn what_another_tool_marks_as_its_own_is_refused_until_its_owner_says_otherwise() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "adopt-tools").await;
    let marks = [
        (
            "helm",
            json!({"annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "x"}}),
        ),
        (
            "kustomize-controller",
            json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}),
        ),
        (
            "argocd-controller",
            json!({"annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:x/c"}}),
        ),
    ];
    for (index, (manager, metadata)) in marks.into_iter().enumerate() {
        let mut map = config_map(&format!("c{index}"), "theirs");
        for (key, value) in metadata.as_object().unwrap() {
            map["metadata"][key] = value.clone();
        }
        make::<ConfigMap>(&target, manager, map).await;
    }
    let maps: Vec<Value> = (0..3).map(|n| config_map(&format!("c{n}"), "ours")).collect();
    let declared = target.plain(maps.clone());
    let report = target.pass(&declared).await;
    let problems = report.problems().join("\n");
    for owner in [
        "Helm release x/web",
        "Flux Kustomization flux-system/apps",
        "Argo CD application web",
    ] {
        assert!(problems.contains(owner), "{problems}");
    }
    assert_eq!(report.failed.len(), 3, "{problems}");
    let value = |name: &'static str| {
        let api = target.api::<ConfigMap>();
        async move { api.get(name).await.unwrap().data.unwrap()["key"].clone() }
    };
    assert_eq!(value("c0").await, "theirs");

    let annotate = json!({"metadata": {"annotations": {"tidegate.dev/adopt": "true"}}});
    let params = PatchParams {
        field_manager: Some("kubectl-annotate".into()),
        ..PatchParams::default()
    };
    let api = target.api::<ConfigMap>();
    api.patch("c0", &params, &Patch::Merge(&annotate)).await.unwrap();
    let with_intent = Intent {
        adopt: true,
        ..Intent::default()
    };
    let intents = [Intent::default(), with_intent, Intent::default()];
    let declared = target.commit(maps.into_iter().zip(intents).collect());
    let report = target.pass_until(&declared, |report| report.failed.len() == 1).await;
    assert!(report.problems()[0].contains("Argo CD"), "{report:#?}");
    let cluster = connect(&control_plane, "adopt-tools").await;
    target.server = cluster.api.clone();
    target.syncer = Syncer::new(cluster, DeletionLimit::default()).adopting(Adoption::All);
    let report = target.pass(&declared).await;
    assert_eq!(adopted(&report).len(), 1, "{report:#?}");
    for name in ["c0", "c1", "c2"] {
        let live = api.get(name).await.unwrap();
        assert_eq!(live.data.unwrap()["key"], "ours");
        let marks = format!("{:?} {:?}", live.metadata.labels, live.metadata.annotations);
        assert!(
            !marks.contains("helm.sh") && !marks.contains("toolkit") && !marks.contains("argoproj"),
            "{marks}"
        );
    }
}

#[tokio::test]
async fn two_agents_on_one_cluster_do_not_take_objects_from_each_other() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut first = Target::on(&control_plane, "adopt-first").await;
    let mut second = Target::on(&control_plane, "adopt-second").await;
    let mut shared = config_map("shared", "first");
    shared["metadata"]["namespace"] = json!("adopt-first");
    let declared = first.plain(vec![shared.clone(), config_map("own", "1")]);
    first.pass(&declared).await;
    shared["data"]["key"] = json!("second");
    let stolen = second.plain(vec![shared.clone()]);
    let report = second.pass(&stolen).await;
    assert!(!report.is_in_sync());
    let problem = report.problems().join("\n");
    assert!(problem.contains("set here in namespace adopt-first-agent"), "{problem}");
    let report = first.pass_until(&declared, |report| report.requests == 0).await;
    assert!(report.is_in_sync(), "{report:#?}");

    let wish = Intent {
        adopt: true,
        ..Intent::default()
    };
    shared["metadata"]["annotations"] = json!({"tidegate.dev/adopt": "true"});
    let taken = second.commit(vec![(shared, wish)]);
    let report = second.pass_until(&taken, |report| report.failed.is_empty()).await;
    assert_eq!(adopted(&report).len(), 1, "{report:#?}");
    let report = first.pass_until(&declared, |report| !report.failed.is_empty()).await;
    let problem = report.problems().join("\n");
    assert!(
        problem.contains("set here in namespace adopt-second-agent"),
        "{problem}"
    );
    let fewer = first.plain(vec![config_map("own", "1")]);
    first.pass_until(&fewer, SyncReport::is_in_sync).await;
    let live = first.api::<ConfigMap>().get("shared").await.unwrap();
    assert_eq!(
        live.data.unwrap()["key"],
        "second",
        "not deleted by the set that it left"
    );
}
