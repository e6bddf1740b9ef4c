//! git over HTTPS, from `git http-backend` behind a server with logins and an authority of its own.

use super::scene::{FILE, Scene, bump, failure, fetched_in_haste, landed};
use std::time::{Duration, Instant};
use tidegate::git::{Repo, RepoUrl, probe};
use tidegate::model::BranchName;
use tidegate::port::{ConfigRepo, PushOutcome, RepoProblem};
use tidegate_stack::git::Access;
use tidegate_stack::port::Port;
use tidegate_stack::relay::{Direction, Ending, Relay};

#[tokio::test]
async fn fetch_and_push_go_over_https_with_a_password_and_a_private_authority() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let repo = Repo::open(scene.http(&web)).unwrap();
    let tip = repo.fetch().await.unwrap();
    assert_eq!(tip.to_string(), scene.bare.tip().unwrap().unwrap());
    let first = landed(&repo, tip, "1.1.0").await;
    scene.bare.seed(&[("README.md", "# theirs\n")]).unwrap();
    let theirs = repo.fetch().await.unwrap();
    assert_ne!(theirs, first);
    landed(&repo, theirs, "1.2.0").await;
    assert!(scene.bare.file_at("main", FILE).unwrap().contains("web:1.2.0"));
    assert_eq!(scene.bare.log().unwrap().len(), 4);
    scene.bare.git(&["fsck", "--strict"]).unwrap();
    let advertised = web
        .seen()
        .iter()
        .filter(|seen| seen.line.contains("service=git-receive-pack"))
        .count();
    assert_eq!(
        advertised,
        1,
        "the server's abilities are asked for once: {:?}",
        web.seen()
    );
}

#[tokio::test]
async fn a_history_of_hundreds_of_commits_is_fetched_step_by_step() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let copy = scene.bare.work_copy().unwrap();
    let grow = |from: usize| {
        for number in from..from + 60 {
            copy.write("counter", &format!("{number}\n")).unwrap();
            copy.commit(&format!("Count to {number}")).unwrap();
        }
        copy.push().unwrap();
    };
    grow(0);
    let repo = Repo::open(scene.http(&web)).unwrap();
    repo.fetch().await.unwrap();
    grow(60);
    let before = web.seen().len();
    let tip = repo.fetch().await.unwrap();
    assert_eq!(tip.to_string(), scene.bare.tip().unwrap().unwrap());
    assert_eq!(repo.history(tip, None, 1000).await.unwrap().len(), 121);
    assert!(web.seen().len() - before <= 3, "{:?}", web.seen().split_off(before));
}

#[tokio::test]
async fn a_token_is_read_anew_when_its_file_changes() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let mut settings = scene.http(&web);
    web.only_token("first", Access::ReadWrite);
    settings.http.credentials = Some(scene.credentials(&[("bearerToken", "first\n")]));
    let repo = Repo::open(settings).unwrap();
    let tip = repo.fetch().await.unwrap();
    web.only_token("second", Access::ReadWrite);
    let refused = failure(repo.fetch().await);
    assert_eq!(refused.problem, RepoProblem::KeyRefused);
    for part in ["repo.http.credentials", "renew", "HTTP Basic: Access denied"] {
        assert!(refused.message.contains(part), "{}", refused.message);
    }
    assert!(!refused.message.contains("first"), "{}", refused.message);
    scene.credentials(&[("bearerToken", "second")]);
    assert_eq!(repo.fetch().await.unwrap(), tip);
    landed(&repo, tip, "1.1.0").await;
}

#[tokio::test]
async fn a_server_that_wants_a_login_and_gets_none_says_so() {
    let scene = Scene::start();
    let web = scene.server.web(false).unwrap();
    let mut settings = scene.http(&web);
    settings.http.credentials = None;
    let repo = Repo::open(settings.clone()).unwrap();
    let refused = failure(repo.fetch().await);
    assert!(refused.message.contains("it asks for a login"), "{}", refused.message);
    web.open_to_all();
    let tip = repo.fetch().await.unwrap();
    let plan = bump(&repo, tip, "1.1.0").await;
    let refused = failure(repo.commit_and_push(vec![plan]).await);
    assert_eq!(refused.problem, RepoProblem::KeyRefused, "{}", refused.message);
    settings.http.credentials = Some(scene.folder.path().join("nowhere"));
    let missing = failure(Repo::open(settings).unwrap().fetch().await);
    assert!(missing.message.contains("nowhere"), "{}", missing.message);
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_a_file_put_there_later_helps_at_once() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let other = scene.server.web(true).unwrap();
    let mut settings = scene.http(&web);
    settings.http.ca_file = Some(scene.file("ca.crt", other.authority()));
    let repo = Repo::open(settings.clone()).unwrap();
    let refused = failure(repo.fetch().await);
    assert_eq!(refused.problem, RepoProblem::UnknownHostKey, "{}", refused.message);
    assert!(refused.message.contains("repo.http.caFile"), "{}", refused.message);
    assert!(
        web.seen().is_empty(),
        "the login went to a server that nobody vouched for"
    );
    scene.file("ca.crt", web.authority());
    repo.fetch().await.unwrap();

    scene.file("ca.crt", "no certificate");
    let unusable = failure(repo.fetch().await);
    assert!(
        unusable.message.contains("ca.crt holds no certificates"),
        "{}",
        unusable.message
    );
    settings.http.ca_file = None;
    let system = failure(Repo::open(settings).unwrap().fetch().await);
    assert_eq!(system.problem, RepoProblem::UnknownHostKey, "{}", system.message);
}

#[tokio::test]
async fn a_login_that_may_only_read_is_recognised_at_the_push() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let repo = Repo::open(scene.http(&web)).unwrap();
    let tip = repo.fetch().await.unwrap();
    let tip = landed(&repo, tip, "1.1.0").await;
    for warm in [true, false] {
        let mut settings = scene.http(&web);
        settings.mirror_dir = scene.folder.path().join("other");
        web.only_user("bot", "hunter2", Access::ReadOnly);
        let cold = Repo::open(settings).unwrap();
        cold.fetch().await.unwrap();
        let repo = if warm { &repo } else { &cold };
        let plan = bump(repo, tip, "1.2.0").await;
        let PushOutcome::ReadOnly(words) = repo.commit_and_push(vec![plan]).await.unwrap() else {
            panic!("it was to be read-only")
        };
        assert_eq!(words, "Write access to repository not granted.");
    }
}

#[tokio::test]
async fn what_a_login_may_do_is_found_out_without_a_trace() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    for hook in ["pre-receive", "update", "post-receive", "post-update"] {
        let script = "#!/bin/sh\necho ran >>\"$GIT_DIR/trace\"\n";
        scene.bare.hook(hook, script).unwrap();
    }
    let state = || ["for-each-ref", "count-objects"].map(|asked| scene.bare.git(&[asked]).unwrap());
    let before = state();
    let tip = scene.bare.tip().unwrap().unwrap();
    let mut settings = scene.http(&web);

    let both = probe(&settings).await.unwrap();
    assert_eq!((both.tip.to_string(), both.read_only), (tip.clone(), None));

    web.only_user("bot", "hunter2", Access::ReadOnly);
    let reading = probe(&settings).await.unwrap();
    assert_eq!(reading.tip.to_string(), tip);
    assert_eq!(
        reading.read_only.as_deref(),
        Some("Write access to repository not granted.")
    );

    web.only_user("bot", "other", Access::ReadWrite);
    let refused = failure(probe(&settings).await);
    assert_eq!(refused.problem, RepoProblem::KeyRefused, "{}", refused.message);

    settings.http.credentials = None;
    web.open_to_all();
    let anyone = probe(&settings).await.unwrap().read_only.unwrap();
    assert!(anyone.contains("Access denied"), "{anyone}");

    settings.branch = BranchName::parse("production").unwrap();
    let branch = failure(probe(&settings).await);
    assert_eq!(branch.problem, RepoProblem::NoBranch, "{}", branch.message);
    assert!(branch.message.contains("there is main"), "{}", branch.message);

    assert_eq!(state(), before);
    assert!(!scene.bare.path().join("trace").exists(), "no hook has run");
    for seen in web.seen() {
        assert!(
            seen.line.starts_with("GET ") && seen.line.contains("/info/refs?service="),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn hooks_and_lost_races_are_reported_as_over_ssh() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let repo = Repo::open(scene.http(&web)).unwrap();
    for warm in [false, true] {
        let tip = repo.fetch().await.unwrap();
        let theirs = scene.bare.seed(&[("README.md", &format!("# {warm}\n"))]).unwrap();
        let plan = bump(&repo, tip, "9.0.0").await;
        assert_eq!(
            repo.commit_and_push(vec![plan]).await.unwrap(),
            PushOutcome::Lost,
            "{warm}"
        );
        assert_eq!(scene.bare.tip().unwrap().unwrap(), theirs);
        let tip = repo.fetch().await.unwrap();
        landed(&repo, tip, &format!("1.1.{}", u8::from(warm))).await;
    }
    let tip = repo.fetch().await.unwrap();
    scene
        .bare
        .hook("pre-receive", "#!/bin/sh\necho 'no pushes on Fridays' >&2\nexit 1\n")
        .unwrap();
    let plan = bump(&repo, tip, "2.0.0").await;
    let PushOutcome::Refused(words) = repo.commit_and_push(vec![plan]).await.unwrap() else {
        panic!("it was to be refused")
    };
    assert!(
        words.contains("no pushes on Fridays") && words.contains("hook declined"),
        "{words}"
    );
}

#[tokio::test]
async fn what_is_no_repository_is_recognised() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let settings = scene.http(&web);
    let mut elsewhere = settings.clone();
    elsewhere.url = RepoUrl::parse(&web.url("gone")).unwrap();
    let gone = failure(Repo::open(elsewhere).unwrap().fetch().await);
    assert_eq!(gone.problem, RepoProblem::NoRepository, "{}", gone.message);

    let repo = Repo::open(settings).unwrap();
    for (status, kind, words, problem, says) in [
        (
            200,
            "text/html",
            "<html>Sign in</html>",
            RepoProblem::Other,
            "with a page",
        ),
        (
            203,
            "text/html",
            "<html>Sign in</html>",
            RepoProblem::Other,
            "with a page",
        ),
        (
            404,
            "text/plain",
            "Repository not found.",
            RepoProblem::NoRepository,
            "Repository not found.",
        ),
        (
            403,
            "text/plain",
            "Your IP is not on the list",
            RepoProblem::NoRepository,
            "Your IP is not",
        ),
        (
            503,
            "text/html",
            "<html>",
            RepoProblem::Unreachable,
            "503 Service Unavailable",
        ),
        (429, "text/plain", "slow down", RepoProblem::Unreachable, "slow down"),
    ] {
        web.refuse(Some((status, kind, words)));
        let refused = failure(repo.fetch().await);
        assert_eq!(refused.problem, problem, "{}", refused.message);
        assert!(refused.message.contains(says), "{}", refused.message);
        assert!(!refused.message.contains("<html>"), "{}", refused.message);
    }
    web.refuse(None);
    repo.fetch().await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_followed_and_carries_the_login_to_no_other_host() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let mut settings = scene.http(&web);
    settings.url = RepoUrl::parse(&web.url("old/fleet")).unwrap();
    web.redirect("/old/", "/");
    let repo = Repo::open(settings.clone()).unwrap();
    let tip = repo.fetch().await.unwrap();
    landed(&repo, tip, "1.1.0").await;

    let other = scene.server.web(true).unwrap();
    other.open_to_all();
    let both = format!("{}{}", web.authority(), other.authority());
    settings.http.ca_file = Some(scene.file("ca.crt", &both));
    let to = other.url("").replace(".git", "");
    web.redirect("/old/", &to);
    let repo = Repo::open(settings.clone()).unwrap();
    let tip = repo.fetch().await.unwrap();
    let plan = bump(&repo, tip, "1.2.0").await;
    failure(repo.commit_and_push(vec![plan]).await);
    assert!(other.seen().len() >= 2);
    assert!(
        other.seen().iter().all(|seen| seen.authorization.is_none()),
        "{:?}",
        other.seen()
    );

    let plain = scene.server.web(false).unwrap();
    plain.open_to_all();
    web.redirect("/old/", &plain.url("").replace(".git", ""));
    let refused = failure(Repo::open(settings.clone()).unwrap().fetch().await);
    assert!(refused.message.contains("without encryption"), "{}", refused.message);
    assert!(plain.seen().is_empty());

    web.redirect("/old/", "/old/");
    let circle = failure(Repo::open(settings).unwrap().fetch().await);
    assert!(circle.message.contains("in a circle"), "{}", circle.message);
}

#[tokio::test]
async fn plain_http_is_for_this_machine_or_where_it_is_allowed() {
    let scene = Scene::start();
    let web = scene.server.web(false).unwrap();
    let mut settings = scene.http(&web);
    Repo::open(settings.clone()).unwrap().fetch().await.unwrap();
    settings.url = RepoUrl::parse("http://git.acme.example/fleet.git").unwrap();
    settings.timeout = Duration::from_secs(1);
    let refused = failure(Repo::open(settings).unwrap().fetch().await);
    assert!(refused.message.contains("repo.http.plaintext"), "{}", refused.message);
}

#[tokio::test]
async fn silent_and_closed_servers_end_within_the_deadline() {
    /// What is at once on an idle machine may take this long on a busy one.
    const BUSY: Duration = Duration::from_secs(60);
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let relay = Relay::start(web.addr()).unwrap();
    let mut settings = scene.http(&web);
    settings.url = RepoUrl::parse(&web.url_through(relay.addr(), "fleet")).unwrap();
    settings.timeout = BUSY * 2;
    let repo = Repo::open(settings.clone()).unwrap();
    let tip = repo.fetch().await.unwrap();
    for after in [0, 300, 1500, 2500] {
        relay.reset();
        relay.cut_once(Direction::ToClient, after, Ending::Close);
        if let Err(cut) = repo.fetch().await {
            assert_eq!(cut.problem, RepoProblem::Unreachable, "{after}: {}", cut.message);
        }
        assert_eq!(repo.fetch().await.unwrap(), tip);
    }
    assert!(relay.cuts() >= 3, "{}", relay.cuts());

    settings.timeout = Duration::from_secs(2);
    settings.mirror_dir = scene.folder.path().join("other");
    let hasty = Repo::open(settings.clone()).unwrap();
    assert_eq!(fetched_in_haste(&hasty).await, tip);
    relay.stall();
    for _ in 0..2 {
        let started = Instant::now();
        let silent = failure(hasty.fetch().await);
        assert_eq!(silent.problem, RepoProblem::Unreachable, "{}", silent.message);
        assert!(silent.message.contains("did not answer within"), "{}", silent.message);
        assert!(started.elapsed() < BUSY, "{:?}", started.elapsed());
    }
    relay.flow();
    assert_eq!(repo.fetch().await.unwrap(), tip);

    let closed = Port::reserve().unwrap();
    settings.url = RepoUrl::parse(&web.url_through(closed.addr(), "fleet")).unwrap();
    settings.timeout = BUSY * 2;
    let started = Instant::now();
    let refused = failure(Repo::open(settings).unwrap().fetch().await);
    assert_eq!(refused.problem, RepoProblem::Unreachable);
    assert!(refused.message.contains("cannot reach"), "{}", refused.message);
    assert!(started.elapsed() < BUSY, "{:?}", started.elapsed());
}
