//! What a revision is made of: the chart and the values.

use super::charts::ChartTree;
use crate::model::SecretBytes;
use crate::port::{ChartFile, ChartLogin, ChartSource, ReleaseView, SourceText, TextFile};
use crate::release::{Chart, ChartDigest, InputDigest, RemoteChart, SourceKey, Spec, ValuesSource};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A text of values, or where it is in the chart.
#[derive(Clone)]
enum Values {
    Text { text: Arc<SecretBytes>, is_secret: bool },
    ChartFile(String),
}

/// The chart of a release.
#[derive(Clone)]
pub(super) enum ChartInput {
    /// In the config repo.
    Tree(Arc<ChartTree>),
    /// Elsewhere, in an exact version.
    Remote {
        chart: RemoteChart,
        login: Option<ChartLogin>,
    },
}

impl ChartInput {
    fn digest(&self) -> ChartDigest {
        match self {
            Self::Tree(tree) => tree.digest,
            Self::Remote { chart, .. } => ChartDigest::of_remote(chart),
        }
    }

    fn has(&self, path: &str) -> bool {
        match self {
            Self::Tree(tree) => tree.has(path),
            Self::Remote { .. } => false,
        }
    }
}

/// What the next revision would be made of.
#[derive(Clone)]
pub(super) struct Inputs {
    pub(super) digest: InputDigest,
    pub(super) chart: ChartInput,
    values: Vec<Values>,
}

/// Whether the inputs are there.
pub(super) enum Found {
    /// All are there.
    Complete(Box<Inputs>),
    /// A source is not read yet.
    NotYet,
    /// A source is missing or cannot be read.
    Missing(String),
}

impl Inputs {
    /// Gathers the values.
    pub(super) fn gather(spec: &Spec, chart: ChartInput, view: &ReleaseView) -> Found {
        let mut values = Vec::new();
        for source in &spec.values_from {
            match one(source, &chart, view) {
                Ok(Some(text)) => values.push(text),
                Ok(None) => {}
                Err(found) => return found,
            }
        }
        let texts = values.iter().map(|values| match values {
            Values::Text { text, .. } => text.expose(),
            // The content is among the files of the chart.
            Values::ChartFile(path) => path.as_bytes(),
        });
        let digest = InputDigest::of(&chart.digest(), texts, &spec.values);
        Found::Complete(Box::new(Self { digest, chart, values }))
    }

    /// The texts for helm, a later one replacing an earlier one: the HelmRelease's own values are the last.
    pub(super) fn texts(&self, spec: &Spec, chart: &ChartSource) -> Vec<TextFile> {
        let files: &[ChartFile] = match chart {
            ChartSource::Files(files) => files,
            ChartSource::Remote { .. } => &[],
        };
        let plain = |bytes: Vec<u8>| TextFile {
            text: Arc::new(SecretBytes::new(bytes)),
            is_secret: false,
        };
        let sources = self.values.iter().filter_map(|values| match values {
            Values::Text { text, is_secret } => Some(TextFile {
                text: Arc::clone(text),
                is_secret: *is_secret,
            }),
            Values::ChartFile(path) => {
                let file = files.iter().find(|file| file.path == *path)?;
                Some(plain(file.bytes.to_vec()))
            }
        });
        // JSON is YAML.
        sources.chain([plain(spec.values.to_string().into_bytes())]).collect()
    }
}

fn one(source: &ValuesSource, chart: &ChartInput, view: &ReleaseView) -> Result<Option<Values>, Found> {
    let missing = || {
        Found::Missing(format!(
            "{source} is missing; create it, or set optional: true in spec.valuesFrom"
        ))
    };
    let key = match source {
        ValuesSource::ChartFile { path, .. } => {
            return match chart.has(path) {
                true => Ok(Some(Values::ChartFile(path.clone()))),
                false if source.is_optional() => Ok(None),
                false => Err(missing()),
            };
        }
        ValuesSource::Key { key, .. } => key,
    };
    match view.sources.get(key) {
        Some(SourceText::Text(text)) => Ok(Some(Values::Text {
            text: Arc::clone(text),
            is_secret: key.object.is_secret,
        })),
        Some(SourceText::Absent) if source.is_optional() => Ok(None),
        Some(SourceText::Absent) => Err(missing()),
        Some(SourceText::Failed(reason)) => Err(Found::Missing(format!("{source} cannot be read: {reason}"))),
        Some(SourceText::Unknown) | None => Err(Found::NotYet),
    }
}

/// User and password for the repository of a chart.
pub(super) fn login(chart: &RemoteChart, view: &ReleaseView) -> Result<Option<ChartLogin>, Found> {
    let Some([user, password]) = chart.login_keys() else {
        return Ok(None);
    };
    let text = |key: &SourceKey| match view.sources.get(key) {
        Some(SourceText::Text(text)) => Ok(Arc::clone(text)),
        Some(SourceText::Absent) => Err(Found::Missing(format!(
            "key {} of {} is missing; create it: spec.chart.chartPullSecret names a Secret with username and password",
            key.key, key.object
        ))),
        Some(SourceText::Failed(reason)) => Err(Found::Missing(format!("{} cannot be read: {reason}", key.object))),
        Some(SourceText::Unknown) | None => Err(Found::NotYet),
    };
    let (user, password) = (text(&user)?, text(&password)?);
    Ok(Some(ChartLogin { user, password }))
}

/// The sources that the cluster has: values, and logins for charts.
pub(super) fn sources<'a>(specs: impl Iterator<Item = &'a Spec>) -> BTreeSet<SourceKey> {
    let mut sources = BTreeSet::new();
    for spec in specs {
        sources.extend(spec.source_keys().cloned());
        if let Chart::Remote(chart) = &spec.chart {
            sources.extend(chart.login_keys().into_iter().flatten());
        }
    }
    sources
}
