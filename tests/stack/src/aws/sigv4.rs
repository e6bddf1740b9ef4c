//! Checks signatures (version 4) in headers and in the query, by the algorithm of AWS's documentation.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// A request as it arrived.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// What a signature says, before it is checked.
pub(super) struct Claim {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) signed_headers: Vec<String>,
    /// The session token, if there is one.
    pub(super) token: String,
    time: String,
    signature: String,
    presigned: bool,
}

impl Asked<'_> {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The query's names and values, encoded as they came.
    pub(super) fn query(&self) -> BTreeMap<&str, &str> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
    }
}

impl Claim {
    pub(super) fn read(asked: &Asked<'_>) -> Option<Self> {
        let query = asked.query();
        let presigned = query.contains_key("X-Amz-Signature");
        let (credential, signed, signature, time, token) = if presigned {
            let of = |name: &str| query.get(name).map(|value| decoded(value)).unwrap_or_default();
            (
                of("X-Amz-Credential"),
                of("X-Amz-SignedHeaders"),
                of("X-Amz-Signature"),
                of("X-Amz-Date"),
                of("X-Amz-Security-Token"),
            )
        } else {
            let rest = asked.header("authorization").strip_prefix("AWS4-HMAC-SHA256 ")?;
            let of = |name: &str| {
                let mut parts = rest.split(',').map(str::trim);
                parts
                    .find_map(|part| part.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            (
                of("Credential="),
                of("SignedHeaders="),
                of("Signature="),
                asked.header("x-amz-date").to_owned(),
                asked.header("x-amz-security-token").to_owned(),
            )
        };
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key, _, region, service, "aws4_request"] = parts[..] else {
            return None;
        };
        Some(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: signed.split(';').map(str::to_owned).collect(),
            token,
            time,
            signature,
            presigned,
        })
    }

    /// Whether `secret` made the signature.
    pub(super) fn is_by(&self, secret: &str, asked: &Asked<'_>) -> bool {
        let query: Vec<String> = asked
            .query()
            .into_iter()
            .filter(|(name, _)| *name != "X-Amz-Signature")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers: String = self
            .signed_headers
            .iter()
            .map(|name| format!("{name}:{}\n", asked.header(name).trim()))
            .collect();
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            asked.method,
            asked.path,
            query.join("&"),
            self.signed_headers.join(";"),
            hex::encode(Sha256::digest(if self.presigned { b"" } else { asked.body })),
        );
        let day = self.time.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
            self.time,
            hex::encode(Sha256::digest(canonical.as_bytes()))
        );
        let key = [day, &self.region, &self.service, "aws4_request"]
            .iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
        hex::encode(mac(&key, &text)) == self.signature
    }

    /// How old the signature is, in seconds; `None` without a time.
    pub(super) fn age(&self) -> Option<i64> {
        let sent = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &self.time).ok()?;
        let sent = sent.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(jiff::Timestamp::now().duration_since(sent).as_secs())
    }
}

/// A text of a query or a form, decoded.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
