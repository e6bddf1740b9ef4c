//! What is known about one field at one commit.

use super::entry::{Change, RecordedBump};
use super::image_version::ImageVersion;
use super::interner::Interners;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A version that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    /// The index of the entry that took the version back.
    pub(super) index: u32,
    pub(super) version: u32,
    pub(super) image: u32,
    pub(super) at: Timestamp,
    /// Whether the change left a name that a bump of ours had written.
    pub(super) with_name: bool,
}

impl Rejection {
    /// Whether a change takes up what was rejected.
    pub(super) fn is_taken_up(&self, interners: &Interners, change: &Change) -> bool {
        let is_named = match self.with_name {
            true => change.image_to == self.image,
            false => !change.is_name_alone(),
        };
        is_named && !interners.is_left(self.version, change.to)
    }
}

/// What a change leaves of what our bumps wrote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) version: u32,
    /// The image's name.
    pub(super) image: u32,
    /// Whether the change leaves the name, and a bump of ours had written it.
    pub(super) with_name: bool,
}

/// A version that a bump of ours set.
#[derive(Debug, Clone)]
struct SetByUs {
    /// The image's name in the trailer.
    image: u32,
    /// The image's name in the file.
    written: u32,
    /// The rejections at that time, by index of the entry and version.
    over: BTreeSet<(u32, u32)>,
}

/// The versions that we set, the ones that people rejected, and the rejections that were lifted.
#[derive(Debug, Default, Clone)]
pub(super) struct FieldState {
    ours: BTreeMap<u32, SetByUs>,
    /// The names that bumps of ours wrote.
    names: BTreeSet<u32>,
    pub(super) rejected: Vec<Rejection>,
    /// The lifted rejections, by index of the entry and version.
    lifted: BTreeSet<(u32, u32)>,
}

impl FieldState {
    /// Lifts some rejections. Returns them by index of the entry and version.
    pub(super) fn lift(&mut self, which: impl Fn(&Rejection) -> bool) -> Vec<(u32, u32)> {
        let lifted: Vec<_> = self
            .rejected
            .extract_if(.., |rejection| which(rejection))
            .map(|rejection| (rejection.index, rejection.version))
            .collect();
        self.lifted.extend(&lifted);
        lifted
    }

    /// Records a bump of ours.
    pub(super) fn set(&mut self, bump: &RecordedBump, change: &Change) {
        let over = self
            .rejected
            .iter()
            .map(|rejection| (rejection.index, rejection.version))
            .collect();
        let set = self.ours.entry(bump.to).or_insert_with(|| SetByUs {
            image: bump.image,
            written: change.image_to,
            over: BTreeSet::new(),
        });
        (set.image, set.written) = (bump.image, change.image_to);
        self.names.extend(bump.writes_name.then_some(change.image_to));
        set.over.extend::<BTreeSet<_>>(over);
    }

    /// The versions that bumps of ours set after a rejection.
    pub(super) fn set_over(&self, rejection: &Rejection) -> impl Iterator<Item = u32> {
        let rejection = (rejection.index, rejection.version);
        let later = self.ours.iter().filter(move |(_, set)| set.over.contains(&rejection));
        later.map(|(version, _)| *version)
    }

    /// Whether leaving `version` rejects it. `taken_up` are the rejections that the same change lifts. A person who takes up a
    /// rejected version again leaves whatever was there meanwhile, and rejects nothing by that, unless a bump of ours set
    /// `version` after the rejection.
    pub(super) fn is_set_over(&self, version: u32, taken_up: &[(u32, u32)]) -> bool {
        let over = self.ours.get(&version).map(|set| &set.over);
        taken_up.is_empty() || over.is_some_and(|over| taken_up.iter().any(|rejection| over.contains(rejection)))
    }

    /// The version of ours that a change leaves, or the name of ours with whatever version it had. A field that moves to the
    /// same version in the same commit has not left it: its object went from one file to another.
    pub(super) fn left(&self, interners: &Interners, change: &Change, all: &[Change]) -> Option<Left> {
        let moved = |other: &Change| {
            other.field == change.field
                && other.to == change.from
                && !other.is_name_alone()
                && !std::ptr::eq(other, change)
        };
        if all.iter().any(moved) {
            return None;
        }
        let with_name = change.image_to != change.image_from && self.has_name(change.image_from);
        let tagged = || {
            self.ours(interners, change.from)
                .map_or(change.from, |(version, _)| *version)
        };
        let (version, image) = match self.left_version(interners, change) {
            Some(left) => left,
            None if with_name => (tagged(), change.image_from),
            None => return None,
        };
        Some(Left {
            version,
            image: if with_name { change.image_from } else { image },
            with_name,
        })
    }

    /// The version of ours that a change leaves, and the image's name.
    fn left_version(&self, interners: &Interners, change: &Change) -> Option<(u32, u32)> {
        let from = interners.versions.get(change.from)?;
        if !interners.is_left(change.from, change.to) {
            return None;
        }
        let (version, set) = self.ours(interners, change.from).or_else(|| {
            let tag = interners.versions.number(&ImageVersion::from(from.tag.clone()?))?;
            self.ours.get_key_value(&tag)
        })?;
        if from.tag.is_none() && !interners.is_left(*version, change.to) {
            return None;
        }
        let renamed = change.image_from != set.written;
        Some((*version, if renamed { change.image_from } else { set.image }))
    }

    /// Whether a bump of ours set this version.
    pub(super) fn is_ours(&self, interners: &Interners, version: u32) -> bool {
        self.ours(interners, version).is_some()
    }

    /// Whether a bump of ours wrote this name.
    pub(super) fn has_name(&self, name: u32) -> bool {
        self.names.contains(&name)
    }

    fn ours(&self, interners: &Interners, version: u32) -> Option<(&u32, &SetByUs)> {
        let written = || {
            self.ours
                .iter()
                .find(|(ours, _)| interners.is_written_as(**ours, version))
        };
        self.ours.get_key_value(&version).or_else(written)
    }

    /// Adds what another line of history knows. A rejection that one of the two lines lifted is lifted.
    pub(super) fn join(&mut self, other: &Self) {
        for (version, set) in &other.ours {
            self.ours
                .entry(*version)
                .and_modify(|known| known.over.extend(&set.over))
                .or_insert_with(|| set.clone());
        }
        self.names.extend(&other.names);
        self.lifted.extend(other.lifted.iter().copied());
        for rejection in &other.rejected {
            if !self.rejected.contains(rejection) {
                self.rejected.push(rejection.clone());
            }
        }
        let lifted = &self.lifted;
        self.rejected
            .retain(|rejection| !lifted.contains(&(rejection.index, rejection.version)));
    }
}
