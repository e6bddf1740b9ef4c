use super::scene::{Scene, edit};
use std::sync::Arc;
use tidegate::git::{AllowedSigners, DeployKey, KeyKind, Repo, Signers, Signing, Trust};
use tidegate::port::{ConfigRepo, PushOutcome};

/// What `git verify-commit` says of the tip, for those signers.
fn verified(scene: &Scene, signers: &str) -> Result<String, String> {
    let file = scene.folder.path().join("allowed_signers");
    std::fs::write(&file, signers).unwrap();
    let setting = format!("gpg.ssh.allowedSignersFile={}", file.display());
    scene
        .bare
        .git(&["-c", &setting, "log", "-1", "--format=%G? %GS %GK", "main"])
        .and_then(|told| {
            scene.bare.git(&["-c", &setting, "verify-commit", "main"])?;
            Ok(told)
        })
        .map_err(|error| format!("{error:#}"))
}

#[tokio::test]
async fn git_itself_verifies_our_commits_and_the_same_inputs_make_the_same_commit() {
    for kind in KeyKind::ALL {
        let scene = Scene::start();
        let signer = Arc::new(DeployKey::generate_kind(kind).unwrap_or_else(|error| panic!("{error}")));
        let trust = || Trust::new(Some(Signing::Key(Arc::clone(&signer))), None);
        let repo = Repo::open_trusting(scene.settings(&scene.key), trust()).unwrap();
        let tip = repo.fetch().await.unwrap();
        let plan = edit(&repo, tip, "image: shop/web:1.1.0\n").await;
        let PushOutcome::Landed(ours) = repo.commit_and_push(vec![plan.clone()]).await.unwrap() else {
            panic!("{kind:?}: it was to land")
        };
        let told = verified(&scene, &signer.allowed_signer_line("tidegate@acme.example")).unwrap();
        assert_eq!(
            told,
            format!("G tidegate@acme.example {}", signer.fingerprint()),
            "{kind:?}"
        );
        let other = DeployKey::generate().unwrap_or_else(|error| panic!("{error}"));
        assert!(verified(&scene, &other.allowed_signer_line("tidegate@acme.example")).is_err());
        scene.bare.git(&["fsck", "--strict"]).unwrap();

        scene
            .bare
            .git(&["update-ref", "refs/heads/main", &tip.to_string()])
            .unwrap();
        let mut settings = scene.settings(&scene.key);
        settings.mirror_dir = scene.folder.path().join("another");
        let again = Repo::open_trusting(settings, trust()).unwrap();
        again.fetch().await.unwrap();
        let outcome = again.commit_and_push(vec![plan]).await.unwrap();
        assert_eq!(outcome, PushOutcome::Landed(ours), "{kind:?}: the same commit");
    }
}

#[tokio::test]
async fn signing_with_the_deploy_key_follows_its_change() {
    let scene = Scene::start();
    let repo = Repo::open_trusting(scene.settings(&scene.key), Trust::new(Some(Signing::DeployKey), None)).unwrap();
    let mut tip = repo.fetch().await.unwrap();
    let next = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
    scene.authorize(&next, tidegate_stack::git::Access::ReadWrite);
    for (key, text) in [(&scene.key, "a: 1\n"), (&next, "a: 2\n")] {
        repo.use_keys(Arc::clone(key), None);
        let plan = edit(&repo, tip, text).await;
        let PushOutcome::Landed(ours) = repo.commit_and_push(vec![plan]).await.unwrap() else {
            panic!("it was to land")
        };
        verified(&scene, &key.allowed_signer_line("tidegate")).unwrap();
        tip = ours;
    }
}

#[tokio::test]
async fn a_commit_that_we_would_not_apply_ourselves_is_not_pushed() {
    let scene = Scene::start();
    let before = scene.bare.tip().unwrap();
    let stranger = DeployKey::generate().unwrap_or_else(|error| panic!("{error}"));
    let signers = AllowedSigners::parse(&stranger.allowed_signer_line("jo")).unwrap();
    let trust = Trust::new(Some(Signing::DeployKey), Some(Signers::Given(signers)));
    let repo = Repo::open_trusting(scene.settings(&scene.key), trust).unwrap();
    let tip = repo.fetch().await.unwrap();
    let plan = edit(&repo, tip, "image: shop/web:1.1.0\n").await;
    let failure = repo.commit_and_push(vec![plan]).await.unwrap_err();
    for part in [
        "would not be applied",
        &scene.key.fingerprint(),
        "not among the allowed signers",
        "automation.signing",
        "tidegate identity",
    ] {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
    assert_eq!(scene.bare.tip().unwrap(), before);
}
