use super::endpoint::Endpoint;
use super::partition::Partition;
use super::role::is_account;
use std::fmt;

/// The parts of the host of a private ECR registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EcrHost {
    /// The AWS account of the registry: twelve digits.
    pub account: String,
    /// The region of the registry, such as `cn-north-1`.
    pub region: String,
    /// Whether this is the endpoint with FIPS-validated cryptography.
    pub fips: bool,
    /// Whether this is the dual-stack endpoint, which also serves IPv6.
    pub dual_stack: bool,
    /// The partition of the region.
    pub partition: Partition,
}

impl EcrHost {
    /// Reads a registry host. `None` if it is not a host of private ECR.
    ///
    /// Account, service, region and suffix must all be present and match each other: a China region with a global suffix
    /// is not an ECR host.
    pub fn parse(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        is_account(account).then_some(())?;
        let (service, rest) = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."]
            .into_iter()
            .find_map(|service| Some((service, rest.strip_prefix(service)?)))?;
        let (region, suffix) = rest.split_once('.')?;
        let partition = Partition::of_region(region)?;
        let dual = partition.registry_dual_stack_suffix;
        let dual_stack = !dual.is_empty() && suffix == dual;
        let dashed = service.starts_with("dkr-");
        // In China, the dual-stack suffix occurs with both spellings of the service.
        let matches = if dashed {
            dual_stack
        } else {
            suffix == partition.suffix || (dual_stack && partition.name == "aws-cn")
        };
        matches.then(|| Self {
            account: account.to_owned(),
            region: region.to_owned(),
            fips: service.ends_with("-fips."),
            dual_stack,
            partition,
        })
    }

    /// Whether a text nearly is a host of private ECR: a typing error must not become a request to whoever has that name.
    pub fn is_like(host: &str) -> bool {
        host.contains(".dkr.ecr") || host.contains(".dkr-ecr")
    }

    /// The API endpoint of this registry's region.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            region: self.region.clone(),
            fips: self.fips,
            dual_stack: self.dual_stack,
        }
    }

    /// The ARN of a repository in this registry, as IAM policies name it.
    pub(crate) fn arn(&self, repository: &str) -> String {
        let Self {
            account,
            region,
            partition,
            ..
        } = self;
        format!("arn:{}:ecr:{region}:{account}:repository/{repository}", partition.name)
    }
}

impl fmt::Display for EcrHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in {}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_every_partition_are_read() {
        for (host, region, partition, fips, dual) in [
            (
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
                "eu-west-1",
                "aws",
                false,
                false,
            ),
            (
                "111122223333.dkr.ecr.ap-southeast-7.amazonaws.com",
                "ap-southeast-7",
                "aws",
                false,
                false,
            ),
            ("111122223333.dkr-ecr.eu-west-1.on.aws", "eu-west-1", "aws", false, true),
            (
                "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
                "us-east-1",
                "aws",
                true,
                false,
            ),
            (
                "111122223333.dkr-ecr-fips.us-west-2.on.aws",
                "us-west-2",
                "aws",
                true,
                true,
            ),
            (
                "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "aws-us-gov",
                false,
                false,
            ),
            (
                "111122223333.dkr-ecr-fips.us-gov-east-1.on.aws",
                "us-gov-east-1",
                "aws-us-gov",
                true,
                true,
            ),
            (
                "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "aws-cn",
                false,
                false,
            ),
            (
                "111122223333.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
                "cn-northwest-1",
                "aws-cn",
                false,
                true,
            ),
            (
                "111122223333.dkr.ecr.cn-north-1.on.amazonwebservices.com.cn",
                "cn-north-1",
                "aws-cn",
                false,
                true,
            ),
            (
                "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1",
                "aws-eusc",
                false,
                false,
            ),
            (
                "111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov",
                "us-iso-east-1",
                "aws-iso",
                false,
                false,
            ),
            (
                "111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
                "us-isob-east-1",
                "aws-iso-b",
                false,
                false,
            ),
            (
                "111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
                "eu-isoe-west-1",
                "aws-iso-e",
                false,
                false,
            ),
            (
                "111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
                "us-isof-south-1",
                "aws-iso-f",
                false,
                false,
            ),
        ] {
            let found = EcrHost::parse(host).unwrap_or_else(|| panic!("{host} is an ECR host"));
            assert_eq!(found.account, "111122223333", "{host}");
            assert_eq!(found.region, region, "{host}");
            assert_eq!((found.fips, found.dual_stack), (fips, dual), "{host}");
            assert_eq!(
                found.arn("shop/web"),
                format!("arn:{partition}:ecr:{region}:111122223333:repository/shop/web"),
            );
        }
    }

    #[test]
    fn other_hosts_are_not_ecr() {
        for host in [
            "",
            "docker.io",
            "ghcr.io",
            "public.ecr.aws",
            "registry:5000",
            "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
            "1111222233334.dkr.ecr.eu-west-1.amazonaws.com",
            "11112222333x.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "evil.example.111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn",
            "111122223333.dkr.ecr.us-iso-east-1.amazonaws.com",
            "111122223333.dkr-ecr.us-iso-east-1.",
            "111122223333.dkr.ecr.eu-west-1.on.aws",
            "111122223333.dkr-ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com:443",
            "111122223333.dkr.ecr.eu-west.amazonaws.com",
            "111122223333.dkr.ecr.eu--1.amazonaws.com",
            "111122223333.dkr.ecr.amazonaws.com",
            "111122223333.dkr.s3.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(EcrHost::parse(host), None, "{host}");
        }
    }
}
