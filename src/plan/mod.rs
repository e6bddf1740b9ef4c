//! What a pass will write, decided before anything is written.
//!
//! - [`automated`] and [`marked`] find the automated fields of a document; [`overlay_fields`] finds those of folders
//!   with kustomizations, in the files that set the tags.
//! - [`decide`] reads every field, the tags of its repository and the holds. It makes one [`Decision`] with a reason for each
//!   field, and one [`PlannedBump`] for each field that moves. [`decide_field`] does so for one field, and [`decide_group`] for
//!   the fields of a group, which move together or not at all.
//! - [`commits`] cuts the plan into commits. [`check`] is the linter that each of them must pass before it is carried out.
//! - [`message`] and `commit_time` make the commit deterministic: the same plan gives the same bytes.
//! - [`FailedRollout`] says whether a bump of ours is to blame for a rollout that failed. [`PlannedRevert`] takes such a bump back,
//!   and [`revert_message`] says why.
//! - [`request`] describes the bumps in a pull request, and [`RecordedBumps`] reads them back.
//!
//! Never bumped: a field that is locked, held or pinned by digest; a field whose policy cannot be used; a field whose
//! repository was not listed completely. Deliberately absent: how bytes are edited (`manifest`), how commits are made and
//! pushed (`git`).

mod bump_plan;
mod check;
mod commits;
mod connected;
mod decide;
mod decide_field;
mod decide_group;
mod failed_rollout;
mod field;
mod flux_sources;
mod followed;
mod group;
mod image_policies;
mod judged_tag;
mod marked_field;
mod message;
mod observed;
mod overlay;
mod request;
mod revert;

#[cfg(test)]
mod tests;

pub use bump_plan::{BumpPlan, Decision, Outcome, PlannedBump, as_list};
pub use check::check;
pub use commits::{CommitPer, commits};
pub use decide::decide;
pub use decide_field::{decide_among, decide_field, eligible_tags, verdict};
pub use decide_group::{AskMember, Fits, decide_group, units};
pub use failed_rollout::{FailedRollout, Innocent};
pub use field::{AutomatedField, automated};
pub use flux_sources::FluxSources;
pub use followed::{FollowedObject, SeenObject, followed_tag};
pub use group::{Group, GroupMove};
pub use image_policies::ImagePolicies;
pub use judged_tag::{JudgedTag, judged_tags};
pub use marked_field::{marked, new_name};
pub(crate) use message::commit_time;
pub use message::{InvalidTemplate, Template, message};
pub use observed::{DecidedField, Included, Observed, Tags};
pub use overlay::{Affected, Overlay, OverlayFields, OverlayFile, OverlayIndex, overlay_fields};
pub use request::{RecordedBumps, request, superseded};
pub use revert::{PlannedRevert, revert_message};
