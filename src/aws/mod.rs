//! How the agent calls AWS: with which identity and endpoint, how long a call may take, how often it is retried.
//!
//! Flow: a room that has an AWS client calls `Sdk::load` with an [`Identity`] and an [`Endpoint`], and builds the client
//! from the settings. Loading sends no request: the SDK fetches credentials at the first call, caches them in the settings,
//! and fetches them again before they expire. A second load makes a new credentials chain; this is how credentials that AWS
//! calls expired are replaced.
//!
//! Invariants: the region is always given and never guessed; no setting is global to the process; every call has deadlines;
//! the behaviour of the SDK is pinned to a date, so that an update of the crate does not change it.
//!
//! Deliberately absent: the client of any service. Only this room, `registry` and `forge` know AWS; roles to assume become
//! further variants of [`Identity`].

mod endpoint;
mod sdk;
mod sign;

pub use endpoint::{Endpoint, Identity};
pub use sdk::{CallLimits, Sdk};
pub use sign::Signer;
