use super::cron::CronExpression;
use super::identity::{ChainedRole, WrittenIdentity};
use super::period::Period;
use super::report::Report;
use super::text::{FromText, NonEmpty, Text};
use crate::aws::{EcrHost, ExternalId, Identity, Role, RoleArn, SessionName};
use crate::policy::Filter;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// A registry with settings of its own.
#[derive(Debug)]
pub struct RegistrySettings {
    /// The registry's host; `*` stands for any characters, so one entry can serve several registries.
    pub host: String,
    /// Which repositories and tags may be scanned.
    pub filter: Filter,
    /// When the repositories are scanned.
    pub schedule: Schedule,
    /// The identity that requests to ECR are signed with.
    pub identity: Identity,
    /// A docker config file with the logins of a registry that is not ECR.
    pub docker_config: Option<PathBuf>,
    /// A file with the authorities that a registry that is not ECR is trusted by, besides those of the system.
    pub ca: Option<PathBuf>,
    /// Whether a registry that is not ECR speaks HTTP without TLS.
    pub plain_http: bool,
}

/// When a registry's repositories are scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// With this period, and jitter.
    Every(Duration),
    /// At the times of a cron expression (five fields, UTC).
    Cron(String),
}

/// One listing of a repository in a minute is far below the limits at which registries throttle.
const SCAN: Duration = Duration::from_secs(60);

/// A registry with settings of its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["host"], "not" = {"required": ["scan", "cron"]}))]
pub(super) struct Registry {
    /// Host of the registry. `*` stands for any characters.
    host: Option<Text<NonEmpty>>,
    /// Globs of repositories, or of `repository:tag`, that the agent scans. Without an entry it scans all.
    include: Vec<Text<Glob>>,
    /// Globs of repositories, or of `repository:tag`, that the agent leaves out.
    exclude: Vec<Text<Glob>>,
    /// How often the agent scans.
    #[schemars(extend("default" = "1m"))]
    scan: Option<Text<Period>>,
    /// When the agent scans, instead of `scan`: a cron expression with five fields, in UTC.
    cron: Option<Text<CronExpression>>,
    /// ARN of a role that the agent assumes to read ECR. Default: the agent's own identity.
    role_arn: Option<Text<RoleArn>>,
    /// External ID that the trust policy of `roleArn` asks for.
    external_id: Option<Text<ExternalId>>,
    /// Name of the session in CloudTrail.
    #[schemars(extend("default" = "tidegate"))]
    session_name: Option<Text<SessionName>>,
    /// Roles, instead of `roleArn`, that the agent assumes one after the other. The last role reads ECR.
    roles: Vec<ChainedRole>,
    /// Docker config file (`config.json`, `.dockerconfigjson`) with the logins of registries other than ECR. The file may change
    /// at any time.
    docker_config: Option<Text<PathBuf>>,
    /// File in PEM format with the authorities that registries other than ECR are trusted by, besides those of the system.
    ca: Option<Text<PathBuf>>,
    /// Whether registries other than ECR speak HTTP without TLS.
    plain_http: bool,
}

impl Registry {
    pub(super) fn settings(self, report: &Report, index: usize) -> RegistrySettings {
        if self.host.is_none() {
            report.missing(
                &format!("registries[{index}].host"),
                "write the registry's host, e.g. 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            );
        }
        if self.scan.is_some() && self.cron.is_some() {
            report.mistake(
                &format!("registries[{index}].cron"),
                "scan and cron exclude each other: keep one of them",
            );
        }
        let path = format!("registries[{index}]");
        let written = WrittenIdentity {
            role_arn: self.role_arn,
            external_id: self.external_id,
            session_name: self.session_name,
            roles: self.roles,
        };
        let identity = written.identity(report, &path);
        if let (Some(host), Some(role)) = (&self.host, identity.role()) {
            check_partition(&host.value.0, role, report, &path);
        }
        let globs = |globs: Vec<Text<Glob>>| globs.into_iter().map(|glob| glob.value.0).collect::<Vec<_>>();
        let period = self.scan.map_or(SCAN, |period| period.value.0);
        RegistrySettings {
            host: self.host.map(|host| host.value.0).unwrap_or_default(),
            filter: Filter::new(&globs(self.include), &globs(self.exclude)).expect("each glob was valid by itself"),
            docker_config: self.docker_config.map(|file| file.value),
            ca: self.ca.map(|file| file.value),
            plain_http: self.plain_http,
            identity,
            schedule: self
                .cron
                .map_or(Schedule::Every(period), |cron| Schedule::Cron(cron.value.0)),
        }
    }
}

/// Reports a role that cannot read the registries of an entry: those that are not ECR, and those of another partition.
fn check_partition(host: &str, role: &Role, report: &Report, path: &str) {
    let arn = &role.arn;
    let message = match EcrHost::parse(host).map(|host| host.partition) {
        Some(partition) if partition == arn.partition() => return,
        Some(partition) => format!(
            "{arn} belongs to the partition {}, and {host} to {}: AWS knows no role of one partition in another",
            arn.partition().name,
            partition.name
        ),
        // Which hosts a pattern stands for shows at the first scan.
        None if host.contains(['*', '?']) => return,
        None => format!(
            "{host} is no registry of private ECR, which alone knows roles; write the registry's login into dockerConfig"
        ),
    };
    report.mistake(path, message);
}

/// A glob of repositories, or of `repository:tag`.
#[derive(Debug)]
struct Glob(String);

impl FromText for Glob {
    fn schema() -> serde_json::Value {
        NonEmpty::schema()
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let NonEmpty(glob) = NonEmpty::from_text(text)?;
        Filter::new(std::slice::from_ref(&glob), &[]).map_err(|error| error.to_string())?;
        Ok(Self(glob))
    }
}
