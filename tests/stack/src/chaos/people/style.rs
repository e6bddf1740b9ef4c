//! Changes that say nothing new, and locks.

use anyhow::Result;

use super::{Done, files};
use crate::chaos::operation::pick;
use crate::git::WorkCopy;

const LOCK: &str = "    tidegate.dev/locked: \"true\"\n";

/// Changes line ends, comments or quotes of a file, or locks a workload or unlocks it.
pub(super) fn change(copy: &WorkCopy, a: u64, b: u64) -> Result<Option<Done>> {
    let files = files::manifests_of(copy)?;
    let Some(path) = pick(&files, a) else {
        return Ok(None);
    };
    let Ok(text) = copy.read(path) else { return Ok(None) };
    let changed = match b % 4 {
        0 if text.contains("\r\n") => text.replace("\r\n", "\n"),
        0 => text.replace('\n', "\r\n"),
        1 => format!("# Note {b}.\n{text}"),
        2 => text.trim_end().to_owned(),
        _ if text.contains(LOCK) => text.replace(LOCK, ""),
        _ => text.replacen("  annotations:\n", &format!("  annotations:\n{LOCK}"), 1),
    };
    copy.write(path, &changed)?;
    Ok(Some(Done::Files(format!("Change how {path} looks"))))
}
