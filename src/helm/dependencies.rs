//! The charts that a chart in the config repo depends on and does not have in its folder.

use crate::port::ChartFile;
use crate::release::RemoteChart;
use serde::Deserialize;

/// What a chart says about the charts that it depends on.
#[derive(Debug, Default, Deserialize)]
struct Written {
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone, Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    repository: String,
}

/// The dependencies that are missing in the chart's folder, in the versions of its lock.
pub(super) fn missing(files: &[ChartFile]) -> Result<Vec<RemoteChart>, String> {
    let declared = read(files, &["Chart.yaml", "requirements.yaml"])?;
    let missing: Vec<Dependency> = declared
        .into_iter()
        .filter(|dependency| !has(files, &dependency.name))
        .collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let locked = read(files, &["Chart.lock", "requirements.lock"])?;
    missing.iter().map(|dependency| of_lock(dependency, &locked)).collect()
}

fn of_lock(dependency: &Dependency, locked: &[Dependency]) -> Result<RemoteChart, String> {
    let name = &dependency.name;
    let advice = "run helm dependency update in the folder of the chart, and commit Chart.lock or the charts folder";
    let Some(locked) = locked.iter().find(|locked| locked.name == *name) else {
        return Err(format!(
            "the chart depends on chart {name}, which is neither in its charts folder nor in Chart.lock; {advice}"
        ));
    };
    let is_address = ["https://", "http://", "oci://"]
        .iter()
        .any(|scheme| locked.repository.starts_with(scheme));
    if !is_address || locked.repository.contains('@') {
        return Err(format!(
            "the chart depends on chart {name}, which is not in its charts folder, and Chart.lock names no address of a repository for \
             it; {advice}"
        ));
    }
    let chart = RemoteChart {
        repository: locked.repository.clone(),
        name: name.clone(),
        version: locked.version.clone(),
        secret: None,
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match chart.is_exact() && name.chars().all(is_plain) && !name.starts_with(['.', '-']) {
        true => Ok(chart),
        false => Err(format!("Chart.lock names chart {name} by no exact version; {advice}")),
    }
}

/// The dependencies in the first of these files that names some.
fn read(files: &[ChartFile], names: &[&str]) -> Result<Vec<Dependency>, String> {
    for name in names {
        let Some(file) = files.iter().find(|file| file.path == *name) else {
            continue;
        };
        let written: Written =
            serde_yaml::from_slice(&file.bytes).map_err(|_| format!("{name} of the chart cannot be read"))?;
        if !written.dependencies.is_empty() {
            return Ok(written.dependencies);
        }
    }
    Ok(Vec::new())
}

/// Whether the folder of the chart has a chart, as a folder or as an archive.
fn has(files: &[ChartFile], name: &str) -> bool {
    files
        .iter()
        .filter_map(|file| file.path.strip_prefix("charts/"))
        .any(|path| {
            let is_archive =
                path.ends_with(".tgz") && path.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
            is_archive || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn files(all: &[(&str, &str)]) -> Vec<ChartFile> {
        let file = |(path, text): &(&str, &str)| ChartFile {
            path: (*path).to_owned(),
            bytes: Arc::new(text.as_bytes().to_vec()),
        };
        all.iter().map(file).collect()
    }

    #[test]
    fn what_is_missing_comes_from_the_lock_or_is_one_clear_error() {
        let chart = (
            "Chart.yaml",
            "name: web\ndependencies: [{name: redis, version: ^1, repository: https://x}]\n",
        );
        let lock = (
            "Chart.lock",
            "dependencies: [{name: redis, version: 1.2.3, repository: https://x}]\n",
        );
        let by_file = (
            "Chart.lock",
            "dependencies: [{name: redis, version: 1.2.3, repository: file://../redis}]\n",
        );
        let names = |all: &[(&str, &str)]| {
            let found = missing(&files(all));
            found.map(|all| {
                all.iter()
                    .map(|chart| format!("{} {}", chart.name, chart.version))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(names(&[("Chart.yaml", "name: web\n")]), Ok(Vec::new()));
        assert_eq!(names(&[chart, ("charts/redis/Chart.yaml", "")]), Ok(Vec::new()));
        assert_eq!(names(&[chart, ("charts/redis-1.2.3.tgz", "")]), Ok(Vec::new()));
        assert_eq!(names(&[chart, lock]), Ok(vec!["redis 1.2.3".to_owned()]));
        assert_eq!(
            names(&[chart, lock, ("charts/other-1.2.3.tgz", "")]),
            Ok(vec!["redis 1.2.3".to_owned()])
        );
        assert!(
            names(&[chart])
                .unwrap_err()
                .contains("neither in its charts folder nor in Chart.lock")
        );
        assert!(names(&[chart, by_file]).unwrap_err().contains("no address"));
    }
}
