use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tidegate::http::{Signature, pushed_branch};
use tidegate::model::Secret;

const SECRET: &str = "correct-horse-battery";
/// Stands for the right signature in the input, which no fuzzer can guess.
const RIGHT: &str = "<right>";

/// The first lines are headers, `name: value`, up to an empty line; the rest is the body. `<right>` in a value is the right
/// HMAC of the body. Properties: a request is valid exactly if one header that counts has the HMAC or the secret; a body names
/// exactly the branch that a reading of the whole document finds.
pub fn webhook(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let (head, body) = (
        String::from_utf8_lossy(&data[..end]),
        data.get(end + 2..).unwrap_or_default(),
    );
    let right = hex::encode(mac(body).finalize().into_bytes());
    let headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.replace(RIGHT, &right)))
        })
        .collect();
    let header = |asked: &str| {
        let mut named = headers.iter().filter(|(name, _)| name == asked);
        named.next().map(|(_, value)| value.as_str())
    };

    let secret = Secret::new(SECRET);
    let signature = Signature::read(header);
    let well_formed = |text: &&str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hub = header("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256="));
    let gitea = header("x-gitea-signature");
    let hmac = hub.filter(well_formed).or(gitea.filter(well_formed));
    let token = header("x-gitlab-token");
    let expected = match (hmac, token) {
        (Some(given), _) => given.eq_ignore_ascii_case(&right),
        (None, Some(token)) => token == SECRET,
        (None, None) => {
            assert!(signature.is_none());
            false
        }
    };
    let is_valid = signature
        .as_ref()
        .is_some_and(|signature| signature.is_valid(&secret, body));
    assert_eq!(is_valid, expected);
    if let Some(alone) = signature.as_ref().and_then(|signature| signature.proves_alone(&secret)) {
        assert_eq!(alone, expected);
        assert!(hmac.is_none());
    }
    let changed = [body, b" "].concat();
    assert!(hmac.is_none() || !signature.is_some_and(|signature| signature.is_valid(&secret, &changed)));

    // What the body says besides may be what only a strict reading refuses: a number or a letter out of range.
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let name = document.get("ref").and_then(Value::as_str);
    let expected = name.map(|name| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned());
    let branch = pushed_branch(body);
    // A key that stands twice is read as no branch, which wakes the loop.
    let is_twice = document.is_object() && branch.is_none() && has_twice(body);
    assert!(branch == expected || is_twice, "{branch:?} for {expected:?}");
}

/// Whether `ref`, in any spelling, may stand twice.
fn has_twice(body: &[u8]) -> bool {
    let count = |word: &[u8]| body.windows(word.len()).filter(|part| *part == word).count();
    count(b"ref") + count(b"\\u") > 1
}

fn mac(body: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes());
    mac.expect("any key will do").chain_update(body)
}
