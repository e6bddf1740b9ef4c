use crate::model::Repository;
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
        state.wanted = wanted;
        new
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
        let before = state.scans.insert(repository.clone(), scan.clone());
        match (before.map(|before| before.result), scan.result) {
            (Some(Ok(before)), Ok(now)) => before.images != now.images,
            (Some(Err(before)), Err(now)) => before.to_string() != now.to_string(),
            _ => true,
        }
    }
}
