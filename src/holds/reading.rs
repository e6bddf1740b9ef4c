use crate::history::Hold;
use crate::model::{BlobId, CommitId, FieldId, HoldUntil, ImageRef, RepoPath};
use crate::port::RepoFailure;
use std::collections::BTreeMap;
use std::future::Future;

/// Reads a branch for its holds.
pub trait HoldReader: Sync {
    /// Fetches the branch, and reads its tip and its whole history.
    fn read(&self) -> impl Future<Output = Result<Reading, RepoFailure>> + Send;
}

/// The branch's tip, and what the history says about its image fields.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The tip. [`lift`](super::lift) commits on this commit.
    pub tip: CommitId,
    /// The files of the tip.
    pub blobs: BTreeMap<RepoPath, BlobId>,
    /// All image fields, held or not, in the order of their files.
    pub fields: Vec<ImageField>,
    /// What the history holds, whatever the files say now.
    pub holds: BTreeMap<FieldId, Hold>,
}

/// An image field at the tip.
#[derive(Debug, Clone)]
pub struct ImageField {
    /// The file that has the field.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// The image, named as bumps name it.
    pub image: ImageRef,
    /// The name that the next bump writes: it differs from the image's name if a marker asks for another.
    pub bumped_name: String,
    /// What ends a hold, where the workload has a `hold` annotation.
    pub until: Option<HoldUntil>,
}
