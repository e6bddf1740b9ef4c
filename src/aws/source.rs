use super::failure::CredentialsFailure;
use aws_credential_types::Credentials;
use futures::future::BoxFuture;

/// Where the credentials of an identity come from.
pub(super) trait Source: Send + Sync {
    /// Asks for credentials, every time anew.
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialsFailure>>;

    /// Starts from the very beginning the next time: files are read anew.
    fn forget(&self) {}

    /// Whose credentials these are, for messages.
    fn identity(&self) -> String;
}
