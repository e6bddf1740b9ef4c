use super::failure::Failure;
use super::lift::LiftHolds;
use crate::holds::LiftMode;
use clap::Args;

/// Lift holds: the agent may choose rejected tags again
///
/// Makes a commit that changes no file and names the lifted holds in its trailers. From then on the agent chooses as if the
/// rollback had not happened. A revert of the rollback lifts the hold of the one tag that it brings back.
///
/// Where nothing is held, no commit is made and the exit code is 0.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidegate resume deployment/web -n shop --config tidegate.yaml
  tidegate resume deployment/web -n shop --field sidecar --tag 8d1e0f4 --repo .
  tidegate resume --all --repo git@github.com:acme/fleet.git --branch main")]
pub(super) struct Resume {
    #[command(flatten)]
    holds: LiftHolds,
}

impl Resume {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.holds.lift(LiftMode::Resume).await
    }
}
