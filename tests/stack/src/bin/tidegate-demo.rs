//! `make demo`: Tidegate's main job on the terminal, on real parts on loopback.

use std::process::ExitCode;

fn main() -> ExitCode {
    let keep = std::env::var_os("KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0");
    match tidegate_stack::demo::run(keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
