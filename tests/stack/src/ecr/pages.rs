//! Page tokens: opaque, bound to their listing, invalid once changed or expired.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{answer::Failure, manifest::digest_of, store::Position};

/// The page size of a request that names none.
const DEFAULT_LIMIT: usize = 100;
/// The largest page size that a request may name.
const LARGEST_LIMIT: i64 = 1000;
const SEAL_LENGTH: usize = 32;

/// Where the page before ended: the image or repository, and in a list of tags the tag.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cursor {
    pub(super) position: Position,
    pub(super) tag: Option<Position>,
    rested: bool,
}

impl Cursor {
    pub(super) fn at(position: &Position) -> Self {
        Self {
            position: position.clone(),
            tag: None,
            rested: false,
        }
    }

    pub(super) fn at_tag(position: &Position, tag: Position) -> Self {
        Self {
            tag: Some(tag),
            ..Self::at(position)
        }
    }

    /// Whether a listing that goes on from `self` has `other` still to come.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        (&self.position, &self.tag) < (&other.position, &other.tag)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Token {
    listing: String,
    epoch: u64,
    after: Cursor,
}

/// The paging of a server.
#[derive(Debug, Default)]
pub(super) struct Pages {
    secret: String,
    epoch: u64,
    /// The limit of a page's length, regardless of the request.
    pub(super) longest: Option<usize>,
    /// Whether every second page has a token and no items.
    pub(super) empty_between: bool,
}

/// A page of a listing.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// What a caller asks of a paged listing; `listing` names operation, repository and filters.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) listing: String,
    pub(super) max_results: Option<i64>,
    pub(super) next_token: Option<&'a str>,
}

impl Pages {
    pub(super) fn sealed_with(secret: String) -> Self {
        Self {
            secret,
            ..Self::default()
        }
    }

    /// Makes every token so far invalid.
    pub(super) fn expire_tokens(&mut self) {
        self.epoch += 1;
    }

    /// The position to continue from, or the start.
    pub(super) fn open(&self, asked: &Asked<'_>) -> Result<Option<Cursor>, Failure> {
        let Some(text) = asked.next_token.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let token = self
            .unseal(text)
            .filter(|token| token.listing == asked.listing && token.epoch == self.epoch);
        let token = token.ok_or_else(|| Failure::invalid("nextToken", "must be a valid pagination token"))?;
        Ok(Some(token.after))
    }

    /// One page out of `items`, of which those up to the cursor that [`open`](Self::open) gave are left out.
    pub(super) fn cut<T>(
        &self,
        asked: &Asked<'_>,
        after: Option<&Cursor>,
        items: impl Iterator<Item = (Cursor, T)>,
    ) -> Result<Page<T>, Failure> {
        let mut limit = match asked.max_results {
            None => DEFAULT_LIMIT,
            Some(low) if low < 1 => {
                return Err(Failure::invalid("maxResults", "must be greater than or equal to 1"));
            }
            Some(high) if high > LARGEST_LIMIT => {
                return Err(Failure::invalid("maxResults", "must be less than or equal to 1000"));
            }
            Some(asked) => usize::try_from(asked).unwrap_or(DEFAULT_LIMIT),
        };
        limit = limit.min(self.longest.unwrap_or(usize::MAX)).max(1);
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        if let Some(after) = after.filter(|after| self.empty_between && !after.rested) {
            page.next = Some(self.seal(
                &asked.listing,
                &Cursor {
                    rested: true,
                    ..after.clone()
                },
            ));
            return Ok(page);
        }
        let mut last = after.cloned();
        for (cursor, item) in items.filter(|(cursor, _)| after.is_none_or(|after| after.is_before(cursor))) {
            if page.items.len() == limit {
                page.next = last.as_ref().map(|last| self.seal(&asked.listing, last));
                break;
            }
            last = Some(cursor);
            page.items.push(item);
        }
        Ok(page)
    }

    fn seal(&self, listing: &str, after: &Cursor) -> String {
        let token = Token {
            listing: listing.to_owned(),
            epoch: self.epoch,
            after: after.clone(),
        };
        let text = serde_json::to_string(&token).unwrap_or_default();
        let seal = self.seal_of(&text);
        URL_SAFE_NO_PAD.encode(format!("{seal}{text}"))
    }

    fn unseal(&self, text: &str) -> Option<Token> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = String::from_utf8(bytes).ok()?;
        let (seal, text) = plain.split_at_checked(SEAL_LENGTH)?;
        (seal == self.seal_of(text)).then(|| serde_json::from_str(text).ok())?
    }

    fn seal_of(&self, text: &str) -> String {
        let digest = digest_of(format!("{}\n{text}", self.secret).as_bytes());
        digest.chars().skip("sha256:".len()).take(SEAL_LENGTH).collect()
    }
}
