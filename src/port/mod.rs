//! The things that the loops talk to, as traits over plain data: the registry, the config repo, its forge and the cluster.
//!
//! A loop imports this room and never an edge (`git`, `registry`, `cluster`): the composition root hands the edge in.
//! Wire types stay inside the edges; this room has only types of the project.

mod branch;
mod cluster;
mod declared;
mod denied;
mod deploy_key;
mod events;
mod forge;
mod inputs;
mod lease;
mod messenger;
mod notifications;
mod object_health;
mod pull_tokens;
mod registry;
mod releases;
mod renderer;
mod repo;
mod scan_state;
#[cfg(test)]
mod scan_state_tests;
mod tag_list;
#[cfg(test)]
mod tag_list_tests;
mod tag_row;
mod tagged_image;
#[cfg(test)]
mod tests;

pub use branch::Branch;
pub use cluster::{
    AccountFacts, Applied, ClusterFailure, Comparison, CopyView, Deletion, Dependents, Freshness, HomeSecrets,
    KindView, Kinds, MARK_PARTS, MirrorCopies, MirrorObjects, MirrorSources, Mode, Notify, Observed, ObservedStore,
    PullSecretCluster, PullSecretView, Record, RecordStore, SecretEntries, SecretName, SeenChanges, SourceView,
    TargetApi,
};
pub use declared::{DeclaredImages, DeclaredSource, DeclaredState, TargetState};
pub use denied::DeniedObjects;
pub use deploy_key::{AccessProbe, KeyFailure, KeyPair, KeyedRepo, SignerList};
pub use events::{ClusterEvent, EventWriter};
pub use forge::{ChangeRequest, Forge, ForgeFailure, Proposal, RequestState, SizeLimits};
pub use inputs::{InputEntries, InputObjects};
pub use lease::{LeaseApi, LeaseRecord};
pub use messenger::{AnnouncedStore, DeliveryFailure, Messenger, Retry};
pub use notifications::{Message, Notification, NotificationKind, NotificationSeverity};
pub use object_health::{ObjectHealth, ObjectHealths, TargetHealth};
pub use pull_tokens::{PullToken, PullTokens, TokenFailure};
pub use registry::{ListFailure, Listing, Registry};
pub use releases::{
    ChartFile, ChartLogin, ChartSource, Compared, HelmFailure, HelmProblem, HelmProgram, HelmRelease, KindState,
    ReleaseCluster, ReleaseObject, ReleaseObjects, ReleaseView, Repair, SourceText, TextFile, Upgrade,
};
pub use renderer::{RenderFailure, Renderer, Rendering, Unit, UnitKind};
pub use repo::{
    ConfigRepo, FileChange, FileEdit, HistoryCommit, NewCommit, ProposalBranches, PushOutcome, RepoFailure,
    RepoProblem, TreeFile, TreeListing, UnreadEntry, UnreadKind, VerifiedHead,
};
pub use scan_state::{ImageKey, PlatformAnswer, Revision, Scan, ScanState};
pub use tag_list::{Mark, TagList, TagListBuilder};
pub use tag_row::TagRow;
pub use tagged_image::TaggedImage;
