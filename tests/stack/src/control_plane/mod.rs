//! A real Kubernetes control plane: etcd and kube-apiserver, and where pods must become ready also
//! kube-controller-manager, kube-scheduler and kwok with one simulated node.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use tidegate_stack::control_plane::{ControlPlane, Options};
//!
//! let cluster = ControlPlane::start(Options::default()).await?; // about 3 s
//! let client = cluster.client().await?;
//! let mark = cluster.audit_mark();
//! # drop(client);
//! for request in cluster.requests_since(&mark).await? {
//!     println!("{} {} {}", request.user_agent, request.verb, request.resource);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Which to take: [`ControlPlane::shared`] for whatever keeps to its own namespaces and set names;
//! [`ControlPlane::shared_with_pods`] where rollouts matter; one of its own for tests that count requests of the whole
//! server, change cluster-wide objects, or stop the server.
//!
//! Without `pods` nothing runs that acts on objects: namespaces being deleted stay `Terminating`, owner references delete
//! nothing, no `default` service account appears, and the admission plugin that asks for one is off.
//!
//! With `pods` the image's tag decides what becomes of a pod: a tag with `unready` runs and never becomes ready, one with
//! `crash` is in `CrashLoopBackOff` (a Job's pod fails), one with `unpullable` is in `ImagePullBackOff`, everything else is ready at once (a Job's pod succeeds).

mod access;
mod audit;
pub(crate) mod certificates;
mod pods;
mod servers;
mod shared;

pub use audit::{AuditRequest, Mark};
pub use servers::{ControlPlane, Options, TokenWebhook};
pub use shared::Shared;
