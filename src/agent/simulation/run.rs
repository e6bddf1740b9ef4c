//! One run: the steps of a scenario, then a quiet time, then small changes that must be seen at once.

use super::people;
use super::random::seed_jitter;
use super::replica::Replica;
use super::scenario::{Act, Step};
use super::world::{Sabotage, World};
use crate::history::Confirmation;
use crate::resource::MemberKey;
use std::time::Duration;
use tokio::time::sleep;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What must never happen and did.
    pub(super) violation: Option<String>,
    /// A hash of everything that happened.
    pub(super) hash: u64,
    /// How many events that were.
    pub(super) events: u64,
    /// The events, if they were asked for.
    pub(super) lines: Vec<String>,
}

/// After this time without faults everything is settled: longer than every back-off and every safety period.
const QUIET: Duration = Duration::from_secs(1500);
/// A small change is settled after this time: two polls of the branch, a scan, and some seconds of work. The loops' safety
/// period is longer, so that it does not hide a wake-up that was lost.
const SOON: Duration = Duration::from_secs(140);

/// Runs the steps of a scenario under the faults of a seed.
pub(super) fn run(seed: u64, steps: &[Step], sabotage: Option<Sabotage>, with_lines: bool) -> Outcome {
    seed_jitter(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let world = runtime.block_on(async {
        let world = World::new(seed, sabotage, with_lines);
        people::begin(&mut world.lock());
        let mut stage = Stage::new(world.clone()).await;
        for step in steps {
            sleep(Duration::from_millis(step.after)).await;
            stage.act(*step).await;
            if world.lock().judge.violation.is_some() {
                break;
            }
        }
        stage.end().await;
        world
    });
    let mut state = world.lock();
    Outcome {
        violation: state.judge.violation.clone(),
        hash: state.trace.hash(),
        events: state.trace.events,
        lines: state.trace.lines.take().unwrap_or_default(),
    }
}

/// The processes of the agent, the oldest first.
struct Stage {
    world: World,
    replicas: Vec<Replica>,
    started: usize,
}

impl Stage {
    async fn new(world: World) -> Self {
        let mut stage = Self {
            world,
            replicas: Vec::new(),
            started: 0,
        };
        stage.start().await;
        stage
    }

    async fn start(&mut self) {
        self.started += 1;
        let replica = Replica::start(&self.world, self.started).await;
        self.replicas.push(replica);
    }

    fn kill_oldest(&mut self) {
        let replica = self.replicas.remove(0);
        self.world.lock().note(replica.who, "killed", format_args!(""));
    }

    async fn act(&mut self, step: Step) {
        match step.act {
            Act::Crash => {
                self.kill_oldest();
                sleep(Duration::from_millis(step.pick % 5000)).await;
                if self.replicas.is_empty() {
                    self.start().await;
                }
            }
            Act::Linger if self.replicas.len() < 2 => self.start().await,
            Act::EndLinger if self.replicas.len() > 1 => self.kill_oldest(),
            Act::Confirm => self.confirm(),
            act => self.world.lock().act(act, step.pick),
        }
    }

    /// A person confirms what waits, as `tidegate confirm` does.
    fn confirm(&self) {
        let Some(waiting) = self.replicas.last().and_then(Replica::waiting) else {
            return;
        };
        let mut state = self.world.lock();
        let live = waiting.objects.iter().filter_map(|id| state.cluster.live.get(id));
        let waits = |uid: &&String| waiting.uids.contains(&MemberKey::of_uid(uid));
        let uids = live.map(|live| &live.uid).filter(waits).cloned().collect();
        state.judge.confirmed.push(uids);
        let head = state.git.head();
        let confirmation = Confirmation {
            commit: head,
            objects: waiting.key().to_string(),
        };
        let tree = state.git.at(head).tree.clone();
        state.person_commits(&format!("Confirm\n\n{}", confirmation.trailer()), tree);
        state.note(0, "person", format_args!("Confirm {:?}", waiting.objects.len()));
    }

    /// The faults end, one process is left, and everything settles. Then small changes must be seen soon.
    async fn end(&mut self) {
        while self.replicas.len() > 1 {
            self.kill_oldest();
        }
        self.world.lock().faults = false;
        self.world.lock().cut_until = 0;
        let changes = [
            None,
            Some(Act::PushTag),
            Some(Act::EditSettings),
            Some(Act::DeleteObject),
            Some(Act::EditObject),
            Some(Act::ReorderObject),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            if self.world.lock().judge.violation.is_some() {
                return;
            }
            match change {
                None => {
                    sleep(QUIET / 2).await;
                    let before = self.world.lock().judge.requests();
                    sleep(QUIET / 2).await;
                    self.world.lock().judge_budget(before, QUIET / 2);
                }
                Some(act) => {
                    self.world.lock().act(act, number as u64);
                    sleep(SOON).await;
                }
            }
            let when = change.map_or("after a quiet time".to_owned(), |act| format!("soon after {act:?}"));
            self.world.lock().judge_settled(&when);
        }
    }
}
