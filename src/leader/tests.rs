use super::{Election, Waiting};
use crate::port::{ClusterFailure, LeaseApi, LeaseRecord};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A Lease in memory.
#[derive(Default)]
struct World {
    lease: Option<LeaseRecord>,
    writes: u64,
    is_away: bool,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<World>>);

impl LeaseApi for Fake {
    async fn read(&self) -> Result<Option<LeaseRecord>, ClusterFailure> {
        let world = self.0.lock().unwrap();
        match world.is_away {
            true => Err(away()),
            false => Ok(world.lease.clone()),
        }
    }

    async fn write(
        &self,
        read: Option<&LeaseRecord>,
        holder: Option<&str>,
        duration: Duration,
    ) -> Result<(), ClusterFailure> {
        // Between a reading and a write, others read.
        tokio::task::yield_now().await;
        let mut world = self.0.lock().unwrap();
        if world.is_away {
            return Err(away());
        }
        if read.map(|read| &read.version) != world.lease.as_ref().map(|lease| &lease.version) {
            let message = "written meanwhile".to_owned();
            return Err(ClusterFailure::Conflict { message });
        }
        world.writes += 1;
        world.lease = Some(LeaseRecord {
            holder: holder.map(str::to_owned),
            renewed: world.writes.to_string(),
            acquired: None,
            transitions: 0,
            duration,
            version: world.writes.to_string(),
        });
        Ok(())
    }
}

fn away() -> ClusterFailure {
    ClusterFailure::Unavailable {
        message: "away".to_owned(),
    }
}

fn replica(fake: &Fake, name: &str) -> Election<Fake> {
    Election::new(fake.clone(), name.to_owned(), || 0.5)
}

#[tokio::test(start_paused = true)]
async fn of_many_replicas_that_begin_at_once_one_leads() {
    let fake = Fake::default();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..10 {
        let mut replica = replica(&fake, &format!("r{number}"));
        tasks.spawn(async move {
            let leads = timeout(Duration::from_secs(9), replica.acquire(|_| {})).await.is_ok();
            if leads {
                // The Lease is renewed while the others wait.
                drop(timeout(Duration::from_secs(9), replica.keep()).await);
            }
            leads
        });
    }
    let leaders = tasks.join_all().await.into_iter().filter(|leads| *leads).count();
    assert_eq!(leaders, 1);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_gone_is_followed_within_fifteen_seconds_and_not_before_its_lease_is_over() {
    let fake = Fake::default();
    let (mut first, mut second) = (replica(&fake, "first"), replica(&fake, "second"));
    first.acquire(|_| {}).await;
    let mut waits = Vec::new();
    let waiting = tokio::spawn(async move {
        second.acquire(|why| waits.push(why.clone())).await;
        (Instant::now(), waits)
    });
    // The first one renews for a minute, and is gone.
    assert!(timeout(Duration::from_secs(61), first.keep()).await.is_err());
    assert!(!waiting.is_finished(), "a Lease that is renewed is not taken");
    let gone = Instant::now();
    drop(first);
    let (taken, waits) = waiting.await.unwrap();
    let after = taken - gone;
    assert!(
        after > Duration::from_secs(8) && after <= Duration::from_secs(15),
        "{after:?}"
    );
    assert_eq!(waits, [Waiting::For("first".to_owned())], "the reason is given once");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_the_next_look() {
    let fake = Fake::default();
    let (mut first, mut second) = (replica(&fake, "first"), replica(&fake, "second"));
    first.acquire(|_| {}).await;
    assert!(timeout(Duration::from_secs(5), second.acquire(|_| {})).await.is_err());
    first.release().await;
    timeout(Duration::from_secs(3), second.acquire(|_| {})).await.unwrap();
    // The first one, which is late, gives nothing back that is not its own.
    first.release().await;
    assert!(timeout(Duration::from_secs(60), second.keep()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_leader_goes_on_while_the_server_is_away_and_ends_when_another_one_holds_the_lease() {
    let fake = Fake::default();
    let (mut first, mut second) = (replica(&fake, "first"), replica(&fake, "second"));
    first.acquire(|_| {}).await;
    fake.0.lock().unwrap().is_away = true;
    assert!(timeout(Duration::from_secs(120), first.keep()).await.is_err());
    fake.0.lock().unwrap().is_away = false;
    assert!(
        timeout(Duration::from_secs(60), first.keep()).await.is_err(),
        "nobody has taken it"
    );
    // The first one hangs for so long that the second one takes over.
    timeout(Duration::from_secs(15), second.acquire(|_| {})).await.unwrap();
    assert_eq!(first.keep().await, "second");
}
