//! A trailer of the agent's, by its documented form, and the change that it announces.

use std::collections::BTreeMap;

/// How a trailer of a bump begins.
pub(super) const BUMP: &str = "Tidegate-Bump: ";
/// How a trailer of a commit begins that lifts holds.
pub(super) const RESUME: &str = "Tidegate-Resume: ";

/// One bump, as its trailer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bump {
    pub(super) image: String,
    pub(super) new: String,
    before: String,
    after: String,
}

impl Bump {
    /// Reads `kind=Deployment namespace=shop name=web field=web image=… old=… new=…` with its optional words.
    pub(super) fn parse(value: &str) -> Result<Bump, String> {
        let mut words = BTreeMap::new();
        for word in value.split(' ') {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("{word:?} is no pair"))?;
            if words.insert(key, decode(value)?).is_some() {
                return Err(format!("{key} comes twice"));
            }
        }
        let word = |key: &str| words.get(key).cloned().ok_or_else(|| format!("{key} is missing"));
        for key in ["kind", "name", "field"] {
            word(key)?;
        }
        let (image, new) = (word("image")?, word("new")?);
        let pinned = words.get("pinned").is_some_and(|word| word == "yes");
        let digest = |key: &str| words.get(key).map(|digest| format!("@{digest}")).unwrap_or_default();
        let old = words.get("old").map(|tag| format!(":{tag}")).unwrap_or_default();
        Ok(Bump {
            before: old + &digest("old-digest"),
            after: format!(":{new}{}", if pinned { digest("digest") } else { String::new() }),
            image,
            new,
        })
    }

    /// Whether the line became the other by this bump, and by nothing else.
    pub(super) fn explains(&self, removed: &str, added: &str) -> bool {
        let (before, after) = (
            format!("{}{}", self.image, self.before),
            format!("{}{}", self.image, self.after),
        );
        removed.match_indices(&before).any(|(at, _)| {
            let (head, tail) = (&removed[..at], &removed[at + before.len()..]);
            let whole = !tail.starts_with(|c: char| c.is_ascii_alphanumeric() || ".-_:@".contains(c));
            whole && added == format!("{head}{after}{tail}")
        })
    }
}

/// The tag of an image that a line names, if it does.
pub(super) fn tag_in(line: &str, image: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("{image}:"))?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-_".contains(c));
    Some(rest[..end.unwrap_or(rest.len())].to_owned()).filter(|tag| !tag.is_empty())
}

/// `%XX` stands for a byte.
fn decode(text: &str) -> Result<String, String> {
    let broken = || format!("{text:?} is not escaped as it should be");
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let digits = escaped.get(..2).ok_or_else(broken)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| broken())?);
        rest = &escaped[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| broken())
}
