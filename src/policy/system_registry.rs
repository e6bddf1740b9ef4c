/// A registry in which a platform keeps its own images. Users may not list it, and the platform chooses the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SystemRegistry {
    /// The platform, such as `EKS`.
    pub owner: &'static str,
    /// The part of the host that identifies the registry. A scan rule whose host pattern has this part lifts the ban.
    pub id: &'static str,
}

impl SystemRegistry {
    /// The system registry at a host, if there is one.
    pub(crate) fn at(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        if !rest.starts_with("dkr.ecr") && !rest.starts_with("dkr-ecr") {
            return None;
        }
        let id = EKS_ACCOUNTS.into_iter().find(|known| *known == account)?;
        Some(Self { owner: "EKS", id })
    }
}

/// The AWS accounts whose registries hold the images of EKS (add-ons, pause, kube-proxy, the VPC CNI), with their regions.
///
/// Sources: Amazon EKS user guide, "View Amazon container image registries for Amazon EKS add-ons"; for the isolated
/// regions, awslabs/amazon-eks-ami.
const EKS_ACCOUNTS: [&str; 27] = [
    "602401143452", // every region without an account below
    "877085696533", // af-south-1
    "800184023465", // ap-east-1
    "533267051163", // ap-east-2
    "900889452093", // ap-south-2
    "296578399912", // ap-southeast-3
    "491585149902", // ap-southeast-4
    "151610086707", // ap-southeast-5
    "333609536671", // ap-southeast-6
    "121268973566", // ap-southeast-7
    "761377655185", // ca-west-1
    "918309763551", // cn-north-1
    "961992271922", // cn-northwest-1
    "900612956339", // eu-central-2
    "249663109785", // eu-isoe-west-1
    "590381155156", // eu-south-1
    "455263428931", // eu-south-2
    "066635153087", // il-central-1
    "759879836304", // me-central-1
    "558608220178", // me-south-1
    "730335286997", // mx-central-1
    "151742754352", // us-gov-east-1
    "013241004608", // us-gov-west-1
    "725322719131", // us-iso-east-1
    "608367168043", // us-iso-west-1
    "187977181151", // us-isob-east-1
    "676585237158", // us-isof-south-1
];
