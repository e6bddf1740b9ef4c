use crate::model::{ObjectId, SecretBytes};
use crate::port::ClusterFailure;
use crate::release::{ObjectMark, ReleaseName};
use crate::resource::{FieldPattern, GroupKind, KindVersion, ServedKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::future::Future;

/// An object of a release, as the newest revision has it.
#[derive(Clone)]
pub struct ReleaseObject {
    /// The release.
    pub release: ReleaseName,
    /// The object; without a namespace the object is in that of the release, or cluster-wide.
    pub id: ObjectId,
    /// The kind, in the version of the manifest.
    pub kind: KindVersion,
    /// The manifest.
    pub manifest: Value,
    /// Fields that others may own.
    pub ignored: Vec<FieldPattern>,
}

/// What puts an object back to what the revision has.
#[derive(Clone)]
pub struct Repair {
    /// How the server serves the kind.
    pub kind: ServedKind,
    /// The object in the cluster.
    pub id: ObjectId,
    /// What is applied. It may hold values of Secrets.
    pub body: Value,
}

/// How a live object differs from what the revision has.
#[derive(Clone)]
pub enum Compared {
    /// The object is as the revision has it.
    Same,
    /// Fields of helm's have other values, or are gone.
    Differs {
        /// The paths of the fields, without their values.
        fields: Vec<String>,
        /// Who wrote last.
        by: Option<String>,
        /// What puts the object back.
        repair: Box<Repair>,
    },
    /// There is no such object.
    Absent(Box<Repair>),
    /// Somebody has deleted the object, and the object waits for its finalizers.
    Going,
    /// The object belongs to somebody else by now, for this reason.
    Elsewhere(String),
}

/// The objects of releases in the cluster.
pub trait ReleaseObjects: Send + Sync + 'static {
    /// Follows the objects of releases of exactly these kinds.
    fn follow_objects(&self, kinds: BTreeSet<GroupKind>);

    /// The manifests of a revision's objects as helm stored them; `None` if there is no such revision.
    fn manifests(
        &self,
        release: &ReleaseName,
        revision: u32,
    ) -> impl Future<Output = Result<Option<SecretBytes>, ClusterFailure>> + Send;

    /// Reads an object, and compares it with what the revision has. Nothing is written.
    fn compare_object(&self, object: &ReleaseObject) -> impl Future<Output = Result<Compared, ClusterFailure>> + Send;

    /// Puts an object back. Returns the object's mark afterwards.
    fn repair_object(&self, repair: &Repair) -> impl Future<Output = Result<ObjectMark, ClusterFailure>> + Send;
}
