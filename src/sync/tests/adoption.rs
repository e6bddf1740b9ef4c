//! Objects that somebody else made.

use super::fake::{Fake, commit, maps, pass};
use crate::model::ObjectId;
use crate::resource::{Adoption, LiveObject, PART_OF_LABEL, SetName};
use crate::sync::{Approval, Change};
use std::collections::BTreeMap;
use std::sync::Arc;

fn made_by(manager: &str, labels: &[(&str, &str)]) -> LiveObject {
    LiveObject {
        labels: labels
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        annotations: BTreeMap::new(),
        managers: vec![manager.into()],
        was_applied: false,
        entries: Vec::new(),
    }
}

fn put(fake: &Fake, name: &str, live: LiveObject) {
    let id = ObjectId::new("v1", "ConfigMap", Some("shop"), name);
    fake.world().foreign.insert(id, live);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_kubectl_made_is_adopted_with_a_word_and_then_pruned_like_the_others() {
    let fake = Fake::new();
    put(&fake, "e", made_by("kubectl-client-side-apply", &[]));
    let mut syncer = fake.syncer();
    let declared = commit(1, &maps(&["a", "b", "c", "d", "e"]));
    let preview = syncer
        .preview(&declared, Approval::default())
        .await
        .unwrap()
        .to_string();
    assert!(
        preview.contains("adopted from kubectl-client-side-apply (e.yaml)"),
        "{preview}"
    );
    put(&fake, "e", made_by("kubectl-client-side-apply", &[]));
    fake.world().live.clear();
    let report = pass(&mut syncer, &declared).await;
    let adopted = report
        .applied
        .iter()
        .find(|object| object.change == Change::Adopted)
        .unwrap();
    assert_eq!(
        (adopted.id.name.as_str(), adopted.by.as_deref()),
        ("e", Some("kubectl-client-side-apply"))
    );
    fake.deliver();
    assert_eq!(
        pass(&mut syncer, &commit(2, &maps(&["a", "b", "c", "d"])))
            .await
            .pruned
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_of_a_helm_release_is_refused_until_its_manifest_or_the_settings_say_otherwise() {
    let fake = Fake::new();
    put(&fake, "a", made_by("helm", &[]));
    let mut declared = commit(1, &maps(&["a"]));
    let report = pass(&mut fake.syncer(), &declared).await;
    let message = &report.failed[0].message;
    assert!(
        message.contains("a Helm release") && message.contains("tidegate.dev/adopt: \"true\""),
        "{message}"
    );
    assert!(fake.world().live.is_empty(), "not changed");
    let report = fake
        .syncer()
        .adopting(Adoption::All)
        .pass(&declared, Approval::default())
        .await;
    assert_eq!(report.count(Change::Adopted), 1, "{report:?}");
    fake.world().live.clear();
    put(&fake, "a", made_by("helm", &[]));
    Arc::make_mut(&mut declared.objects[0]).intent.adopt = true;
    assert_eq!(pass(&mut fake.syncer(), &declared).await.count(Change::Adopted), 1);
}

#[tokio::test(start_paused = true)]
async fn an_object_of_another_set_is_a_problem_that_names_the_set() {
    let other = SetName {
        namespace: "other".into(),
        name: "tidegate".into(),
    };
    let fake = Fake::new();
    put(&fake, "a", made_by("tidegate", &[(PART_OF_LABEL, other.id().as_str())]));
    let mut syncer = fake.syncer().adopting(Adoption::All);
    let report = pass(&mut syncer, &commit(1, &maps(&["a"]))).await;
    let message = &report.failed[0].message;
    assert!(message.contains("set tidegate in namespace other"), "{message}");
    assert!(!report.is_in_sync());
}
