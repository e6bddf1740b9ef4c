//! A trailer of the agent's, by its documented form, and the change that it announces.

use std::collections::{BTreeMap, BTreeSet};

/// How a trailer of a bump begins.
pub(super) const BUMP: &str = "Tidegate-Bump: ";
/// How a trailer of a commit begins that takes a bump back; what follows is the record of the bump.
pub(super) const REVERT: &str = "Tidegate-Revert: ";
/// How a trailer of a commit begins that lifts holds.
pub(super) const RESUME: &str = "Tidegate-Resume: ";
pub(super) const CONFIRM: &str = "Tidegate-Confirm: ";

/// One bump, as its trailer records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bump {
    pub(super) image: String,
    /// The image's name after the bump.
    new_image: String,
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
            new_image: words.get("new-image").cloned().unwrap_or_else(|| image.clone()),
            image,
            new,
        })
    }

    /// The change that takes this bump back.
    pub(super) fn reversed(self) -> Bump {
        let tag = self.before.split('@').next().unwrap_or_default();
        Bump {
            new: tag.trim_start_matches(':').to_owned(),
            image: self.new_image,
            new_image: self.image,
            before: self.after,
            after: self.before,
        }
    }

    /// Whether the line became the other by this bump, and by nothing else.
    pub(super) fn explains(&self, removed: &str, added: &str) -> bool {
        let (before, after) = (
            format!("{}{}", self.image, self.before),
            format!("{}{}", self.new_image, self.after),
        );
        removed.match_indices(&before).any(|(at, _)| {
            let (head, tail) = (&removed[..at], &removed[at + before.len()..]);
            let whole = !tail.starts_with(|c: char| c.is_ascii_alphanumeric() || ".-_:@".contains(c));
            whole && added == format!("{head}{after}{tail}")
        })
    }
}

impl Bump {
    /// Whether the line became the other by some of these bumps, and by nothing else: at whole words, the image with its
    /// tag, or the tag or digest alone where they stand apart, in quotes where there were none.
    pub(super) fn explain(bumps: &[Bump], removed: &str, added: &str) -> bool {
        let ways = bumps.iter().flat_map(Bump::ways);
        let ways: Vec<(String, String)> = ways.filter(|(before, _)| removed.contains(before.as_str())).collect();
        let mut tried = BTreeSet::new();
        let mut ends = vec![(0, 0)];
        while let Some((from, to)) = ends.pop() {
            let (before, after) = (&removed[from..], &added[to..]);
            if before.is_empty() && after.is_empty() {
                return true;
            }
            if !tried.insert((from, to)) {
                continue;
            }
            if let (Some(one), Some(other)) = (before.chars().next(), after.chars().next())
                && one == other
            {
                ends.push((from + one.len_utf8(), to + one.len_utf8()));
            }
            if removed[..from].ends_with(of_a_word) {
                continue;
            }
            for (old, new) in &ways {
                let rests = (before.strip_prefix(old.as_str()), after.strip_prefix(new.as_str()));
                if let (Some(rest), Some(_)) = rests
                    && !rest.starts_with(of_a_word)
                {
                    ends.push((from + old.len(), to + new.len()));
                }
            }
        }
        false
    }

    /// Whether a line has the new tag as a word, or its digest, which may be all that a field says.
    pub(super) fn stands_in(&self, line: &str) -> bool {
        let is_there = |text: &str| {
            let mut places = line.match_indices(text);
            places.any(|(at, _)| !line[..at].ends_with(of_a_word) && !line[at + text.len()..].starts_with(of_a_word))
        };
        let digest = self.after.split_once('@').map(|(_, digest)| digest);
        is_there(&self.new) || digest.is_some_and(is_there)
    }

    fn ways(&self) -> Vec<(String, String)> {
        let mut ways = vec![(
            format!("{}{}", self.image, self.before),
            format!("{}{}", self.new_image, self.after),
        )];
        if self.image != self.new_image {
            ways.push((self.image.clone(), self.new_image.clone()));
        }
        let (old, old_digest) = self.before.split_once('@').unwrap_or((&self.before, ""));
        let (new, digest) = self.after.split_once('@').unwrap_or((&self.after, ""));
        let apart = [
            (old.trim_start_matches(':'), new.trim_start_matches(':')),
            (old_digest, digest),
        ];
        for (old, new) in apart
            .into_iter()
            .filter(|(old, new)| !old.is_empty() && !new.is_empty())
        {
            for quote in ["", "\"", "'"] {
                ways.push((old.to_owned(), format!("{quote}{new}{quote}")));
            }
        }
        ways
    }
}

fn of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
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
