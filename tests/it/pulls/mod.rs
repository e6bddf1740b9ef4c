//! Side branches and pull requests, on a real Gitea.

mod closed;
mod merged;
mod scene;
mod side;
mod statuses;
mod webhook;
