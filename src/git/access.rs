//! What the deploy key or login may do, found out without leaving a trace: both of git's services are opened and closed
//! again after what they advertise. Servers tell by then whether we may write; nothing is sent that could change anything.

use super::error::Error;
use super::exec::Exec;
use super::http::{Answer, Service};
use super::mirror::commit_id;
use super::settings::Settings;
use super::transport::refused;
use super::url::Scheme;
use super::wire::Wire;
use super::words;
use crate::model::CommitId;
use crate::port::RepoFailure;
use std::time::Duration;
use tokio::time::Instant;

/// A repository that we can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The branch's tip.
    pub tip: CommitId,
    /// `None`: we may write. Else the server's words.
    pub read_only: Option<String>,
}

/// Ten thousands of branches fit; more is no advertisement.
const LONGEST: usize = 16 << 20;
/// An advertisement is one answer; this many silences in a row are not a slow one.
const SILENCES: u32 = 3;
const AFTERWARDS: Duration = Duration::from_secs(5);
const FLUSH: &[u8] = b"0000";

/// Logs in with the settings' key or login on a connection of its own, and looks what it may do. Servers tie a key's rights
/// to the connection, so that only a new one tells those of now.
///
/// # Errors
/// No connection, no login, no such repository or branch.
pub async fn probe(settings: &Settings) -> Result<Access, RepoFailure> {
    let wire = Wire::new(settings);
    let found = look(&wire, settings).await;
    wire.hang_up().await;
    Ok(found?)
}

async fn look(wire: &Wire, settings: &Settings) -> Result<Access, Error> {
    let heads = advertised(wire, Service::UploadPack, settings.timeout).await?;
    let tip = tip(&heads, settings)?;
    let read_only = match advertised(wire, Service::ReceivePack, settings.timeout).await {
        Ok(_) => None,
        Err(Error::Remote { words, .. }) if words.is_empty() => {
            Some("the server ended the command without a word".to_owned())
        }
        // Who was let in to read and is asked for a login to write has none that may.
        Err(Error::Remote { words, .. } | Error::LoginRefused { words, .. }) if !words.is_empty() => Some(words),
        Err(Error::LoginRefused { remedy, .. }) => Some(remedy.to_owned()),
        Err(error) => return Err(error),
    };
    Ok(Access { tip, read_only })
}

/// A service's advertisement; then the service is told that nothing is wanted, and let end.
async fn advertised(wire: &Wire, service: Service, timeout: Duration) -> Result<Vec<String>, Error> {
    let until = Instant::now() + timeout.saturating_mul(SILENCES);
    if wire.url.scheme() != Scheme::Ssh {
        let answer = wire.references(service, &wire.reading).await?;
        return heads(wire, Source::Http(answer), service, until)
            .await
            .map(|(heads, _)| heads);
    }
    let command = format!("{} {}", service.name(), wire.url.quoted_path());
    let exec = wire.exec(&command, &wire.reading).await?;
    let (lines, source) = heads(wire, Source::Ssh(exec), service, until).await?;
    if let Source::Ssh(mut exec) = source {
        let _ = exec.write(FLUSH, until).await;
        exec.drain(AFTERWARDS).await;
    }
    Ok(lines)
}

/// What an advertisement is read from.
enum Source {
    Ssh(Exec),
    Http(Answer),
}

impl Source {
    async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Ssh(exec) => exec.read(until).await,
            Self::Http(answer) => answer.read(until).await,
        }
    }

    /// The server's words where nothing more comes.
    fn words(&self) -> String {
        match self {
            Self::Ssh(exec) => exec.words(),
            Self::Http(_) => String::new(),
        }
    }
}

async fn heads(
    wire: &Wire,
    mut source: Source,
    service: Service,
    until: Instant,
) -> Result<(Vec<String>, Source), Error> {
    let writing = service == Service::ReceivePack;
    let unusable = |rule| Error::Protocol {
        place: wire.url.place(),
        rule,
    };
    let mut bytes = Vec::new();
    loop {
        match lines(&bytes) {
            Some(Some(lines)) => {
                let said = lines.iter().find_map(|line| line.strip_prefix("ERR "));
                return match said {
                    Some(said) => Err(refused(wire, &words::scrub(said.as_bytes()), writing)),
                    None => Ok((lines, source)),
                };
            }
            Some(None) if bytes.len() <= LONGEST => {}
            Some(None) => return Err(unusable("its list of branches is longer than 16 MiB")),
            None => return Err(unusable("it is not git's protocol")),
        }
        match source.read(until).await? {
            Some(more) => bytes.extend_from_slice(&more),
            None if wire.url.scheme() == Scheme::Ssh => return Err(refused(wire, &source.words(), writing)),
            None => return Err(unusable("it ends too early")),
        }
    }
}

/// The packets up to the flush, without what follows a NUL; `Some(None)`: not all there yet; `None`: no packets. HTTP's
/// begin with the service's name and a flush of its own.
fn lines(bytes: &[u8]) -> Option<Option<Vec<String>>> {
    let (mut rest, mut lines) = (bytes, Vec::<String>::new());
    loop {
        let Some((digits, after)) = rest.split_at_checked(4) else {
            return Some(None);
        };
        let length = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if length == 0 {
            if !matches!(&*lines, [only] if is_introduction(only)) {
                return Some(Some(lines));
            }
            (rest, lines) = (after, Vec::new());
            continue;
        }
        let Some((line, next)) = after.split_at_checked(length.checked_sub(4)?) else {
            return Some(is_refusal(after).then(|| vec![String::from_utf8_lossy(after).into_owned()]));
        };
        let line = String::from_utf8_lossy(line);
        let line = line.split('\0').next().unwrap_or_default().trim_end().to_owned();
        if is_refusal(line.as_bytes()) {
            return Some(Some(vec![line]));
        }
        lines.push(line);
        rest = next;
    }
}

fn is_introduction(line: &str) -> bool {
    line.starts_with("# service=")
}

fn is_refusal(line: &[u8]) -> bool {
    line.starts_with(b"ERR ")
}

fn tip(heads: &[String], settings: &Settings) -> Result<CommitId, Error> {
    let wanted = settings.branch.full();
    let mut branches = Vec::new();
    for (id, name) in heads.iter().filter_map(|line| line.split_once(' ')) {
        if name == wanted
            && let Ok(id) = git2::Oid::from_str(id)
        {
            return Ok(commit_id(id));
        }
        branches.extend(name.strip_prefix("refs/heads/"));
    }
    Err(Error::no_branch(settings, &branches))
}
