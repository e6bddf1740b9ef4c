/// The endpoint that a client sends its requests to: a region, and a variant of its endpoints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The region, such as `cn-north-1`.
    pub region: String,
    /// Whether to use the endpoint with FIPS-validated cryptography.
    pub fips: bool,
    /// Whether to use the dual-stack endpoint, which also serves IPv6.
    pub dual_stack: bool,
}

impl Endpoint {
    /// The usual endpoint of a region.
    pub fn of_region(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            fips: false,
            dual_stack: false,
        }
    }
}
