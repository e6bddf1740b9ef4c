/// The address of a cluster, and the authority that signed its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EksAddress {
    /// `https://…`.
    pub endpoint: String,
    /// PEM.
    pub authority: Vec<u8>,
}
