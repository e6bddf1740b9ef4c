use super::chart::Chart;
use super::chart_source::chart;
use super::name::ReleaseName;
use super::refusal::{Refusal, refuse};
use super::sources::{SourceKey, SourceObject, ValuesSource};
use super::written::{Reference, Written, WrittenSource};
use crate::model::{ConfigBranch, RepoPath};
use serde_json::Value;
use std::time::Duration;

/// What a HelmRelease asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The name of the release.
    pub release: String,
    /// The namespace of the release and of its objects.
    pub namespace: String,
    /// Where the chart is.
    pub chart: Chart,
    /// Values from elsewhere; a later one replaces an earlier one.
    pub values_from: Vec<ValuesSource>,
    /// The values in the HelmRelease, which replace all others.
    pub values: Value,
    /// How many revisions Helm keeps; 0: all.
    pub max_history: u32,
    /// The longest time that Helm waits for one operation.
    pub timeout: Duration,
    /// Whether Helm waits until the objects are ready.
    pub wait: bool,
    /// Whether Helm itself takes a failed install or upgrade back.
    pub atomic: bool,
    /// Whether the values of the last revision count, too.
    pub reuse_values: bool,
    /// Whether objects are replaced where they cannot be changed.
    pub force: bool,
    /// Whether the chart's `crds` folder is left out.
    pub skip_crds: bool,
    /// Whether Helm sends objects that do not fit the server's schema.
    pub skip_openapi_validation: bool,
    /// What is done about an upgrade that failed.
    pub rollback: Rollback,
    /// The tests of the chart.
    pub test: Test,
}

/// What is done about an upgrade that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Whether the release goes back to its last good revision.
    pub enable: bool,
    /// Whether the same input is tried again afterwards.
    pub retry: bool,
    /// How often; `None`: without an end.
    pub max_retries: Option<u32>,
    /// Whether objects are replaced where they cannot be changed.
    pub force: bool,
    /// Whether hooks are left out.
    pub disable_hooks: bool,
    /// The longest time that Helm waits for one operation.
    pub timeout: Duration,
    /// Whether Helm waits until the objects are ready.
    pub wait: bool,
}

/// The tests of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Whether they run after an install or upgrade.
    pub enable: bool,
    /// Whether a failed test is no failure of the release.
    pub ignore_failures: bool,
    /// The longest time that Helm waits for one operation.
    pub timeout: Duration,
}

/// The defaults of Helm Operator.
const TIMEOUT: u64 = 300;
const MAX_HISTORY: u32 = 10;
const MAX_RETRIES: u32 = 5;
/// Longer values would outlive the pass that waits for them.
const LONGEST_TIMEOUT: u64 = 3600;
/// Helm refuses longer names.
const LONGEST_NAME: usize = 53;
/// The key of a ConfigMap or Secret with values.
const VALUES_KEY: &str = "values.yaml";

impl Spec {
    /// Reads a HelmRelease. `own` is the branch that the agent follows.
    ///
    /// # Errors
    /// Why it cannot be carried out.
    pub fn read(object: &Value, own: Option<&ConfigBranch>) -> Result<Self, Refusal> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let written = Written::read(spec).map_err(|error| Refusal(format!("spec cannot be read: {error}")))?;
        refuse_without_meaning(&written)?;
        let target = written.target_namespace.as_deref().filter(|target| !target.is_empty());
        let release = match written.release_name.as_deref().filter(|name| !name.is_empty()) {
            Some(release) => release.to_owned(),
            None => match target {
                Some(target) => format!("{namespace}-{target}-{name}"),
                None => format!("{namespace}-{name}"),
            },
        };
        check_name(&release)?;
        let target = target.unwrap_or(namespace).to_owned();
        check_plain("spec.targetNamespace", &target)?;
        let secrets = written.value_file_secrets.iter().map(|secret| ValuesSource::Key {
            key: SourceKey {
                object: SourceObject {
                    is_secret: true,
                    namespace: namespace.to_owned(),
                    name: secret.name.clone(),
                },
                key: VALUES_KEY.to_owned(),
            },
            optional: false,
        });
        for secret in &written.value_file_secrets {
            check_plain("spec.valueFileSecrets", &secret.name)?;
        }
        let sources = written.values_from.iter().map(|written| source(written, namespace));
        let seconds = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or(TIMEOUT).clamp(1, LONGEST_TIMEOUT));
        let rollback = written.rollback;
        let chart = chart(&written.chart, namespace, own)?;
        let values_from: Vec<ValuesSource> = secrets.map(Ok).chain(sources).collect::<Result<_, _>>()?;
        let has_file = values_from
            .iter()
            .any(|source| matches!(source, ValuesSource::ChartFile { .. }));
        if has_file && matches!(chart, Chart::Remote(_)) {
            return Err(refuse(
                "spec.valuesFrom: chartFileRef is a file of a chart in the config repo, and the chart is elsewhere; put the values into \
                 a ConfigMap",
            ));
        }
        Ok(Self {
            chart,
            values_from,
            release,
            namespace: target,
            values: Value::Object(written.values),
            max_history: written.max_history.unwrap_or(MAX_HISTORY),
            timeout: seconds(written.timeout),
            wait: written.wait.unwrap_or(rollback.enable || written.test.enable),
            atomic: written.atomic,
            reuse_values: written
                .reuse_values
                .or(written.reset_values.map(|reset| !reset))
                .unwrap_or(false),
            force: written.force_upgrade,
            skip_crds: written.skip_crds,
            skip_openapi_validation: written.disable_open_api_validation,
            rollback: Rollback {
                enable: rollback.enable,
                retry: rollback.retry,
                max_retries: match rollback.max_retries {
                    None => Some(MAX_RETRIES),
                    Some(0) => None,
                    Some(retries) => Some(retries),
                },
                force: rollback.force,
                disable_hooks: rollback.disable_hooks,
                timeout: seconds(rollback.timeout),
                wait: rollback.wait,
            },
            test: Test {
                enable: written.test.enable,
                ignore_failures: written.test.ignore_failures,
                timeout: seconds(written.test.timeout),
            },
        })
    }
}

impl Spec {
    /// The keys of ConfigMaps and Secrets that the release needs.
    pub fn source_keys(&self) -> impl Iterator<Item = &SourceKey> {
        self.values_from.iter().filter_map(ValuesSource::key)
    }

    /// The release by its full name.
    pub fn name(&self) -> ReleaseName {
        ReleaseName {
            namespace: self.namespace.clone(),
            name: self.release.clone(),
        }
    }
}

/// Fields that today's Helm gives no meaning to.
fn refuse_without_meaning(written: &Written) -> Result<(), Refusal> {
    match written.helm_version.as_deref() {
        None | Some("" | "v3") => {}
        Some("v2") => {
            return Err(refuse(
                "spec.helmVersion: Helm 2 and its Tiller are gone; leave the field out, and the release is made by today's Helm",
            ));
        }
        Some(other) => {
            return Err(refuse(format!(
                "spec.helmVersion: {other:?} is no version; leave the field out"
            )));
        }
    }
    if written.rollback.recreate {
        return Err(refuse(
            "spec.rollback.recreate: Helm no longer restarts pods at a rollback; leave the field out",
        ));
    }
    if written.reset_values == Some(true) && written.reuse_values == Some(true) {
        return Err(refuse(
            "spec.resetValues and spec.reuseValues exclude each other: keep one of them",
        ));
    }
    if let Some(secret) = &written.chart.chart_pull_secret {
        check_plain("spec.chart.chartPullSecret", &secret.name)?;
    }
    Ok(())
}

fn check_name(release: &str) -> Result<(), Refusal> {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_name = release
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.');
    let is_name = is_name && is_end(release.chars().next()) && is_end(release.chars().last());
    if is_name && release.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(refuse(format!(
        "{release:?} is no name of a release: Helm takes lower-case letters, digits, - and ., up to {LONGEST_NAME} characters; \
         set spec.releaseName"
    )))
}

/// Names become parts of requests.
fn check_plain(field: &str, name: &str) -> Result<(), Refusal> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_name = !name.is_empty() && name.len() <= 253 && !name.starts_with('.') && name.chars().all(is_plain);
    match is_name {
        true => Ok(()),
        false => Err(refuse(format!(
            "{field}: {name:?} is no name of a Kubernetes object; correct it"
        ))),
    }
}

fn source(written: &WrittenSource, own: &str) -> Result<ValuesSource, Refusal> {
    for reference in [&written.config_map_key_ref, &written.secret_key_ref]
        .into_iter()
        .flatten()
    {
        check_plain("spec.valuesFrom", &reference.name)?;
        if let Some(namespace) = reference.namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
            check_plain("spec.valuesFrom", namespace)?;
        }
    }
    let key = |is_secret: bool, reference: &Reference| {
        let given = |text: &Option<String>, default: &str| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.unwrap_or(default).to_owned()
        };
        ValuesSource::Key {
            key: SourceKey {
                object: SourceObject {
                    is_secret,
                    namespace: given(&reference.namespace, own),
                    name: reference.name.clone(),
                },
                key: given(&reference.key, VALUES_KEY),
            },
            optional: reference.optional,
        }
    };
    match written {
        WrittenSource {
            config_map_key_ref: Some(reference),
            secret_key_ref: None,
            external_source_ref: None,
            chart_file_ref: None,
        } => Ok(key(false, reference)),
        WrittenSource {
            config_map_key_ref: None,
            secret_key_ref: Some(reference),
            external_source_ref: None,
            chart_file_ref: None,
        } => Ok(key(true, reference)),
        WrittenSource {
            config_map_key_ref: None,
            secret_key_ref: None,
            external_source_ref: None,
            chart_file_ref: Some(file),
        } => match RepoPath::parse(file.path.trim_start_matches("./")) {
            Ok(path) if !path.as_str().is_empty() => Ok(ValuesSource::ChartFile {
                path: path.as_str().to_owned(),
                optional: file.optional,
            }),
            _ => Err(refuse(format!(
                "spec.valuesFrom: {:?} is no file in the folder of the chart",
                file.path
            ))),
        },
        WrittenSource {
            external_source_ref: Some(_),
            ..
        } => Err(refuse(
            "spec.valuesFrom: externalSourceRef is not read, because nobody would notice a change there; put the values into a \
             ConfigMap, a Secret or a file of the chart",
        )),
        _ => Err(refuse(
            "spec.valuesFrom: each entry has exactly one of configMapKeyRef, secretKeyRef and chartFileRef",
        )),
    }
}
