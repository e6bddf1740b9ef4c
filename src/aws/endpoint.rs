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

/// The identity whose credentials sign a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The agent's own: the credentials that the SDK finds in the agent's environment.
    Agent,
}
