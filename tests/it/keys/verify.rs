use super::scene::Scene;
use crate::agent::world::{SOON, World};
use kube::api::{Patch, PatchParams};
use std::sync::Arc;
use std::time::Duration;
use tidegate::git::{AllowedSigners, Repo, Signers, Trust};
use tidegate::port::ConfigRepo;
use tidegate_stack::ControlPlane;
use tidegate_stack::git::{SshKey, WorkCopy};

/// A person's key for signatures, in a folder of its own.
struct Person {
    key: SshKey,
    _folder: tempfile::TempDir,
}

impl Person {
    fn new(kind: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = SshKey::generate(&folder.path().join("signing"), kind).unwrap();
        Self { key, _folder: folder }
    }

    fn line(&self, principal: &str) -> String {
        format!("{principal} {}\n", self.key.public)
    }

    /// Commits as somebody does whose git signs with SSH.
    fn commit(&self, copy: &WorkCopy, message: &str) -> String {
        copy.git(&["add", "--all"]).unwrap();
        let key = format!("user.signingkey={}", self.key.path.display());
        copy.git(&["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "-m", message])
            .unwrap();
        copy.head().unwrap()
    }
}

fn asking(scene: &Scene, signers: &str) -> Repo {
    let signers = AllowedSigners::parse(signers).unwrap_or_else(|error| panic!("{error}"));
    let trust = Trust::new(None, Some(Signers::Given(signers)));
    Repo::open_trusting(scene.settings(&scene.key), trust).unwrap()
}

#[tokio::test]
async fn the_newest_commit_that_git_signed_with_an_allowed_key_counts() {
    let scene = Scene::start();
    let people = ["ed25519", "ecdsa", "ecdsa:384", "ecdsa:521", "rsa", "rsa:4096"].map(Person::new);
    let stranger = Person::new("ed25519");
    let lines: String = people.iter().map(|person| person.line("jo@acme.example")).collect();
    let copy = scene.bare.work_copy().unwrap();
    let repo = asking(&scene, &lines);

    let root = repo.fetch().await.unwrap();
    let trusted = repo.verified_head(root).await.unwrap();
    assert_eq!(trusted.commit, None, "nothing is signed yet");
    assert!(trusted.problem.unwrap().contains("it is not signed"));

    let mut newest = String::new();
    for (number, person) in people.iter().enumerate() {
        copy.write("web.yaml", &format!("a: {number}\n")).unwrap();
        newest = person.commit(&copy, "Change it");
        copy.push().unwrap();
        let tip = repo.fetch().await.unwrap();
        let trusted = repo.verified_head(tip).await.unwrap();
        assert_eq!(trusted.problem, None);
        assert_eq!(trusted.commit, Some(tip));
        assert_eq!(tip.to_string(), newest);
    }

    copy.write("web.yaml", "a: by nobody\n").unwrap();
    copy.commit("Sneak it in").unwrap();
    copy.write("web.yaml", "a: by a stranger\n").unwrap();
    let by_stranger = stranger.commit(&copy, "Believe me");
    copy.push().unwrap();
    let tip = repo.fetch().await.unwrap();
    let trusted = repo.verified_head(tip).await.unwrap();
    assert_eq!(trusted.commit.map(|commit| commit.to_string()), Some(newest));
    let problem = trusted.problem.unwrap();
    for part in [
        by_stranger.as_str(),
        "Operator",
        "SHA256:",
        "not among the allowed signers",
    ] {
        assert!(problem.contains(part), "{part}: {problem}");
    }
}

#[tokio::test]
async fn git_and_we_agree_on_options_and_times_of_signers() {
    let scene = Scene::start();
    let person = Person::new("ed25519");
    let copy = scene.bare.work_copy().unwrap();
    copy.write("web.yaml", "a: 1\n").unwrap();
    person.commit(&copy, "Change it");
    copy.push().unwrap();
    let public = &person.key.public;
    let mut agreed = 0;
    for (number, options) in [
        "",
        "namespaces=\"git\"",
        "namespaces=\"file,git\"",
        "namespaces=\"file\"",
        "valid-after=\"20200101\"",
        "valid-after=\"20990101\"",
        "valid-before=\"20990101Z\"",
        "valid-before=\"20200101\"",
        "namespaces=\"git\",valid-after=\"202001010000\",valid-before=\"20990101000000\"",
    ]
    .iter()
    .enumerate()
    {
        let line = format!("jo@acme.example {options} {public}\n").replace("  ", " ");
        let file = scene.folder.path().join(format!("signers-{number}"));
        std::fs::write(&file, &line).unwrap();
        let setting = format!("gpg.ssh.allowedSignersFile={}", file.display());
        let git = scene.bare.git(&["-c", &setting, "verify-commit", "main"]).is_ok();
        let repo = asking(&scene, &line);
        let tip = repo.fetch().await.unwrap();
        let ours = repo.verified_head(tip).await.unwrap().problem.is_none();
        assert_eq!(git, ours, "{line}");
        agreed += usize::from(git);
    }
    assert_eq!(agreed, 6, "some count and some do not");
}

/// A merge holds the signed tag that it merged; the signature that counts is the merge's own.
#[tokio::test]
async fn a_merge_of_a_signed_tag_counts_by_its_own_signature_and_an_outdated_key_does_not() {
    let scene = Scene::start();
    let person = Person::new("ed25519");
    let copy = scene.bare.work_copy().unwrap();
    let key = format!("user.signingkey={}", person.key.path.display());
    let signing = ["-c", "gpg.format=ssh", "-c", &key];
    let file = scene.folder.path().join("allowed_signers");
    std::fs::write(&file, person.line("jo@acme.example")).unwrap();
    let setting = format!("gpg.ssh.allowedSignersFile={}", file.display());
    let repo = asking(&scene, &person.line("jo@acme.example"));
    for (number, option) in ["--no-gpg-sign", "-S"].into_iter().enumerate() {
        let (branch, tag) = (format!("side-{number}"), format!("v{number}"));
        copy.git(&["checkout", "-q", "-b", &branch]).unwrap();
        copy.write(&format!("side-{number}.yaml"), "a: 1\n").unwrap();
        person.commit(&copy, "Beside");
        copy.git(&[&signing[..], &["tag", "-s", "-m", "Release", &tag]].concat())
            .unwrap();
        copy.git(&["checkout", "-q", "main"]).unwrap();
        let merge = ["merge", "-q", "--no-ff", option, "-m", "Merge a release", &tag];
        copy.git(&[&signing[..], &merge].concat()).unwrap();
        let raw = copy.git(&["cat-file", "commit", "HEAD"]).unwrap();
        assert!(raw.contains("\nmergetag object "), "{raw}");
        copy.push().unwrap();
        let git = scene.bare.git(&["-c", &setting, "verify-commit", "main"]).is_ok();
        let tip = repo.fetch().await.unwrap();
        let ours = repo.verified_head(tip).await.unwrap();
        assert_eq!(
            (git, ours.problem.is_none()),
            (number == 1, number == 1),
            "{option}: {ours:?}"
        );
    }

    let outdated = person.line("jo@acme.example valid-before=\"20200101\"");
    let tip = repo.fetch().await.unwrap();
    let withheld = asking(&scene, &outdated);
    assert_eq!(withheld.fetch().await.unwrap(), tip);
    let trusted = withheld.verified_head(tip).await.unwrap();
    assert_eq!(trusted.commit, None);
    let problem = trusted.problem.unwrap();
    for part in [&tip.to_string(), "only until 2020-01-01", "SHA256:"] {
        assert!(problem.contains(part), "{part}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_tip_is_not_applied_and_what_was_verified_before_is_still_kept_up() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "verify", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    let jo = Person::new("ed25519");
    let key = std::fs::read_to_string(world.agent.key_file()).unwrap();
    let key = tidegate::git::DeployKey::from_openssh(&key).unwrap_or_else(|error| panic!("{error}"));
    let signers = world.agent.dir().join("allowed_signers");
    std::fs::write(
        &signers,
        format!(
            "{}{}\n",
            jo.line("jo@acme.example"),
            key.allowed_signer_line("tidegate")
        ),
    )
    .unwrap();
    world
        .agent
        .configure(|options| {
            options.repo_more = format!("  verify: {{allowedSignersFile: {}}}\n", signers.display());
            options.more += "automation: {signing: {deployKey: true}}\n";
        })
        .unwrap();
    world.agent.start().unwrap();
    waited(&world, "the tip is not verified").await;
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let (status, said) = world.agent.get("/readyz").await.unwrap_or_default();
        if status == 503 && said.contains("sync") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{said}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(world.deployments().get_opt("web").await.unwrap().is_none());

    let copy = world.repo.work_copy().unwrap();
    copy.write("note.txt", "reviewed\n").unwrap();
    let good = jo.commit(&copy, "Review what is there");
    copy.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    world.runs("1111aaa").await;
    world.agent.ready().await.unwrap();

    // Ours are signed, and so they are applied.
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("2222bbb").await;
    let bump = world.repo.tip().unwrap().unwrap();
    assert_ne!(bump, good);
    copy.pull().unwrap();

    let text = copy.read("apps/web.yaml").unwrap();
    copy.write("apps/web.yaml", &text.replace(":2222bbb", ":6666bad"))
        .unwrap();
    let bad = copy.commit("Trust me").unwrap();
    copy.push().unwrap();
    let told = world.agent.call(&["sync"]).await.unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains(&bad) && told.contains("it is not signed"), "{told}");
    let (_, metrics) = world.agent.get("/metrics").await.unwrap();
    assert!(metrics.contains("tidegate_repo_tip_withheld 1"), "{metrics}");

    // Drift is put back to what was verified.
    let patch =
        serde_json::json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "x:drift"}]}}}});
    world
        .deployments()
        .patch("web", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    world.runs("2222bbb").await;

    // Nothing is committed on it, or our signature would make it count.
    world.ecr.push_tag("shop/web", "3333ccc").unwrap();
    let scanned = world.agent.call(&["scan"]).await.unwrap();
    let scanned = String::from_utf8(scanned.stdout).unwrap();
    assert!(scanned.contains("no bump is committed"), "{scanned}");
    assert_eq!(world.repo.tip().unwrap(), Some(bad.clone()));

    // The same after a start from nothing.
    world.agent.kill();
    world.agent.forget().unwrap();
    world.agent.start().unwrap();
    waited(&world, "the tip is not verified").await;
    world.agent.ready().await.unwrap();
    assert!(world.live_image().await.ends_with(":2222bbb"));

    copy.revert(&bad).unwrap();
    copy.git(&["reset", "-q", "--soft", "HEAD~1"]).unwrap();
    let mended = jo.commit(&copy, "Take it back");
    copy.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    let log = world.repo.log().unwrap();
    assert!(log.iter().any(|commit| commit.id == mended));
    world.runs("3333ccc").await;
    let (_, metrics) = world.agent.get("/metrics").await.unwrap();
    assert!(metrics.contains("tidegate_repo_tip_withheld 0"), "{metrics}");
    Arc::new(world.repo.git(&["fsck", "--strict"]).unwrap());
}

async fn waited(world: &World, words: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    while !world.agent.log().contains(words) {
        let log = world.agent.log();
        assert!(tokio::time::Instant::now() < deadline, "never said {words:?}:\n{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
