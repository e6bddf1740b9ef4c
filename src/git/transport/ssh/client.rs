use super::connect::connect;
use super::host_check::HostCheck;
use super::login_keys::LoginKeys;
use super::remote_command::RemoteCommand;
use super::ssh_connection::SshConnection;
use super::standby::Demand;
use crate::git::keys::deploy_key::DeployKey;
use crate::git::lock::locked;
use crate::git::transport::endpoint::Endpoint;
use crate::git::transport::error::Error;
use crate::git::trust::HostKeys;
use russh::client::Handle;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// Runs commands on one host, over one connection that is kept open between commands.
pub(crate) struct Ssh {
    endpoint: Arc<Endpoint>,
    keys: Arc<LoginKeys>,
    host_keys: HostKeys,
    connection: tokio::sync::Mutex<Option<SshConnection>>,
    /// Whether a push is expected, so that a command is worth starting in advance.
    pub demand: Mutex<Demand>,
}

impl Ssh {
    pub(crate) fn new(endpoint: Arc<Endpoint>, keys: Arc<LoginKeys>, host_keys: HostKeys) -> Self {
        Self {
            endpoint,
            keys,
            host_keys,
            connection: tokio::sync::Mutex::new(None),
            demand: Mutex::new(Demand::new()),
        }
    }

    /// Starts a command, on the open connection if there is one, otherwise on a new one. `stop` ends the command.
    pub(crate) async fn start(&self, command: &str, stop: &CancellationToken) -> Result<RemoteCommand, Error> {
        let started = self.start_unless_broken(command, stop);
        self.endpoint.unless_stopped(stop, started).await
    }

    async fn start_unless_broken(&self, command: &str, stop: &CancellationToken) -> Result<RemoteCommand, Error> {
        let mut slot = self.connection.lock().await;
        let (key, stamp) = (self.keys.current(), self.host_keys.stamp());
        if let Some(open) = slot.take() {
            if open.is_for(&key, stamp)
                && let Ok(command) = open.start(&self.endpoint, command, true, stop).await
            {
                *slot = Some(open);
                return Ok(command);
            }
            if open.was_closed_in_standby() {
                locked(&self.demand).ended_early();
            }
            tokio::spawn(async move { open.close().await });
        }
        let (handle, key) = self.connect_with(key).await?;
        let opened = SshConnection::new(handle, key, stamp);
        let command = opened.start(&self.endpoint, command, false, stop).await?;
        *slot = Some(opened);
        Ok(command)
    }

    /// The open connection, if a command could start on it now.
    pub(crate) async fn open_connection(&self) -> Option<SshConnection> {
        let slot = self.connection.lock().await;
        let open = slot.as_ref()?;
        open.is_for(&self.keys.current(), self.host_keys.stamp())
            .then(|| open.clone())
    }

    /// Forgets the open connection if another key is logged in on it.
    pub(crate) fn drop_unless_for(&self, key: &Arc<DeployKey>) {
        if let Ok(mut slot) = self.connection.try_lock() {
            drop(slot.take_if(|open| !Arc::ptr_eq(&open.key, key)));
        }
    }

    /// Closes the open connection; the next command opens a new one.
    pub(crate) async fn close(&self) {
        if let Some(open) = self.connection.lock().await.take() {
            open.close().await;
        }
    }

    /// Connects with the key. If the server rejects the key, another one may be accepted already: the key that has replaced
    /// this one during the login, or the next key, if somebody has removed the old one from the server before the agent
    /// noticed.
    async fn connect_with(&self, key: Arc<DeployKey>) -> Result<(Handle<HostCheck>, Arc<DeployKey>), Error> {
        let rejection = match self.connect(&key).await {
            Ok(handle) => return Ok((handle, key)),
            Err(error @ Error::KeyRejected { .. }) => error,
            Err(error) => return Err(error),
        };
        let current = self.keys.current();
        if !Arc::ptr_eq(&current, &key) {
            let handle = self.connect(&current).await?;
            return Ok((handle, current));
        }
        let Some(next) = self.keys.next() else {
            return Err(rejection);
        };
        let handle = self.connect(&next).await.map_err(|_| rejection)?;
        self.keys.promote(&key, &next);
        Ok((handle, next))
    }

    async fn connect(&self, key: &DeployKey) -> Result<Handle<HostCheck>, Error> {
        connect(&self.endpoint, &self.host_keys, &self.keys, key).await
    }
}
