use crate::model::Secret;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a caller shows for having the secret: over the body, or the secret itself.
#[derive(Clone)]
pub(super) enum Signature {
    /// HMAC-SHA256 of the body, as GitHub and Gitea have it.
    Mac([u8; 32]),
    /// As GitLab has it.
    Word(Secret),
}

/// Where forges put it, and what stands before its hexadecimal digits. Forgejo and Gogs also send Gitea's.
const MACS: [(&str, &str); 2] = [("x-hub-signature-256", "sha256="), ("x-gitea-signature", "")];
const WORD: &str = "x-gitlab-token";

impl Signature {
    /// What the headers show; the first that is well-formed.
    pub(super) fn shown(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let macs = MACS.iter().find_map(|(name, before)| {
            let mut mac = [0; 32];
            hex::decode_to_slice(text(name)?.strip_prefix(before)?, &mut mac).ok()?;
            Some(Self::Mac(mac))
        });
        macs.or_else(|| Some(Self::Word(Secret::new(text(WORD)?))))
    }

    /// Whether it was made with the secret, in a time that does not depend on where it differs.
    pub(super) fn holds(&self, secret: &Secret, body: &[u8]) -> bool {
        let secret = secret.expose().as_bytes();
        match self {
            Self::Mac(mac) => Hmac::<Sha256>::new_from_slice(secret).is_ok_and(|mut own| {
                own.update(body);
                own.verify_slice(mac).is_ok()
            }),
            Self::Word(word) => {
                let shown = Sha256::digest(word.expose().as_bytes());
                Sha256::digest(secret).as_slice().ct_eq(shown.as_slice()).into()
            }
        }
    }
}

#[derive(Deserialize)]
struct Pushed {
    #[serde(rename = "ref")]
    name: Option<String>,
}

/// The branch that a push was to, where the body says it. GitHub can be set to send a form in place of JSON; what cannot be
/// read is no reason to let a push pass unnoticed.
pub(super) fn branch(body: &[u8]) -> Option<String> {
    let pushed: Pushed = serde_json::from_slice(body).ok()?;
    let name = pushed.name?;
    Some(name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Signature, branch};
    use crate::model::Secret;
    use axum::http::HeaderMap;

    fn signature(name: &'static str, value: &str) -> Option<Signature> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Signature::shown(&headers)
    }

    /// The example in GitHub's documentation of webhooks.
    #[test]
    fn githubs_own_example_holds_and_nothing_near_it_does() {
        let secret = Secret::new("It's a Secret to Everybody");
        let mac = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        for (name, value) in [
            ("x-hub-signature-256", format!("sha256={mac}")),
            ("x-gitea-signature", mac.to_owned()),
        ] {
            let signature = signature(name, &value).unwrap();
            assert!(signature.holds(&secret, b"Hello, World!"));
            assert!(!signature.holds(&secret, b"Hello, World?"));
            assert!(!signature.holds(&Secret::new("It's no Secret"), b"Hello, World!"));
        }
        for (name, value) in [
            ("x-hub-signature-256", mac.to_owned()),
            ("x-hub-signature-256", format!("sha1={}", &mac[..40])),
            ("x-hub-signature-256", format!("sha256={}", &mac[..62])),
            ("x-hub-signature", format!("sha256={mac}")),
            ("x-gitea-signature", String::new()),
        ] {
            assert!(signature(name, &value).is_none(), "{name}: {value}");
        }
    }

    #[test]
    fn gitlab_shows_the_secret_itself() {
        let signature = signature("x-gitlab-token", "correct-horse").unwrap();
        assert!(signature.holds(&Secret::new("correct-horse"), b"whatever"));
        assert!(!signature.holds(&Secret::new("correct-horsf"), b"whatever"));
    }

    #[test]
    fn the_branch_is_read_where_the_body_says_it() {
        for (body, wanted) in [
            (r#"{"ref":"refs/heads/release/1.2","commits":[]}"#, Some("release/1.2")),
            (r#"{"ref":"refs/tags/v1"}"#, Some("refs/tags/v1")),
            (r#"{"zen":"Keep it logically awesome."}"#, None),
            ("payload=%7B%22ref%22", None),
            ("", None),
            (r#"{"ref":7}"#, None),
        ] {
            assert_eq!(branch(body.as_bytes()).as_deref(), wanted, "{body}");
        }
    }
}
