use super::registry::{ListFailure, Listing};
use crate::model::{Digest, Repository};
use crate::policy::Platform;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The state that the automation loop and the scan loop share: what the automation loop needs, and what the scan loop found.
///
/// The automation loop sets the repositories and images. The scan loop records listings and platforms. Neither loop calls
/// the other. Results of a repository that the automation loop no longer names are dropped.
///
/// Each change of what is known about a repository gets the next [`Revision`], so that a reader looks only at what changed
/// since it last looked.
#[derive(Debug, Default)]
pub struct ScanState {
    state: Mutex<State>,
}

/// A number that grows with each change of what is known about a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(u64);

#[derive(Debug, Default)]
struct State {
    repositories: Arc<BTreeSet<Repository>>,
    requested: BTreeSet<Repository>,
    known: BTreeMap<Repository, Known>,
    /// The repository that each revision is about. A repository has one revision: that of its newest change.
    changes: BTreeMap<Revision, Repository>,
    newest: Revision,
    /// The tags of all listings together.
    tags: usize,
    images: BTreeSet<ImageKey>,
}

/// What is known about a repository.
#[derive(Debug, Clone, Default)]
struct Known {
    revision: Revision,
    scan: Option<Scan>,
    platforms: BTreeMap<Digest, PlatformAnswer>,
    /// Whether a decision waits for a listing with all digests.
    needs_digests: bool,
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
}

impl State {
    /// Gives the next revision to a repository.
    fn change(&mut self, repository: &Repository) {
        let Some(known) = self.known.get_mut(repository) else {
            return;
        };
        self.changes.remove(&known.revision);
        self.newest.0 += 1;
        known.revision = self.newest;
        self.changes.insert(self.newest, repository.clone());
    }
}

impl Known {
    fn listing(&self) -> Option<&Arc<Listing>> {
        self.scan.as_ref()?.result.as_ref().ok()
    }

    fn tags(&self) -> usize {
        self.listing().map_or(0, |listing| listing.images.len())
    }
}

impl ScanState {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the repositories to scan, and drops the results of all others. Returns true if one of `repositories` is new. The
    /// set of the call before costs nothing.
    pub fn set_repositories(&self, repositories: Arc<BTreeSet<Repository>>) -> bool {
        let mut state = self.lock();
        if Arc::ptr_eq(&state.repositories, &repositories) {
            return false;
        }
        let dropped: Vec<Known> = state
            .known
            .extract_if(.., |repository, _| !repositories.contains(repository))
            .map(|(_, known)| known)
            .collect();
        for known in dropped {
            state.changes.remove(&known.revision);
            state.tags -= known.tags();
        }
        let is_new = |repository: &&Repository| !state.known.contains_key(*repository);
        let new: Vec<Repository> = repositories.iter().filter(is_new).cloned().collect();
        for repository in &new {
            state.known.insert(repository.clone(), Known::default());
            state.change(repository);
        }
        state.repositories = repositories;
        !new.is_empty()
    }

    /// Sets the images whose platforms the scan loop reads. Returns true if one of `images` has no answer yet.
    pub fn set_images(&self, images: BTreeSet<ImageKey>) -> bool {
        let mut state = self.lock();
        let has_answer = |(repository, digest): &ImageKey| {
            let known = state.known.get(repository);
            known.is_some_and(|known| known.platforms.contains_key(digest))
        };
        let new = images.iter().any(|image| !has_answer(image));
        state.images = images;
        new
    }

    /// The repositories that changed after `revision`, and the revision of the newest change. A repository changes when it is
    /// added, when its listing or its failure is another one, and when the platforms of one of its images are another answer.
    pub fn changed_since(&self, revision: Revision) -> (Revision, Vec<Repository>) {
        let state = self.lock();
        let after = (std::ops::Bound::Excluded(revision), std::ops::Bound::Unbounded);
        (
            state.newest,
            state.changes.range(after).map(|(_, of)| of.clone()).collect(),
        )
    }

    /// The newest scan of a repository.
    pub fn scan(&self, repository: &Repository) -> Option<Scan> {
        self.lock().known.get(repository)?.scan.clone()
    }

    /// The listing that the next one is compared with. `None`: there is none, or the next listing must have all digests.
    pub fn listing_before(&self, repository: &Repository) -> Option<Arc<Listing>> {
        let state = self.lock();
        let known = state.known.get(repository).filter(|known| !known.needs_digests)?;
        known.listing().cloned()
    }

    /// Leaves out of a repository's listing all digests except those of these images. Nothing happens if `listing` is not the
    /// newest one.
    pub fn keep_digests(&self, repository: &Repository, listing: &Arc<Listing>, images: &BTreeSet<Digest>) {
        let smaller = Listing {
            images: listing.images.keeping(images),
            ..Listing::clone(listing)
        };
        let mut state = self.lock();
        let scan = state.known.get_mut(repository).and_then(|known| known.scan.as_mut());
        if let Some(Ok(newest)) = scan.map(|scan| &mut scan.result)
            && Arc::ptr_eq(newest, listing)
        {
            *newest = Arc::new(smaller);
        }
    }

    /// Requests scans of repositories, of which a decision needs all digests. Returns true if one of them was not requested
    /// before.
    pub fn request_digests(&self, repositories: &BTreeSet<Repository>) -> bool {
        let mut state = self.lock();
        let mut is_new = false;
        for repository in repositories {
            let known = state.known.get_mut(repository).filter(|known| !known.needs_digests);
            if let Some(known) = known {
                known.needs_digests = true;
                state.requested.insert(repository.clone());
                is_new = true;
            }
        }
        is_new
    }

    /// The revision of what is known now.
    pub fn revision(&self) -> Revision {
        self.lock().newest
    }

    /// Whether a decision waits for a listing with all digests.
    pub fn needs_digests(&self) -> bool {
        self.lock().known.values().any(|known| known.needs_digests)
    }

    /// All answers about the platforms of a repository's images.
    pub fn platforms(&self, repository: &Repository) -> BTreeMap<Digest, PlatformAnswer> {
        let state = self.lock();
        state
            .known
            .get(repository)
            .map(|known| known.platforms.clone())
            .unwrap_or_default()
    }

    /// The answer about the platforms of an image.
    pub fn platforms_of(&self, (repository, digest): &ImageKey) -> Option<PlatformAnswer> {
        self.lock().known.get(repository)?.platforms.get(digest).cloned()
    }

    /// The images whose platforms must be read: those without an answer and, with `retry_failed`, those whose request failed.
    pub fn unread_images(&self, retry_failed: bool) -> Vec<ImageKey> {
        let state = self.lock();
        let unread = |(repository, digest): &&ImageKey| {
            let answer = state
                .known
                .get(repository)
                .and_then(|known| known.platforms.get(digest));
            match answer {
                None => true,
                Some(PlatformAnswer::Failed(_)) => retry_failed,
                Some(PlatformAnswer::Known(_) | PlatformAnswer::Unavailable(_)) => false,
            }
        };
        state.images.iter().filter(unread).cloned().collect()
    }

    /// Records the platforms of an image. The answer is dropped when no tag names the image any more. Returns true if the
    /// answer differs from the one before.
    pub fn record_platforms(&self, image: &ImageKey, answer: PlatformAnswer) -> bool {
        let mut state = self.lock();
        let (repository, digest) = image;
        let Some(known) = state.known.get_mut(repository) else {
            return false;
        };
        let is_new = known.platforms.insert(digest.clone(), answer.clone()).as_ref() != Some(&answer);
        if is_new {
            state.change(repository);
        }
        is_new
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

    /// The repositories to scan. It is the same set until others are set.
    pub fn repositories(&self) -> Arc<BTreeSet<Repository>> {
        Arc::clone(&self.lock().repositories)
    }

    /// The newest scan of each repository.
    pub fn scans(&self) -> BTreeMap<Repository, Scan> {
        let state = self.lock();
        let scans = state.known.iter();
        scans
            .filter_map(|(repository, known)| Some((repository.clone(), known.scan.clone()?)))
            .collect()
    }

    /// How many repositories are scanned, and how many tags their newest listings have together.
    pub fn totals(&self) -> (usize, usize) {
        let state = self.lock();
        (state.repositories.len(), state.tags)
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
    /// must decide again. Answers about the platforms of images that are no longer listed are dropped.
    pub fn record(&self, repository: &Repository, scan: Scan) -> bool {
        let mut state = self.lock();
        let Some(known) = state.known.get_mut(repository) else {
            return false;
        };
        let has_digests = scan
            .result
            .as_ref()
            .is_ok_and(|listing| listing.images.has_all_digests());
        let is_awaited = known.needs_digests && has_digests;
        known.needs_digests &= !has_digests;
        let before = known.scan.as_ref().map(|before| &before.result);
        let is_same = match (before, &scan.result) {
            _ if is_awaited => false,
            (Some(Ok(before)), Ok(now)) => Arc::ptr_eq(before, now) || before.images == now.images,
            (Some(Err(before)), Err(now)) => before.to_string() == now.to_string(),
            _ => false,
        };
        let tags = known.tags();
        if let (false, Ok(listing)) = (is_same || known.platforms.is_empty(), &scan.result) {
            let listed: BTreeSet<Digest> = listing.images.iter().filter_map(|image| image.digest).collect();
            known.platforms.retain(|digest, _| listed.contains(digest));
        }
        known.scan = Some(scan);
        let now = known.tags();
        state.tags = state.tags - tags + now;
        if !is_same {
            state.change(repository);
        }
        !is_same
    }
}
