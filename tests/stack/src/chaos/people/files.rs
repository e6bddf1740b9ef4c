//! Edits, additions, removals, moves, and files that are no manifests.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Done;
use crate::chaos::manifests::{self, MAPS, RELEASES, SECRETS, WORKLOADS};
use crate::chaos::operation::pick;
use crate::chaos::releases;
use crate::git::WorkCopy;

/// The files of a work copy that people change, in order.
pub(super) fn manifests_of(copy: &WorkCopy) -> Result<Vec<String>> {
    let listed = copy.git(&["ls-files", "*.yaml"])?;
    let files = listed
        .lines()
        .filter(|path| *path != "namespace.yaml" && !path.starts_with("charts/"))
        .map(str::to_owned);
    Ok(files.collect())
}

/// Changes a value in a file.
pub(super) fn edit(copy: &WorkCopy, a: u64, b: u64) -> Result<Option<Done>> {
    let files = manifests_of(copy)?;
    let Some(path) = pick(&files, a) else { return Ok(None) };
    let Ok(text) = copy.read(path) else { return Ok(None) };
    let number = format!("\"{b}\"");
    let changed = replaced_after(&text, "  value: ", &number)
        .or_else(|| replaced_after(&text, "    port: ", &format!("{}", 80 + b)));
    let Some(changed) = changed else { return Ok(None) };
    copy.write(path, &changed)?;
    Ok(Some(Done::Files(format!("Change {path}"))))
}

/// Replaces the rest of the first line that has `start`.
fn replaced_after(text: &str, start: &str, value: &str) -> Option<String> {
    let at = text.find(start)? + start.len();
    let rest = &text[at..];
    let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
    Some(format!("{}{value}{}", &text[..at], &rest[end..]))
}

/// Adds a file for an object that no file declares.
pub(super) fn add(copy: &WorkCopy, namespace: &str, a: u64, b: u64) -> Result<Option<Done>> {
    let (path, text) = match b % 4 {
        0 => {
            let number = a % WORKLOADS;
            let text = manifests::workload(namespace, number, &manifests::tag(number, 0));
            (format!("apps/w{number}.yaml"), text)
        }
        1 => {
            let name = format!("s{}", a % SECRETS);
            (format!("config/{name}.yaml"), manifests::secret(namespace, &name, b))
        }
        _ => {
            let name = format!("m{}", a % MAPS);
            (format!("config/{name}.yaml"), manifests::map(namespace, &name, b))
        }
    };
    let line = text
        .lines()
        .find(|line| line.starts_with("  name: "))
        .unwrap_or_default();
    let files = manifests_of(copy)?;
    let is_declared = files.iter().any(|file| {
        let text = copy.read(file).unwrap_or_default();
        text.lines().any(|known| known.trim_end() == line)
    });
    if is_declared {
        return Ok(None);
    }
    copy.write(&path, &text)?;
    Ok(Some(Done::Files(format!("Add {path}"))))
}

/// Changes a HelmRelease, adds it, or removes it.
pub(super) fn release(copy: &WorkCopy, namespace: &str, a: u64, b: u64) -> Result<Option<Done>> {
    let name = manifests::release(a % RELEASES);
    let text = manifests::helm_release(namespace, &releases::namespace(namespace), &name, b);
    let files = manifests_of(copy)?;
    let known = files.iter().find(|path| path.ends_with(&format!("{name}.yaml")));
    if let Some(path) = known.filter(|_| b.is_multiple_of(5)) {
        copy.remove(path)?;
        return Ok(Some(Done::Files(format!("Remove {path}"))));
    }
    let path = known.cloned().unwrap_or_else(|| format!("releases/{name}.yaml"));
    copy.write(&path, &text)?;
    Ok(Some(Done::Files(format!("Release {path}"))))
}

/// Removes a file.
pub(super) fn remove(copy: &WorkCopy, a: u64) -> Result<Option<Done>> {
    let files = manifests_of(copy)?;
    let Some(path) = pick(&files, a).filter(|_| files.len() > 4) else {
        return Ok(None);
    };
    copy.remove(path)?;
    Ok(Some(Done::Files(format!("Remove {path}"))))
}

/// Removes all files of a folder.
pub(super) fn remove_many(copy: &WorkCopy, a: u64) -> Result<Option<Done>> {
    let folder = ["config", "apps", "moved"][usize::try_from(a)? % 3];
    let listed = copy.git(&["ls-files", &format!("{folder}/*")])?;
    if listed.is_empty() {
        return Ok(None);
    }
    copy.git(&["rm", "-r", "-q", folder])?;
    Ok(Some(Done::Files(format!("Remove {folder}"))))
}

/// Moves a file to another folder, under the same name or another.
pub(super) fn relocate(copy: &WorkCopy, a: u64, b: u64) -> Result<Option<Done>> {
    let files = manifests_of(copy)?;
    let Some(path) = pick(&files, a) else { return Ok(None) };
    let name = Path::new(path)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let target = match b % 3 {
        0 => format!("moved/{}/{name}", b % 5),
        1 => format!("apps/x{}-{name}", b % 7),
        _ => name,
    };
    let folder = copy.path().join(&target);
    if folder.exists() {
        return Ok(None);
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    copy.git(&["mv", path, &target])?;
    Ok(Some(Done::Files(format!("Move {path} to {target}"))))
}

/// Adds a file that cannot be read, or removes all such files.
pub(super) fn break_or_mend(copy: &WorkCopy, a: u64, b: u64) -> Result<Option<Done>> {
    let broken = copy.git(&["ls-files", "*broken*"])?;
    if !broken.is_empty() {
        for path in broken.lines() {
            copy.git(&["rm", "-q", "--force", path])?;
        }
        return Ok(Some(Done::Files("Remove what cannot be read".to_owned())));
    }
    let path = format!("broken{}.yaml", a % 5);
    let text = match b % 3 {
        0 => "apiVersion: v1\nkind: ConfigMap\n  metadata: [\n",
        1 => "key: value\n\tother: \"\n",
        _ => "<<<<<<< HEAD\napiVersion: v1\n=======\n>>>>>>> other\n",
    };
    copy.write(&path, text)?;
    Ok(Some(Done::Files(format!("Break {path}"))))
}
