//! Every kept fuzz input, with what each target asks of it: what was found once stays found.

#[path = "../../fuzz/bodies/mod.rs"]
mod bodies;

use std::path::{Path, PathBuf};

fn inputs(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(folder)
        .join(target);
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut inputs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    inputs
}

fn replay(folder: &str, target: &str, run: fn(&[u8])) -> Vec<String> {
    inputs(folder, target)
        .into_iter()
        .filter(|input| {
            let bytes = std::fs::read(input).unwrap();
            std::panic::catch_unwind(|| run(&bytes)).is_err()
        })
        .map(|input| input.display().to_string())
        .collect()
}

#[test]
fn every_target_has_inputs_and_holds_on_all_of_them() {
    let mut failed = Vec::new();
    for (target, run) in bodies::TARGETS {
        let count = inputs("corpus", target).len();
        assert!((1..=200).contains(&count), "{target} has {count} inputs");
        failed.extend(replay("corpus", target, run));
        failed.extend(replay("found", target, run));
    }
    assert!(failed.is_empty(), "these inputs fail again: {failed:#?}");
}

/// `<what was wrong>: <input>` is a line of the list for every input that is kept, so that none is kept without its story.
#[test]
fn every_found_input_is_told_in_the_list() {
    let list = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/FOUND.md")).unwrap();
    for (target, _) in bodies::TARGETS {
        for input in inputs("found", target) {
            let name = format!("found/{target}/{}", input.file_name().unwrap().to_string_lossy());
            assert!(list.contains(&name), "FOUND.md does not tell of {name}");
        }
    }
}
