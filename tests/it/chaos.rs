//! A few worlds of chaos in each run of the tests; `make chaos` runs as many as there is time for.

use std::path::{Path, PathBuf};
use std::time::Duration;
use tidegate_stack::chaos::{Options, run};
use tidegate_stack::commit_seed;

/// How long worlds of one seed begin.
const TIME: Duration = Duration::from_secs(45);

/// A fixed seed shows a fault in the machine itself, and the seed of the commit what nobody has thought of.
#[tokio::test(flavor = "multi_thread")]
async fn worlds_of_a_fixed_seed_and_of_the_commits_violate_nothing() {
    for seed in [1, commit_seed() % 1_000_000] {
        let report = run(&Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            seed,
            time: TIME,
            shrinking: Duration::ZERO,
            replay: None,
            // Helm takes its time: `make chaos` has HelmReleases.
            has_helm: false,
            logs: Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos"),
            is_verbose: false,
        })
        .await
        .unwrap_or_else(|error| panic!("worlds from seed {seed} on: {error:#}"));
        assert!(report.failure.is_none(), "worlds from seed {seed} on: {report}");
        println!("worlds from seed {seed} on: {report}");
        assert!(report.operations > 0, "nothing was done");
    }
}
