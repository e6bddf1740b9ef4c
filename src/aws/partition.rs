/// A partition of AWS: regions with names, endpoints and credentials of their own. A role of one partition is unknown in every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The name in ARNs, such as `aws-cn`.
    pub name: &'static str,
    /// What the names of its regions begin with.
    region_prefix: &'static str,
    /// The suffix of hosts that serve IPv4.
    pub(crate) suffix: &'static str,
    /// The suffix of the dual-stack hosts of services, such as the API of STS; empty where there are none.
    pub(crate) dual_stack_suffix: &'static str,
    /// The suffix of the dual-stack hosts of registries; empty where there are none.
    pub(crate) registry_dual_stack_suffix: &'static str,
}

/// Source: the endpoint data of the SDKs. The order matters: a region belongs to the first partition whose prefix it has.
const PARTITIONS: [Partition; 8] = [
    partition(
        "aws-cn",
        "cn-",
        "amazonaws.com.cn",
        "api.amazonwebservices.com.cn",
        "on.amazonwebservices.com.cn",
    ),
    partition("aws-us-gov", "us-gov-", "amazonaws.com", "api.aws", "on.aws"),
    partition(
        "aws-eusc",
        "eusc-",
        "amazonaws.eu",
        "api.amazonwebservices.eu",
        "on.amazonwebservices.eu",
    ),
    partition("aws-iso", "us-iso-", "c2s.ic.gov", "", ""),
    partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "", ""),
    partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "", ""),
    partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "", ""),
    partition("aws", "", "amazonaws.com", "api.aws", "on.aws"),
];

const fn partition(
    name: &'static str,
    region_prefix: &'static str,
    suffix: &'static str,
    dual_stack_suffix: &'static str,
    registry_dual_stack_suffix: &'static str,
) -> Partition {
    Partition {
        name,
        region_prefix,
        suffix,
        dual_stack_suffix,
        registry_dual_stack_suffix,
    }
}

impl Partition {
    /// The partition of a region; `None` if the text is no region.
    pub fn of_region(region: &str) -> Option<Self> {
        is_region(region).then_some(())?;
        PARTITIONS
            .into_iter()
            .find(|partition| region.starts_with(partition.region_prefix))
    }

    /// The partition with this name in ARNs.
    pub(crate) fn named(name: &str) -> Option<Self> {
        PARTITIONS.into_iter().find(|partition| partition.name == name)
    }

    /// The names of all partitions, as a list for people.
    pub(crate) fn names() -> String {
        PARTITIONS.map(|partition| partition.name).join(", ")
    }
}

/// Whether a text has the form of a region: two or more words and a number, joined by dashes (`eu-west-1`, `us-gov-east-1`).
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    text.len() <= 32
        && words.contains('-')
        && words
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}
