use ssh_key::{Algorithm, EcdsaCurve};

/// The kind of a new key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519: short, and equal bytes have equal signatures.
    #[default]
    Ed25519,
    /// RSA with 4096 bits, for servers that accept no other kind.
    Rsa,
    /// ECDSA on P-256.
    Ecdsa,
    /// ECDSA on P-384.
    EcdsaP384,
}

impl KeyKind {
    /// All kinds, the recommended ones first.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::Rsa, Self::Ecdsa, Self::EcdsaP384];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
            Self::Ecdsa => "ecdsa",
            Self::EcdsaP384 => "ecdsa-p384",
        }
    }

    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::Ed25519 => Algorithm::Ed25519,
            Self::Rsa => Algorithm::Rsa { hash: None },
            Self::Ecdsa => Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256,
            },
            Self::EcdsaP384 => Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP384,
            },
        }
    }
}
