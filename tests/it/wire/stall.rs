//! The line falls silent after any byte of a fetch or a push: the operation ends in time and says in which phase it was, and
//! the next one succeeds by the same handle. No byte is special, so that a few dozen of them are tried.

use super::scene::{FILE, Scene, bump};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tidegate::git::Repo;
use tidegate::model::CommitId;
use tidegate::port::{ConfigRepo, PushOutcome, RepoFailure, RepoProblem};
use tidegate_stack::git::Repo as BareRepo;
use tidegate_stack::relay::{Direction, Relay};

const TIMEOUT: Duration = Duration::from_secs(1);
/// On a busy machine the phases that do not stall may take longer than otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 8;

/// One stalled operation at a time has its own line and its own mirror.
struct Line {
    relay: Relay,
    repo: Repo,
}

impl Scene {
    fn line(&self, bare: &BareRepo, name: &str) -> Line {
        let relay = Relay::start(self.server.addr()).unwrap();
        let known = self.server.known_hosts_lines_for(relay.addr()).join("\n");
        let mut settings = self.ssh(&bare.url_through(relay.addr()), &known);
        settings.mirror_dir = self.folder.path().join(name);
        settings.timeout = TIMEOUT;
        Line {
            repo: Repo::open(settings).unwrap(),
            relay,
        }
    }
}

impl Line {
    fn bytes(&self) -> [u64; 2] {
        [Direction::ToTarget, Direction::ToClient].map(|direction| self.relay.bytes(direction))
    }

    /// The line works again: so does the handle, at once or when what hung has ended.
    async fn recovers(&self) -> CommitId {
        self.relay.flow();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.repo.fetch().await {
                Ok(tip) => return tip,
                Err(failure) => assert!(Instant::now() < deadline, "{failure}"),
            }
        }
    }
}

/// `count` numbers from 0 to the end, the first and the last among them.
fn spread(count: u64, end: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |index| index * end / (count - 1))
}

/// The phase in the message.
fn phase(failure: &RepoFailure) -> String {
    assert_eq!(failure.problem, RepoProblem::Unreachable, "{failure}");
    if failure.message.contains("did not end in time") {
        return "the whole".to_owned();
    }
    let told = failure.message.split_once("did not answer within 1s (");
    let Some((place, told)) = told else { panic!("{failure}") };
    assert!(
        place.contains("127.0.0.1:") && told.contains("repo.timeout"),
        "{failure}"
    );
    told.split_once(')').unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_stalls_after_any_byte_names_its_phase_in_time_and_the_next_one_succeeds() {
    let scene = Scene::start();
    let noise: String = (0..1500_u32)
        .map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let tip = scene.bare.seed(&[("noise.txt", &noise)]).unwrap();
    let line = scene.line(&scene.bare, "whole");
    line.recovers().await;
    let [sent, received] = line.bytes();
    let points = spread(8, sent - 1).map(|after| (Direction::ToTarget, after));
    let points = points.chain(spread(24, received - 1).map(|after| (Direction::ToClient, after)));
    let stalled = futures::stream::iter(points.map(|(direction, after)| {
        let line = scene.line(&scene.bare, &format!("{direction:?}{after}"));
        let tip = &tip;
        async move {
            line.relay.stall_after(direction, after);
            let begin = Instant::now();
            let told = line.repo.fetch().await;
            let took = begin.elapsed();
            assert!(took < PATIENCE, "{direction:?} {after}: {took:?}");
            assert_eq!(&line.recovers().await.to_string(), tip);
            (took, told.err().map(|failure| phase(&failure)))
        }
    }));
    let told: Vec<_> = stalled.buffer_unordered(AT_ONCE).collect().await;
    let longest = told.iter().map(|(took, _)| *took).max().unwrap();
    let phases: BTreeSet<&str> = told.iter().filter_map(|(_, phase)| phase.as_deref()).collect();
    println!("the longest took {longest:.1?}; {phases:?}");
    for expected in ["greeting", "key exchange", "login", "commits"] {
        assert!(
            phases.iter().any(|phase| phase.contains(expected)),
            "{expected}: {phases:?}"
        );
    }
    assert!(
        told.iter().filter(|(_, phase)| phase.is_some()).count() > 24,
        "{told:?}"
    );
}

/// A push and the byte after which its line falls silent.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// On the connection of the fetch before, which is replaced within the push if that is soon enough; else on a new one.
    warm: bool,
    direction: Direction,
    /// Of a hundred.
    share: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_stalls_after_any_byte_ends_in_time_and_lands_once() {
    let scene = Scene::start();
    let line = scene.line(&scene.bare, "whole");
    let fetched = line.recovers().await;
    scene.is_ready().await;
    let before = line.bytes();
    let plan = bump(&line.repo, fetched, "1.0.1").await;
    assert!(matches!(
        line.repo.commit_and_push(vec![plan]).await,
        Ok(PushOutcome::Landed(_))
    ));
    let after = line.bytes();
    let mut points = Vec::new();
    for warm in [true, false] {
        for direction in [Direction::ToTarget, Direction::ToClient] {
            points.extend(spread(6, 99).map(|share| Point { warm, direction, share }));
        }
    }
    let scene = &scene;
    let stalled = futures::stream::iter(points.into_iter().enumerate().map(|(number, point)| async move {
        let bare = scene.server.create_repo(&format!("fleet-{number}")).unwrap();
        bare.seed(&[(FILE, "image: shop/web:1.0.0\n")]).unwrap();
        let line = scene.line(&bare, &format!("push-{number}"));
        let tip = line.recovers().await;
        let plan = bump(&line.repo, tip, "1.0.1").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let way = usize::from(point.direction == Direction::ToClient);
        let at = if point.warm {
            line.bytes()[way] + (after[way] - before[way]) * point.share / 100
        } else {
            line.relay.reset();
            after[way] * point.share / 100
        };
        line.relay.stall_after(point.direction, at);
        let begin = Instant::now();
        let told = line.repo.commit_and_push(vec![plan]).await;
        let took = begin.elapsed();
        assert!(took < PATIENCE, "{point:?}: {took:?}");
        let mut tip = line.recovers().await;
        let landed = |bare: &BareRepo| bare.file_at("main", FILE).unwrap().contains("web:1.0.1");
        match &told {
            Ok(PushOutcome::Landed(_)) => assert!(landed(&bare), "{point:?}"),
            Ok(other) => panic!("{point:?}: {other:?}"),
            Err(failure) => drop(phase(failure)),
        }
        while !landed(&bare) {
            let plan = bump(&line.repo, tip, "1.0.1").await;
            let _ = line.repo.commit_and_push(vec![plan]).await;
            tip = line.recovers().await;
        }
        assert_eq!(bare.log().unwrap().len(), 2, "{point:?}");
        bare.git(&["fsck", "--strict"]).unwrap();
        (took, told.is_err())
    }));
    let told: Vec<_> = stalled.buffer_unordered(AT_ONCE).collect().await;
    let longest = told.iter().map(|(took, _)| *took).max().unwrap();
    let failed = told.iter().filter(|(_, failed)| *failed).count();
    println!(
        "the longest took {longest:.1?}; {failed} of {} were told as failed",
        told.len()
    );
    assert!(failed >= 4, "{told:?}");
}
