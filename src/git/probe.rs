//! Finds out what the deploy key or login may do, without a trace on the server: opens both of git's services and closes them
//! after their advertisements. By then a server has refused a key that may not write. Nothing that could change anything is
//! sent.

use super::error::Error;
use super::objects::ids::commit_id;
use super::protocol::branch_tip::branch_tip;
use super::protocol::references::references;
use super::settings::Settings;
use super::transport::connection::Connection;
use super::transport::error::Error as TransportError;
use super::transport::service::Service;
use crate::model::CommitId;
use crate::port::RepoFailure;
use git2::Oid;

/// A repository that the key or login may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// The branch's tip.
    pub tip: CommitId,
    /// `None`: the key or login may also write. Otherwise the server's words.
    pub read_only: Option<String>,
}

/// Logs in with the settings' key or login on a connection of its own. Servers tie a key's rights to the connection, so only a
/// new connection shows the present rights.
///
/// # Errors
/// There is no connection, no login, no such repository or no such branch.
pub async fn probe(settings: &Settings) -> Result<ProbeResult, RepoFailure> {
    let connection = settings.connection();
    let result = probe_with(&connection, settings).await;
    connection.close().await;
    Ok(result?)
}

async fn probe_with(connection: &Connection, settings: &Settings) -> Result<ProbeResult, Error> {
    let references_of = |service| references(connection, service, settings.timeout);
    let heads = references_of(Service::UploadPack).await?;
    let heads = heads.iter().filter_map(|line| {
        let (id, name) = line.split_once(' ')?;
        Some((name, Oid::from_str(id).ok()?))
    });
    let tip = commit_id(branch_tip(heads, &settings.url, &settings.branch)?);
    let read_only = match references_of(Service::ReceivePack).await {
        Ok(_) => None,
        Err(TransportError::Refused { message, .. }) if message.is_empty() => {
            Some("the server ended the command without a word".to_owned())
        }
        // A login that may read and is rejected for writing has no right to write.
        Err(TransportError::Refused { message, .. } | TransportError::LoginRejected { message, .. })
            if !message.is_empty() =>
        {
            Some(message)
        }
        Err(TransportError::LoginRejected { remedy, .. }) => Some(remedy.to_owned()),
        Err(error) => return Err(error.into()),
    };
    Ok(ProbeResult { tip, read_only })
}
