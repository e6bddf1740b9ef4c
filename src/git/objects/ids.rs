use crate::git::libgit2_error::Libgit2Error;
use crate::model::{BlobId, CommitId};
use git2::Oid;

pub(crate) fn commit_id(id: Oid) -> CommitId {
    CommitId::from_bytes(bytes(id))
}

pub(crate) fn blob_id(id: Oid) -> BlobId {
    BlobId::from_bytes(bytes(id))
}

pub(crate) fn oid(bytes: &[u8; 20]) -> Result<Oid, Libgit2Error> {
    Oid::from_bytes(bytes).map_err(Libgit2Error::doing("read an object's id"))
}

/// SHA-1 has 20 bytes.
fn bytes(id: Oid) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes.iter_mut().zip(id.as_bytes()).for_each(|(to, from)| *to = *from);
    bytes
}
