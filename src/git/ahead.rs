//! `git-receive-pack` started before there is anything to push, so that a push costs one round trip: the update goes out,
//! the report comes back.
//!
//! After a fetch and after a push that landed, one is started on the kept-open connection in the background and its
//! advertisement read. What it advertises may be out of date by the time of the push, which does no harm: the update names
//! the old value of the branch, and the server compares it with the branch as it is then. One whose advertisement does not
//! show that value, or that has ended meanwhile, is not used, and nothing was sent to it.
//!
//! It is no burden to the server: it ends after [`LIFE`] at the latest, a fetch renews it only when that is near, and none is
//! started if nothing was pushed for [`WANTED`], if the key may not write, or if the server keeps ending it early. It belongs to
//! its connection and goes with it.

use super::error::Error;
use super::exec::{Exec, LAST_WORDS};
use super::receive_pack::Update;
use super::reply::{FLUSH, NOTHING, Reading, Stage};
use super::session::Session;
use super::transport::refused;
use super::url::Scheme;
use super::wire::{Wire, locked};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout, timeout_at};

/// How long the server is left with a process that waits for us.
const LIFE: Duration = Duration::from_secs(120);
/// A fetch after this leaves a new one, so that whoever fetches every half minute always has one.
const RENEWAL: Duration = Duration::from_secs(90);
/// Without a push for so long, the next one is far away.
const WANTED: Duration = Duration::from_secs(60 * 60);
/// More branches than this are not worth reading for one push.
const LONGEST: usize = 4 << 20;
/// An advertisement is one answer; this many silences in a row are not a slow one.
const SILENCES: u32 = 3;
/// A server that ended so many in a row does not want them.
const ENDED_EARLY: u32 = 2;

/// One that waits, or the lock held while it is being started.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Ready>>>;

/// `git-receive-pack`, waiting for an update.
pub(super) struct Ready {
    exec: Exec,
    advertisement: Vec<u8>,
    since: Instant,
}

/// Whether it is worth to start one.
pub(super) struct Demand {
    until: Option<Instant>,
    ended_early: u32,
}

impl Demand {
    pub(super) fn new() -> Self {
        Self {
            until: Some(Instant::now() + WANTED),
            ended_early: 0,
        }
    }

    /// A push has landed: more may follow.
    pub(super) fn landed(&mut self) {
        (self.until, self.ended_early) = (Some(Instant::now() + WANTED), 0);
    }

    /// Not before the next push that lands.
    pub(super) fn forbid(&mut self) {
        self.until = None;
    }

    /// The server has ended one that waited.
    pub(super) fn ended_early(&mut self) {
        self.ended_early += 1;
        if self.ended_early >= ENDED_EARLY {
            self.until = None;
        }
    }

    /// One has waited in vain.
    fn over(&mut self, early: bool) {
        if early {
            self.ended_early();
        } else {
            self.ended_early = 0;
        }
    }

    fn is_there(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

impl Ready {
    /// What it has said, if the branch is where the update wants it.
    fn shows(&self, branch: &str, old: &str) -> Option<Reading> {
        let mut reading = Reading::new(branch, old);
        reading.take(&self.advertisement)?;
        (reading.stage == Stage::Report && reading.matched).then_some(reading)
    }

    /// Tells it that nothing is wanted, and lets it end.
    async fn dismiss(mut self) {
        let _ = self.exec.write(FLUSH, Instant::now() + LAST_WORDS).await;
        self.exec.drain(LAST_WORDS).await;
    }
}

impl Wire {
    /// Sees to it that the next push of the branch, which is at `old` now, finds one that waits.
    pub(super) async fn get_ready(self: &Arc<Self>, branch: &str, old: &str) {
        let wanted = locked(&self.demand).is_there();
        if self.url.scheme() != Scheme::Ssh || !wanted || self.reading.is_cancelled() {
            return;
        }
        let Some(session) = self.kept().await else { return };
        let Ok(mut slot) = Arc::clone(&session.ahead).try_lock_owned() else {
            return;
        };
        if let Some(mut ready) = slot.take() {
            let ended = ready.exec.has_ended();
            if !ended && ready.since.elapsed() < RENEWAL && ready.shows(branch, old).is_some() {
                *slot = Some(ready);
                return;
            }
            locked(&self.demand).over(ended);
            tokio::spawn(ready.dismiss());
        }
        if locked(&self.demand).is_there() {
            tokio::spawn(keep_one(Arc::clone(self), session, slot));
        }
    }

    /// The one that waits, if it is any good for the update; whether its connection still lives is asked along with the update.
    pub(super) async fn take_ready(&self, update: &Update, until: Instant) -> Option<(Exec, Reading)> {
        let session = self.kept().await?;
        let waiting = timeout_at(until, session.ahead.lock());
        let mut ready = self.pushing.run_until_cancelled(waiting).await?.ok()?.take()?;
        if ready.exec.has_ended() {
            locked(&self.demand).ended_early();
            return None;
        }
        let Some(reading) = ready.shows(&update.branch, &update.old) else {
            tokio::spawn(ready.dismiss());
            return None;
        };
        let alive = Arc::new(AtomicBool::new(false));
        ready.exec.goes_on(Arc::clone(&alive));
        tokio::spawn(async move {
            let asked = session.handle.send_ping().await;
            alive.store(asked.is_ok() && !session.handle.is_closed(), Ordering::Relaxed);
        });
        Some((ready.exec, reading))
    }
}

/// Starts one, and ends it when its time is over.
async fn keep_one(wire: Arc<Wire>, session: Session, mut slot: OwnedMutexGuard<Option<Ready>>) {
    match start(&wire, &session).await {
        Ok(ready) => *slot = Some(ready),
        Err(error) => {
            tracing::debug!(%error, "no push is made ready");
            return;
        }
    }
    let since = slot.as_ref().map(|ready| ready.since);
    let stop = wire.pushing.clone();
    let (weak_wire, weak_slot) = (Arc::downgrade(&wire), Arc::downgrade(&session.ahead));
    // A repository that is gone takes its connection with it.
    drop((slot, session, wire));
    let _ = timeout(LIFE, stop.cancelled()).await;
    let Some(slot) = weak_slot.upgrade() else { return };
    let mut slot = slot.lock().await;
    if let Some(mut ready) = slot.take_if(|ready| Some(ready.since) == since) {
        drop(slot);
        if let Some(wire) = weak_wire.upgrade() {
            locked(&wire.demand).over(ready.exec.has_ended());
        }
        ready.dismiss().await;
    }
}

async fn start(wire: &Wire, session: &Session) -> Result<Ready, Error> {
    let command = wire.receive_command();
    let mut exec = session.start(wire, &command, true, &wire.pushing).await?;
    let advertisement = advertisement(wire, &mut exec).await;
    match &advertisement {
        Err(Error::Remote { .. }) => locked(&wire.demand).forbid(),
        Err(error) if error.is_cut() && exec.is_dead_from_the_start() => session.hang_up().await,
        _ => {}
    }
    Ok(Ready {
        advertisement: advertisement?,
        exec,
        since: Instant::now(),
    })
}

async fn advertisement(wire: &Wire, exec: &mut Exec) -> Result<Vec<u8>, Error> {
    let unusable = |rule| Error::Protocol {
        place: wire.url.place(),
        rule,
    };
    let until = Instant::now() + wire.phases.idle.saturating_mul(SILENCES);
    let (mut reading, mut bytes) = (Reading::new("", NOTHING), Vec::new());
    while reading.stage == Stage::Advertisement {
        let Some(more) = exec.read(until).await? else {
            return Err(refused(wire, &exec.words(), true));
        };
        wire.counts.received.fetch_add(more.len() as u64, Ordering::Relaxed);
        reading
            .take(&more)
            .ok_or_else(|| unusable("it is not git's protocol"))?;
        if let Some(said) = reading.error.take() {
            return Err(refused(wire, &said, true));
        }
        bytes.extend_from_slice(&more);
        if bytes.len() > LONGEST {
            locked(&wire.demand).forbid();
            return Err(unusable("its list of branches is longer than 4 MiB"));
        }
    }
    Ok(bytes)
}
