//! Reads the indexes of chart repositories, and the archives that they name.

use crate::driver::blocking;
use crate::model::with_causes;
use crate::port::ChartLogin;
use crate::release::RemoteChart;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(10);
/// The longest time for an index or an archive, up to the last byte.
const WHOLE: Duration = Duration::from_secs(120);
/// Large public repositories have indexes of twenty megabytes.
const INDEX: usize = 64 << 20;
/// The most bytes of a chart's archive. Helm keeps charts in Secrets, which hold 1 MiB.
pub(super) const ARCHIVE: usize = 16 << 20;
/// More repositories are not kept; who asks for one more reads the index anew.
const KEPT: usize = 64;

/// The indexes that were read.
#[derive(Debug, Default)]
pub(super) struct Repositories {
    client: Mutex<Option<Client>>,
    indexes: Mutex<BTreeMap<String, Arc<Index>>>,
}

#[derive(Debug)]
struct Index {
    etag: Option<String>,
    charts: BTreeMap<String, Vec<Entry>>,
}

/// The `index.yaml` of a chart repository, as far as it is read.
#[derive(Debug, Deserialize)]
struct Written {
    #[serde(default)]
    entries: BTreeMap<String, Vec<Entry>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    version: String,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    digest: Option<String>,
}

impl Repositories {
    /// The versions of a chart.
    pub(super) async fn versions(
        &self,
        chart: &RemoteChart,
        login: Option<&ChartLogin>,
    ) -> Result<Vec<String>, String> {
        let index = self.index(chart, login).await?;
        let entries = index.charts.get(&chart.name).ok_or_else(|| {
            format!(
                "{} has no chart {}; correct spec.chart.name",
                chart.repository, chart.name
            )
        })?;
        Ok(entries.iter().map(|entry| entry.version.clone()).collect())
    }

    /// The archive of a chart in an exact version.
    pub(super) async fn archive(&self, chart: &RemoteChart, login: Option<&ChartLogin>) -> Result<Vec<u8>, String> {
        let index = self.index(chart, login).await?;
        let plain = |version: &str| version.trim_start_matches('v').to_owned();
        let entries = index.charts.get(&chart.name).map(Vec::as_slice).unwrap_or_default();
        let found = entries
            .iter()
            .find(|entry| plain(&entry.version) == plain(&chart.version));
        let entry = found.ok_or("the index of the repository does not have this chart in this version")?;
        let address = entry
            .urls
            .first()
            .ok_or("the index of the repository names no address for it")?;
        let base = base(&chart.repository)?;
        let url = base.join(address).map_err(|error| error.to_string())?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err("the index of the repository names an address that is neither http nor https".to_owned());
        }
        let bytes = body(self.get(&url, &base, login, None).await?, ARCHIVE).await?;
        let digest = entry
            .digest
            .as_deref()
            .map(|digest| digest.trim_start_matches("sha256:"));
        if digest.is_some_and(|digest| !digest.eq_ignore_ascii_case(&hex::encode(Sha256::digest(&bytes)))) {
            return Err(
                "the archive is another one than the index of the repository says: its digest differs".to_owned(),
            );
        }
        Ok(bytes)
    }

    /// The index of the chart's repository. One that has not changed is not sent again.
    async fn index(&self, chart: &RemoteChart, login: Option<&ChartLogin>) -> Result<Arc<Index>, String> {
        let base = base(&chart.repository)?;
        let url = base.join("index.yaml").map_err(|error| error.to_string())?;
        // What one login may see, another may not.
        let user = login
            .map(|login| hex::encode(Sha256::digest(login.user.expose())))
            .unwrap_or_default();
        let key = format!("{url} {user}");
        let known = self
            .indexes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        let etag = known.as_ref().and_then(|known| known.etag.clone());
        let response = self.get(&url, &base, login, etag.as_deref()).await?;
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (response.status(), known) {
            return Ok(known);
        }
        let etag = response
            .headers()
            .get(ETAG)
            .and_then(|etag| etag.to_str().ok())
            .map(str::to_owned);
        let bytes = body(response, INDEX).await?;
        let read = blocking(move || serde_yaml::from_slice::<Written>(&bytes)).await;
        let read = read.map_err(|error| error.to_string())?;
        // The parser's own text may quote the index.
        let charts = read
            .map_err(|_| format!("{url} is no index of a chart repository"))?
            .entries;
        let index = Arc::new(Index { etag, charts });
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if indexes.len() >= KEPT && !indexes.contains_key(&key) {
            indexes.clear();
        }
        indexes.insert(key, Arc::clone(&index));
        Ok(index)
    }

    /// The login goes to the repository's own server, and to no other that the index names.
    async fn get(
        &self,
        url: &Url,
        base: &Url,
        login: Option<&ChartLogin>,
        etag: Option<&str>,
    ) -> Result<Response, String> {
        let mut request = self.client()?.get(url.clone());
        if let Some(login) = login.filter(|_| url.origin() == base.origin()) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
            request = request.basic_auth(text(login.user.expose()), Some(text(login.password.expose())));
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|error| with_causes(&error))?;
        match response.status() {
            status if status.is_success() || status == StatusCode::NOT_MODIFIED => Ok(response),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(format!(
                "{url} answers {status}; name a Secret with username and password in spec.chart.chartPullSecret"
            )),
            status => Err(format!("{url} answers {status}")),
        }
    }

    fn client(&self) -> Result<Client, String> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let built = Client::builder()
            .redirect(reqwest::redirect::Policy::limited(5))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build();
        let built = built.map_err(|error| with_causes(&error))?;
        Ok(client.insert(built).clone())
    }
}

fn base(repository: &str) -> Result<Url, String> {
    let text = format!("{}/", repository.trim_end_matches('/'));
    Url::parse(&text).map_err(|_| "spec.chart.repository is no address".to_owned())
}

/// Reads a body up to a limit.
async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| with_causes(&error))? {
        if bytes.len() + chunk.len() > most {
            return Err(format!("{} has more than {most} bytes", response.url()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
