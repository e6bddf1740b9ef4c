//! What a service advertises before anything else: the server's references and capabilities. Source: gitprotocol-pack(5),
//! "Reference Discovery".

use super::pkt_line::{Decoder, FLUSH, Packet};
use crate::git::transport::connection::{Connection, Transport};
use crate::git::transport::error::Error;
use crate::git::transport::http::answer::Answer;
use crate::git::transport::refusal::refused;
use crate::git::transport::server_message;
use crate::git::transport::service::Service;
use crate::git::transport::ssh::remote_command::RemoteCommand;
use std::time::Duration;
use tokio::time::Instant;

/// Tens of thousands of branches fit into this size.
const LONGEST: usize = 16 << 20;
/// An advertisement is one answer; a server that is silent so many times in a row is not just slow.
const SILENCES: u32 = 3;
/// How long a service may take to end after the advertisement.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Interprets the packets of an advertisement, one by one.
#[derive(Default)]
pub(crate) struct Advertisement {
    /// Over HTTP the advertisement begins with the service's name and a flush of its own.
    is_introduced: bool,
    has_ended: bool,
    pub capabilities: Vec<u8>,
    /// The text of an `ERR` packet.
    pub refusal: Option<String>,
}

impl Advertisement {
    /// Takes the next packet, and returns its reference (`id name`) if it holds one.
    pub(crate) fn take<'a>(&mut self, packet: &'a Packet) -> Option<&'a [u8]> {
        let Packet::Data(body) = packet else {
            self.has_ended = !std::mem::take(&mut self.is_introduced);
            return None;
        };
        if let Some(message) = refusal(body) {
            self.refusal = Some(message);
            return None;
        }
        if body.starts_with(b"# service=") {
            self.is_introduced = true;
            return None;
        }
        let line = body.strip_suffix(b"\n").unwrap_or(body);
        let mut halves = line.splitn(2, |byte| *byte == 0);
        let reference = halves.next();
        if let Some(capabilities) = halves.next() {
            self.capabilities = capabilities.to_vec();
        }
        reference
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

fn refusal(body: &[u8]) -> Option<String> {
    body.strip_prefix(b"ERR ").map(server_message::plain)
}

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
        let (mut decoder, mut advertisement) = (Decoder::default(), Advertisement::default());
        let (mut references, mut length) = (Vec::new(), 0);
        loop {
            while let Some(packet) = decoder
                .next()
                .map_err(|_| endpoint.not_git("it is not git's protocol"))?
            {
                if let Some(reference) = advertisement.take(&packet) {
                    references.push(String::from_utf8_lossy(reference).trim_end().to_owned());
                }
                if let Some(message) = &advertisement.refusal {
                    return Err(refused(&endpoint.url, message, writing));
                }
                if advertisement.has_ended() {
                    return Ok(references);
                }
            }
            // Some servers announce a longer packet than they send.
            if let Some(message) = refusal(decoder.partial_body()) {
                return Err(refused(&endpoint.url, &message, writing));
            }
            if length > LONGEST {
                return Err(endpoint.not_git("its list of branches is longer than 16 MiB"));
            }
            let Some(bytes) = self.read(until).await? else {
                return Err(match self {
                    Self::Ssh(command) => refused(&endpoint.url, &command.message(), writing),
                    Self::Http(_) => endpoint.not_git("it ends too early"),
                });
            };
            length += bytes.len();
            decoder.feed(&bytes);
        }
    }

    async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Ssh(command) => command.read(until).await,
            Self::Http(answer) => answer.read(until).await,
        }
    }
}
