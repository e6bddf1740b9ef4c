//! `git-receive-pack` on standby: started before there is anything to push, so that a push costs one round trip. The update
//! goes out, the report comes back.
//!
//! After a fetch, and after a push that landed, a command is started in the background on the open connection, and its
//! advertisement read. The advertisement may be out of date by the time of the push, which does no harm: the update names the
//! old value of the branch, and the server compares that value with the branch as it is then. A command whose advertisement
//! does not show the old value, or that has ended meanwhile, is not used, and nothing was sent to it.
//!
//! A command on standby is no burden to the server. It ends after [`LIFE`] at the latest, and a fetch renews it only when its
//! end is near. None is started if nothing was pushed for an hour, if the key may not write, or if the server keeps ending
//! the commands early. The command belongs to its connection and ends with it.

use super::pkt_line::FLUSH;
use super::push_reply::{NO_COMMIT, PushReply, Stage};
use super::update::{Update, take};
use crate::git::lock::locked;
use crate::git::transport::connection::Connection;
use crate::git::transport::error::Error;
use crate::git::transport::refusal::refused;
use crate::git::transport::service::Service;
use crate::git::transport::ssh::client::Ssh;
use crate::git::transport::ssh::remote_command::{LAST_WORDS, RemoteCommand};
use crate::git::transport::ssh::ssh_connection::SshConnection;
use crate::git::transport::ssh::standby::Standby;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout, timeout_at};

/// How long a command may wait on the server.
const LIFE: Duration = Duration::from_secs(120);
/// A fetch renews a command of this age. So an agent that fetches every half minute always has a command on standby.
const RENEWAL: Duration = Duration::from_secs(90);
/// A longer list of branches is not worth reading for one push.
const LONGEST: usize = 4 << 20;
/// An advertisement is one answer; a server that is silent so many times in a row is not just slow.
const SILENCES: u32 = 3;

/// Prepares the next push of the branch, which is at `old` now: starts a command on standby unless a good one waits.
pub(crate) async fn prepare_next(connection: &Arc<Connection>, branch: &str, old: &str) {
    let Some(ssh) = connection.ssh() else { return };
    let has_demand = locked(&ssh.demand).exists();
    if !has_demand || connection.endpoint.reading.is_cancelled() {
        return;
    }
    let Some(open) = ssh.open_connection().await else {
        return;
    };
    let Ok(mut slot) = Arc::clone(&open.standby).try_lock_owned() else {
        return;
    };
    if let Some(mut standby) = slot.take() {
        let has_ended = standby.command.has_ended();
        if !has_ended && standby.since.elapsed() < RENEWAL && reply_so_far(&standby, branch, old).is_some() {
            *slot = Some(standby);
            return;
        }
        locked(&ssh.demand).dismissed(has_ended);
        tokio::spawn(dismiss(standby));
    }
    if locked(&ssh.demand).exists() {
        tokio::spawn(keep_one(Arc::clone(connection), open, slot));
    }
}

/// The command on standby, if it can serve the update. Whether its connection still lives is asked along with the update.
pub(crate) async fn take_standby(
    connection: &Connection,
    ssh: &Ssh,
    update: &Update,
    until: Instant,
) -> Option<(RemoteCommand, PushReply)> {
    let open = ssh.open_connection().await?;
    let waiting = timeout_at(until, open.standby.lock());
    let stop = &connection.endpoint.pushing;
    let mut standby = stop.run_until_cancelled(waiting).await?.ok()?.take()?;
    if standby.command.has_ended() {
        locked(&ssh.demand).ended_early();
        return None;
    }
    let Some(reply) = reply_so_far(&standby, &update.branch, &update.old) else {
        tokio::spawn(dismiss(standby));
        return None;
    };
    let is_alive = Arc::new(AtomicBool::new(false));
    standby.command.resume(Arc::clone(&is_alive));
    tokio::spawn(async move {
        let answer = open.handle.send_ping().await;
        is_alive.store(answer.is_ok() && !open.handle.is_closed(), Ordering::Relaxed);
    });
    Some((standby.command, reply))
}

/// The reply up to the end of the advertisement, if that shows the branch at `old`.
fn reply_so_far(standby: &Standby, branch: &str, old: &str) -> Option<PushReply> {
    let mut reply = PushReply::new(branch, old);
    reply.take(&standby.output)?;
    (reply.stage == Stage::Report && reply.shows_old()).then_some(reply)
}

/// Ends a command without an update.
async fn dismiss(mut standby: Standby) {
    let _ = standby.command.write(FLUSH, Instant::now() + LAST_WORDS).await;
    standby.command.drain(LAST_WORDS).await;
}

/// Starts a command, and dismisses it at the end of its [`LIFE`].
async fn keep_one(connection: Arc<Connection>, open: SshConnection, mut slot: OwnedMutexGuard<Option<Standby>>) {
    match start(&connection, &open).await {
        Ok(standby) => *slot = Some(standby),
        Err(error) => {
            tracing::debug!(%error, "no push is on standby");
            return;
        }
    }
    let since = slot.as_ref().map(|standby| standby.since);
    let stop = connection.endpoint.pushing.clone();
    let (weak_connection, weak_slot) = (Arc::downgrade(&connection), Arc::downgrade(&open.standby));
    // A repository that is dropped takes its connection with it.
    drop((slot, open, connection));
    let _ = timeout(LIFE, stop.cancelled()).await;
    let Some(slot) = weak_slot.upgrade() else { return };
    let mut slot = slot.lock().await;
    if let Some(mut standby) = slot.take_if(|standby| Some(standby.since) == since) {
        drop(slot);
        let has_ended = standby.command.has_ended();
        if let Some(ssh) = weak_connection.upgrade().as_deref().and_then(Connection::ssh) {
            locked(&ssh.demand).dismissed(has_ended);
        }
        dismiss(standby).await;
    }
}

async fn start(connection: &Connection, open: &SshConnection) -> Result<Standby, Error> {
    let endpoint = &connection.endpoint;
    let command = Service::ReceivePack.command(&endpoint.url);
    let mut command = open.start(endpoint, &command, true, &endpoint.pushing).await?;
    let output = read_advertisement(connection, &mut command).await;
    match &output {
        Err(Error::Refused { .. }) => forbid(connection),
        Err(error) if error.is_cut() && command.is_dead_from_the_start() => open.close().await,
        _ => {}
    }
    Ok(Standby {
        output: output?,
        command,
        since: Instant::now(),
    })
}

async fn read_advertisement(connection: &Connection, command: &mut RemoteCommand) -> Result<Vec<u8>, Error> {
    let endpoint = &connection.endpoint;
    let until = Instant::now() + endpoint.deadlines.idle.saturating_mul(SILENCES);
    let (mut reply, mut output) = (PushReply::new("", NO_COMMIT), Vec::new());
    while reply.stage == Stage::Advertisement {
        let Some(bytes) = command.read(until).await? else {
            return Err(refused(&endpoint.url, &command.message(), true));
        };
        take(endpoint, &mut reply, &bytes)?;
        output.extend_from_slice(&bytes);
        if output.len() > LONGEST {
            forbid(connection);
            return Err(endpoint.not_git("its list of branches is longer than 4 MiB"));
        }
    }
    Ok(output)
}

fn forbid(connection: &Connection) {
    if let Some(ssh) = connection.ssh() {
        locked(&ssh.demand).forbid();
    }
}
