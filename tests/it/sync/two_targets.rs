//! Two clusters, each with a path of the config repo: what happens to one does not touch the other.

#![expect(clippy::unwrap_used, reason = "the steps of a test may fail, and then say where")]

use super::scene::{config_map, connect_with, declared};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use serde_json::Value;
use tidegate::cluster::{Access, ApiServer, RecordMap};
use tidegate::model::TargetId;
use tidegate::resource::DeletionLimit;
use tidegate::sync::{Approval, Change, SyncReport, Syncer};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

/// A target in a server of its own. Its objects are in a namespace with the target's name.
struct Side {
    control_plane: ControlPlane,
    client: Client,
    syncer: Syncer<ApiServer, RecordMap>,
    id: TargetId,
}

impl Side {
    async fn start(name: &str) -> Self {
        let control_plane = ControlPlane::start(Options::default()).await.unwrap();
        let client = control_plane.client_named("somebody-else").await.unwrap();
        for namespace in ["tidegate", name] {
            let body = Namespace {
                metadata: ObjectMeta {
                    name: Some(namespace.to_owned()),
                    ..ObjectMeta::default()
                },
                ..Namespace::default()
            };
            let namespaces = Api::<Namespace>::all(client.clone());
            namespaces.create(&PostParams::default(), &body).await.unwrap();
        }
        let access = Access::Kubeconfig {
            path: control_plane.kubeconfig().to_owned(),
            context: None,
        };
        let id = TargetId::new(name);
        let target = connect_with(access, id.clone(), "tidegate").await;
        Self {
            control_plane,
            client,
            syncer: Syncer::new(target, DeletionLimit::default()),
            id,
        }
    }

    /// One pass over a commit that declares these objects in the target's path.
    async fn pass(&mut self, commit: u8, objects: Vec<Value>, complete: bool) -> SyncReport {
        let objects = objects.into_iter().map(|value| (value, Default::default())).collect();
        let mut state = declared(&self.id, commit, self.id.as_str(), objects);
        state.complete = complete;
        self.syncer.pass(&state, Approval::default()).await
    }

    async fn maps(&self) -> usize {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), self.id.as_str());
        let maps = api.list(&Default::default()).await.unwrap();
        maps.iter()
            .filter(|map| map.metadata.name.as_deref().is_some_and(|name| name.starts_with('c')))
            .count()
    }
}

fn maps(count: usize) -> Vec<Value> {
    (0..count).map(|n| config_map(&format!("c{n}"), "1")).collect()
}

#[tokio::test]
async fn a_broken_path_or_a_stopped_server_of_one_target_does_not_stop_the_other() {
    let (mut a, mut b) = tokio::join!(Side::start("a"), Side::start("b"));
    for side in [&mut a, &mut b] {
        let report = side.pass(1, maps(8), true).await;
        assert!(report.is_in_sync(), "{report:#?}");
        assert_eq!((report.count(Change::Created), &report.target), (8, &side.id));
    }

    let in_a = a.pass(2, maps(7), false).await;
    let in_b = b.pass(2, maps(7), true).await;
    assert!(in_a.prune_blocked.is_some() && in_a.pruned.is_empty(), "{in_a:#?}");
    assert_eq!(in_b.pruned.len(), 1, "{in_b:#?}");
    assert_eq!((a.maps().await, b.maps().await), (8, 7));

    a.control_plane.stop_api_server();
    let in_a = a.pass(3, maps(9), true).await;
    let in_b = b.pass(3, maps(9), true).await;
    let outage = in_a.outage.unwrap();
    assert!(outage.contains("cannot be reached"), "{outage}");
    assert!(in_b.is_in_sync(), "{in_b:#?}");
    assert_eq!(in_b.count(Change::Created), 2);

    let records: Api<ConfigMap> = Api::namespaced(b.client.clone(), "tidegate");
    let record = records.get("b").await.unwrap().data.unwrap();
    assert_eq!(
        record["commit"],
        in_b.commit.to_string(),
        "each target has its own record"
    );
    assert!(records.get_opt("a").await.unwrap().is_none());
    let last = a.syncer.last_applied().await.unwrap();
    assert_ne!(
        last,
        Some(in_b.commit),
        "the target that is away stays at its own commit"
    );
}
