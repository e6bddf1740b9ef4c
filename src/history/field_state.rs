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
    pub(super) rejected: Vec<Rejection>,
    /// The lifted rejections, by index of the entry and version.
    lifted: BTreeSet<(u32, u32)>,
}

impl FieldState {
    /// Lifts the rejections of some versions. Returns them by index of the entry and version.
    pub(super) fn lift(&mut self, which: impl Fn(u32) -> bool) -> Vec<(u32, u32)> {
        let lifted: Vec<_> = self
            .rejected
            .extract_if(.., |rejection| which(rejection.version))
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

    /// The version of ours that a change leaves, and the image's name. A field that moves to the same version in the same
    /// commit has not left it: its object went from one file to another.
    pub(super) fn left(&self, interners: &Interners, change: &Change, all: &[Change]) -> Option<(u32, u32)> {
        let from = interners.versions.get(change.from)?;
        let moved = |other: &Change| other.field == change.field && other.to == change.from;
        if !interners.is_left(change.from, change.to) || all.iter().any(moved) {
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
