use super::filter::{Filter, TagFilter};
use super::platform::Platforms;
use super::system_registry::SystemRegistry;
use crate::model::{Repository, Wildcard};
use std::time::Duration;

/// How the repositories of a registry are scanned.
#[derive(Debug)]
pub struct ScanRule {
    /// A pattern for the host of the registry.
    pub host: Wildcard,
    /// Which repositories are scanned, and which of their tags count.
    pub filter: Filter,
    /// The time between two scans. `None`: a repository is scanned only on request (by a cron window or a command).
    pub every: Option<Duration>,
}

/// All scan rules. The first rule whose host matches applies; without a match, every repository is scanned once a minute.
#[derive(Debug)]
pub struct ScanRules {
    rules: Vec<ScanRule>,
    fallback: ScanRule,
    platforms: Platforms,
}

/// Users of Flux expect a scan every minute.
const EVERY: Duration = Duration::from_secs(60);

impl ScanRules {
    /// Rules in the order of the configuration file.
    pub fn new(rules: Vec<ScanRule>) -> Self {
        let filter = Filter::new(&[], &[]).expect("an empty list of globs is valid");
        Self {
            rules,
            fallback: ScanRule {
                host: Wildcard::new("*"),
                filter,
                every: Some(EVERY),
            },
            platforms: Platforms::default(),
        }
    }

    /// The same rules for images that must be built for `platforms`.
    #[must_use]
    pub fn for_platforms(self, platforms: Platforms) -> Self {
        Self { platforms, ..self }
    }

    /// The platforms that an image must be built for.
    pub fn platforms(&self) -> &Platforms {
        &self.platforms
    }

    fn rule(&self, host: &str) -> &ScanRule {
        self.rules
            .iter()
            .find(|rule| rule.host.matches(host))
            .unwrap_or(&self.fallback)
    }

    /// Whether a repository may be scanned. A repository of a system registry may be scanned only if a rule names the registry.
    ///
    /// # Errors
    /// The repository may not be scanned. The error is the reason, for people.
    pub fn allows(&self, repository: &Repository) -> Result<(), String> {
        let host = &repository.host;
        let rule = self.rule(host);
        if let Some(system) = SystemRegistry::at(host)
            && !rule.host.as_str().contains(system.id)
        {
            return Err(format!(
                "{host} belongs to {}, whose images are not scanned; to scan them, name the host under registries",
                system.owner
            ));
        }
        rule.filter.repository(&repository.path)
    }

    /// Which tags of a repository count. Host, account and path are matched here, once for all tags.
    ///
    /// # Errors
    /// The repository may not be scanned. The error is the reason, for people.
    pub fn tags(&self, repository: &Repository) -> Result<TagFilter<'_>, String> {
        self.allows(repository)?;
        self.rule(&repository.host).filter.tags(&repository.path)
    }

    /// The time between two scans of a repository; `None` if it is scanned only on request.
    pub fn every(&self, repository: &Repository) -> Option<Duration> {
        self.rule(&repository.host).every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rule: Option<&str>, host: &str) -> Result<(), String> {
        let rules = rule.map(|host| ScanRule {
            host: Wildcard::new(host),
            filter: Filter::new(&[], &[]).unwrap(),
            every: None,
        });
        let repository = Repository {
            host: host.to_owned(),
            path: "eks/coredns".to_owned(),
        };
        ScanRules::new(rules.into_iter().collect()).allows(&repository)
    }

    #[test]
    fn a_registry_of_eks_is_not_scanned_unless_a_rule_names_its_account() {
        for host in [
            "602401143452.dkr.ecr.eu-west-1.amazonaws.com",
            "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "961992271922.dkr.ecr.cn-northwest-1.amazonaws.com.cn",
            "013241004608.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "602401143452.dkr-ecr.eu-west-1.on.aws",
        ] {
            let reason = allows(None, host).unwrap_err();
            assert!(reason.contains(host) && reason.contains("belongs to EKS"), "{reason}");
            assert!(allows(Some("*.dkr.ecr.*"), host).is_err());
            assert!(allows(Some(host), host).is_ok());
        }
        assert!(allows(Some("602401143452.*"), "602401143452.dkr.ecr.eu-west-1.amazonaws.com").is_ok());
        assert!(allows(None, "111122223333.dkr.ecr.eu-west-1.amazonaws.com").is_ok());
        assert!(allows(None, "602401143452.example").is_ok());
    }
}
