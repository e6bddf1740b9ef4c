//! Who imports whom: each path is followed through re-exports to the file that defines what it names.

use super::sources::{Import, ModulePath, Sources};
use std::collections::{BTreeMap, BTreeSet};

/// An arrow between two modules, with the names that are imported along it.
pub type Arrows = BTreeMap<(ModulePath, ModulePath), BTreeSet<String>>;

/// Re-exports of re-exports are followed this far.
const DEPTH: usize = 16;

/// The arrows between files. A door's re-exports are no imports, and a file imports what its own folder defines, not
/// the door.
pub fn arrows(sources: &Sources) -> Arrows {
    let mut arrows = Arrows::new();
    for (module, source) in sources {
        let is_door = source.file.ends_with("mod.rs") || source.file == "lib.rs";
        let imports = source.uses.iter().filter(|import| !(is_door && import.is_public));
        let imported = imports.flat_map(|import| with_globs(sources, module, import));
        let locals: BTreeSet<&str> = source.uses.iter().map(|import| import.name.as_str()).collect();
        let written = source.paths.iter().filter(|path| !locals.contains(path[0].as_str()));
        for path in imported.chain(written.cloned()) {
            let Some(absolute) = absolute(sources, module, &path) else {
                continue;
            };
            let Some((target, name)) = definition(sources, &absolute, DEPTH) else {
                continue;
            };
            if target != *module {
                arrows.entry((module.clone(), target)).or_default().insert(name);
            }
        }
    }
    arrows
}

fn with_globs(sources: &Sources, module: &ModulePath, import: &Import) -> Vec<Vec<String>> {
    if import.name != "*" {
        return vec![import.path.clone()];
    }
    let Some(target) = absolute(sources, module, &import.path) else {
        return Vec::new();
    };
    let Some(source) = sources.get(&target) else {
        return vec![import.path.clone()];
    };
    let names = source
        .items
        .iter()
        .cloned()
        .chain(source.uses.iter().map(|import| import.name.clone()));
    names
        .map(|name| import.path.iter().cloned().chain([name]).collect())
        .collect()
}

/// The path from the crate's root. `None` for what is not of this crate.
fn absolute(sources: &Sources, module: &ModulePath, path: &[String]) -> Option<Vec<String>> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|segment| segment == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        first if sources.get(module)?.children.contains(first) => {}
        _ => return None,
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// The module that defines what `path` names, and that name.
fn definition(sources: &Sources, path: &[String], depth: usize) -> Option<(ModulePath, String)> {
    if depth == 0 {
        return None;
    }
    let mut module = ModulePath::new();
    let mut rest = path;
    while let Some(segment) = rest.first()
        && sources.get(&module)?.children.contains(segment)
    {
        module.push(segment.clone());
        rest = &rest[1..];
    }
    let Some(name) = rest.first() else {
        return Some((module.clone(), module.last().cloned().unwrap_or_default()));
    };
    let source = sources.get(&module)?;
    if source.items.contains(name) {
        return Some((module, name.clone()));
    }
    if let Some(import) = source.uses.iter().find(|import| import.name == *name) {
        // What comes from another crate is defined where it is named.
        return match absolute(sources, &module, &import.path) {
            Some(target) => definition(sources, &target, depth - 1),
            None => Some((module, name.clone())),
        };
    }
    let globs = source.uses.iter().filter(|import| import.name == "*");
    for import in globs {
        let Some(mut target) = absolute(sources, &module, &import.path) else {
            continue;
        };
        target.push(name.clone());
        if let Some((found, found_name)) = definition(sources, &target, depth - 1)
            && sources
                .get(&found)
                .is_some_and(|source| source.items.contains(&found_name))
        {
            return Some((found, found_name));
        }
    }
    Some((module, name.clone()))
}

/// The groups of nodes that reach each other, each sorted; nodes in no circle are left out.
pub fn circles<N: Ord + Clone>(arrows: &BTreeSet<(N, N)>) -> Vec<Vec<N>> {
    let mut reach: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
    let starts: BTreeSet<&N> = arrows.iter().map(|(from, _)| from).collect();
    for start in starts {
        let mut seen = BTreeSet::new();
        let mut open = vec![start.clone()];
        while let Some(node) = open.pop() {
            let next = arrows.iter().filter(|(from, _)| *from == node).map(|(_, to)| to);
            open.extend(next.filter(|to| seen.insert((*to).clone())).cloned());
        }
        reach.insert(start.clone(), seen);
    }
    let mut found: BTreeSet<Vec<N>> = BTreeSet::new();
    for (node, reached) in &reach {
        if reached.contains(node) {
            let back = |other: &&N| reach.get(*other).is_some_and(|theirs| theirs.contains(node));
            found.insert(reached.iter().filter(back).cloned().collect());
        }
    }
    found.into_iter().collect()
}
