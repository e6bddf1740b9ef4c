use super::failure::ClusterFailure;
use crate::spread::{
    LiveObject, MirrorContent, MirrorFacts, MirrorKind, MirrorMark, MirrorWrite, NamespaceFacts, ObjectPlace,
};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;

/// What the watches have delivered of the sources.
#[derive(Clone, Default)]
pub struct SourceView {
    /// Whether every list is complete. Nothing is concluded before.
    pub is_complete: bool,
    /// Why the objects that ask for copies cannot be read, if so.
    pub problem: Option<String>,
    /// The objects that the rules name, and those that ask for copies.
    pub sources: Arc<BTreeMap<ObjectPlace, MirrorFacts>>,
    /// The objects that the rules name and that cannot be read, each with the reason.
    pub unread: BTreeMap<ObjectPlace, String>,
}

/// What the watches have delivered of a cluster of copies.
#[derive(Clone, Default)]
pub struct CopyView {
    /// Whether every list is complete. Nothing is concluded before.
    pub is_complete: bool,
    /// Why a list cannot be read, if so.
    pub problem: Option<String>,
    /// All namespaces.
    pub namespaces: Arc<BTreeMap<String, NamespaceFacts>>,
    /// The objects with the agent's label.
    pub copies: Arc<BTreeMap<ObjectPlace, MirrorFacts>>,
}

/// The Secrets and ConfigMaps of a cluster, one by one.
pub trait MirrorObjects: Send + Sync + 'static {
    /// The UID of the namespace `kube-system`, which no two clusters share.
    fn uid(&self) -> impl Future<Output = Result<String, ClusterFailure>> + Send;

    /// Reads an object.
    fn read(&self, place: &ObjectPlace) -> impl Future<Output = Result<Option<LiveObject>, ClusterFailure>> + Send;

    /// Changes whenever the view does.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// The objects that are mirrored. They are in the agent's own cluster.
pub trait MirrorSources: MirrorObjects {
    /// Starts the watches that do not run yet.
    fn start(&self);

    /// What the watches have delivered.
    fn view(&self) -> SourceView;
}

/// A cluster of copies. `set` is what the agent's marks name there.
pub trait MirrorCopies: MirrorObjects {
    /// Starts the watches of copies of these kinds, if none runs yet.
    fn start(&self, set: &str, kinds: &BTreeSet<MirrorKind>);

    /// What the watches have delivered.
    fn view(&self) -> CopyView;

    /// Whether an object of this kind has the agent's label.
    fn has_marked(&self, set: &str, kind: MirrorKind) -> impl Future<Output = Result<bool, ClusterFailure>> + Send;

    /// Creates a copy. [`ClusterFailure::Conflict`] if there is an object of that name.
    fn create(
        &self,
        set: &str,
        write: &MirrorWrite,
        mark: &MirrorMark,
        content: &MirrorContent,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Changes a copy that is still as `copy` says.
    fn change(
        &self,
        set: &str,
        write: &MirrorWrite,
        copy: &MirrorFacts,
        mark: &MirrorMark,
        content: &MirrorContent,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Deletes a copy that is still as `copy` says.
    fn delete(
        &self,
        place: &ObjectPlace,
        copy: &MirrorFacts,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;
}
