use crate::model::{Digest, Tag};
use crate::port::TaggedImage;
use aws_sdk_ecr::primitives::DateTime;
use aws_sdk_ecr::types::{ImageDetail, ImageStatus};
use std::collections::BTreeMap;

/// The tags of all pages so far.
#[derive(Default)]
pub(super) struct Tags {
    by_name: BTreeMap<Tag, TaggedImage>,
    ignored: u64,
}

impl Tags {
    /// Adds the images of one page. A tag with an invalid name or digest is left out and counted.
    ///
    /// A tag that moves during the listing can be on two pages. The digest with the later push time wins, because a push
    /// moves a tag to a later digest. The next listing corrects a move back to an older image.
    pub(super) fn add(&mut self, details: &[ImageDetail]) {
        for detail in details {
            let digest = detail.image_digest().and_then(|text| Digest::parse(text).ok());
            for name in detail.image_tags() {
                match (Tag::parse(name), &digest) {
                    (Ok(tag), Some(digest)) => self.insert(image(tag, digest.clone(), detail)),
                    _ => self.ignored += 1,
                }
            }
        }
    }

    /// How many tags were left out.
    pub(super) fn ignored(&self) -> u64 {
        self.ignored
    }

    /// All tags, ordered by name.
    pub(super) fn into_images(self) -> Vec<TaggedImage> {
        self.by_name.into_values().collect()
    }

    fn insert(&mut self, found: TaggedImage) {
        let newer = self
            .by_name
            .get(&found.tag)
            .is_none_or(|known| (known.pushed_at, &known.digest) < (found.pushed_at, &found.digest));
        if newer {
            self.by_name.insert(found.tag.clone(), found);
        }
    }
}

fn image(tag: Tag, digest: Digest, detail: &ImageDetail) -> TaggedImage {
    TaggedImage {
        tag,
        digest,
        pushed_at: detail.image_pushed_at().and_then(timestamp),
        media_type: detail
            .artifact_media_type()
            .or(detail.image_manifest_media_type())
            .map(str::to_owned),
        pullable: detail
            .image_status()
            .is_none_or(|status| *status == ImageStatus::Active),
    }
}

fn timestamp(time: &DateTime) -> Option<jiff::Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    jiff::Timestamp::new(time.secs(), nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        (tags.into_images(), ignored)
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
            assert_eq!(images[0].digest.as_str(), digest("b"));
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
