//! What is known about Kubernetes objects without asking a server: how a kind is named, in which order objects are applied,
//! who owns the fields of a live object, whether it is healthy, and whether it may be pruned.
//!
//! The centre is the [`Fingerprint`]: a hash of the agent's own `managedFields` entry. While the fingerprint is the one that
//! the agent's apply left, nobody has changed a field of the agent, and the object needs no request.
//!
//! Pure: values in, values out. Time, the network and the Kubernetes client are deliberately absent. `cluster` takes wire
//! types apart before they come here.

mod allocation;
mod applied_mark;
mod commit_health;
mod contact;
mod deletion_limit;
mod dependency;
mod desired;
mod field_pattern;
mod field_set;
mod fingerprint;
mod former_owner;
mod health;
mod immutable;
mod kind;
mod last_ready;
mod live_object;
mod member;
mod member_key;
mod missing_right;
mod object;
mod object_diff;
mod observed;
mod owned_fields;
mod packed;
mod pod_fault;
mod pod_template;
mod prune;
mod prune_policy;
mod rollout_progress;
mod run;
mod set;
mod suspended;
mod takeover;
mod version;
mod waited;
mod wave;
mod weight;
mod writer;

pub use allocation::Allocations;
pub use applied_mark::{AppliedMark, AppliedMarks, decode_marks, encode_marks};
pub use commit_health::CommitHealth;
pub use contact::{Adoption, Contact, contact};
pub use deletion_limit::DeletionLimit;
pub use dependency::Dependency;
pub use desired::{DesiredHash, prepare, sendable};
pub use field_pattern::FieldPattern;
pub use field_set::{
    FieldPath, UnownedField, add_field, declares, has_field, leaf_fields, remove_field, show_field, unowned_fields,
};
pub use fingerprint::{FieldsEntry, Fingerprint, MANAGER, Ownership, REPLICAS};
pub use former_owner::FormerOwner;
pub use health::Health;
pub use immutable::{holds_data, is_immutable};
pub use kind::{GroupKind, KindVersion, ServedKind};
pub use last_ready::LastReady;
pub use live_object::LiveObject;
pub use member::{Authorship, Members, looks_applied};
pub use member_key::{MemberKey, MemberKeys, decode_keys, encode_keys};
pub use missing_right::{MissingRight, is_for_want_of_rights};
pub use object::{Drift, Ignore, Intent, Object, Origin};
pub use object_diff::{FieldChange, object_diff};
pub use observed::{ObservedObject, is_other_content};
pub use packed::Packed;
pub use pod_fault::{FaultKind, PodFault};
pub(crate) use pod_template::{CONTAINERS, container_field, pod_spec_path};
pub use pod_template::{ContainerImage, container_images, is_workload, pod_selector, runs_pods};
pub use prune::{Protected, RetainReason, may_prune};
pub use prune_policy::PrunePolicy;
pub use rollout_progress::{REVISION, RolloutProgress};
pub use run::Run;
pub use set::{GROUP_KINDS_ANNOTATION, ID_LABEL, PART_OF_LABEL, SetId, SetName, TOOLING_ANNOTATION};
pub use suspended::Suspended;
pub use takeover::{Additions, Takeover, is_own, left_to_others};
pub use version::ResourceVersion;
pub use waited::Waited;
pub use wave::Wave;
pub(crate) use weight::{ALLOCATION, value_weight};
pub use writer::is_autoscaled;
