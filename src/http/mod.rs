//! The agent's HTTP server, and the client of the command line.
//!
//! | path | who may call | what it does |
//! | --- | --- | --- |
//! | `GET /metrics` | all | returns the metrics as OpenMetrics text |
//! | `GET /healthz` | all | 200, or 503 with the loops that are stuck |
//! | `GET /readyz` | all | 200, with the names of the loops whose last pass was partial; or 503 with the names of the conditions that are not met |
//! | `POST /v1/scan` | token | wakes the automation loop and waits for its pass; the body is `{"repository": "…"}` or empty |
//! | `POST /v1/sync` | token | wakes the sync loops and waits for their pass |
//! | `POST /v1/plan` | token | returns what the agent would do now; writes nothing |
//! | `POST /v1/holds` | token | returns what is held |
//! | `POST /v1/resume`, `/v1/release` | token, from the agent's own pod | lifts holds by a commit |
//! | `POST /v1/confirm` | token, from the agent's own pod | confirms deletions that wait, by a commit |
//! | `GET /v1/status` | token | returns every automated field: current tag, newest tag, decision, reason; and why the agent is not ready |
//! | `POST /hooks/push` | signature | a forge reports a push: wakes the follow loop and answers at once |
//!
//! Flow: `serve` accepts connections, `router` chooses the handler, `api` and `webhook` check and bound a request, and the
//! [`Commands`] and `Probes` of the composition root answer it. `token` reads the file with the bearer token or the
//! webhook's secret; `token_secret` makes the Secret that the token is mounted from. [`Client`] is the other side of `/v1`.
//!
//! Invariants:
//! - A call carries no data except names: of a repository, of held fields, of a commit and its author. A push wakes the loop
//!   regardless of its body, unless the body names another branch.
//! - A call that makes a commit comes over loopback, as from `kubectl exec` and `kubectl port-forward`: who may only reach the
//!   port, such as a CI job with the token, changes nothing in the config repo.
//! - Without a token file, every call is refused. Without a secret, every push is refused. Both files are read again for
//!   each check, so that a rotated Secret needs no restart.
//! - No peer can take all connections, and `serve_probes` answers the probes on a port of their own.
//! - Every wait and every read has a limit. A caller that disconnects or times out does not end the pass that it waits for.
//!
//! Deliberately absent: TLS (the port is for the loopback of the pod and for the network of the cluster), and the names of
//! loops.

mod api;
mod body;
mod calls;
mod commands;
mod peers;
mod probes;
mod refusal;
mod router;
mod serve;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod token_secret;
mod webhook;

pub use api::client::{Client, ClientError};
pub use calls::{Answer, ConfirmCall, DiffCall, LiftCall, NamedObject, Question, WhyCall};
pub use commands::{CommandError, CommandReport, Commands, DiffReport, PlanReport};
pub use serve::{ServeError, serve, serve_probes};
pub use settings::Settings;
pub use state::{Server, ServerLimits};
pub use token::TokenFile;
pub use token_secret::ensure_token;
pub use webhook::{Signature, pushed_branch};
