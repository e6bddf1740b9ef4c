//! Fetches the chart of a run, and what the chart depends on.

use super::client::{Helm, failed, within, written};
use super::repository::ARCHIVE;
use super::workspace::Workspace;
use super::{archive, arguments, dependencies};
use crate::model::with_causes;
use crate::port::{ChartFile, ChartLogin, HelmFailure, HelmProblem};
use crate::release::RemoteChart;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The longest time that a chart is fetched.
const FETCH: Duration = Duration::from_secs(120);
/// What says where a proxy is, and whom to trust.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];

impl Helm {
    /// Fetches a chart as an archive into a folder of the run, and looks at the archive.
    pub(super) async fn fetch(
        &self,
        workspace: &Arc<Workspace>,
        chart: &RemoteChart,
        login: Option<&ChartLogin>,
        folder: PathBuf,
    ) -> Result<PathBuf, HelmFailure> {
        let not_fetched = |message: String| HelmFailure {
            problem: HelmProblem::Surroundings,
            message: format!("{chart} cannot be fetched: {message}"),
        };
        let path = match chart.is_oci() {
            true => self.pull(workspace, chart, login, folder).await.map_err(not_fetched)?,
            false => {
                let bytes = self.repositories.archive(chart, login).await.map_err(not_fetched)?;
                let path = folder.join(format!("{}.tgz", chart.name.replace('/', "-")));
                let to = path.clone();
                written(move || std::fs::write(to, bytes)).await?;
                path
            }
        };
        let from = path.clone();
        match written(move || Ok(archive::problem(&std::fs::read(from)?))).await? {
            None => Ok(path),
            Some(problem) => Err(HelmFailure {
                problem: HelmProblem::Input,
                message: format!("{chart} is refused: {problem}"),
            }),
        }
    }

    /// Fetches a chart of an OCI registry by helm. This run alone may use a proxy.
    async fn pull(
        &self,
        workspace: &Arc<Workspace>,
        chart: &RemoteChart,
        login: Option<&ChartLogin>,
        folder: PathBuf,
    ) -> Result<PathBuf, String> {
        let host = chart
            .repository
            .trim_start_matches("oci://")
            .split('/')
            .next()
            .unwrap_or_default();
        let logins = login.map(|login| login_file(host, login));
        let config = within(workspace, move |workspace| workspace.write_logins(logins.as_deref()));
        let config = config.await.map_err(|failure| failure.message)?;
        let into = within(workspace, Workspace::archive_folder)
            .await
            .map_err(|failure| failure.message)?;
        let is_plain = self.plain_http.iter().any(|known| known.matches(host));
        let program = self
            .bare_program(&workspace.home(), FETCH)
            .pass_env(|name| PROXIES.contains(&name.to_ascii_uppercase().as_str()));
        let ended = program
            .args(arguments::pull(chart, &into, &config, is_plain))
            .run()
            .await;
        match ended {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let secrets = login.map(|login| String::from_utf8_lossy(login.password.expose()).into_owned());
                return Err(failed(&output, &secrets.into_iter().collect::<Vec<_>>()).message);
            }
            Err(error) => return Err(with_causes(&error)),
        }
        let to = folder.join(format!("{}.tgz", chart.name.replace('/', "-")));
        let moved = to.clone();
        let size = written(move || Workspace::take_archive(&into, &moved))
            .await
            .map_err(|failure| failure.message)?;
        match size {
            Some(size) if size <= ARCHIVE as u64 => Ok(to),
            Some(_) => Err(format!("the archive has more than {ARCHIVE} bytes")),
            None => Err("helm has written no archive".to_owned()),
        }
    }

    /// Writes the chart of the config repo, and fetches what it depends on and does not have.
    pub(super) async fn write_chart(
        &self,
        workspace: &Arc<Workspace>,
        files: &[ChartFile],
    ) -> Result<PathBuf, HelmFailure> {
        let missing = dependencies::missing(files).map_err(|message| HelmFailure {
            problem: HelmProblem::Input,
            message,
        })?;
        let files = files.to_vec();
        let chart = within(workspace, move |workspace| workspace.write_chart(&files)).await?;
        if !missing.is_empty() {
            let folder = chart.join("charts");
            let made = folder.clone();
            written(move || std::fs::create_dir_all(made)).await?;
            for dependency in &missing {
                self.fetch(workspace, dependency, None, folder.clone()).await?;
            }
        }
        Ok(chart)
    }
}

/// The file in which helm looks for logins of registries.
fn login_file(host: &str, login: &ChartLogin) -> Vec<u8> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let pair = format!("{}:{}", text(login.user.expose()), text(login.password.expose()));
    serde_json::json!({"auths": {host: {"auth": BASE64_STANDARD.encode(pair)}}})
        .to_string()
        .into_bytes()
}
