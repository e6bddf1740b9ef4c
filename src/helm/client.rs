use super::error::FindError;
use super::found::{Found, find};
use super::repository::Repositories;
use super::workspace::Workspace;
use super::{arguments, running};
use crate::driver::blocking;
use crate::model::{Wildcard, with_causes};
use crate::port::{ChartLogin, ChartSource, HelmFailure, HelmProblem, HelmProgram, TextFile, Upgrade};
use crate::program::{Error, Limits, Output, Program};
use crate::release::{ReleaseName, RemoteChart, Spec, failure_text};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How helm finds the API server.
#[derive(Debug, Clone)]
struct Access {
    kubeconfig: Option<PathBuf>,
}

/// A helm program that was found, and the cluster that it works on.
#[derive(Debug, Clone)]
pub struct Helm {
    found: Found,
    access: Access,
    folder: PathBuf,
    /// The registries that are read without TLS.
    pub(super) plain_http: Arc<[Wildcard]>,
    pub(super) repositories: Arc<Repositories>,
}

/// Helm waits for hooks before and after its work, and for the objects: each up to the time-out of the release.
const OPERATIONS: u32 = 4;
/// What a run takes besides waiting.
const WORK: Duration = Duration::from_secs(60);
/// Helm takes a second for a large chart. A template that does not end is killed by this limit.
const CPU: Duration = Duration::from_secs(120);
/// Helm takes a tenth for a large chart.
const MEMORY: u64 = 1 << 30;
/// Helm is asked for no output but its errors.
const OUTPUT: usize = 1 << 20;
/// Values of a Secret deeper than this are not looked for in messages.
const DEPTH: usize = 64;

impl Helm {
    /// Looks for the program by its name or path. `kubeconfig`: the cluster, outside of one. `folder`: where runs have their folders.
    /// `plain_http`: the hosts of registries that are read without TLS.
    ///
    /// # Errors
    /// Why no program can be used.
    pub async fn find(
        name: &Path,
        kubeconfig: Option<PathBuf>,
        folder: PathBuf,
        plain_http: Vec<Wildcard>,
    ) -> Result<Self, FindError> {
        Ok(Self {
            found: find(name).await?,
            access: Access { kubeconfig },
            folder,
            plain_http: plain_http.into(),
            repositories: Arc::default(),
        })
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.found.path
    }

    /// Its version, as helm prints it.
    pub fn version(&self) -> &str {
        &self.found.version
    }

    /// A run with its own home and limits.
    pub(super) fn bare_program(&self, home: &Path, time: Duration) -> Program {
        let limits = Limits {
            time,
            output: OUTPUT,
            memory: Some(MEMORY),
        };
        Program::new("helm", limits)
            .at(&self.found.path)
            .limit_cpu(CPU)
            .in_folder(home)
            .env("HOME", home)
            .env("TMPDIR", home)
    }

    /// A run on the cluster with the limits of a time-out.
    fn program(&self, home: &Path, timeout: Duration) -> Program {
        let mut program = self
            .bare_program(home, timeout.saturating_mul(OPERATIONS).saturating_add(WORK))
            .env("HELM_DRIVER", "secret")
            .pass_env(|name| matches!(name, "KUBERNETES_SERVICE_HOST" | "KUBERNETES_SERVICE_PORT"));
        if let Some(kubeconfig) = &self.access.kubeconfig {
            // A kubeconfig may name a program that makes its tokens.
            program = program.env("KUBECONFIG", kubeconfig).pass_env(|name| name == "PATH");
        }
        program
    }

    async fn run(
        &self,
        workspace: &Arc<Workspace>,
        line: Vec<OsString>,
        timeout: Duration,
        secrets: &[String],
    ) -> Result<(), HelmFailure> {
        let ended = self.program(&workspace.home(), timeout).args(line).run().await;
        match ended {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(failed(&output, secrets)),
            Err(error) => Err(HelmFailure {
                problem: match error {
                    Error::Start { .. } | Error::Limit { .. } => HelmProblem::Surroundings,
                    _ => HelmProblem::Input,
                },
                message: with_causes(&error),
            }),
        }
    }

    async fn workspace(&self) -> Result<Arc<Workspace>, HelmFailure> {
        let folder = self.folder.clone();
        written(move || Workspace::new(&folder)).await.map(Arc::new)
    }
}

/// Works in the folder of a run, off the async threads.
pub(super) async fn within<T: Send + 'static>(
    workspace: &Arc<Workspace>,
    work: impl FnOnce(&Workspace) -> io::Result<T> + Send + 'static,
) -> Result<T, HelmFailure> {
    let workspace = Arc::clone(workspace);
    written(move || work(&workspace)).await
}

/// Writes files off the async threads.
pub(super) async fn written<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, HelmFailure> {
    let done = blocking(work).await.map_err(io::Error::other);
    done.flatten().map_err(not_started)
}

fn not_started(error: io::Error) -> HelmFailure {
    HelmFailure {
        problem: HelmProblem::Surroundings,
        message: format!("the folder for helm cannot be written: {error}"),
    }
}

pub(super) fn failed(output: &Output, secrets: &[String]) -> HelmFailure {
    let message = match output.status.code().is_none() {
        true => "helm was killed: it took more processor time than it may, or somebody killed it".to_owned(),
        false => failure_text(&String::from_utf8_lossy(&output.stderr), secrets),
    };
    HelmFailure {
        problem: HelmProblem::Input,
        message,
    }
}

impl HelmProgram for Helm {
    async fn upgrade(&self, upgrade: Upgrade) -> Result<(), HelmFailure> {
        let workspace = self.workspace().await?;
        let chart = match &upgrade.chart {
            ChartSource::Files(files) => self.write_chart(&workspace, files).await?,
            ChartSource::Remote { chart, login } => {
                let folder = within(&workspace, Workspace::chart_folder).await?;
                self.fetch(&workspace, chart, login.as_ref(), folder).await?
            }
        };
        let texts = upgrade.values.clone();
        let values = within(&workspace, move |workspace| workspace.write_values(&texts)).await?;
        let line = arguments::upgrade(&upgrade, self.found.is_four, &chart, &values);
        let secrets = secret_texts(&upgrade.values);
        self.run(&workspace, line, upgrade.spec.timeout, &secrets).await
    }

    async fn rollback(&self, spec: &Spec, to: u32) -> Result<(), HelmFailure> {
        let line = arguments::rollback(spec, to, self.found.is_four);
        self.run(&self.workspace().await?, line, spec.rollback.timeout, &[])
            .await
    }

    async fn test(&self, spec: &Spec) -> Result<(), HelmFailure> {
        let line = arguments::test(spec);
        self.run(&self.workspace().await?, line, spec.test.timeout, &[]).await
    }

    async fn uninstall(&self, spec: &Spec) -> Result<(), HelmFailure> {
        let line = arguments::uninstall(spec);
        self.run(&self.workspace().await?, line, spec.timeout, &[]).await
    }

    async fn versions(&self, chart: &RemoteChart, login: Option<&ChartLogin>) -> Result<Vec<String>, HelmFailure> {
        let versions = self.repositories.versions(chart, login).await;
        versions.map_err(|message| HelmFailure {
            problem: HelmProblem::Surroundings,
            message: format!("the versions of {chart} cannot be read: {message}"),
        })
    }

    async fn works_on(&self, release: &ReleaseName) -> bool {
        let release = release.clone();
        // Whoever cannot look does not take the release from a helm that may be at work.
        blocking(move || running::works_on(&release)).await.unwrap_or(true)
    }
}

/// What may not be shown of the values: each text of a Secret as a whole, and each value in it.
fn secret_texts(values: &[TextFile]) -> Vec<String> {
    let mut texts = Vec::new();
    for values in values.iter().filter(|values| values.is_secret) {
        let text = String::from_utf8_lossy(values.text.expose()).into_owned();
        if let Ok(value) = serde_yaml::from_str::<serde_yaml::Value>(&text) {
            collect(&value, DEPTH, &mut texts);
        }
        texts.extend(text.lines().map(|line| line.trim().to_owned()));
    }
    texts
}

fn collect(value: &serde_yaml::Value, depth: usize, texts: &mut Vec<String>) {
    use serde_yaml::Value;
    if depth == 0 {
        return;
    }
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, depth - 1, texts)),
        Value::Mapping(map) => map.values().for_each(|item| collect(item, depth - 1, texts)),
        Value::Tagged(tagged) => collect(&tagged.value, depth - 1, texts),
        Value::Null | Value::Bool(_) => {}
    }
}
