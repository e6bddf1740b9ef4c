//! The command lines of helm.

use crate::port::Upgrade;
use crate::release::{LABEL, RemoteChart, Spec};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `helm upgrade --install`: also for a release that does not exist, and for one that was uninstalled with its history kept.
pub(super) fn upgrade(upgrade: &Upgrade, is_four: bool, chart: &Path, values: &[PathBuf]) -> Vec<OsString> {
    let spec = &*upgrade.spec;
    let mut line = words(&["upgrade", spec.release.as_str()]);
    line.push(chart.into());
    line.extend(words(&["--install", "--hide-notes"]));
    line.extend(common(spec, spec.timeout));
    line.push(format!("--labels={LABEL}={}", upgrade.label).into());
    line.push(format!("--description={}", upgrade.description).into());
    line.push(format!("--history-max={}", spec.max_history).into());
    line.push(match spec.reuse_values {
        true => "--reuse-values".into(),
        false => "--reset-values".into(),
    });
    for file in values {
        line.push("--values".into());
        line.push(file.into());
    }
    if spec.wait {
        line.push("--wait".into());
    }
    if spec.atomic {
        line.push(if is_four { "--rollback-on-failure" } else { "--atomic" }.into());
    }
    if spec.skip_crds {
        line.push("--skip-crds".into());
    }
    if spec.skip_openapi_validation {
        line.push("--disable-openapi-validation".into());
    }
    line.extend(ownership(is_four, spec.force));
    line
}

/// `helm pull` of a chart in an OCI registry, into a folder. `logins`: the file with the logins of registries.
pub(super) fn pull(chart: &RemoteChart, folder: &Path, logins: &Path, is_plain: bool) -> Vec<OsString> {
    let mut line = words(&["pull"]);
    line.push(format!("{}/{}", chart.repository.trim_end_matches('/'), chart.name).into());
    line.push(format!("--version={}", chart.version).into());
    line.push("--destination".into());
    line.push(folder.into());
    line.push("--registry-config".into());
    line.push(logins.into());
    if is_plain {
        line.push("--plain-http".into());
    }
    line
}

/// `helm rollback`.
pub(super) fn rollback(spec: &Spec, to: u32, is_four: bool) -> Vec<OsString> {
    let rollback = &spec.rollback;
    let mut line = words(&["rollback", spec.release.as_str()]);
    line.push(to.to_string().into());
    line.extend(common(spec, rollback.timeout));
    line.push(format!("--history-max={}", spec.max_history).into());
    if rollback.wait {
        line.push("--wait".into());
    }
    if rollback.disable_hooks {
        line.push("--no-hooks".into());
    }
    line.extend(ownership(is_four, rollback.force));
    line
}

/// `helm test`.
pub(super) fn test(spec: &Spec) -> Vec<OsString> {
    let mut line = words(&["test", spec.release.as_str()]);
    line.extend(common(spec, spec.test.timeout));
    line
}

/// `helm uninstall`.
pub(super) fn uninstall(spec: &Spec) -> Vec<OsString> {
    let mut line = words(&["uninstall", spec.release.as_str(), "--ignore-not-found"]);
    line.extend(common(spec, spec.timeout));
    line
}

/// What is written is what git declares, whoever wrote a field before: with Helm 4 by a forced server-side apply, which a
/// replacement excludes.
fn ownership(is_four: bool, force: bool) -> Vec<OsString> {
    match (is_four, force) {
        (true, true) => words(&["--server-side=false", "--force-replace"]),
        (true, false) => words(&["--server-side=true", "--force-conflicts"]),
        (false, true) => words(&["--force"]),
        (false, false) => Vec::new(),
    }
}

fn common(spec: &Spec, timeout: Duration) -> Vec<OsString> {
    vec![
        format!("--namespace={}", spec.namespace).into(),
        format!("--timeout={}s", timeout.as_secs().max(1)).into(),
    ]
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
