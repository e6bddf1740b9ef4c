//! The network between one process of the agent and the servers: late, lost and doubled messages.
//!
//! A message that was sent arrives also when its sender has died.

use super::world::{State, World};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// The way of one process to the servers.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) world: World,
    /// The number of the process.
    pub(super) who: usize,
}

/// No answer came within the deadline. Whether the message had its effect is not known.
pub(super) struct NoAnswer;

/// What the network does with one message.
struct Trip {
    there: Duration,
    back: Duration,
    arrives: bool,
    answers: bool,
    /// The message arrives a second time, so much later.
    again: Option<Duration>,
    deadline: Duration,
}

impl Link {
    /// Sends a request. `effect` is what the server does when the request arrives.
    pub(super) async fn request<T: Send + 'static>(
        &self,
        what: &'static str,
        effect: impl Fn(&mut State) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let trip = self.trip(what);
        let (send, answer) = oneshot::channel();
        let (world, deadline) = (self.world.clone(), trip.deadline);
        tokio::spawn(async move {
            sleep(trip.there).await;
            if !trip.arrives {
                return;
            }
            let done = effect(&mut world.lock());
            if let Some(again) = trip.again {
                tokio::spawn(async move {
                    sleep(again).await;
                    effect(&mut world.lock());
                });
            }
            sleep(trip.back).await;
            if trip.answers {
                let _ = send.send(done);
            }
        });
        if let Ok(done) = answer.await {
            return Ok(done);
        }
        sleep(deadline).await;
        Err(NoAnswer)
    }

    fn trip(&self, what: &'static str) -> Trip {
        let mut state = self.world.lock();
        let state = &mut *state;
        state.judge.count_request();
        let is_cut = state.now() < state.cut_until;
        let slow = if state.fails(50) { 8000 } else { 200 };
        let trip = Trip {
            there: Duration::from_millis(1 + state.random.below(slow)),
            back: Duration::from_millis(1 + state.random.below(slow)),
            arrives: !is_cut && !state.fails(30),
            answers: !state.fails(30),
            again: state.fails(20).then(|| Duration::from_millis(state.random.below(1500))),
            deadline: Duration::from_millis(1000 + state.random.below(19_000)),
        };
        let fate = match (trip.arrives, trip.answers) {
            (true, true) => "",
            (true, false) => ", its answer is lost",
            (false, _) => ", it is lost",
        };
        state.note(self.who, "send", format_args!("{what}{fate}"));
        trip
    }

    /// Waits as a disk or a thread lets one wait. True if the work fails.
    pub(super) async fn local_work(&self) -> bool {
        let (wait, fails) = {
            let mut state = self.world.lock();
            state.note(self.who, "work", format_args!(""));
            let wait = match state.random.chance(200) {
                true => state.random.below(20),
                false => 0,
            };
            (wait, state.fails(5))
        };
        if wait > 0 {
            sleep(Duration::from_millis(wait)).await;
        }
        fails
    }
}
