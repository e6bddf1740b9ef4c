//! Registry passwords: who asked, for which region, until when.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};

use super::manifest::digest_of;

/// How long a password lasts where the test says nothing.
const TWELVE_HOURS: f64 = 12.0 * 3600.0;

/// What a password says about its bearer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    /// Account of the access key that the password was made for.
    pub(super) account: String,
    pub(super) region: String,
    pub(super) expires_at: f64,
    serial: u64,
}

/// Why a password opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No `Authorization` header.
    Absent,
    /// Not a password of this server.
    Unknown,
    Expired,
}

/// The passwords of one server.
pub(super) struct Tokens {
    secret: String,
    serial: u64,
    pub(super) lifetime: f64,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn sealed_with(secret: String) -> Self {
        Self {
            secret,
            serial: 0,
            lifetime: TWELVE_HOURS,
        }
    }

    /// A new password and the time at which it ends.
    pub(super) fn issue(&mut self, account: &str, region: &str, now: f64) -> (String, f64) {
        self.serial += 1;
        let expires_at = now + self.lifetime;
        let grant = Grant {
            account: account.to_owned(),
            region: region.to_owned(),
            expires_at,
            serial: self.serial,
        };
        let text = serde_json::to_string(&grant).unwrap_or_default();
        let password = format!("{}{}", URL_SAFE_NO_PAD.encode(&text), self.seal_of(&text));
        (password, expires_at)
    }

    /// What the `Authorization: Basic` header of a `/v2/` request opens.
    pub(super) fn check(&self, authorization: Option<&str>, now: f64) -> Result<Grant, Refusal> {
        let header = authorization.ok_or(Refusal::Absent)?;
        let grant = self.read(header).ok_or(Refusal::Unknown)?;
        if grant.expires_at <= now {
            Err(Refusal::Expired)
        } else {
            Ok(grant)
        }
    }

    fn read(&self, header: &str) -> Option<Grant> {
        let (scheme, encoded) = header.split_once(' ')?;
        let plain = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = plain.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("basic") || user != "AWS" {
            return None;
        }
        let (encoded, seal) = password.split_at_checked(password.len().checked_sub(64)?)?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        if seal != self.seal_of(&text) {
            return None;
        }
        serde_json::from_str(&text).ok()
    }

    fn seal_of(&self, text: &str) -> String {
        digest_of(format!("{}\n{text}", self.secret).as_bytes()).replacen("sha256:", "", 1)
    }
}
