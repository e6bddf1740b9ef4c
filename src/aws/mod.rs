//! How we speak to AWS: whose credentials, which region, how long a call may take and how often it is tried again.
//!
//! Flow: a client room asks [`Sdk::load`] for the settings of one [`Endpoint`] and builds its own service client from them.
//! Nothing is resolved here: credentials are fetched by the first call and again before they expire, by the SDK's own
//! cache inside the settings. Loading again gives a fresh chain, which is how credentials that AWS calls expired are
//! replaced.
//!
//! What holds: the region is always said, never guessed; no setting is global to the process; every call has deadlines;
//! the behaviour of the SDK is pinned to a date, so that an update of the crate does not change it.
//!
//! Deliberately absent: roles to assume, and any service's client. With `registry` this room alone knows the AWS SDK.

mod sdk;
mod sign;

pub use sdk::{CallLimits, Endpoint, Sdk};
pub use sign::{SignError, Signer};
