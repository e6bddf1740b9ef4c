use super::tag_row::{Packed, Sha256, TagRow, hash_of, sha256};
use super::tagged_image::TaggedImage;
use crate::model::{Digest, Tag};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// All tags of a repository, ordered by name, in little memory: 12 bytes for each tag and the part of its name that the name
/// before does not have, and 32 bytes for the digest.
///
/// A list that [keeps](Self::keeping) the digests of a few images only has no digest for the other tags: of these tags it is
/// still known that they are not one of the few images. Digests are never shortened. A digest decides whether a moved tag is the
/// same image, which image a bump writes, and whether a tag that a person took back is offered again; a shortened digest would
/// only nearly decide it.
#[derive(Clone, Default)]
pub struct TagList {
    /// For each tag: how many bytes its name shares with the name before, how many follow, and these bytes.
    names: Box<[u8]>,
    rows: Box<[Packed]>,
    digests: Digests,
    media_types: Box<[Box<str>]>,
    /// The tags that do not fit into a packed row, by their place.
    unpacked: BTreeMap<u32, TaggedImage>,
    fingerprint: Fingerprint,
}

/// The digests of the rows.
#[derive(Clone)]
enum Digests {
    /// That of each row.
    All(Box<[Sha256]>),
    /// Those of a few rows, by their place.
    Few(BTreeMap<u32, Sha256>),
    /// The registry does not report digests with its tags.
    Unreported,
}

impl Default for Digests {
    fn default() -> Self {
        Self::All(Box::default())
    }
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
    /// The registry does not report digests.
    is_without_digests: bool,
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
    digest: Sha256,
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
        self.rows.iter().zip(0..).map(move |(packed, place)| {
            if let [shared, rest, bytes @ ..] = names {
                let (rest, after) = bytes.split_at(usize::from(*rest));
                name.truncate(usize::from(*shared));
                name.extend_from_slice(rest);
                names = after;
            }
            match self.unpacked.get(&place) {
                Some(image) => image.clone(),
                None => packed.image(tag(&name), self.digest(place), &self.media_types),
            }
        })
    }

    /// The digests of these tags, as far as the list has them.
    pub fn digests_of(&self, tags: &BTreeSet<&Tag>) -> BTreeSet<Digest> {
        let is_asked = |image: &TaggedImage| tags.contains(&image.tag);
        self.iter().filter(is_asked).filter_map(|image| image.digest).collect()
    }

    /// Whether the list has every digest that the registry reports.
    pub fn has_all_digests(&self) -> bool {
        !matches!(self.digests, Digests::Few(_))
    }

    /// The list with the digests of these images alone. All tags that point to one of the images keep their digest.
    #[must_use]
    pub fn keeping(&self, images: &BTreeSet<Digest>) -> Self {
        if matches!(self.digests, Digests::Unreported) {
            return self.clone();
        }
        let images: BTreeSet<Sha256> = images.iter().filter_map(|digest| sha256(digest.as_str())).collect();
        let kept = (0..)
            .zip(self.rows.iter())
            .filter_map(|(place, _)| Some((place, self.digest(place)?)));
        Self {
            digests: Digests::Few(kept.filter(|(_, digest)| images.contains(digest)).collect()),
            ..self.clone_without_digests()
        }
    }

    fn clone_without_digests(&self) -> Self {
        Self {
            names: self.names.clone(),
            rows: self.rows.clone(),
            digests: Digests::default(),
            media_types: self.media_types.clone(),
            unpacked: self.unpacked.clone(),
            fingerprint: self.fingerprint,
        }
    }

    /// The bytes of names, rows and digests.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let digests = match &self.digests {
            Digests::All(all) => size_of_val(&**all),
            Digests::Few(few) => few.len() * size_of::<(u32, Sha256)>(),
            Digests::Unreported => 0,
        };
        size_of_val(&*self.names) + size_of_val(&*self.rows) + digests
    }

    fn digest(&self, place: u32) -> Option<Sha256> {
        match &self.digests {
            Digests::All(all) => all.get(place as usize).copied(),
            Digests::Few(few) => few.get(&place).copied(),
            Digests::Unreported => None,
        }
    }
}

fn tag(name: &[u8]) -> Tag {
    let name = std::str::from_utf8(name).expect("names are cut between characters of ASCII");
    Tag::parse(name).expect("a builder takes tags only")
}

impl TagListBuilder {
    /// A builder for the tags of a registry that does not report digests with them. A digest in a row is left out.
    pub fn without_digests() -> Self {
        Self {
            is_without_digests: true,
            ..Self::default()
        }
    }

    /// Adds a row. Returns false, and adds nothing, if the tag or the digest does not follow its grammar.
    pub fn add(&mut self, row: &TagRow<'_>) -> bool {
        let Ok(length) = u8::try_from(row.tag.len()) else {
            return false;
        };
        if !Tag::is_valid(row.tag) {
            return false;
        }
        let digest = match self.is_without_digests {
            true => Some(Sha256::default()),
            false => row.digest.and_then(sha256),
        };
        let packed = digest.and_then(|digest| Some((Packed::new(row, &mut self.media_types)?, digest)));
        let ((packed, digest), unpacked) = match packed {
            Some(packed) => (packed, None),
            None if self.is_without_digests => return false,
            None => {
                let Some(image) = row.image() else { return false };
                let place = u32::try_from(self.unpacked.len()).ok();
                self.unpacked.push(image);
                ((Packed::default(), Sha256::default()), place)
            }
        };
        self.fingerprint.rows += 1;
        self.fingerprint.sum = self.fingerprint.sum.wrapping_add(hash_of(row));
        self.rows.push(Row {
            name: self.names.len(),
            length,
            packed,
            digest,
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
            digests: match self.is_without_digests {
                true => Digests::Unreported,
                false => Digests::All(rows.iter().map(|row| row.digest).collect()),
            },
            media_types: self.media_types.into(),
            fingerprint: self.fingerprint,
        }
    }

    fn name(&self, row: &Row) -> &str {
        &self.names[row.name..row.name + usize::from(row.length)]
    }

    /// What decides which of two rows of one tag counts.
    fn order(&self, row: &Row) -> (Option<jiff::Timestamp>, Option<Digest>) {
        let image = match row.unpacked {
            Some(place) => self.unpacked[place as usize].clone(),
            None => {
                let tag = tag(self.name(row).as_bytes());
                row.packed.image(tag, Some(row.digest), &self.media_types)
            }
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
