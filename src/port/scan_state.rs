use super::registry::{ListFailure, Listing};
use crate::model::{Digest, Repository};
use crate::policy::Platform;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The state that the automation loop and the scan loop share: what the automation loop needs, and what the scan loop found.
///
/// The automation loop sets the repositories and images. The scan loop records listings and platforms. Neither loop calls
/// the other. Results of a repository that the automation loop no longer names are dropped.
#[derive(Debug, Default)]
pub struct ScanState {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeSet<Repository>,
    requested: BTreeSet<Repository>,
    scans: BTreeMap<Repository, Scan>,
    images: BTreeSet<ImageKey>,
    platforms: BTreeMap<ImageKey, PlatformAnswer>,
}

/// An image of a repository.
pub type ImageKey = (Repository, Digest);

/// What a registry reported about the platforms of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformAnswer {
    /// The platforms that the image is built for.
    Known(Vec<Platform>),
    /// The registry does not report platforms. The reason is set if the registry refused, for example a missing permission.
    Unavailable(Option<String>),
    /// The request failed, for this reason. The scan loop repeats the request.
    Failed(String),
}

/// The newest scan of a repository.
#[derive(Debug, Clone)]
pub struct Scan {
    /// All tags of the repository, or why they could not be read.
    pub result: Result<Arc<Listing>, ListFailure>,
    /// When the scan began.
    pub at: Instant,
}

impl ScanState {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the repositories to scan, and drops the results of all others. Returns true if one of `repositories` is new.
    pub fn set_repositories(&self, repositories: BTreeSet<Repository>) -> bool {
        let mut state = self.lock();
        let new = repositories
            .iter()
            .any(|repository| !state.repositories.contains(repository));
        state.scans.retain(|repository, _| repositories.contains(repository));
        state
            .platforms
            .retain(|(repository, _), _| repositories.contains(repository));
        state.repositories = repositories;
        new
    }

    /// Sets the images whose platforms the scan loop reads. Returns true if one of `images` has no answer yet.
    pub fn set_images(&self, images: BTreeSet<ImageKey>) -> bool {
        let mut state = self.lock();
        let new = images.iter().any(|image| !state.platforms.contains_key(image));
        state.images = images;
        new
    }

    /// All answers about the platforms of images.
    pub fn platforms(&self) -> BTreeMap<ImageKey, PlatformAnswer> {
        self.lock().platforms.clone()
    }

    /// The images whose platforms must be read: those without an answer and, with `retry_failed`, those whose request failed.
    pub fn unread_images(&self, retry_failed: bool) -> Vec<ImageKey> {
        let state = self.lock();
        let unread = |image: &&ImageKey| match state.platforms.get(image) {
            None => true,
            Some(PlatformAnswer::Failed(_)) => retry_failed,
            Some(PlatformAnswer::Known(_) | PlatformAnswer::Unavailable(_)) => false,
        };
        state.images.iter().filter(unread).cloned().collect()
    }

    /// Records the platforms of an image. The answer is dropped when no tag names the image any more. Returns true if the
    /// answer differs from the one before.
    pub fn record_platforms(&self, image: &ImageKey, answer: PlatformAnswer) -> bool {
        let mut state = self.lock();
        state.repositories.contains(&image.0)
            && state.platforms.insert(image.clone(), answer.clone()).as_ref() != Some(&answer)
    }

    /// Requests a scan now of each repository that `matches`. Returns how many there are.
    pub fn request(&self, matches: impl Fn(&Repository) -> bool) -> usize {
        let mut state = self.lock();
        let requested: Vec<_> = state
            .repositories
            .iter()
            .filter(|repository| matches(repository))
            .cloned()
            .collect();
        let count = requested.len();
        state.requested.extend(requested);
        count
    }

    /// The repositories to scan.
    pub fn repositories(&self) -> BTreeSet<Repository> {
        self.lock().repositories.clone()
    }

    /// The newest scan of each repository.
    pub fn scans(&self) -> BTreeMap<Repository, Scan> {
        self.lock().scans.clone()
    }

    /// How many repositories are scanned, and how many tags their newest listings have together.
    pub fn totals(&self) -> (usize, usize) {
        let state = self.lock();
        let listings = state.scans.values().filter_map(|scan| scan.result.as_ref().ok());
        (
            state.repositories.len(),
            listings.map(|listing| listing.images.len()).sum(),
        )
    }

    /// The repositories whose scan was requested and has not been taken by a pass.
    pub fn requested(&self) -> BTreeSet<Repository> {
        self.lock().requested.clone()
    }

    /// Takes the requests: the caller scans these repositories.
    pub fn take_requested(&self) -> BTreeSet<Repository> {
        std::mem::take(&mut self.lock().requested)
    }

    /// Records a scan. Returns true if the listing or the failure differs from the one before, so that the automation loop
    /// must decide again.
    pub fn record(&self, repository: &Repository, scan: Scan) -> bool {
        let mut state = self.lock();
        if !state.repositories.contains(repository) {
            return false;
        }
        if let Ok(listing) = &scan.result {
            let listed = |digest: &Digest| listing.images.iter().any(|image| image.digest == *digest);
            state
                .platforms
                .retain(|(of, digest), _| of != repository || listed(digest));
        }
        let before = state.scans.insert(repository.clone(), scan.clone());
        match (before.map(|before| before.result), scan.result) {
            (Some(Ok(before)), Ok(now)) => before.images != now.images,
            (Some(Err(before)), Err(now)) => before.to_string() != now.to_string(),
            _ => true,
        }
    }
}
