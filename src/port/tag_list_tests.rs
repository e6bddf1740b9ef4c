//! Lists of tags against plain lists of the same images.

use super::tag_list::{TagList, TagListBuilder};
use super::tag_row::TagRow;
use super::tagged_image::TaggedImage;
use crate::model::{Digest, Tag};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn any_digest() -> impl Strategy<Value = Digest> {
    prop_oneof![4 => "sha256:[0-9a-f]{64}", 1 => "sha512:[0-9a-f]{128}", 1 => "sha384:[0-9a-f]{96}"]
        .prop_map(|text| Digest::parse(&text).unwrap())
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (1_600_000_000i64..1_900_000_000, 0i32..1_000_000_000).prop_map(|(s, n)| Timestamp::new(s, n).unwrap()),
        (-377_705_023_201i64..253_402_207_200).prop_map(|s| Timestamp::from_second(s).unwrap()),
    ]
}

fn any_image() -> impl Strategy<Value = TaggedImage> {
    let tag = prop_oneof![
        "main-[0-9a-f]{7}",
        "v?[0-9]\\.[0-9]{1,2}",
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
    ];
    let media_type = proptest::option::of("application/[a-z]{1,2}");
    let rest = (
        any_digest(),
        proptest::option::of(any_time()),
        media_type,
        any::<bool>(),
    );
    (tag, rest).prop_map(|(tag, (digest, pushed_at, media_type, pullable))| TaggedImage {
        tag: Tag::parse(&tag).unwrap(),
        digest: Some(digest),
        pushed_at,
        media_type,
        pullable,
    })
}

fn any_images() -> impl Strategy<Value = Vec<TaggedImage>> {
    prop::collection::vec(any_image(), 0..40)
}

proptest! {
    #[test]
    fn a_list_gives_back_each_tag_once_and_whole(images in any_images()) {
        let list: TagList = images.iter().cloned().collect();
        let mut expected: BTreeMap<Tag, TaggedImage> = BTreeMap::new();
        for image in images {
            let known = expected.get(&image.tag);
            if known.is_none_or(|known| (known.pushed_at, &known.digest) < (image.pushed_at, &image.digest)) {
                expected.insert(image.tag.clone(), image);
            }
        }
        prop_assert_eq!(list.iter().collect::<Vec<_>>(), expected.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn lists_are_equal_in_any_order_and_not_after_any_change(
        (images, shuffled) in any_images().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        which in any::<prop::sample::Index>(),
        how in 0u8..6,
    ) {
        let list: TagList = images.iter().cloned().collect();
        let mut builder = TagListBuilder::default();
        shuffled.iter().for_each(|image| assert!(builder.add(&TagRow::from(image))));
        prop_assert!(builder.is_like(&list) && builder.build() == list);
        let mut changed = images;
        prop_assume!(!changed.is_empty());
        let which = which.index(changed.len());
        let image = &mut changed[which];
        match how {
            0 => drop(changed.remove(which)),
            1 => image.tag = Tag::parse(&format!("x{}", &image.tag.as_str()[1..])).unwrap(),
            2 => image.digest = Digest::parse(&format!("sha256:{:064}", 1)).ok(),
            3 => image.pushed_at = image.pushed_at.is_none().then_some(Timestamp::MAX),
            4 => image.media_type = Some("other".to_owned()),
            _ => image.pullable = !image.pullable,
        }
        let is_changed = changed != shuffled && {
            let sorted = |images: &[TaggedImage]| {
                let mut rows: Vec<String> = images.iter().map(|image| format!("{image:?}")).collect();
                rows.sort();
                rows
            };
            sorted(&changed) != sorted(&shuffled)
        };
        prop_assert_eq!(changed.into_iter().collect::<TagList>() != list, is_changed);
    }

    #[test]
    fn a_list_that_keeps_the_digests_of_some_images_has_them_for_all_tags_of_these_and_for_no_other(
        images in any_images(),
        which in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let list: TagList = images.iter().cloned().collect();
        prop_assume!(!images.is_empty());
        let kept: BTreeSet<Digest> = which.iter().filter_map(|which| which.get(&images).digest.clone()).collect();
        let few = list.keeping(&kept);
        prop_assert!(few == list && list.has_all_digests() && !few.has_all_digests());
        for (whole, image) in list.iter().zip(few.iter()) {
            let is_kept = whole.digest.as_ref().is_some_and(|digest| kept.contains(digest));
            prop_assert!(!is_kept || image.digest == whole.digest);
            prop_assert!(image.digest.is_none() || image.digest == whole.digest);
            prop_assert_eq!(TaggedImage { digest: None, ..image }, TaggedImage { digest: None, ..whole });
        }
    }

    #[test]
    fn what_is_taken_back_was_never_there(kept in any_images(), taken in any_images()) {
        let mut builder = TagListBuilder::default();
        kept.iter().for_each(|image| assert!(builder.add(&TagRow::from(image))));
        let mark = builder.mark();
        taken.iter().for_each(|image| assert!(builder.add(&TagRow::from(image))));
        builder.take_back(mark);
        let (list, expected): (TagList, TagList) = (builder.build(), kept.into_iter().collect());
        prop_assert!(list == expected);
        prop_assert_eq!(list.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_tag_takes_twelve_bytes_the_new_part_of_its_name_and_a_digest_where_it_is_kept() {
    let images = (0..2000).map(|number| TaggedImage {
        tag: Tag::parse(&format!("main-{number:06}-1a2b3c4")).unwrap(),
        digest: Digest::parse(&format!("sha256:{number:064}")).ok(),
        pushed_at: Timestamp::from_second(1_700_000_000 + number).ok(),
        media_type: Some("application/vnd.oci.image.index.v1+json".to_owned()),
        pullable: true,
    });
    let list: TagList = images.collect();
    let few = list.keeping(&[Digest::parse(&format!("sha256:{:064}", 1999)).unwrap()].into());
    let [all, few] = [&list, &few].map(TagList::bytes);
    assert!(few < 2000 * 23, "{few} bytes for 2,000 tags of 19 characters");
    assert!(all <= few + 2000 * 32, "{all}");
}

#[test]
fn a_registry_without_digests_keeps_nobody_waiting_for_them() {
    let mut builder = TagListBuilder::without_digests();
    for tag in ["1.1.0", "1.0.0", "1.1.0", "not a tag"] {
        let is_tag = builder.add(&TagRow {
            tag,
            digest: None,
            pushed_at: None,
            media_type: None,
            pullable: true,
        });
        assert_eq!(is_tag, tag != "not a tag");
    }
    let list = builder.build();
    let tags: Vec<String> = list.iter().map(|image| image.tag.to_string()).collect();
    assert_eq!(tags, ["1.0.0", "1.1.0"]);
    assert!(list.iter().all(|image| image.digest.is_none()));
    assert!(list.has_all_digests() && list.keeping(&BTreeSet::new()).has_all_digests());
}
