//! One control plane for many tests of a process.

use std::ops::Deref;

use anyhow::Result;
use tokio::sync::OnceCell;

use super::servers::{ControlPlane, Options};

static PLAIN: OnceCell<ControlPlane> = OnceCell::const_new();
static WITH_PODS: OnceCell<ControlPlane> = OnceCell::const_new();

/// A handle on the process' shared control plane. It lives until the process ends; the handle prints the logs' ends when
/// the test that holds it panics.
#[derive(Clone)]
pub struct Shared(&'static ControlPlane);

impl ControlPlane {
    /// The one without pods; the first caller starts it.
    ///
    /// # Errors
    /// When it does not start; the next caller tries again.
    pub async fn shared() -> Result<Shared> {
        let start = || ControlPlane::start(Options::default());
        Ok(Shared(PLAIN.get_or_try_init(start).await?))
    }

    /// The one with pods; the first caller starts it.
    ///
    /// # Errors
    /// When it does not start; the next caller tries again.
    pub async fn shared_with_pods() -> Result<Shared> {
        let start = || {
            ControlPlane::start(Options {
                pods: true,
                ..Options::default()
            })
        };
        Ok(Shared(WITH_PODS.get_or_try_init(start).await?))
    }
}

impl Deref for Shared {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.print_log_tails();
        }
    }
}
