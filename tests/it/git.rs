//! The git room on a real sshd with real bare repositories.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::git::{DeployKey, HostKeys, KnownHosts, Limits, Repo, RepoUrl, Settings};
use tidegate::model::{Author, BranchName, CommitId, RepoPath};
use tidegate::port::{ConfigRepo, FileEdit, NewCommit, PushOutcome, RepoFailure, RepoProblem};
use tidegate_stack::GitServer;
use tidegate_stack::git::{Access, Repo as BareRepo};
use tidegate_stack::port::Port;
use tidegate_stack::relay::{Direction, Ending, Relay};

pub(crate) const FILE: &str = "apps/shop/web.yaml";
pub(crate) const TEXT: &str = "kind: Deployment\nimage: shop/web:1.0.0\nreplicas: 2\n";

/// What is at once on an idle machine may take this long on a busy one; without a deadline it would take for ever.
const BUSY: Duration = Duration::from_secs(60);

/// A server with one seeded repository, our key let in, and what opening it needs.
pub(crate) struct Scene {
    pub(crate) server: GitServer,
    pub(crate) bare: BareRepo,
    key: Arc<DeployKey>,
    pub(crate) folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn start() -> Self {
        let server = GitServer::start().unwrap();
        let bare = server.create_repo("fleet").unwrap();
        bare.seed(&[
            (FILE, TEXT),
            ("README.md", "# fleet\n"),
            ("apps/shop/cron.yaml", "kind: CronJob\n"),
        ])
        .unwrap();
        let key = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
        server
            .authorize(&key.public_line("tidegate"), Access::ReadWrite)
            .unwrap();
        Self {
            server,
            bare,
            key,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings_for(self.bare.url(), &self.server.known_hosts_lines())
    }

    pub(crate) fn settings_through(&self, relay: SocketAddr) -> Settings {
        self.settings_for(&self.bare.url_through(relay), &self.server.known_hosts_lines_for(relay))
    }

    pub(crate) fn settings_for(&self, url: &str, known_hosts: &[String]) -> Settings {
        Settings {
            url: RepoUrl::parse(url).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            mirror_dir: self.folder.path().to_owned(),
            paths: Vec::new(),
            key: Arc::clone(&self.key),
            host_keys: HostKeys::Given(KnownHosts::parse(&known_hosts.join("\n")).unwrap()),
            author: Author::parse("Tidegate <tidegate@acme.example>").unwrap(),
            http: Default::default(),
            timeout: Duration::from_secs(20),
            limits: Limits::default(),
        }
    }

    pub(crate) fn open(&self) -> Repo {
        Repo::open(self.settings()).unwrap()
    }
}

/// Opened, fetched, and if `warm` with one landed push behind it: from the second push on the command goes out before the
/// server has advertised anything.
pub(crate) async fn opened(settings: Settings, warm: bool) -> (Repo, CommitId) {
    let repo = Repo::open(settings).unwrap();
    let mut tip = repo.fetch().await.unwrap();
    if warm {
        let plan = bump(&repo, tip, "1.0.1").await;
        let PushOutcome::Landed(ours) = repo.commit_and_push(vec![plan]).await.unwrap() else {
            panic!("it was to land")
        };
        tip = ours;
    }
    (repo, tip)
}

pub(crate) fn failure<T>(result: Result<T, RepoFailure>) -> RepoFailure {
    match result {
        Ok(_) => panic!("it was to fail"),
        Err(failure) => failure,
    }
}

/// The tip, of a handle that gives up sooner than a busy machine may answer: asked for until it is there.
pub(crate) async fn fetched_in_haste(repo: &Repo) -> CommitId {
    let deadline = Instant::now() + BUSY;
    loop {
        match repo.fetch().await {
            Ok(tip) => return tip,
            Err(failure) => assert!(Instant::now() < deadline, "{failure}"),
        }
    }
}

pub(crate) async fn content(repo: &Repo, commit: CommitId, path: &str) -> (FileEdit, String) {
    let path = RepoPath::parse(path).unwrap();
    let file = repo.files(commit, vec![path.clone()]).await.unwrap().files.remove(0);
    let bytes = repo.blobs(vec![file.blob], 1 << 20).await.unwrap().remove(0).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    (
        FileEdit {
            path,
            from: file.blob,
            bytes,
        },
        text,
    )
}

/// The commit that sets the tag in `FILE` to `tag`, on `parent`.
pub(crate) async fn bump(repo: &Repo, parent: CommitId, tag: &str) -> NewCommit {
    let (mut edit, text) = content(repo, parent, FILE).await;
    let old = text.split("web:").nth(1).unwrap().lines().next().unwrap();
    edit.bytes = text.replace(&format!("web:{old}"), &format!("web:{tag}")).into_bytes();
    let message = format!("Bump shop/web to {tag}\n\nTidegate-Image: shop/web:{tag}");
    let time = jiff::Timestamp::from_second(1_790_000_000).unwrap();
    NewCommit {
        parent,
        edits: vec![edit],
        message,
        author: None,
        time,
    }
}

#[tokio::test]
async fn a_bump_lands_with_one_changed_line_and_nothing_else() {
    let scene = Scene::start();
    let repo = scene.open();
    let tip = repo.fetch().await.unwrap();
    let plan = bump(&repo, tip, "1.1.0").await;
    let PushOutcome::Landed(ours) = repo.commit_and_push(vec![plan]).await.unwrap() else {
        panic!("it was to land")
    };

    let log = scene.bare.log().unwrap();
    assert_eq!(log[0].id, ours.to_string());
    assert_eq!(log[0].parents, [tip.to_string()]);
    assert_eq!(log[0].author, "Tidegate <tidegate@acme.example>");
    assert_eq!(
        log[0].message,
        "Bump shop/web to 1.1.0\n\nTidegate-Image: shop/web:1.1.0"
    );
    let diff = scene.bare.diff("main").unwrap();
    let changed: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"))
        .collect();
    assert_eq!(changed, ["-image: shop/web:1.0.0", "+image: shop/web:1.1.0"]);
    scene.bare.git(&["fsck", "--strict"]).unwrap();

    assert_eq!(repo.fetch().await.unwrap(), ours);
    let history = repo.history(ours, None, 10).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(
        history[0]
            .changes
            .iter()
            .map(|change| change.path.as_str())
            .collect::<Vec<_>>(),
        [FILE]
    );
    assert_eq!(history[1].changes.len(), 3);
    assert!(repo.is_ancestor(tip, ours).await.unwrap());
    assert!(!repo.is_ancestor(ours, tip).await.unwrap());
    assert!(!repo.is_ancestor(CommitId::from_bytes([7; 20]), ours).await.unwrap());
}

#[tokio::test]
async fn one_connection_serves_everything_until_the_server_restarts() {
    let scene = Scene::start();
    let repo = scene.open();
    let mut tip = repo.fetch().await.unwrap();
    for round in 0..3 {
        let plan = bump(&repo, tip, &format!("2.0.{round}")).await;
        let PushOutcome::Landed(ours) = repo.commit_and_push(vec![plan]).await.unwrap() else {
            panic!("it was to land")
        };
        tip = repo.fetch().await.unwrap();
        assert_eq!(tip, ours);
    }
    assert_eq!(repo.counters().connections, 1);
    scene.server.stop();
    scene.server.resume().unwrap();
    assert_eq!(repo.fetch().await.unwrap(), tip);
    assert_eq!(repo.counters().connections, 2);
}

#[tokio::test]
async fn a_lost_race_is_reported_and_leaves_the_others_commit() {
    for warm in [false, true] {
        let scene = Scene::start();
        let (repo, tip) = opened(scene.settings(), warm).await;
        let theirs = scene.bare.seed(&[("README.md", "# theirs\n")]).unwrap();
        let plan = bump(&repo, tip, "1.1.0").await;
        assert_eq!(repo.commit_and_push(vec![plan]).await.unwrap(), PushOutcome::Lost);
        assert_eq!(scene.bare.tip().unwrap().as_deref(), Some(theirs.as_str()));
        let tip = repo.fetch().await.unwrap();
        assert_eq!(tip.to_string(), theirs);
        let plan = bump(&repo, tip, "1.1.0").await;
        assert!(matches!(
            repo.commit_and_push(vec![plan]).await.unwrap(),
            PushOutcome::Landed(_)
        ));
        assert_eq!(scene.bare.log().unwrap().len(), if warm { 4 } else { 3 });
        assert_eq!(repo.counters().connections, 1);
    }
}

#[tokio::test]
async fn a_branch_that_was_reset_or_deleted_is_not_written_over() {
    for warm in [false, true] {
        let scene = Scene::start();
        let first = scene.bare.tip().unwrap().unwrap();
        scene.bare.seed(&[("README.md", "# second\n")]).unwrap();
        let (repo, tip) = opened(scene.settings(), warm).await;
        scene.bare.git(&["update-ref", "refs/heads/main", &first]).unwrap();
        let plan = bump(&repo, tip, "1.1.0").await;
        assert_eq!(
            repo.commit_and_push(vec![plan.clone()]).await.unwrap(),
            PushOutcome::Lost
        );
        assert_eq!(scene.bare.tip().unwrap().unwrap(), first);
        assert_eq!(repo.fetch().await.unwrap().to_string(), first);
        assert!(!repo.is_ancestor(tip, repo.fetch().await.unwrap()).await.unwrap());

        scene.bare.git(&["update-ref", "-d", "refs/heads/main"]).unwrap();
        let gone = failure(repo.commit_and_push(vec![plan]).await);
        assert_eq!(gone.problem, RepoProblem::NoBranch, "{}", gone.message);
        assert_eq!(scene.bare.tip().unwrap(), None);
    }
}

#[tokio::test]
async fn a_race_lost_after_the_advertisement_is_reported_too() {
    for warm in [false, true] {
        let scene = Scene::start();
        let (repo, tip) = opened(scene.settings(), warm).await;
        // The branch moves while our pack is being checked: what a rival a millisecond ahead does.
        let rival =
            "new=$(git -c user.name=rival -c user.email=rival@acme.example commit-tree -p main -m rival main^{tree})";
        let quarantine = "GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES";
        let script = format!("#!/bin/sh\nunset {quarantine}\n{rival}\ngit update-ref refs/heads/main $new\n");
        scene.bare.hook("pre-receive", &script).unwrap();
        let plan = bump(&repo, tip, "1.1.0").await;
        assert_eq!(repo.commit_and_push(vec![plan]).await.unwrap(), PushOutcome::Lost);
        assert_eq!(scene.bare.log().unwrap()[0].subject, "rival");
    }
}

#[tokio::test]
async fn a_hooks_refusal_is_shown_in_its_own_words() {
    for (warm, hook) in [(false, "pre-receive"), (true, "pre-receive"), (true, "update")] {
        let scene = Scene::start();
        let (repo, tip) = opened(scene.settings(), warm).await;
        scene
            .bare
            .hook(hook, "#!/bin/sh\necho 'no pushes on Fridays' >&2\nexit 1\n")
            .unwrap();
        let plan = bump(&repo, tip, "1.1.0").await;
        let PushOutcome::Refused(words) = repo.commit_and_push(vec![plan]).await.unwrap() else {
            panic!("it was to be refused")
        };
        assert!(
            words.contains("no pushes on Fridays") && words.contains("hook declined"),
            "{words}"
        );
        assert_eq!(scene.bare.tip().unwrap().unwrap(), tip.to_string());
    }
}

#[tokio::test]
async fn a_hook_that_runs_after_the_push_is_neither_waited_for_nor_cut_off() {
    let scene = Scene::start();
    let (repo, tip) = opened(scene.settings(), true).await;
    let (go_on, done) = (scene.folder.path().join("go-on"), scene.folder.path().join("done"));
    let script = format!(
        "#!/bin/sh\nuntil [ -e {} ]; do sleep 0.02; done\necho working >&2\ntouch {}\n",
        go_on.display(),
        done.display()
    );
    scene.bare.hook("post-receive", &script).unwrap();
    let plan = bump(&repo, tip, "1.1.0").await;
    // The hook ends only after this test lets the hook go on: a push that waits for the hook never returns.
    let pushed = tokio::time::timeout(BUSY, repo.commit_and_push(vec![plan])).await;
    assert!(matches!(
        pushed.expect("the push waits for the hook").unwrap(),
        PushOutcome::Landed(_)
    ));
    repo.fetch().await.unwrap();
    assert!(!done.exists());
    std::fs::write(&go_on, "").unwrap();
    let end = Instant::now() + BUSY;
    while !done.exists() {
        assert!(Instant::now() < end, "the hook was cut off");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_read_only_key_fetches_and_is_recognised_at_the_push() {
    for warm in [false, true] {
        let scene = Scene::start();
        let (repo, tip) = opened(scene.settings(), warm).await;
        drop(repo);
        scene
            .server
            .authorize(&scene.key.public_line("tidegate"), Access::ReadOnly)
            .unwrap();
        let repo = scene.open();
        assert_eq!(repo.fetch().await.unwrap(), tip);
        let plan = bump(&repo, tip, "1.1.0").await;
        let PushOutcome::ReadOnly(words) = repo.commit_and_push(vec![plan]).await.unwrap() else {
            panic!("it was to be read-only")
        };
        assert!(words.contains("marked as read only"), "{words}");
    }
}

#[tokio::test]
async fn keys_of_every_kind_that_ssh_keygen_makes_are_let_in() {
    let scene = Scene::start();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let made = tidegate_stack::git::SshKey::generate(&scene.folder.path().join(kind), kind).unwrap();
        scene.server.authorize(&made.public, Access::ReadWrite).unwrap();
        let text = std::fs::read_to_string(&made.path).unwrap();
        let key = DeployKey::from_openssh(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(key.public_line("stack"), made.public);
        let mut settings = scene.settings();
        settings.key = Arc::new(key);
        let repo = Repo::open(settings).unwrap();
        repo.fetch().await.unwrap_or_else(|failure| panic!("{kind}: {failure}"));
    }
}

#[tokio::test]
async fn a_key_that_is_not_let_in_is_named() {
    let scene = Scene::start();
    scene.server.deauthorize(&scene.key.public_line("tidegate")).unwrap();
    let failure = failure(scene.open().fetch().await);
    assert_eq!(failure.problem, RepoProblem::KeyRefused);
    assert!(
        failure.message.contains(&scene.key.fingerprint()),
        "{}",
        failure.message
    );
    assert!(failure.message.contains("tidegate identity"), "{}", failure.message);
}

#[tokio::test]
async fn an_unknown_host_key_is_shown_with_the_line_that_would_trust_it() {
    let scene = Scene::start();
    let unknown = failure(
        Repo::open(scene.settings_for(scene.bare.url(), &[]))
            .unwrap()
            .fetch()
            .await,
    );
    assert_eq!(unknown.problem, RepoProblem::UnknownHostKey);
    let line = unknown.message.split("repo.knownHosts: ").nth(1).unwrap().to_owned();
    let repo = Repo::open(scene.settings_for(scene.bare.url(), &[line])).unwrap();
    repo.fetch().await.unwrap();
}

#[tokio::test]
async fn a_changed_host_key_is_refused_with_both_fingerprints() {
    let scene = Scene::start();
    let settings = scene.settings();
    scene.server.swap_host_keys().unwrap();
    let changed = failure(Repo::open(settings).unwrap().fetch().await);
    assert_eq!(changed.problem, RepoProblem::ChangedHostKey);
    assert!(changed.message.matches("SHA256:").count() >= 2, "{}", changed.message);
}

#[tokio::test]
async fn one_known_type_is_enough_whatever_else_the_server_has() {
    let scene = Scene::start();
    for kind in ["ecdsa", "ed25519"] {
        let lines: Vec<String> = scene
            .server
            .known_hosts_lines()
            .into_iter()
            .filter(|line| line.contains(kind))
            .collect();
        assert_eq!(lines.len(), 1, "{kind}");
        Repo::open(scene.settings_for(scene.bare.url(), &lines))
            .unwrap()
            .fetch()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_missing_repository_and_a_missing_branch_are_distinguished() {
    let scene = Scene::start();
    let mut settings = scene.settings();
    settings.url = RepoUrl::parse(&format!("{}-gone", scene.bare.url())).unwrap();
    let gone = failure(Repo::open(settings).unwrap().fetch().await);
    assert_eq!(gone.problem, RepoProblem::NoRepository, "{}", gone.message);
    assert!(
        gone.message.contains("not appear to be a git repository"),
        "{}",
        gone.message
    );

    let mut settings = scene.settings();
    settings.branch = BranchName::parse("production").unwrap();
    let branch = failure(Repo::open(settings).unwrap().fetch().await);
    assert_eq!(branch.problem, RepoProblem::NoBranch);
    assert!(
        branch.message.contains("production") && branch.message.contains("main"),
        "{}",
        branch.message
    );
}

#[tokio::test]
async fn a_closed_port_and_a_silent_server_end_within_the_deadline() {
    let scene = Scene::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut settings = scene.settings_through(address);
    settings.timeout = Duration::from_secs(1);
    let started = Instant::now();
    let failure = match Repo::open(settings.clone()).unwrap().fetch().await {
        Err(failure) => failure,
        Ok(_) => panic!("nobody was there"),
    };
    assert_eq!(failure.problem, RepoProblem::Unreachable);
    assert!(started.elapsed() < BUSY, "{:?}", started.elapsed());
    assert!(failure.message.contains(&address.to_string()), "{}", failure.message);
    assert!(
        failure.message.contains("did not answer within 1s"),
        "{}",
        failure.message
    );

    let closed = Port::reserve().unwrap();
    let mut settings = scene.settings_through(closed.addr());
    let started = Instant::now();
    settings.timeout = BUSY * 2;
    let refused = Repo::open(settings).unwrap().fetch().await.unwrap_err();
    assert_eq!(refused.problem, RepoProblem::Unreachable);
    assert!(refused.message.contains("refused"), "{}", refused.message);
    assert!(started.elapsed() < BUSY, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_falls_silent_in_the_middle_ends_in_time_and_reading_goes_on() {
    let scene = Scene::start();
    let relay = Relay::start(scene.server.addr()).unwrap();
    let mut settings = scene.settings_through(relay.addr());
    settings.timeout = Duration::from_secs(3);
    let repo = Repo::open(settings).unwrap();
    let tip = fetched_in_haste(&repo).await;
    relay.stall();
    let started = Instant::now();
    let hung = tokio::spawn({
        let repo = repo.clone();
        async move { repo.fetch().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(repo.files(tip, vec![]).await.unwrap().files.len(), 3);
    assert!(!hung.is_finished(), "reading waited for the server");
    let failure = hung.await.unwrap().unwrap_err();
    assert_eq!(failure.problem, RepoProblem::Unreachable);
    assert!(started.elapsed() < BUSY * 2, "{:?}", started.elapsed());
    relay.flow();
    assert_eq!(fetched_in_haste(&repo).await, tip);
}

#[tokio::test]
async fn a_mirror_that_is_damaged_or_gone_is_fetched_anew() {
    let scene = Scene::start();
    let repo = scene.open();
    let tip = repo.fetch().await.unwrap();
    std::fs::remove_dir_all(scene.folder.path()).unwrap();
    assert_eq!(repo.fetch().await.unwrap(), tip);
    assert_eq!(content(&repo, tip, FILE).await.1, TEXT);

    for entry in std::fs::read_dir(scene.folder.path().join("config-repo.0.git/objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
        std::fs::set_permissions(&path, permissions).unwrap();
        std::fs::write(&path, b"not a pack").unwrap();
    }
    let again = scene.open();
    assert_eq!(again.fetch().await.unwrap(), tip);
    assert_eq!(content(&again, tip, FILE).await.1, TEXT);
}

/// Cuts pushes off after ever more bytes in one direction; each bump stands on the branch once at the end, whatever was
/// reported.
async fn cut_off(direction: Direction, warm: bool, step: u64) {
    let scene = Scene::start();
    let (mut landed, mut cuts) = (0, 0);
    for round in 0..16_u64 {
        // Each round has its own relay: the connection of the last round may still be open, and must not be cut instead.
        let relay = Relay::start(scene.server.addr()).unwrap();
        let (repo, tip) = opened(scene.settings_through(relay.addr()), warm).await;
        let plan = bump(&repo, tip, &format!("3.{round}.0")).await;
        let before = scene.bare.log().unwrap().len();
        let carried = relay.bytes(direction);
        let ending = if round % 2 == 0 { Ending::Reset } else { Ending::Close };
        relay.cut_once(direction, carried + round * step, ending);
        let outcome = repo.commit_and_push(vec![plan.clone()]).await;
        relay.heal();
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => {
                assert_eq!(failure.problem, RepoProblem::Unreachable, "{}", failure.message);
                repo.fetch().await.unwrap();
                repo.commit_and_push(vec![plan]).await.unwrap()
            }
        };
        let log = scene.bare.log().unwrap();
        let of_this_round = log
            .iter()
            .filter(|commit| commit.subject.ends_with(&format!(" 3.{round}.0")));
        assert_eq!(of_this_round.count(), 1, "round {round}: {outcome:?}");
        assert_eq!(log.len(), before + 1, "round {round}");
        if let PushOutcome::Landed(ours) = outcome {
            assert_eq!(scene.bare.tip().unwrap().unwrap(), ours.to_string());
            landed += 1;
        }
        cuts += relay.cuts();
    }
    assert!(landed >= 14, "{landed}");
    assert!(cuts >= 8, "{cuts}");
    scene.bare.git(&["fsck", "--strict"]).unwrap();
}

#[tokio::test]
async fn a_push_whose_bytes_are_cut_off_is_decided_by_the_remote_branch() {
    cut_off(Direction::ToTarget, false, 90).await;
    cut_off(Direction::ToTarget, true, 45).await;
}

#[tokio::test]
async fn a_push_whose_answer_is_cut_off_is_decided_by_the_remote_branch() {
    // An answer has some 200 bytes. The server's last words about the fetch may have come before.
    cut_off(Direction::ToClient, false, 15).await;
    // Of a push that was made ready only the report comes back.
    cut_off(Direction::ToClient, true, 10).await;
}

#[tokio::test]
async fn a_connection_that_died_unnoticed_is_replaced_within_the_call() {
    let scene = Scene::start();
    let relay = Relay::start(scene.server.addr()).unwrap();
    let (repo, tip) = opened(scene.settings_through(relay.addr()), true).await;
    relay.reset();
    assert_eq!(repo.fetch().await.unwrap(), tip);
    relay.reset();
    let plan = bump(&repo, tip, "1.1.0").await;
    assert!(matches!(
        repo.commit_and_push(vec![plan]).await.unwrap(),
        PushOutcome::Landed(_)
    ));
    assert_eq!(scene.bare.log().unwrap().len(), 3);
}

#[tokio::test]
async fn a_plan_that_does_not_fit_its_parent_makes_no_commit() {
    let scene = Scene::start();
    let repo = scene.open();
    let tip = repo.fetch().await.unwrap();
    let good = bump(&repo, tip, "1.1.0").await;
    let mut stale = good.clone();
    stale.edits[0].from = tidegate::model::BlobId::from_bytes([1; 20]);
    let mut same = good.clone();
    same.edits[0].bytes = TEXT.as_bytes().to_vec();
    let mut absent = good.clone();
    absent.edits[0].path = RepoPath::parse("apps/none/web.yaml").unwrap();
    let mut twice = good.clone();
    twice.edits.push(good.edits[0].clone());
    let mut nothing = good.clone();
    nothing.edits.clear();
    for plan in [stale, same, absent, twice, nothing] {
        let refused = failure(repo.commit_and_push(vec![plan]).await);
        assert!(
            refused.message.starts_with("the commit was not made"),
            "{}",
            refused.message
        );
    }
    assert_eq!(scene.bare.log().unwrap().len(), 1);
}

#[tokio::test]
async fn reading_before_the_first_fetch_or_of_a_forgotten_commit_is_an_error_and_harms_nothing() {
    let scene = Scene::start();
    let repo = scene.open();
    let unknown = CommitId::from_bytes([9; 20]);
    let early = failure(repo.files(unknown, vec![]).await);
    assert!(
        early.message.starts_with("there is no mirror of ssh://"),
        "{}",
        early.message
    );
    let tip = repo.fetch().await.unwrap();
    let forgotten = failure(repo.files(unknown, vec![]).await);
    assert!(
        forgotten.message.contains(&unknown.to_string()),
        "{}",
        forgotten.message
    );
    assert_eq!(repo.history(tip, Some(unknown), 10).await.unwrap().len(), 1);
    let received = repo.counters().received;
    assert_eq!(repo.fetch().await.unwrap(), tip);
    assert!(
        repo.counters().received - received < 1000,
        "the mirror was fetched anew for nothing"
    );
}
