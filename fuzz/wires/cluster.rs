//! What a watch delivers, and the settings for `config`.

#[path = "../../src/cluster/ownership.rs"]
mod ownership;
#[path = "../../src/cluster/connect/service_account.rs"]
mod service_account;
#[path = "cluster_watches.rs"]
mod watches;

pub use service_account::ServiceAccount;
pub use watches::{Reduced, reduce_metadata, reduce_object};
