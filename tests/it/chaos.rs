//! A few worlds of chaos in each run of the tests; `make chaos` runs as many as there is time for.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tidegate_stack::chaos::{Options, run};

/// How long worlds of one seed begin.
const TIME: Duration = Duration::from_secs(45);

/// A fixed seed shows a fault in the machine itself, and a fresh one what nobody has thought of.
#[tokio::test(flavor = "multi_thread")]
async fn worlds_of_a_fixed_and_a_fresh_seed_violate_nothing() {
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() % 1_000_000;
    for seed in [1, fresh] {
        let report = run(&Options {
            program: PathBuf::from(env!("CARGO_BIN_EXE_tidegate")),
            seed,
            time: TIME,
            shrinking: Duration::ZERO,
            replay: None,
            logs: Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos"),
            is_verbose: false,
        })
        .await
        .unwrap();
        println!("seed {seed}: {report}");
        assert!(report.failure.is_none(), "{report}");
        assert!(report.operations > 0, "nothing was done");
    }
}
