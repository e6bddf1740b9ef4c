//! Asks a server for its references.

use super::advertisement::{NoReferences, References};
use super::pkt_line::FLUSH;
use crate::git::transport::connection::{Connection, Transport};
use crate::git::transport::error::Error;
use crate::git::transport::http::answer::Answer;
use crate::git::transport::refusal::refused;
use crate::git::transport::service::Service;
use crate::git::transport::ssh::remote_command::RemoteCommand;
use std::time::Duration;
use tokio::time::Instant;

/// An advertisement is one answer; a server that is silent so many times in a row is not just slow.
const SILENCES: u32 = 3;
/// How long a service may take to end after the advertisement.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Asks for a service's advertisement, then ends the service without using it. Returns the references, `id name`.
pub(crate) async fn references(
    connection: &Connection,
    service: Service,
    timeout: Duration,
) -> Result<Vec<String>, Error> {
    let until = Instant::now() + timeout.saturating_mul(SILENCES);
    let endpoint = &connection.endpoint;
    let mut source = match &connection.transport {
        Transport::Http(http) => Source::Http(http.references(service, &endpoint.reading).await?),
        Transport::Ssh(ssh) => Source::Ssh(ssh.start(&service.command(&endpoint.url), &endpoint.reading).await?),
    };
    let references = source.read_references(connection, service, until).await?;
    if let Source::Ssh(mut command) = source {
        let _ = command.write(FLUSH, until).await;
        command.drain(AFTERWARDS).await;
    }
    Ok(references)
}

/// Where an advertisement is read from.
enum Source {
    Ssh(RemoteCommand),
    Http(Answer),
}

impl Source {
    async fn read_references(
        &mut self,
        connection: &Connection,
        service: Service,
        until: Instant,
    ) -> Result<Vec<String>, Error> {
        let (endpoint, writing) = (&connection.endpoint, service == Service::ReceivePack);
        let mut references = References::default();
        loop {
            let Some(bytes) = self.read(until).await? else {
                return Err(match self {
                    Self::Ssh(command) => refused(&endpoint.url, &command.message(), writing),
                    Self::Http(_) => endpoint.not_git("it ends too early"),
                });
            };
            let taken = references.take(&bytes).map_err(|error| match error {
                NoReferences::Refused(message) => refused(&endpoint.url, &message, writing),
                NoReferences::NotGit(rule) => endpoint.not_git(rule),
            });
            if let Some(references) = taken? {
                return Ok(references);
            }
        }
    }

    async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Ssh(command) => command.read(until).await,
            Self::Http(answer) => answer.read(until).await,
        }
    }
}
