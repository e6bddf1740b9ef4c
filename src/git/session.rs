//! A logged-in SSH connection, kept open between commands.

use super::ahead;
use super::error::Error;
use super::exec::{Exec, KEPT_OPEN_PATIENCE, LAST_WORDS};
use super::identity::DeployKey;
use super::settings::Stamp;
use super::ssh::Client;
use super::wire::{Wire, locked};
use russh::client::{Handle, Msg};
use russh::{Channel, Disconnect};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The connection, with a channel opened in advance, which saves the next command a round trip, and with a push made ready.
/// Clones are the same connection.
#[derive(Clone)]
pub(super) struct Session {
    pub handle: Arc<Handle<Client>>,
    /// Who is logged in.
    pub key: Arc<DeployKey>,
    /// The list that the host was judged by.
    host_keys: Option<Stamp>,
    spare: Arc<Mutex<Option<Channel<Msg>>>>,
    pub ahead: ahead::Slot,
}

impl Session {
    pub(super) fn new(handle: Handle<Client>, key: Arc<DeployKey>, host_keys: Option<Stamp>) -> Self {
        Self {
            handle: Arc::new(handle),
            key,
            host_keys,
            spare: Arc::default(),
            ahead: Arc::default(),
        }
    }

    /// Whether it is open, ours, and with a host that was judged by the list as it is now.
    pub(super) fn is_for(&self, key: &Arc<DeployKey>, host_keys: Option<Stamp>) -> bool {
        !self.handle.is_closed() && Arc::ptr_eq(&self.key, key) && self.host_keys == host_keys
    }

    /// Whether the server has closed it while a push was ready on it.
    pub(super) fn was_waiting(&self) -> bool {
        self.handle.is_closed() && self.ahead.try_lock().is_ok_and(|slot| slot.is_some())
    }

    pub(super) async fn hang_up(&self) {
        let bye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        let _ = timeout(LAST_WORDS, bye).await;
    }

    /// Starts a command; `kept_open`: the connection was used before, and may have died since. `stop` ends the command.
    pub(super) async fn start(
        &self,
        wire: &Wire,
        command: &str,
        kept_open: bool,
        stop: &CancellationToken,
    ) -> Result<Exec, Error> {
        let place = wire.url.place();
        let patience = if kept_open {
            KEPT_OPEN_PATIENCE.min(wire.phases.login)
        } else {
            wire.phases.login
        };
        let spare = locked(&self.spare).take();
        let channel = match spare {
            Some(channel) => channel,
            None => timeout(patience, self.handle.channel_open_session())
                .await
                .map_err(|_| Error::Silent {
                    place: place.clone(),
                    phase: "opening a channel",
                    after: patience,
                })?
                .map_err(|source| Error::Handshake {
                    place: place.clone(),
                    source,
                })?,
        };
        wire.counts.channels.fetch_add(1, Ordering::Relaxed);
        channel.exec(true, command).await.map_err(|_| Error::Broken {
            place: place.clone(),
            words: String::new(),
        })?;
        self.open_spare(patience);
        let idle = wire.phases.idle;
        Ok(Exec::new(channel, place, idle, kept_open, stop.clone()))
    }

    /// In the background: the command that was just started does not wait for it.
    fn open_spare(&self, patience: Duration) {
        let (handle, spare) = (Arc::clone(&self.handle), Arc::clone(&self.spare));
        tokio::spawn(async move {
            if let Ok(Ok(channel)) = timeout(patience, handle.channel_open_session()).await {
                let surplus = locked(&spare).replace(channel);
                if let Some(surplus) = surplus {
                    let _ = timeout(LAST_WORDS, surplus.close()).await;
                }
            }
        });
    }
}
