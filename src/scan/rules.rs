use super::system::eks_account;
use crate::model::{Repository, Tag};
use crate::policy::{Filter, Platforms};
use std::time::Duration;

/// How the repositories of some registries are scanned.
#[derive(Debug)]
pub struct Rule {
    /// The registry's host, `*` standing for any characters.
    pub host: String,
    /// Which repositories and tags may be scanned.
    pub filter: Filter,
    /// Between two scans; `None`: only when woken (by a cron window or a command).
    pub every: Option<Duration>,
}

/// All rules; the first whose host fits counts.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    fallback: Rule,
    platforms: Platforms,
}

/// A minute: what users of Flux expect of a scan.
const EVERY: Duration = Duration::from_secs(60);

impl Rules {
    /// Rules in the order of the file.
    pub fn new(rules: Vec<Rule>) -> Self {
        let filter = Filter::new(&[], &[]).expect("no globs are good globs");
        Self {
            rules,
            fallback: Rule {
                host: "*".into(),
                filter,
                every: Some(EVERY),
            },
            platforms: Platforms::default(),
        }
    }

    /// The same rules for images that must be built for these platforms.
    #[must_use]
    pub fn for_platforms(self, platforms: Platforms) -> Self {
        Self { platforms, ..self }
    }

    /// What images must be built for.
    pub fn platforms(&self) -> &Platforms {
        &self.platforms
    }

    fn of(&self, host: &str) -> &Rule {
        self.rules
            .iter()
            .find(|rule| fits(&rule.host, host))
            .unwrap_or(&self.fallback)
    }

    /// Whether a repository may be scanned. The registries that EKS keeps its own images in are not, unless a rule names
    /// the account.
    ///
    /// # Errors
    /// The reason why not.
    pub fn allows(&self, repository: &Repository) -> Result<(), String> {
        if let Some(account) = eks_account(&repository.host)
            && !self.of(&repository.host).host.contains(account)
        {
            return Err(format!(
                "{} belongs to EKS, whose images are not scanned; if you mean it, name the host under registries",
                repository.host
            ));
        }
        self.of(&repository.host).filter.repository(&repository.path)
    }

    /// Whether a tag counts.
    ///
    /// # Errors
    /// The reason why not.
    pub fn allows_tag(&self, repository: &Repository, tag: &Tag) -> Result<(), String> {
        self.allows(repository)?;
        self.of(&repository.host).filter.tag(&repository.path, tag)
    }

    /// The time between two scans of a repository, if it is scanned by a period.
    pub fn every(&self, repository: &Repository) -> Option<Duration> {
        self.of(&repository.host).every
    }
}

/// Whether a host pattern fits: `*` stands for any run of characters.
pub fn fits(pattern: &str, host: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| host.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(rule: Option<&str>, host: &str) -> Result<(), String> {
        let rules = rule.map(|host| Rule {
            host: host.to_owned(),
            filter: Filter::new(&[], &[]).unwrap(),
            every: None,
        });
        let repository = Repository {
            host: host.to_owned(),
            path: "eks/coredns".to_owned(),
        };
        Rules::new(rules.into_iter().collect()).allows(&repository)
    }

    #[test]
    fn what_belongs_to_eks_is_not_scanned_unless_its_account_is_named() {
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

    #[test]
    fn hosts() {
        for (pattern, host, want) in [
            ("a.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("*", "anything", true),
            (
                "111122223333.dkr.ecr.*",
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
                true,
            ),
            ("*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.eu-west-1.amazonaws.com", true),
            (
                "*.dkr.ecr.*.amazonaws.com",
                "1.dkr.ecr.cn-north-1.amazonaws.com.cn",
                false,
            ),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, host), want, "{pattern} {host}");
        }
    }
}
