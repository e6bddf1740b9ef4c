use crate::model::Secret;
use futures::future::{BoxFuture, FutureExt as _};

/// How a server is reached at present.
pub(in crate::cluster) struct Reach {
    pub(in crate::cluster) config: kube::Config,
    /// Differs if the configuration does.
    pub(in crate::cluster) version: String,
}

/// Where the address of a server and the credentials for it come from.
pub(in crate::cluster) trait Remote: Send + Sync {
    /// Reads the address and the credentials that stay the same from one request to the next.
    ///
    /// # Errors
    /// What failed, why, and what to do.
    fn reach(&self) -> BoxFuture<'_, Result<Reach, String>>;

    /// The token of the next request, if each request needs one.
    ///
    /// # Errors
    /// What failed, why, and what to do.
    fn bearer(&self) -> BoxFuture<'_, Result<Option<Secret>, String>> {
        async { Ok(None) }.boxed()
    }

    /// Drops a token that the server refused.
    fn forget(&self) {}
}
