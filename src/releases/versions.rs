//! Which version of a chart a range means today.

use super::parts::TagsOf;
use crate::driver::Wake;
use crate::model::Repository;
use crate::policy::VersionRange;
use crate::port::{ChartLogin, HelmProgram};
use crate::release::RemoteChart;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After a repository that did not answer.
const RETRY: Duration = Duration::from_secs(60);

/// The versions of one chart, as they were listed last.
struct Listed {
    /// `None`: no answer has come yet.
    versions: Option<Result<Vec<String>, String>>,
    is_asking: bool,
    due: Instant,
}

/// A chart, whatever its version.
type Key = RemoteChart;

/// The versions of the charts of which HelmReleases name ranges. Each is listed anew after an interval, away from the pass.
#[derive(Default)]
pub(super) struct Versions {
    listed: Arc<Mutex<BTreeMap<Key, Listed>>>,
}

/// What a range means.
pub(super) enum Resolved {
    /// This version.
    Version(RemoteChart),
    /// The versions are being listed for the first time.
    NotYet,
    /// No version, for this reason.
    No(String),
}

/// What a listing needs.
pub(super) struct Lister<H> {
    pub(super) helm: Arc<H>,
    pub(super) tags: TagsOf,
    pub(super) wake: Wake,
    pub(super) interval: Duration,
}

impl Versions {
    /// The chart in the highest version of its range. Starts a listing if one is due. Returns also when the next one is due.
    pub(super) fn resolve<H: HelmProgram>(
        &self,
        chart: &RemoteChart,
        login: Option<ChartLogin>,
        lister: Lister<H>,
    ) -> (Resolved, Instant) {
        let key = chart.at("");
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let known = listed.entry(key.clone()).or_insert(Listed {
            versions: None,
            is_asking: false,
            due: now,
        });
        if !known.is_asking && known.due <= now {
            known.is_asking = true;
            known.due = now + lister.interval;
            tokio::spawn(list(key, login, lister, Arc::clone(&self.listed)));
        }
        let resolved = match &known.versions {
            None => Resolved::NotYet,
            Some(Err(reason)) => Resolved::No(reason.clone()),
            Some(Ok(versions)) => match highest(chart, versions) {
                Some(version) => Resolved::Version(chart.at(version)),
                None => Resolved::No(format!(
                    "{} has no version {:?} of chart {}; correct spec.chart.version",
                    chart.repository, chart.version, chart.name
                )),
            },
        };
        (resolved, known.due)
    }

    /// Forgets the charts that nobody asked for since they were listed twice.
    pub(super) fn forget_old(&self, interval: Duration) {
        let oldest = Instant::now().checked_sub(interval.saturating_mul(2));
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.retain(|_, known| known.is_asking || oldest.is_none_or(|oldest| known.due > oldest));
    }
}

fn highest<'a>(chart: &RemoteChart, versions: &'a [String]) -> Option<&'a str> {
    let range = VersionRange::parse(&chart.version).ok()?;
    range.highest(versions.iter().map(String::as_str))
}

async fn list<H: HelmProgram>(
    key: Key,
    login: Option<ChartLogin>,
    lister: Lister<H>,
    listed: Arc<Mutex<BTreeMap<Key, Listed>>>,
) {
    let found = match repository(&key) {
        Some(repository) => (lister.tags)(repository).await,
        None => {
            let versions = lister.helm.versions(&key, login.as_ref()).await;
            versions.map_err(|failure| failure.message)
        }
    };
    let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(known) = listed.get_mut(&key) else { return };
    known.is_asking = false;
    if found.is_err() {
        known.due = Instant::now() + RETRY.min(lister.interval);
    }
    // What was known stays while the repository is away.
    let is_kept = found.is_err() && matches!(known.versions, Some(Ok(_)));
    if !is_kept && known.versions.as_ref() != Some(&found) {
        known.versions = Some(found);
        lister.wake.wake();
    }
}

/// The repository of a chart in an OCI registry.
fn repository(chart: &RemoteChart) -> Option<Repository> {
    let address = chart.repository.strip_prefix("oci://")?.trim_end_matches('/');
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let path = [path, chart.name.as_str()].join("/");
    Some(Repository {
        host: host.to_owned(),
        path: path.trim_start_matches('/').to_owned(),
    })
}
