//! What the agent answers over HTTP, and the client with which the command line asks.
//!
//! | path | who | what |
//! | --- | --- | --- |
//! | `GET /metrics` | all | OpenMetrics text |
//! | `GET /healthz` | all | 200, or 503 with the loops that are stuck |
//! | `GET /readyz` | all | 200, or 503 with what is not ready yet |
//! | `POST /v1/scan` | token | wakes the automation loop, waits for its pass; `{"repository": "…"}` or nothing |
//! | `POST /v1/sync` | token | wakes the sync loops, waits for their pass |
//! | `GET /v1/status` | token | every automated field: current, newest, decision, reason |
//! | `POST /hooks/push` | signature | a forge tells of a push: wakes the follow loop, answers at once |
//!
//! Flow: `serve` takes connections, `routes` checks and bounds each request, the composition root's [`Commands`] and
//! [`Probes`] answer it. `token` says whether the caller may, `hook` whether a forge has the secret of its webhook; `client` is
//! the other side of `/v1`.
//!
//! What holds: a call carries no data but a repository's name, and a push wakes whatever it says, unless it names another
//! branch; without a token file every call is refused, without a secret every push; they are
//! read anew for each check, so that a rotated Secret needs no restart; every wait and every read has a bound, and a
//! caller who goes away or whose time is over does not end the pass that he waited for.
//!
//! Deliberately absent: TLS (the port is for the pod's loopback and the cluster's network), anything that knows a loop
//! by name.

mod client;
mod commands;
mod hook;
mod routes;
mod serve;
#[cfg(test)]
mod tests;
mod token;

pub use client::{Client, ClientError};
pub use commands::{CommandError, CommandReport, Commands, Probes};
pub use routes::{Server, ServerLimits};
pub use serve::{ServeError, serve};
pub use token::{TokenError, TokenFile};
