/// A text that must never be shown. It has no `Debug` and no `Display`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Pass it straight to the call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Bytes that must never be shown, as a Kubernetes Secret holds them.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Wraps bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves. Pass them straight to the call that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}
