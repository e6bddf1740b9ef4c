use super::scene::{Scene, edit};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::git::{DeployKey, HostKeys, KeyKind, KnownHosts, Repo, RepoUrl, probe};
use tidegate::port::{ConfigRepo, PushOutcome, RepoProblem};
use tidegate_stack::git::Access;
use tidegate_stack::relay::Relay;

#[tokio::test]
async fn a_made_key_of_each_kind_logs_in_and_pushes() {
    let scene = Scene::start();
    for kind in KeyKind::ALL {
        let key = DeployKey::generate_kind(kind).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        scene.authorize(&key, Access::ReadWrite);
        let repo = Repo::open(scene.settings(&Arc::new(key))).unwrap();
        let tip = repo
            .fetch()
            .await
            .unwrap_or_else(|failure| panic!("{kind:?}: {failure}"));
        let plan = edit(&repo, tip, &format!("image: shop/web:{}\n", kind.as_str())).await;
        let outcome = repo.commit_and_push(vec![plan]).await.unwrap();
        assert!(matches!(outcome, PushOutcome::Landed(_)), "{kind:?}: {outcome:?}");
    }
    let log = std::fs::read_to_string(scene.server.log_path()).unwrap();
    assert!(log.contains("RSA SHA256:") && log.contains("ECDSA SHA256:"), "{log}");
}

#[tokio::test]
async fn what_a_key_may_do_is_found_out_without_a_trace() {
    let scene = Scene::start();
    for hook in ["pre-receive", "update", "post-receive", "post-update"] {
        scene
            .bare
            .hook(hook, "#!/bin/sh\necho ran >>\"$GIT_DIR/trace\"\n")
            .unwrap();
    }
    let before = scene.bare.git(&["for-each-ref"]).unwrap();
    let objects = scene.bare.git(&["count-objects", "-v"]).unwrap();
    let tip = scene.bare.tip().unwrap().unwrap();

    let both = probe(&scene.settings(&scene.key)).await.unwrap();
    assert_eq!((both.tip.to_string(), both.read_only), (tip.clone(), None));

    scene.authorize(&scene.key, Access::ReadOnly);
    let reading = probe(&scene.settings(&scene.key)).await.unwrap();
    assert_eq!(reading.tip.to_string(), tip);
    let words = reading.read_only.unwrap();
    assert!(words.contains("marked as read only"), "{words}");

    scene.server.deauthorize(&scene.key.public_line("tidegate")).unwrap();
    let refused = probe(&scene.settings(&scene.key)).await.unwrap_err();
    assert_eq!(refused.problem, RepoProblem::KeyRefused);
    assert!(refused.message.contains(&scene.key.fingerprint()), "{refused}");

    assert_eq!(scene.bare.git(&["for-each-ref"]).unwrap(), before);
    assert_eq!(scene.bare.git(&["count-objects", "-v"]).unwrap(), objects);
    assert!(!scene.bare.path().join("trace").exists(), "no hook has run");
}

#[tokio::test]
async fn where_the_key_is_refused_the_next_one_is_tried_in_the_same_operation() {
    let scene = Scene::start();
    let repo = Repo::open(scene.settings(&scene.key)).unwrap();
    repo.fetch().await.unwrap();
    let next = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
    repo.use_keys(Arc::clone(&scene.key), Some(Arc::clone(&next)));
    scene.authorize(&next, Access::ReadWrite);
    scene.server.deauthorize(&scene.key.public_line("tidegate")).unwrap();
    scene.server.stop();
    scene.server.resume().unwrap();
    repo.fetch().await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(60), repo.key_rejected())
        .await
        .unwrap();
    let connections = repo.counters().connections;
    repo.fetch().await.unwrap();
    assert_eq!(
        repo.counters().connections,
        connections,
        "the next key's connection is kept"
    );
}

#[tokio::test]
async fn a_login_under_way_while_the_key_is_changed_ends_with_the_new_one() {
    let scene = Scene::start();
    let relay = Relay::start(scene.server.addr()).unwrap();
    let mut settings = scene.settings(&scene.key);
    settings.url = RepoUrl::parse(&scene.bare.url_through(relay.addr())).unwrap();
    let known_hosts = scene.server.known_hosts_lines_for(relay.addr()).join("\n");
    settings.host_keys = HostKeys::Given(KnownHosts::parse(&known_hosts).unwrap());
    settings.timeout = Duration::from_secs(20);
    let repo = Repo::open(settings).unwrap();
    relay.stall();
    let fetching = tokio::spawn({
        let repo = repo.clone();
        async move { repo.fetch().await }
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    while relay.connections() == 0 {
        assert!(Instant::now() < deadline, "nobody connects");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let new = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
    scene.authorize(&new, Access::ReadWrite);
    scene.server.deauthorize(&scene.key.public_line("tidegate")).unwrap();
    repo.use_keys(Arc::clone(&new), None);
    relay.flow();
    let fetched = fetching.await.unwrap();
    assert!(fetched.is_ok(), "{fetched:?}");
}
