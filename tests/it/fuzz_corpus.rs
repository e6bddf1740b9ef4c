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
fn every_found_input_is_reported_in_the_list() {
    let list = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/FOUND.md")).unwrap();
    for (target, _) in bodies::TARGETS {
        for input in inputs("found", target) {
            let name = format!("found/{target}/{}", input.file_name().unwrap().to_string_lossy());
            assert!(list.contains(&name), "FOUND.md does not tell of {name}");
        }
    }
}

fn sources(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The files that `file` declares with `#[path]`, read into `found`, and the names of its modules.
fn declared(file: &Path, found: &mut String) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut names = Vec::new();
    for declaration in text.split("#[path = \"").skip(1) {
        let (path, rest) = declaration.split_once('"').unwrap();
        let (item, _) = rest.split_once(';').unwrap();
        names.push(item.rsplit(' ').next().unwrap().to_owned());
        let path = file.parent().unwrap().join(path);
        if path.ends_with("mod.rs") {
            sources(path.parent().unwrap(), found);
        } else if path.components().any(|part| part.as_os_str() == "src") {
            let text = std::fs::read_to_string(path).unwrap();
            found.push_str(text.split("#[cfg(test)]").next().unwrap());
        } else {
            declared(&path, found);
        }
    }
    names
}

/// `fuzz/rooms.rs` builds these rooms with crates of its own: what they use must be there, or no target builds.
#[test]
fn the_fuzzed_rooms_use_each_other_and_crates_that_the_targets_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = |path: &str| -> Vec<String> {
        let manifest = std::fs::read_to_string(root.join(path)).unwrap();
        let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
        let lines = dependencies.lines().take_while(|line| !line.starts_with('['));
        let names = lines.filter_map(|line| line.split_once(" = "));
        names.map(|(name, _)| name.replace('-', "_")).collect()
    };
    let mut used = String::new();
    let rooms = declared(&root.join("fuzz/rooms.rs"), &mut used);
    assert!(rooms.len() >= 5 && used.contains("use crate::model::") && used.contains("pub struct PushReading"));

    let has = crates("fuzz/Cargo.toml");
    let wants = |name: &str| used.contains(&format!("use {name}::")) || used.contains(&format!(" {name}::"));
    let missing: Vec<String> = crates("Cargo.toml")
        .into_iter()
        .filter(|name| wants(name) && !has.contains(name))
        .collect();
    assert_eq!(missing, [""; 0], "crates that fuzz/Cargo.toml lacks");
    for other in used.split("use crate::").skip(1) {
        let room = other.split([':', ';']).next().unwrap();
        assert!(rooms.iter().any(|has| has == room), "fuzz/rooms.rs lacks {room}");
    }
}

/// The Makefile runs every target, and every target has a dictionary.
#[test]
fn every_target_is_run_by_make_fuzz_with_its_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = std::fs::read_to_string(root.join("Makefile"))
        .unwrap()
        .replace("\\\n", " ");
    let (_, names) = makefile.split_once("FUZZ_TARGETS := ").unwrap();
    let run: Vec<&str> = names.lines().next().unwrap().split_whitespace().collect();
    for (target, _) in bodies::TARGETS {
        assert!(run.contains(&target), "make fuzz does not run {target}");
        for file in [format!("dictionaries/{target}"), format!("targets/{target}.rs")] {
            assert!(root.join("fuzz").join(&file).exists(), "fuzz/{file} is missing");
        }
    }
    assert_eq!(run.len(), bodies::TARGETS.len());
}
