use super::failure::Failure;
use super::lift::LiftHolds;
use crate::holds::LiftMode;
use clap::Args;

/// Lift holds and write the rejected tag back into the file
///
/// One commit does both. Without --tag it writes the tag that was rejected last, and also lifts the holds of tags that were
/// rejected before it. If the file meanwhile has another tag that the agent wrote, that tag is held in turn.
///
/// Where nothing is held, no commit is made and the exit code is 0.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate release deployment/web -n shop --config tidegate.yaml
  tidegate release deployment/web --tag 8d1e0f4 --repo .")]
pub(super) struct Release {
    #[command(flatten)]
    holds: LiftHolds,
}

impl Release {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.holds.lift(LiftMode::Release).await
    }
}
