use super::tag_row::{Packed, TagRow, hash_of};
use super::tagged_image::TaggedImage;
use crate::model::Tag;
use std::collections::BTreeMap;
use std::fmt;

/// All tags of a repository, ordered by name, in little memory: 44 bytes for each tag, and the part of its name that the
/// name before does not have.
///
/// Digests are kept whole. A digest decides whether a moved tag is the same image, which image a bump writes, and whether a tag
/// that a person took back is offered again; a shortened digest would only nearly decide it.
#[derive(Clone, Default)]
pub struct TagList {
    /// For each tag: how many bytes its name shares with the name before, how many follow, and these bytes.
    names: Box<[u8]>,
    rows: Box<[Packed]>,
    media_types: Box<[Box<str>]>,
    /// The tags that do not fit into a packed row, by their place.
    unpacked: BTreeMap<u32, TaggedImage>,
    fingerprint: Fingerprint,
}

/// Tells lists apart without comparing them: the number of rows, and the sum of their hashes. The order of the rows does not
/// count. The hash has a key that nobody outside of the process knows, so that nobody can make two lists that look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fingerprint {
    rows: usize,
    sum: u64,
}

/// Collects the rows of a [`TagList`] in the order of the registry.
#[derive(Default)]
pub struct TagListBuilder {
    names: String,
    rows: Vec<Row>,
    media_types: Vec<Box<str>>,
    unpacked: Vec<TaggedImage>,
    fingerprint: Fingerprint,
}

/// The state of a builder after some rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark {
    names: usize,
    rows: usize,
    unpacked: usize,
    fingerprint: Fingerprint,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    /// Where the name begins.
    name: usize,
    length: u8,
    packed: Packed,
    /// The place among the unpacked images, if the row is one of them.
    unpacked: Option<u32>,
}

impl TagList {
    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no tags.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The tags, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = TaggedImage> + '_ {
        let (mut name, mut names) = (Vec::new(), &*self.names);
        self.rows.iter().enumerate().map(move |(place, packed)| {
            if let [shared, rest, bytes @ ..] = names {
                let (rest, after) = bytes.split_at(usize::from(*rest));
                name.truncate(usize::from(*shared));
                name.extend_from_slice(rest);
                names = after;
            }
            let unpacked = u32::try_from(place).ok().and_then(|place| self.unpacked.get(&place));
            match unpacked {
                Some(image) => image.clone(),
                None => packed.image(tag(&name), &self.media_types),
            }
        })
    }
}

fn tag(name: &[u8]) -> Tag {
    let name = std::str::from_utf8(name).expect("names are cut between characters of ASCII");
    Tag::parse(name).expect("a builder takes tags only")
}

impl TagListBuilder {
    /// Adds a row. Returns false, and adds nothing, if the tag or the digest does not follow its grammar.
    pub fn add(&mut self, row: &TagRow<'_>) -> bool {
        let Ok(length) = u8::try_from(row.tag.len()) else {
            return false;
        };
        if !Tag::is_valid(row.tag) {
            return false;
        }
        let (packed, unpacked) = match Packed::new(row, &mut self.media_types) {
            Some(packed) => (packed, None),
            None => {
                let Some(image) = row.image() else { return false };
                let place = u32::try_from(self.unpacked.len()).ok();
                self.unpacked.push(image);
                (Packed::default(), place)
            }
        };
        self.fingerprint.rows += 1;
        self.fingerprint.sum = self.fingerprint.sum.wrapping_add(hash_of(row));
        self.rows.push(Row {
            name: self.names.len(),
            length,
            packed,
            unpacked,
        });
        self.names.push_str(row.tag);
        true
    }

    /// The state after the rows so far.
    pub fn mark(&self) -> Mark {
        Mark {
            names: self.names.len(),
            rows: self.rows.len(),
            unpacked: self.unpacked.len(),
            fingerprint: self.fingerprint,
        }
    }

    /// Takes back the rows that were added after a mark.
    pub fn take_back(&mut self, mark: Mark) {
        self.names.truncate(mark.names);
        self.rows.truncate(mark.rows);
        self.unpacked.truncate(mark.unpacked);
        self.fingerprint = mark.fingerprint;
    }

    /// Whether the rows so far are those that `list` was built of, in any order.
    pub fn is_like(&self, list: &TagList) -> bool {
        self.fingerprint == list.fingerprint
    }

    /// The list.
    ///
    /// A tag that moves during the listing can be on two pages. The digest with the later push time wins, because a push
    /// moves a tag to a later digest. The next listing corrects a move back to an older image.
    pub fn build(mut self) -> TagList {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by(|a, b| self.name(a).cmp(self.name(b)));
        rows.dedup_by(|later, kept| {
            let is_same = self.name(later) == self.name(kept);
            if is_same && self.order(later) > self.order(kept) {
                *kept = *later;
            }
            is_same
        });
        let mut names = Vec::new();
        let mut before = "";
        for row in &rows {
            let name = self.name(row);
            let shared = before.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
            // A tag has 128 characters at most.
            names.extend([shared, name.len() - shared].map(|length| u8::try_from(length).unwrap_or_default()));
            names.extend_from_slice(&name.as_bytes()[shared..]);
            before = name;
        }
        let places = rows
            .iter()
            .zip(0..)
            .filter_map(|(row, place)| Some((place, row.unpacked?)));
        TagList {
            unpacked: places
                .map(|(place, unpacked)| (place, self.unpacked[unpacked as usize].clone()))
                .collect(),
            names: names.into(),
            rows: rows.iter().map(|row| row.packed).collect(),
            media_types: self.media_types.into(),
            fingerprint: self.fingerprint,
        }
    }

    fn name(&self, row: &Row) -> &str {
        &self.names[row.name..row.name + usize::from(row.length)]
    }

    /// What decides which of two rows of one tag counts.
    fn order(&self, row: &Row) -> (Option<jiff::Timestamp>, crate::model::Digest) {
        let image = match row.unpacked {
            Some(place) => self.unpacked[place as usize].clone(),
            None => row.packed.image(tag(self.name(row).as_bytes()), &self.media_types),
        };
        (image.pushed_at, image.digest)
    }
}

impl FromIterator<TaggedImage> for TagList {
    fn from_iter<I: IntoIterator<Item = TaggedImage>>(images: I) -> Self {
        let mut builder = TagListBuilder::default();
        for image in images {
            builder.add(&TagRow::from(&image));
        }
        builder.build()
    }
}

impl PartialEq for TagList {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for TagList {}

impl fmt::Debug for TagList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use jiff::Timestamp;
    use proptest::prelude::*;

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
            digest,
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
                2 => image.digest = Digest::parse(&format!("sha256:{:064}", 1)).unwrap(),
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
    fn a_tag_takes_forty_two_bytes_and_the_new_part_of_its_name() {
        let images = (0..2000).map(|number| TaggedImage {
            tag: Tag::parse(&format!("main-{number:06}-1a2b3c4")).unwrap(),
            digest: Digest::parse(&format!("sha256:{number:064}")).unwrap(),
            pushed_at: Timestamp::from_second(1_700_000_000 + number).ok(),
            media_type: Some("application/vnd.oci.image.index.v1+json".to_owned()),
            pullable: true,
        });
        let list: TagList = images.collect();
        assert_eq!(size_of_val(&*list.rows), 2000 * 42);
        assert!(list.names.len() < 2000 * 13, "{}", list.names.len());
        assert!(list.unpacked.is_empty() && list.media_types.len() == 1);
    }
}
