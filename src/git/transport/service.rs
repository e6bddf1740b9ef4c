use crate::git::url::RepoUrl;

/// The two services of a git server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Sends objects: for fetches.
    UploadPack,
    /// Takes objects: for pushes.
    ReceivePack,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// The command that runs the service over SSH.
    pub(crate) fn command(self, url: &RepoUrl) -> String {
        format!("{} {}", self.name(), url.quoted_path())
    }
}
