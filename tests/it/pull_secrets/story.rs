use super::scene::{HOST, JSON_ENTRY, JSON_TYPE, Scene, has_login, logins, password, uid};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::time::Duration;
use tidegate_stack::ControlPlane;

const OTHER: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";

#[tokio::test(flavor = "multi_thread")]
async fn logins_stand_in_the_namespaces_of_a_rule_and_come_back_when_they_are_deleted_or_edited() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "pullstory").await;
    let pattern = scene.namespace("s*");
    scene.rules(&format!(
        "{{registries: [{HOST}, {OTHER}], namespaces: [\"{pattern}\"]}}"
    ));
    let first = scene.make_namespace("s1", &[]).await;
    let outside = scene.make_namespace("x1", &[]).await;
    scene.agent.run().await.unwrap();
    let secret = scene.secret_where(&first, "tidegate-pull", has_login).await;
    assert_eq!(secret.type_.as_deref(), Some(JSON_TYPE));
    assert_eq!(
        password(&secret, JSON_ENTRY, HOST),
        password(&secret, JSON_ENTRY, OTHER)
    );

    // A namespace that is made while the agent runs.
    let second = scene.make_namespace("s2", &[]).await;
    scene.secret_where(&second, "tidegate-pull", has_login).await;
    // A Secret that is deleted, and one that is edited.
    scene.delete_secret(&first, "tidegate-pull").await;
    let again = scene.secret_where(&first, "tidegate-pull", has_login).await;
    assert_ne!(uid(&again), uid(&secret));
    let edit = json!({"stringData": {JSON_ENTRY: "{\"auths\":{\"ghcr.io\":{\"auth\":\"eDp5\"}}}"}});
    scene.patch(&first, "tidegate-pull", edit).await;
    let repaired = scene.secret_where(&first, "tidegate-pull", has_login).await;
    assert_eq!(uid(&repaired), uid(&again));
    assert_eq!(logins(&repaired, JSON_ENTRY)["ghcr.io"]["auth"], "eDp5");
    assert!(
        scene
            .secrets(&outside)
            .get_opt("tidegate-pull")
            .await
            .unwrap()
            .is_none()
    );

    let (token, shown) = (password(&secret, JSON_ENTRY, HOST).unwrap(), scene.shown().await);
    assert!(!shown.contains(&token) && !shown.contains(&token[..40]));
    assert!(shown.contains("tidegate_pull_secret_login_expires_timestamp_seconds{login=\"agent/eu-west-1\"} "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_renewed_at_half_its_life_in_place() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "pullrenew").await;
    let namespace = scene.make_namespace("n", &[]).await;
    scene.rules(&format!(
        "{{secret: ecr, registries: [{HOST}], namespaces: [{namespace}], type: config.json}}, \
         {{secret: old, registries: [{HOST}], namespaces: [{namespace}], type: dockercfg}}"
    ));
    scene.ecr.set_token_lifetime(Duration::from_secs(6));
    scene.agent.run().await.unwrap();
    let has = |entry: &'static str| move |secret: &_| password(secret, entry, HOST).is_some();
    let first = scene.secret_where(&namespace, "ecr", has("config.json")).await;
    let token = password(&first, "config.json", HOST).unwrap();
    assert_eq!(first.type_.as_deref(), Some("Opaque"));
    let has_new = |secret: &_| password(secret, "config.json", HOST).is_some_and(|found| found != token);
    let second = scene.secret_where(&namespace, "ecr", has_new).await;
    assert_eq!(uid(&second), uid(&first));
    let old = scene.secret_where(&namespace, "old", has(".dockercfg")).await;
    assert_eq!(old.type_.as_deref(), Some("kubernetes.io/dockercfg"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_in_the_secret_and_the_account_stays_when_a_rule_begins_and_when_it_ends() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "pullend").await;
    let namespace = scene.make_namespace("n", &[("team", "shop")]).await;
    let made_by_us = scene.make_namespace("m", &[("team", "shop")]).await;
    let stays = scene.make_namespace("k", &[("team", "shop"), ("keep", "yes")]).await;
    let foreign = json!({
        "auths": {"ghcr.io": {"auth": "eDp5"}, format!("https://{HOST}"): {"auth": "QVdTOm9sZA=="}},
        "credHelpers": {"gcr.io": "gcloud"},
    });
    let before = scene
        .make_secret(&namespace, "ecr", JSON_TYPE, JSON_ENTRY, &foreign.to_string())
        .await;
    let accounts = scene.accounts(&namespace);
    let account = json!({"metadata": {"name": "builder"}, "imagePullSecrets": [{"name": "by-hand"}]});
    let account: ServiceAccount = serde_json::from_value(account).unwrap();
    accounts.create(&Default::default(), &account).await.unwrap();
    let rule = format!(
        "{{secret: ecr, registries: [{HOST}], selector: \"team=shop\", namespaces: [\"{}\"], serviceAccounts: [builder]}}",
        scene.namespace("*")
    );
    scene.rules(&rule);
    scene.agent.run().await.unwrap();

    // The login that was there is renewed under its own key, with a word.
    let key = format!("https://{HOST}");
    let is_taken = |secret: &_| password(secret, JSON_ENTRY, &key).is_some();
    let taken = scene.secret_where(&namespace, "ecr", is_taken).await;
    assert_eq!(uid(&taken), uid(&before));
    assert_eq!(logins(&taken, JSON_ENTRY)["ghcr.io"]["auth"], "eDp5");
    assert_eq!(taken.metadata.annotations.as_ref().unwrap()["note"], "by hand");
    scene.secret_where(&made_by_us, "ecr", has_login).await;
    scene.secret_where(&stays, "ecr", has_login).await;
    scene.account_names(&namespace, "builder", &["by-hand", "ecr"]).await;
    assert!(scene.agent.log().contains("logins taken over from whoever made them"));

    // The rule loses two of the namespaces while the agent is away.
    scene.agent.stop().await.unwrap();
    scene.rules(&rule.replace("team=shop", "team=shop,keep=yes"));
    scene.agent.run().await.unwrap();
    let is_clean = |secret: &_| !logins(secret, JSON_ENTRY).as_object().unwrap().contains_key(&key);
    let left = scene.secret_where(&namespace, "ecr", is_clean).await;
    assert_eq!(uid(&left), uid(&before));
    assert_eq!(left.metadata.labels, before.metadata.labels);
    assert_eq!(left.metadata.annotations, before.metadata.annotations);
    let content: serde_json::Value = serde_json::from_slice(&left.data.as_ref().unwrap()[JSON_ENTRY].0).unwrap();
    assert_eq!(
        content,
        json!({"auths": {"ghcr.io": {"auth": "eDp5"}}, "credHelpers": {"gcr.io": "gcloud"}})
    );
    scene.gone(&made_by_us, "ecr").await;
    scene.account_names(&namespace, "builder", &["by-hand"]).await;
    let account = accounts.get("builder").await.unwrap();
    assert!(account.metadata.annotations.unwrap_or_default().is_empty());
    assert!(scene.secrets(&stays).get_opt("ecr").await.unwrap().is_some());

    // The last rule goes, too: an agent without rules takes away what is left.
    scene.agent.stop().await.unwrap();
    scene.rules("");
    scene.agent.run().await.unwrap();
    scene.gone(&stays, "ecr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_served_while_its_labels_fit_and_an_account_gets_its_entry_back() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::prepare(&cluster, "pulllabel").await;
    let namespace = scene.make_namespace("n", &[]).await;
    scene.rules(&format!(
        "{{secret: ecr, registries: [{HOST}], selector: \"pulllabel\", serviceAccounts: [default]}}"
    ));
    let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": "default"}})).unwrap();
    scene
        .accounts(&namespace)
        .create(&Default::default(), &account)
        .await
        .unwrap();
    scene.agent.run().await.unwrap();
    let api: kube::Api<k8s_openapi::api::core::v1::Namespace> = kube::Api::all(scene.client.clone());
    let label = async |value: serde_json::Value| {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"pulllabel": value}}}));
        api.patch(&namespace, &PatchParams::default(), &patch).await.unwrap();
    };
    label(json!("")).await;
    scene.secret_where(&namespace, "ecr", has_login).await;
    scene.account_names(&namespace, "default", &["ecr"]).await;
    let emptied = Patch::Merge(json!({"imagePullSecrets": [{"name": "mine"}]}));
    let accounts = scene.accounts(&namespace);
    accounts
        .patch("default", &PatchParams::default(), &emptied)
        .await
        .unwrap();
    scene.account_names(&namespace, "default", &["mine", "ecr"]).await;
    label(json!(null)).await;
    scene.gone(&namespace, "ecr").await;
    scene.account_names(&namespace, "default", &["mine"]).await;
}
