use super::image_version::ImageVersion;
use crate::model::FieldId;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Small numbers instead of values: a history names the same fields again and again.
#[derive(Debug)]
pub(super) struct Interner<T> {
    values: Vec<Arc<T>>,
    numbers: HashMap<Arc<T>, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}

impl<T: Eq + Hash + Clone> Interner<T> {
    /// The number of a value. A new value gets the next number.
    pub(super) fn intern(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let value = Arc::new(value.clone());
        self.values.push(Arc::clone(&value));
        self.numbers.insert(value, number);
        number
    }

    /// The number of a value, if the value has one already.
    pub(super) fn number(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The values in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter().map(|value| &**value)
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(usize::try_from(number).ok()?).map(|value| &**value)
    }
}

/// The values behind the numbers of a history.
#[derive(Debug, Default)]
pub(super) struct Interners {
    pub(super) fields: Interner<FieldId>,
    pub(super) versions: Interner<ImageVersion>,
    /// Image names and authors.
    pub(super) texts: Interner<String>,
}

impl Interners {
    /// Whether a file with `written` has the version `meant`: the two are equal, or `written` is the digest of `meant` without
    /// the tag.
    pub(super) fn is_written_as(&self, meant: u32, written: u32) -> bool {
        let both = || self.versions.get(written).zip(self.versions.get(meant));
        written == meant || both().is_some_and(|(written, meant)| written.is_digest_of(meant))
    }

    /// The versions with these numbers, sorted.
    pub(super) fn image_versions(&self, numbers: impl Iterator<Item = u32>) -> Vec<ImageVersion> {
        let mut versions: Vec<ImageVersion> = numbers
            .filter_map(|number| self.versions.get(number).cloned())
            .collect();
        versions.sort();
        versions
    }

    /// Whether a change to `to` leaves `version`.
    pub(super) fn is_left(&self, version: u32, to: u32) -> bool {
        let both = || self.versions.get(version).zip(self.versions.get(to));
        version != to && both().is_some_and(|(version, to)| version.is_left_by(to))
    }
}
