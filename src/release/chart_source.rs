//! Reads `spec.chart`.

use super::chart::{Chart, RemoteChart, is_exact};
use super::refusal::{Refusal, refuse};
use super::sources::SourceObject;
use super::written::WrittenChart;
use crate::model::{ConfigBranch, Remote, RepoPath};
use crate::policy::VersionRange;

/// Where the chart is, by `spec.chart`.
pub(super) fn chart(written: &WrittenChart, namespace: &str, own: Option<&ConfigBranch>) -> Result<Chart, Refusal> {
    let given = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    let (git, path) = (given(&written.git), given(&written.path));
    if let Some(repository) = given(&written.repository) {
        if git.is_some() || path.is_some() {
            return Err(refuse(
                "spec.chart: git and path exclude repository, name and version: keep one of the two",
            ));
        }
        let chart = remote(repository, given(&written.name), given(&written.version))?;
        let secret = written.chart_pull_secret.as_ref().map(|secret| SourceObject {
            is_secret: true,
            namespace: namespace.to_owned(),
            name: secret.name.clone(),
        });
        return Ok(Chart::Remote(RemoteChart { secret, ..chart }));
    }
    if written.chart_pull_secret.is_some() {
        return Err(refuse(
            "spec.chart.chartPullSecret is the login of a chart repository, and spec.chart.repository is missing; leave chartPullSecret out",
        ));
    }
    let Some(path) = path else {
        return Err(refuse(
            "spec.chart.path is missing: name the folder of the chart in the config repo",
        ));
    };
    if let Some(git) = git {
        check_branch(&git, given(&written.reference).as_deref(), own)?;
    }
    let plain = path.trim_start_matches("./").trim_end_matches('/');
    match RepoPath::parse(plain) {
        Ok(path) if !plain.is_empty() => Ok(Chart::Folder(path)),
        _ => Err(refuse(format!(
            "spec.chart.path: {path:?} is no folder of the config repo"
        ))),
    }
}

/// The chart must be on the branch that the agent follows.
fn check_branch(git: &str, reference: Option<&str>, own: Option<&ConfigBranch>) -> Result<(), Refusal> {
    let own = own.and_then(|own| Some((own.remote.as_ref()?, &own.branch)));
    let Some((remote, branch)) = own.filter(|(remote, _)| Remote::parse(git).as_ref() == Some(*remote)) else {
        return Err(refuse(
            "spec.chart.git names another repository than the config repo, and charts are read from the config repo only; put the \
             chart into the config repo, and leave git out",
        ));
    };
    let _ = remote;
    match reference {
        None => Ok(()),
        Some(reference) if reference == branch.as_str() || reference == branch.full() => Ok(()),
        Some(reference) => Err(refuse(format!(
            "spec.chart.ref: {reference} is not the branch that the agent follows, which is {}; leave ref out",
            branch.as_str()
        ))),
    }
}

/// A version in a chart repository. Its parts become arguments of helm.
fn remote(repository: String, name: Option<String>, version: Option<String>) -> Result<RemoteChart, Refusal> {
    let scheme = ["https://", "http://", "oci://"]
        .into_iter()
        .find(|scheme| repository.starts_with(scheme));
    let is_address = scheme.is_some() && !repository.contains(|c: char| c.is_whitespace() || c.is_control());
    if !is_address {
        return Err(refuse(
            "spec.chart.repository is no address: write https://… for a chart repository or oci://… for a registry",
        ));
    }
    if repository.contains('@') {
        return Err(refuse(
            "spec.chart.repository may hold no user, password or token, because the status shows it; leave what stands before the @ out",
        ));
    }
    let is_plain = |name: &String| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_part) && !name.contains("..")
    };
    let Some(name) = name.filter(is_plain) else {
        return Err(refuse("spec.chart.name is missing, or is no name of a chart"));
    };
    // Helm takes the newest version where none is named.
    let version = version.unwrap_or_else(|| "*".to_owned());
    if !is_exact(&version) {
        VersionRange::parse(&version).map_err(|problem| {
            refuse(format!(
                "spec.chart.version: {version:?} is neither a version such as 1.2.3 nor a range of versions: {problem}"
            ))
        })?;
    }
    Ok(RemoteChart {
        repository,
        name,
        version,
        secret: None,
    })
}
