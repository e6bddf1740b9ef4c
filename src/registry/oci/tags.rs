use super::error::OciError;
use crate::port::{TagListBuilder, TagRow};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

/// A page of `GET /v2/<name>/tags/list`.
#[derive(Deserialize)]
struct Page<'a> {
    /// `null` for a repository without tags (distribution, Harbor).
    #[serde(borrow)]
    tags: Option<Vec<Cow<'a, str>>>,
}

/// The tags of a repository, page by page.
pub(super) struct Tags {
    builder: TagListBuilder,
    /// The hashes of the tags so far, which only tell whether a page has something new.
    seen: HashSet<u64>,
    key: RandomState,
    /// Tags that do not follow their grammar.
    pub(super) ignored: u64,
}

/// What a page had.
pub(super) struct PageOf {
    /// How many tags.
    pub(super) count: usize,
    /// How many of them no page before had.
    pub(super) new: usize,
    /// The last tag.
    pub(super) last: Option<String>,
}

impl Tags {
    pub(super) fn new() -> Self {
        Self {
            builder: TagListBuilder::without_digests(),
            seen: HashSet::new(),
            key: RandomState::new(),
            ignored: 0,
        }
    }

    /// Adds the tags of a page. A tag that an earlier page had counts once.
    ///
    /// # Errors
    /// The page is not the JSON of a list of tags.
    pub(super) fn add(&mut self, body: &[u8]) -> Result<PageOf, OciError> {
        let page: Page<'_> = serde_json::from_slice(body)
            .map_err(|error| OciError::Unreadable(format!("the response is not a list of tags: {error}")))?;
        let tags = page.tags.unwrap_or_default();
        let mut new = 0;
        for tag in &tags {
            new += usize::from(self.seen.insert(self.key.hash_one(&**tag)));
            let is_tag = self.builder.add(&TagRow {
                tag,
                digest: None,
                pushed_at: None,
                media_type: None,
                pullable: true,
            });
            self.ignored += u64::from(!is_tag);
        }
        Ok(PageOf {
            count: tags.len(),
            new,
            last: tags.last().map(|tag| tag.to_string()),
        })
    }

    pub(super) fn into_builder(self) -> TagListBuilder {
        self.builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_add_up_and_what_is_no_tag_is_counted() {
        let mut tags = Tags::new();
        let page = tags.add(br#"{"name":"shop/web","tags":["1.1.0","1.0.0"]}"#).unwrap();
        assert_eq!((page.count, page.new, page.last.as_deref()), (2, 2, Some("1.0.0")));
        let page = tags.add(br#"{"tags":["1.0.0","\u001b[31m"],"more":1}"#).unwrap();
        assert_eq!((page.count, page.new), (2, 1));
        assert_eq!(tags.add(br#"{"tags":null}"#).unwrap().count, 0);
        assert_eq!(tags.ignored, 1);
        let list = tags.into_builder().build();
        assert_eq!(
            list.iter().map(|image| image.tag.to_string()).collect::<Vec<_>>(),
            ["1.0.0", "1.1.0"]
        );
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for body in [
            "",
            "<html>",
            "[]",
            r#"{"tags":[1]}"#,
            r#"{"tags":{}}"#,
            r#"{"tags":["a"]"#,
        ] {
            assert!(Tags::new().add(body.as_bytes()).is_err(), "{body}");
        }
    }
}
