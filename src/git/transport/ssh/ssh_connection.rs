use super::host_check::HostCheck;
use super::remote_command::{LAST_WORDS, OPEN_CONNECTION_PATIENCE, RemoteCommand};
use super::standby::StandbySlot;
use crate::git::keys::deploy_key::DeployKey;
use crate::git::lock::locked;
use crate::git::transport::endpoint::Endpoint;
use crate::git::transport::error::Error;
use crate::git::trust::FileStamp;
use russh::client::{Handle, Msg};
use russh::{Channel, Disconnect};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A logged-in SSH connection, kept open between commands. It has a channel that was opened in advance, which saves the next
/// command a round trip, and may have a command on standby. Clones are the same connection.
#[derive(Clone)]
pub(crate) struct SshConnection {
    pub handle: Arc<Handle<HostCheck>>,
    /// The key that is logged in.
    pub key: Arc<DeployKey>,
    /// The known_hosts file by which the host was judged.
    host_keys: Option<FileStamp>,
    spare_channel: Arc<Mutex<Option<Channel<Msg>>>>,
    pub standby: StandbySlot,
}

impl SshConnection {
    pub(crate) fn new(handle: Handle<HostCheck>, key: Arc<DeployKey>, host_keys: Option<FileStamp>) -> Self {
        Self {
            handle: Arc::new(handle),
            key,
            host_keys,
            spare_channel: Arc::default(),
            standby: Arc::default(),
        }
    }

    /// Whether the connection is open, logged in with this key, and judged by known_hosts as the file is now.
    pub(crate) fn is_for(&self, key: &Arc<DeployKey>, host_keys: Option<FileStamp>) -> bool {
        !self.handle.is_closed() && Arc::ptr_eq(&self.key, key) && self.host_keys == host_keys
    }

    /// Whether the server has closed the connection while a command was on standby.
    pub(crate) fn was_closed_in_standby(&self) -> bool {
        self.handle.is_closed() && self.standby.try_lock().is_ok_and(|slot| slot.is_some())
    }

    pub(crate) async fn close(&self) {
        let disconnected = self.handle.disconnect(Disconnect::ByApplication, "", "");
        let _ = timeout(LAST_WORDS, disconnected).await;
    }

    /// Starts a command. `was_used`: the connection served an earlier command, and may be dead since. `stop` ends the command.
    pub(crate) async fn start(
        &self,
        endpoint: &Endpoint,
        command: &str,
        was_used: bool,
        stop: &CancellationToken,
    ) -> Result<RemoteCommand, Error> {
        let patience = if was_used {
            OPEN_CONNECTION_PATIENCE.min(endpoint.deadlines.login)
        } else {
            endpoint.deadlines.login
        };
        let spare = locked(&self.spare_channel).take();
        let channel = match spare {
            Some(channel) => channel,
            None => self.open_channel(endpoint, patience).await?,
        };
        endpoint.counts.channels.fetch_add(1, Ordering::Relaxed);
        let server = endpoint.url.server();
        channel.exec(true, command).await.map_err(|_| Error::Broken {
            server: server.clone(),
            message: String::new(),
        })?;
        self.open_spare_channel(patience);
        let idle = endpoint.deadlines.idle;
        Ok(RemoteCommand::new(channel, server, idle, was_used, stop.clone()))
    }

    async fn open_channel(&self, endpoint: &Endpoint, patience: Duration) -> Result<Channel<Msg>, Error> {
        let opened = timeout(patience, self.handle.channel_open_session()).await;
        let opened = opened.map_err(|_| Error::Silent {
            server: endpoint.url.server(),
            phase: "opening a channel",
            after: patience,
        })?;
        opened.map_err(|source| Error::Handshake {
            server: endpoint.url.server(),
            source,
        })
    }

    /// Opens a channel in the background; the command that has just started does not wait for it.
    fn open_spare_channel(&self, patience: Duration) {
        let (handle, spare) = (Arc::clone(&self.handle), Arc::clone(&self.spare_channel));
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
