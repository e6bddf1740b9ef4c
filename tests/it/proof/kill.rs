//! SIGKILL at any point from a new tag to the end of its push, again and again on the same repository and the same state.
//!
//! Several agents at once, each on a repository of its own: over a near line and over a slow one. In a cycle either the
//! start with a tag that is already there is cut short, or the bump of a tag that appears while the agent runs, its
//! connection open and used before. Half of these moments fall anywhere, half after the push's first byte.

use super::random::{Random, number};
use super::scene::{SOON, Scene};
use std::fmt;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::{Duration, Instant};
use tidegate_stack::history::Verdict;
use tidegate_stack::relay::Direction;

/// In all; `make kill CYCLES=10000` does more.
const CYCLES: u64 = 60;
/// From so many cycles on, each moment of a push is among the moments of the kills.
const SPREAD: u64 = 1_000;
/// One way, for each agent.
const DISTANCES: [Duration; 2] = [Duration::ZERO, Duration::from_millis(10)];
const WORKLOAD: &str = "web";

/// Where the kills fell.
#[derive(Default)]
struct Moments {
    while_starting: u64,
    before_the_push: u64,
    during_the_push: u64,
    landed_but_untold: u64,
    after: u64,
}

struct Lane {
    scene: Scene,
    random: Random,
    tags: u64,
    /// From start to ready, and from a tag to its landing, undisturbed.
    start: Duration,
    bump: Duration,
    moments: Moments,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_at_any_moment_of_a_push_loses_nothing_and_doubles_nothing() {
    let (seed, cycles) = (Random::seed(), number("CYCLES").unwrap_or(CYCLES));
    println!("seed {seed} (again with TIDEGATE_SEED={seed}), {cycles} cycles");
    let begin = Instant::now();
    let lanes = DISTANCES.len() as u64;
    let lanes = DISTANCES.into_iter().zip(0..).map(|(distance, number)| {
        let share = cycles / lanes + u64::from(number < cycles % lanes);
        tokio::spawn(async move { Lane::open(distance, seed + number).await.run(share).await })
    });
    let mut all = Moments::default();
    for (lane, distance) in lanes.collect::<Vec<_>>().into_iter().zip(DISTANCES) {
        let (verdict, moments) = lane.await.unwrap();
        println!("{distance:?} away: {moments}\n  {verdict}");
        all.add(&moments);
    }
    assert!(cycles < SPREAD || all.are_spread(), "seed {seed}: {all}");
    println!("{cycles} kills in {:.0} s", begin.elapsed().as_secs_f64());
}

impl Lane {
    /// With three bumps undisturbed, to see how long they take.
    async fn open(distance: Duration, seed: u64) -> Lane {
        let scene = Scene::prepare(&[WORKLOAD]).await;
        for direction in [Direction::ToTarget, Direction::ToClient] {
            scene.relay.set_latency(direction, distance);
        }
        let mut lane = Lane {
            scene,
            random: Random::new(seed),
            tags: 0,
            start: Duration::ZERO,
            bump: Duration::ZERO,
            moments: Moments::default(),
        };
        let begin = Instant::now();
        lane.scene.agent.run().await.unwrap();
        lane.start = begin.elapsed();
        for _ in 0..3 {
            let begin = Instant::now();
            lane.bumped().await;
            lane.bump = begin.elapsed();
        }
        lane.scene.agent.kill();
        lane
    }

    async fn run(mut self, cycles: u64) -> (Verdict, Moments) {
        for cycle in 1..=cycles {
            if self.random.below(4) == 0 {
                self.killed_while_starting().await;
            } else {
                self.killed_while_bumping().await;
            }
            if cycle % 16 == 0 {
                self.scene.agent.forget().unwrap();
            }
        }
        self.scene.agent.run().await.unwrap();
        self.bumped().await;
        self.scene.agent.stop().await.unwrap();
        (self.scene.judged(), self.moments)
    }

    fn tag(&mut self) -> String {
        self.tags += 1;
        let tag = format!("tag-{:05}", self.tags);
        self.scene.push(WORKLOAD, &tag);
        tag
    }

    /// A tag appears and lands.
    async fn bumped(&mut self) {
        let tag = self.tag();
        self.settled().await;
        self.scene.landed(WORKLOAD, &tag).await;
    }

    /// What was found is bumped, and what is bumped is pushed.
    async fn settled(&self) {
        let (status, told) = self.scene.agent.post("/v1/scan", "{}", SOON).await.unwrap();
        assert_eq!(status, 200, "{told}");
    }

    async fn killed_while_starting(&mut self) {
        self.tag();
        self.scene.agent.start().unwrap();
        tokio::time::sleep(self.random.moment(self.start + self.bump)).await;
        self.scene.agent.kill();
        self.moments.while_starting += 1;
    }

    /// Has the agent look for tags, and returns at a moment of what follows.
    async fn wait_while_bumping(&mut self, sent: u64) {
        let (random, relay, bump) = (&mut self.random, &self.scene.relay, self.bump);
        let moment = async {
            if random.below(2) == 0 {
                tokio::time::sleep(random.moment(bump)).await;
                return;
            }
            let deadline = Instant::now() + SOON;
            while relay.bytes(Direction::ToTarget) == sent && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
            tokio::time::sleep(random.moment(bump / 2)).await;
        };
        let mut moment = std::pin::pin!(moment);
        tokio::select! {
            biased;
            () = &mut moment => {}
            _ = self.scene.agent.post("/v1/scan", "{}", SOON) => moment.await,
        }
    }

    async fn killed_while_bumping(&mut self) {
        self.scene.agent.run().await.unwrap();
        self.settled().await;
        if self.random.below(2) == 0 {
            self.bumped().await;
        }
        let sent = self.scene.relay.bytes(Direction::ToTarget);
        let logged = std::fs::metadata(self.scene.agent.log_file()).unwrap().len();
        let tag = self.tag();
        self.wait_while_bumping(sent).await;
        self.scene.agent.kill();
        let on_the_branch = self.scene.has(WORKLOAD, &tag);
        let moments = &mut self.moments;
        *match (on_the_branch, self.scene.relay.bytes(Direction::ToTarget) > sent) {
            (true, _) if logged_since(&self.scene, logged).contains(&format!("to={tag}")) => &mut moments.after,
            (true, _) => &mut moments.landed_but_untold,
            (false, true) => &mut moments.during_the_push,
            (false, false) => &mut moments.before_the_push,
        } += 1;
    }
}

fn logged_since(scene: &Scene, from: u64) -> String {
    let mut file = std::fs::File::open(scene.agent.log_file()).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

impl Moments {
    fn add(&mut self, other: &Moments) {
        self.while_starting += other.while_starting;
        self.before_the_push += other.before_the_push;
        self.during_the_push += other.during_the_push;
        self.landed_but_untold += other.landed_but_untold;
        self.after += other.after;
    }

    /// The whole way was tried.
    fn are_spread(&self) -> bool {
        let counts = [
            self.while_starting,
            self.before_the_push,
            self.during_the_push,
            self.landed_but_untold,
            self.after,
        ];
        counts.iter().all(|count| *count > 0)
    }
}

impl fmt::Display for Moments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "killed {} times while starting, {} before the push, {} during the push, {} landed but not told, {} after",
            self.while_starting, self.before_the_push, self.during_the_push, self.landed_but_untold, self.after
        )
    }
}
