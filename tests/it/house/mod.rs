//! The house as CONTRIBUTING.md draws it, held against the sources: floors, doors, and no circles.

mod imports;
mod sources;

use imports::{Arrows, arrows, circles};
use sources::{ModulePath, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rooms of each floor, the lowest first.
const FLOORS: [&[&str]; 8] = [
    &["model"],
    &["policy", "manifest", "resource", "history", "release", "spread"],
    &["plan"],
    &["port", "driver", "aws", "program", "notice", "status", "telemetry"],
    &[
        "source",
        "scan",
        "automation",
        "sync",
        "holds",
        "deploy_key",
        "leader",
        "releases",
        "pull_secrets",
        "mirrors",
        "git",
        "forge",
        "registry",
        "cluster",
        "render",
        "helm",
        "http",
        "notify",
    ],
    &["config"],
    &["agent"],
    &["cli"],
];
/// On this floor nobody imports a neighbour: loops do not know each other, and know the edges by their ports only.
const LOOPS_AND_EDGES: usize = 4;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(path: &ModulePath, sources: &Sources) -> String {
    format!("src/{}", sources[path].file)
}

fn described(from: &ModulePath, to: &ModulePath, arrows: &Arrows, sources: &Sources) -> Option<String> {
    let names = arrows.get(&(from.clone(), to.clone()))?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Some(format!(
        "{} -> {} ({})",
        shown(from, sources),
        shown(to, sources),
        names.join(", ")
    ))
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Arrows between rooms that the floors do not allow, one line each.
fn wrong_ways(arrows: &Arrows, sources: &Sources) -> Vec<String> {
    let mut wrong = Vec::new();
    for (from, to) in arrows.keys() {
        let (Some(from_room), Some(to_room)) = (from.first(), to.first()) else {
            continue;
        };
        if from_room == to_room {
            continue;
        }
        let line = described(from, to, arrows, sources).unwrap_or_default();
        match (floor_of(from_room), floor_of(to_room)) {
            (Some(here), Some(there)) if there > here => wrong.push(format!("upward: {line}")),
            (Some(here), Some(there)) if here == there && here == LOOPS_AND_EDGES => {
                wrong.push(format!("sideways: {line}"));
            }
            (Some(_), Some(_)) => {}
            (None, _) => wrong.push(format!("{from_room} stands on no floor: {line}")),
            (_, None) => wrong.push(format!("{to_room} stands on no floor: {line}")),
        }
    }
    wrong
}

/// Circles of files within a room, and of rooms, one text each with all the arrows in it.
fn all_circles(arrows: &Arrows, sources: &Sources) -> Vec<String> {
    let within: BTreeSet<_> = arrows
        .keys()
        .filter(|(from, to)| from.first() == to.first())
        .cloned()
        .collect();
    let mut texts: Vec<String> = circles(&within)
        .into_iter()
        .map(|circle| {
            let lines = circle.iter().flat_map(|from| circle.iter().map(move |to| (from, to)));
            let lines: Vec<String> = lines
                .filter_map(|(from, to)| described(from, to, arrows, sources))
                .collect();
            format!("a circle of {} files:\n    {}", circle.len(), lines.join("\n    "))
        })
        .collect();
    let rooms: BTreeSet<_> = arrows
        .keys()
        .filter_map(|(from, to)| Some((from.first()?.clone(), to.first()?.clone())))
        .filter(|(from, to)| from != to)
        .collect();
    texts.extend(
        circles(&rooms)
            .iter()
            .map(|circle| format!("a circle of rooms: {}", circle.join(", "))),
    );
    texts
}

#[test]
fn no_import_points_upward_or_from_a_loop_to_a_loop() {
    let sources = sources::read(&root().join("src"));
    let wrong = wrong_ways(&arrows(&sources), &sources);
    assert!(
        wrong.is_empty(),
        "{} imports go the wrong way:\n  {}",
        wrong.len(),
        wrong.join("\n  ")
    );
}

#[test]
fn no_two_files_import_each_other() {
    let sources = sources::read(&root().join("src"));
    let circles = all_circles(&arrows(&sources), &sources);
    assert!(
        circles.is_empty(),
        "{} circles:\n  {}",
        circles.len(),
        circles.join("\n  ")
    );
}

#[test]
fn the_map_in_the_crate_s_documentation_names_every_room_on_its_floor() {
    let sources = sources::read(&root().join("src"));
    let map = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut floors: BTreeMap<usize, String> = BTreeMap::new();
    for line in map.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        if let Some((Ok(floor), rest)) = line.split_once(" | ").map(|(floor, rest)| (floor.parse(), rest)) {
            floors.entry(floor).or_default().push_str(rest);
        }
    }
    let rooms = &sources[&ModulePath::new()].children;
    let missing: Vec<&String> = rooms
        .iter()
        .filter(|room| {
            let line = floor_of(room).and_then(|floor| floors.get(&floor));
            !line.is_some_and(|line| line.contains(&format!("`{room}`")))
        })
        .collect();
    assert!(
        missing.is_empty(),
        "src/lib.rs does not show these rooms on their floors: {missing:?}"
    );
}

#[test]
fn every_test_file_is_declared() {
    let declared = |file: &Path| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let (folder, name) = match name {
            "mod" => (
                file.parent().unwrap(),
                file.parent().unwrap().file_name().unwrap().to_str().unwrap(),
            ),
            name => (file, name),
        };
        let folder = folder.parent().unwrap();
        let doors = ["main.rs", "mod.rs", "lib.rs"].map(|door| folder.join(door));
        let outer = folder.with_extension("rs");
        doors.iter().chain([&outer]).any(|door| {
            let text = std::fs::read_to_string(door).unwrap_or_default();
            let item = format!("mod {name};");
            text.lines()
                .any(|line| line.trim_start_matches("pub ").trim_start_matches("pub(crate) ") == item)
        })
    };
    let mut open = vec![root().join("tests/it")];
    let mut lost = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("tests/it/main.rs")
                && !declared(&path)
            {
                lost.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    assert!(
        lost.is_empty(),
        "no `mod` item declares these test files, so nobody runs them: {lost:?}"
    );
}

/// The checks themselves, on sources that break each rule.
mod checks {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> (Arrows, Sources) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let sources = sources::read(folder.path());
        (arrows(&sources), sources)
    }

    #[test]
    fn an_upward_import_is_named_with_its_files_and_names() {
        let (arrows, sources) = crate_of(&[
            ("lib.rs", "mod model; mod plan;"),
            ("model/mod.rs", "mod tag; pub use tag::Tag;"),
            ("model/tag.rs", "pub struct Tag; fn up() { crate::plan::decide() }"),
            ("plan/mod.rs", "mod decide; pub use decide::decide;"),
            (
                "plan/decide.rs",
                "use crate::model::Tag; pub fn decide() -> Tag { Tag }",
            ),
        ]);
        assert_eq!(
            wrong_ways(&arrows, &sources),
            ["upward: src/model/tag.rs -> src/plan/decide.rs (decide)"]
        );
        assert_eq!(all_circles(&arrows, &sources), ["a circle of rooms: model, plan"]);
    }

    #[test]
    fn a_loop_that_imports_a_loop_or_an_edge_is_named() {
        let (arrows, sources) = crate_of(&[
            ("lib.rs", "mod scan; mod sync; mod git;"),
            (
                "scan/mod.rs",
                "pub fn scan() { tracing::info!(x = %crate::git::push()) }",
            ),
            ("sync/mod.rs", "use crate::{scan as other};"),
            ("git/mod.rs", "pub fn push() {}"),
        ]);
        assert_eq!(
            wrong_ways(&arrows, &sources),
            [
                "sideways: src/scan/mod.rs -> src/git/mod.rs (push)",
                "sideways: src/sync/mod.rs -> src/scan/mod.rs (scan)"
            ]
        );
    }

    #[test]
    fn a_circle_is_found_through_the_door_and_tests_do_not_count() {
        let (arrows, sources) = crate_of(&[
            ("lib.rs", "mod git;"),
            ("git/mod.rs", "mod a; mod b; mod c; pub use a::A; pub use b::B;"),
            ("git/a.rs", "use super::B; pub struct A; fn f() -> B { B }"),
            ("git/b.rs", "pub struct B; fn g() { let _ = super::a::A; }"),
            (
                "git/c.rs",
                "pub struct C; #[cfg(test)] mod tests { use super::*; use crate::git::A; }",
            ),
        ]);
        assert_eq!(
            all_circles(&arrows, &sources),
            ["a circle of 2 files:\n    src/git/a.rs -> src/git/b.rs (B)\n    src/git/b.rs -> src/git/a.rs (A)"]
        );
    }
}
