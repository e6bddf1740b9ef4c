//! What we know about Kubernetes objects without asking anybody: how a kind is named, in which order objects are applied,
//! whom a live object belongs to, whether it is healthy, and whether it may be deleted.
//!
//! The centre is the [`Fingerprint`]: a hash of our own `managedFields` entry. While it is as it was after our apply,
//! nobody has changed a field of ours and the object needs no request at all.
//!
//! Pure: values in, values out. Time, the network and the Kubernetes client are deliberately absent; wire types are
//! taken apart by `cluster` before they come here.

mod desired;
mod fingerprint;
mod health;
mod kind;
mod object;
mod prune;
mod set;
mod version;
mod wave;

pub use desired::{DesiredHash, prepare};
pub use fingerprint::{FieldsEntry, Fingerprint, MANAGER, Ownership};
pub use health::Health;
pub use kind::{GroupKind, KindVersion, ServedKind};
pub use object::{Drift, Ignore, Intent, Object, Origin};
pub use prune::{DeletionLimit, Kept, ObservedObject, PruneWish, may_prune};
pub use set::{GROUP_KINDS_ANNOTATION, ID_LABEL, PART_OF_LABEL, SetId, SetName, TOOLING_ANNOTATION};
pub use version::ResourceVersion;
pub use wave::Wave;
