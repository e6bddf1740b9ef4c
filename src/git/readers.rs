//! The pure readers of what servers send and of OpenSSH's lists, from plain values to plain values: what the fuzz targets and
//! the tests beside them see of this room.

use super::protocol::advertisement::{NoReferences, References};
use super::protocol::pkt_line::{Decoder, Packet, encode};
use super::protocol::push_reply::{PushReply, Stage, Verdict};
use super::trust::known_hosts::Verdict as HostVerdict;
use super::trust::{AllowedSigners, KnownHosts};
use jiff::Timestamp;
use ssh_key::PublicKey;

/// The packets in some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// The bodies; `None` for a flush.
    pub bodies: Vec<Option<Vec<u8>>>,
    /// What is there of the body of a packet that is not complete.
    pub rest: Vec<u8>,
}

/// The packets in bytes that arrive in these pieces; `None` if the bytes are no packets.
pub fn packets(pieces: &[&[u8]]) -> Option<Packets> {
    let (mut decoder, mut bodies) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.feed(piece);
        while let Some(packet) = decoder.next().ok()? {
            bodies.push(match packet {
                Packet::Flush => None,
                Packet::Data(body) => Some(body),
            });
        }
    }
    Some(Packets {
        bodies,
        rest: decoder.partial_body().to_vec(),
    })
}

/// One packet with this body, which has at most 65,516 bytes.
pub fn packet(body: &[u8]) -> Vec<u8> {
    encode(body)
}

/// The references, `id name`, of an advertisement that arrives in these pieces; `None` if it has not ended.
///
/// # Errors
/// The words of a server that refuses, or what is wrong with the bytes.
pub fn references(pieces: &[&[u8]]) -> Result<Option<Vec<String>>, String> {
    let mut references = References::default();
    for piece in pieces {
        let taken = references.take(piece).map_err(|error| match error {
            NoReferences::Refused(message) => message,
            NoReferences::NotGit(rule) => rule.to_owned(),
        });
        if let Some(found) = taken? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What a server has said about the push of one branch.
#[derive(Debug, PartialEq, Eq)]
pub struct PushReading {
    /// Whether the advertisement has ended.
    pub is_advertised: bool,
    /// Whether the advertisement shows the branch at its old commit.
    pub shows_old: bool,
    /// The words of a server that refuses before it reports.
    pub refusal: Option<String>,
    /// Once the report has ended: `Ok` if the branch was moved, otherwise the status and what hooks printed.
    pub verdict: Option<Result<(), (String, String)>>,
}

/// What a server says that gets an update of the branch from the commit `old` and answers with these pieces; `None` if they are
/// not git's protocol.
pub fn push_reply(branch: &str, old: &str, pieces: &[&[u8]]) -> Option<PushReading> {
    let mut reply = PushReply::new(branch, old);
    for piece in pieces {
        reply.take(piece)?;
    }
    let verdict = || match reply.verdict() {
        Verdict::Accepted => Ok(()),
        Verdict::Moved => Err(("moved".to_owned(), String::new())),
        Verdict::Rejected { status, message } => Err((status, message)),
    };
    Some(PushReading {
        is_advertised: reply.stage != Stage::Advertisement,
        shows_old: reply.shows_old(),
        verdict: (reply.stage == Stage::Done).then(verdict),
        refusal: reply.take_refusal(),
    })
}

/// What known_hosts says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyVerdict {
    /// The host has this key.
    Trusted,
    /// The host is not listed.
    Unknown,
    /// The host is listed with other keys.
    Changed,
    /// The key is revoked.
    Revoked,
}

/// What the list says about the key, in the form `type base64`, of a host; `None` if the key is not valid.
pub fn judge_host(list: &KnownHosts, host: &str, port: u16, key: &str) -> Option<HostKeyVerdict> {
    let key = PublicKey::from_openssh(key).ok()?;
    Some(match list.judge_key(host, port, key.key_data()) {
        HostVerdict::Trusted => HostKeyVerdict::Trusted,
        HostVerdict::Unknown => HostKeyVerdict::Unknown,
        HostVerdict::Changed { .. } => HostKeyVerdict::Changed,
        HostVerdict::Revoked { .. } => HostKeyVerdict::Revoked,
        HostVerdict::InvalidCertificate { .. } => return None,
    })
}

/// The principals of the line that accepts signatures of commits by the key, in the form `type base64`, at this time.
///
/// # Errors
/// Why no line accepts them.
pub fn judge_signer(list: &AllowedSigners, key: &str, at: Timestamp) -> Result<String, String> {
    let key = PublicKey::from_openssh(key).map_err(|error| error.to_string())?;
    let principals = list.principals(key.key_data(), at);
    principals.map(str::to_owned).map_err(|error| error.to_string())
}
