use crate::model::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The proof in a request's headers that the sender has the secret of the webhook.
#[derive(Clone)]
pub enum Signature {
    /// HMAC-SHA256 of the body. GitHub and Gitea send this.
    Mac([u8; 32]),
    /// The secret itself. GitLab sends this.
    Secret(Secret),
}

/// The headers with an HMAC, and the text before its hexadecimal digits. Forgejo and Gogs send Gitea's header too.
const MAC_HEADERS: [(&str, &str); 2] = [("x-hub-signature-256", "sha256="), ("x-gitea-signature", "")];

/// The header with the secret itself.
const SECRET_HEADER: &str = "x-gitlab-token";

impl Signature {
    /// Reads the first well-formed signature. `text` gives the header with a name in lower case, if there is one and it is
    /// text.
    pub fn read<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let mac = MAC_HEADERS.iter().find_map(|(name, prefix)| {
            let mut mac = [0; 32];
            hex::decode_to_slice(text(name)?.strip_prefix(prefix)?, &mut mac).ok()?;
            Some(Self::Mac(mac))
        });
        mac.or_else(|| Some(Self::Secret(Secret::new(text(SECRET_HEADER)?))))
    }

    /// Whether the headers alone prove that the sender has `secret`; `None` if the body is needed.
    pub fn proves_alone(&self, secret: &Secret) -> Option<bool> {
        match self {
            Self::Mac(_) => None,
            Self::Secret(_) => Some(self.is_valid(secret, &[])),
        }
    }

    /// Whether the signature was made with `secret`. The comparison takes the same time wherever the bytes differ.
    pub fn is_valid(&self, secret: &Secret, body: &[u8]) -> bool {
        let secret = secret.expose().as_bytes();
        match self {
            Self::Mac(mac) => Hmac::<Sha256>::new_from_slice(secret).is_ok_and(|mut own| {
                own.update(body);
                own.verify_slice(mac).is_ok()
            }),
            Self::Secret(given) => {
                let given = Sha256::digest(given.expose().as_bytes());
                Sha256::digest(secret).as_slice().ct_eq(given.as_slice()).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Signature;
    use crate::model::Secret;

    fn read(name: &str, value: &str) -> Option<Signature> {
        Signature::read(|asked| (asked == name).then_some(value))
    }

    /// Source: the example in GitHub's documentation of webhooks.
    #[test]
    fn the_example_of_github_is_valid_and_variations_are_not() {
        let secret = Secret::new("It's a Secret to Everybody");
        let mac = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        for (name, value) in [
            ("x-hub-signature-256", format!("sha256={mac}")),
            ("x-gitea-signature", mac.to_owned()),
        ] {
            let signature = read(name, &value).unwrap();
            assert!(signature.is_valid(&secret, b"Hello, World!"));
            assert!(!signature.is_valid(&secret, b"Hello, World?"));
            assert!(!signature.is_valid(&Secret::new("It's no Secret"), b"Hello, World!"));
        }
        for (name, value) in [
            ("x-hub-signature-256", mac.to_owned()),
            ("x-hub-signature-256", format!("sha1={}", &mac[..40])),
            ("x-hub-signature-256", format!("sha256={}", &mac[..62])),
            ("x-hub-signature", format!("sha256={mac}")),
            ("x-gitea-signature", String::new()),
        ] {
            assert!(read(name, &value).is_none(), "{name}: {value}");
        }
    }

    #[test]
    fn gitlab_sends_the_secret_itself() {
        let signature = read("x-gitlab-token", "correct-horse").unwrap();
        assert!(signature.is_valid(&Secret::new("correct-horse"), b"whatever"));
        assert_eq!(signature.proves_alone(&Secret::new("correct-horse")), Some(true));
        assert_eq!(signature.proves_alone(&Secret::new("correct-horsf")), Some(false));
        assert!(!signature.is_valid(&Secret::new("correct-horsf"), b"whatever"));
    }
}
