use super::rows::Rows;
use crate::port::{self, Listing, TagListBuilder, TagRow};
use aws_sdk_ecr::primitives::DateTime;
use aws_sdk_ecr::types::{ImageDetail, ImageStatus};
use std::fmt;
use std::sync::Arc;

/// The tags of all pages so far.
#[derive(Default)]
pub(super) struct Tags {
    list: TagListBuilder,
    ignored: u64,
}

/// The state of [`Tags`] after some pages.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    list: port::Mark,
    ignored: u64,
}

impl Tags {
    /// Adds the images of one page, as the SDK read them. A tag with an invalid name or digest is left out and counted.
    pub(super) fn add(&mut self, details: &[ImageDetail]) {
        for detail in details {
            for tag in detail.image_tags() {
                self.insert(TagRow {
                    tag,
                    digest: detail.image_digest(),
                    pushed_at: detail.image_pushed_at().and_then(timestamp),
                    media_type: detail.artifact_media_type().or(detail.image_manifest_media_type()),
                    pullable: detail
                        .image_status()
                        .is_none_or(|status| *status == ImageStatus::Active),
                });
            }
        }
    }

    /// Adds the images of one page, as they stand in its body. A tag with an invalid name or digest is left out and counted.
    pub(super) fn add_rows(&mut self, rows: &Rows<'_>) {
        for (row, tags) in rows.iter() {
            for tag in tags {
                self.insert(TagRow {
                    tag,
                    digest: row.digest.as_deref(),
                    pushed_at: row.pushed_at.as_ref().and_then(timestamp),
                    media_type: row.artefact_type.as_deref().or(row.manifest_type.as_deref()),
                    pullable: row
                        .status
                        .as_deref()
                        .is_none_or(|status| status == ImageStatus::Active.as_str()),
                });
            }
        }
    }

    /// How many tags were left out.
    pub(super) fn ignored(&self) -> u64 {
        self.ignored
    }

    /// The state after the pages so far.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            list: self.list.mark(),
            ignored: self.ignored,
        }
    }

    /// Takes back what was added after a mark.
    pub(super) fn take_back(&mut self, mark: Mark) {
        self.list.take_back(mark.list);
        self.ignored = mark.ignored;
    }

    /// The listing. It is `before` itself if `before` has the same tags.
    pub(super) fn into_listing(
        self,
        before: Option<Arc<Listing>>,
        listing: impl FnOnce(port::TagList) -> Listing,
    ) -> Arc<Listing> {
        match before.filter(|before| self.list.is_like(&before.images)) {
            Some(before) => before,
            None => Arc::new(listing(self.list.build())),
        }
    }

    /// The tags, ordered by name.
    #[cfg(test)]
    pub(super) fn images(self) -> Vec<port::TaggedImage> {
        self.list.build().iter().collect()
    }

    fn insert(&mut self, row: TagRow<'_>) {
        if !self.list.add(&row) {
            self.ignored += 1;
        }
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tags")
    }
}

fn timestamp(time: &DateTime) -> Option<jiff::Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    jiff::Timestamp::new(time.secs(), nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use crate::port::TaggedImage;

    fn digest(fill: &str) -> String {
        format!("sha256:{}", fill.repeat(64))
    }

    fn detail(fill: &str, tags: &[&str], pushed_at: i64) -> ImageDetail {
        ImageDetail::builder()
            .image_digest(digest(fill))
            .set_image_tags(Some(tags.iter().map(|tag| (*tag).to_owned()).collect()))
            .image_pushed_at(DateTime::from_secs(pushed_at))
            .image_manifest_media_type("application/vnd.oci.image.manifest.v1+json")
            .build()
    }

    fn read(details: &[ImageDetail]) -> (Vec<TaggedImage>, u64) {
        let mut tags = Tags::default();
        for detail in details {
            tags.add(std::slice::from_ref(detail));
        }
        let ignored = tags.ignored();
        (tags.images(), ignored)
    }

    #[test]
    fn tags_are_sorted_by_name_and_have_the_push_time_of_their_digest() {
        let (images, ignored) = read(&[detail("b", &["v2", "latest"], 20), detail("a", &["v1"], 10)]);
        let listed: Vec<_> = images
            .iter()
            .map(|image| (image.tag.as_str(), image.pushed_at.map(jiff::Timestamp::as_second)))
            .collect();
        assert_eq!(listed, [("latest", Some(20)), ("v1", Some(10)), ("v2", Some(20))]);
        assert_eq!(ignored, 0);
    }

    #[test]
    fn invalid_names_are_left_out_and_counted() {
        let broken = ImageDetail::builder()
            .image_digest("sha256:12")
            .image_tags("ok")
            .build();
        let nameless = ImageDetail::builder().image_tags("ok2").build();
        let (images, ignored) = read(&[
            detail(
                "a",
                &["good", "-bad", "", "$(rm -rf)", "a b", "x\u{1b}[31m", &"y".repeat(129)],
                1,
            ),
            broken,
            nameless,
        ]);
        assert_eq!(
            images.iter().map(|image| image.tag.as_str()).collect::<Vec<_>>(),
            ["good"]
        );
        assert_eq!(ignored, 8);
    }

    #[test]
    fn a_tag_on_two_pages_belongs_to_the_later_push() {
        let pages = [detail("a", &["latest"], 10), detail("b", &["latest"], 20)];
        for order in [[0, 1], [1, 0]] {
            let (images, _) = read(&order.map(|at| pages[at].clone()));
            assert_eq!(images.len(), 1);
            assert_eq!(images[0].digest, Digest::parse(&digest("b")).ok());
        }
    }

    #[test]
    fn only_active_images_are_pullable_and_the_artefact_type_takes_precedence() {
        for (status, pullable) in [
            (None, true),
            (Some(ImageStatus::Active), true),
            (Some(ImageStatus::Archived), false),
            (Some(ImageStatus::Activating), false),
            (Some(ImageStatus::from("SOMETHING_NEW")), false),
        ] {
            let image = ImageDetail::builder()
                .image_digest(digest("a"))
                .image_tags("v1")
                .set_image_status(status)
                .image_manifest_media_type("application/vnd.oci.image.manifest.v1+json")
                .artifact_media_type("application/vnd.cncf.helm.config.v1+json")
                .build();
            let (images, _) = read(&[image]);
            assert_eq!(images[0].pullable, pullable);
            assert_eq!(
                images[0].media_type.as_deref(),
                Some("application/vnd.cncf.helm.config.v1+json")
            );
        }
    }

    #[test]
    fn fractions_of_a_second_are_kept_and_times_out_of_range_are_unknown() {
        let at = timestamp(&DateTime::from_secs_f64(1_700_000_000.25)).unwrap();
        assert_eq!(at.as_millisecond(), 1_700_000_000_250);
        assert_eq!(timestamp(&DateTime::from_secs(i64::MAX)), None);
    }
}
