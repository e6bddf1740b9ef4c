use crate::model::{Digest, Repository};
use crate::policy::Platform;
use crate::port::{ListFailure, Listing};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// What is to be scanned and what scans have found.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    wanted: BTreeSet<Repository>,
    forced: BTreeSet<Repository>,
    scans: BTreeMap<Repository, Scan>,
    inspect: BTreeSet<ImageKey>,
    told: BTreeMap<ImageKey, Told>,
}

/// An image of a repository.
pub type ImageKey = (Repository, Digest);

/// What a registry told of the platforms of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What it is built for.
    Platforms(Vec<Platform>),
    /// It does not tell, perhaps with the reason: we may not look.
    Nothing(Option<String>),
    /// It could not be asked; the failure. It is asked again.
    Later(String),
}

/// The newest scan of a repository.
#[derive(Debug, Clone)]
pub struct Scan {
    /// All its tags, or why they could not be read.
    pub result: Result<Arc<Listing>, ListFailure>,
    /// When it began.
    pub at: Instant,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what is wanted; scans of anything else are forgotten. True if something new is wanted.
    pub fn want(&self, wanted: BTreeSet<Repository>) -> bool {
        let mut state = self.lock();
        let new = wanted.iter().any(|repository| !state.wanted.contains(repository));
        state.scans.retain(|repository, _| wanted.contains(repository));
        state.told.retain(|(repository, _), _| wanted.contains(repository));
        state.wanted = wanted;
        new
    }

    /// Sets the images whose platforms are to be read. True if one is among them that nobody has asked after.
    pub fn inspect(&self, images: BTreeSet<ImageKey>) -> bool {
        let mut state = self.lock();
        let new = images.iter().any(|image| !state.told.contains_key(image));
        state.inspect = images;
        new
    }

    /// What was told of the platforms of images.
    pub fn platforms(&self) -> BTreeMap<ImageKey, Told> {
        self.lock().told.clone()
    }

    /// The images to ask after: those that nobody has asked after, and with `again` those whose reading failed.
    pub(super) fn to_inspect(&self, again: bool) -> Vec<ImageKey> {
        let state = self.lock();
        let open = |image: &&ImageKey| match state.told.get(image) {
            None => true,
            Some(Told::Later(_)) => again,
            Some(Told::Platforms(_) | Told::Nothing(_)) => false,
        };
        state.inspect.iter().filter(open).cloned().collect()
    }

    /// Whether a reading of platforms failed and is to be made again.
    pub(super) fn has_unread(&self) -> bool {
        !self.to_inspect(true).is_empty()
    }

    /// Puts up what was told of an image's platforms; it is forgotten with the tag that names the image. True if it is
    /// news.
    pub(super) fn tell(&self, image: &ImageKey, told: Told) -> bool {
        let mut state = self.lock();
        state.wanted.contains(&image.0) && state.told.insert(image.clone(), told.clone()).as_ref() != Some(&told)
    }

    /// Asks for scans now, of the wanted repositories that `which` names. Returns how many those are.
    pub fn force(&self, which: impl Fn(&Repository) -> bool) -> usize {
        let mut state = self.lock();
        let named: Vec<_> = state
            .wanted
            .iter()
            .filter(|repository| which(repository))
            .cloned()
            .collect();
        let count = named.len();
        state.forced.extend(named);
        count
    }

    /// The wanted repositories.
    pub fn wanted(&self) -> BTreeSet<Repository> {
        self.lock().wanted.clone()
    }

    /// All newest scans.
    pub fn scans(&self) -> BTreeMap<Repository, Scan> {
        self.lock().scans.clone()
    }

    /// How many repositories are wanted, and how many tags are known of them.
    pub(super) fn extent(&self) -> (usize, usize) {
        let state = self.lock();
        let listings = state.scans.values().filter_map(|scan| scan.result.as_ref().ok());
        (state.wanted.len(), listings.map(|listing| listing.images.len()).sum())
    }

    /// What somebody asks to have scanned now.
    pub(super) fn forced(&self) -> BTreeSet<Repository> {
        self.lock().forced.clone()
    }

    pub(crate) fn take_forced(&self) -> BTreeSet<Repository> {
        std::mem::take(&mut self.lock().forced)
    }

    /// Puts a scan up. True if the automation has to look again: the listing or the failure is another than before.
    pub fn put(&self, repository: &Repository, scan: Scan) -> bool {
        let mut state = self.lock();
        if !state.wanted.contains(repository) {
            return false;
        }
        if let Ok(listing) = &scan.result {
            let listed = |digest: &Digest| listing.images.iter().any(|image| image.digest == *digest);
            state.told.retain(|(of, digest), _| of != repository || listed(digest));
        }
        let before = state.scans.insert(repository.clone(), scan.clone());
        match (before.map(|before| before.result), scan.result) {
            (Some(Ok(before)), Ok(now)) => before.images != now.images,
            (Some(Err(before)), Err(now)) => before.to_string() != now.to_string(),
            _ => true,
        }
    }
}
