//! The demo of `make demo`: six things that a team needs of Tidegate, each with its duration.
//!
//! `scene` starts the parts and the agent; `story` is the six chapters; `look` waits for their results.

mod look;
mod scene;
mod story;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};

/// Runs the demo. With `keep` the parts stay up afterwards, until Ctrl-C.
///
/// # Errors
/// The chapter that failed, and why.
pub fn run(keep: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let begin = Instant::now();
        let scene = scene::Scene::set().await?;
        story::run(&scene)
            .await
            .inspect_err(|_| eprintln!("--- end of the agent's log\n{}", tail(&scene.agent.log())))?;
        println!(
            "\nAll six chapters came true in {:.1} s.",
            begin.elapsed().as_secs_f64()
        );
        if keep {
            // The histories of tests are checked for soundness at their end. Here people commit what they like.
            scene.repo.unchecked("people try commands on it");
            scene.explain();
            tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
        } else {
            println!("{NEXT}");
        }
        scene.strike().await
    })
}

/// What a person who has seen the story does next.
const NEXT: &str = "
What to type next:
  make demo KEEP=1                          the same, left running for you to play with
  target/debug/tidegate images YOUR-REPO    the image fields of a config repo of yours, and what could be bumped
  target/debug/tidegate --help              all commands
README.md, section \"Install\", takes five steps to a cluster of yours.";

/// The folder of the workspace that this program was built in.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// The `tidegate` program in the folder of this program.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("tidegate");
    anyhow::ensure!(
        program.is_file(),
        "{} is not built: run `make demo`, which builds it",
        program.display()
    );
    Ok(program)
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
