use super::{ConfigFile, Failure, print};
use clap::Args;

/// Print the public half of the deploy key, making the key if there is none
///
/// The key is kept where `repo.key` says: in a Secret of the agent's namespace, or in a file. Give the printed line to
/// the repository as a deploy key with write access.
#[derive(Debug, Args)]
pub(super) struct Identity {
    #[command(flatten)]
    config: ConfigFile,
}

impl Identity {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let settings = self.config.read()?;
        let settings = crate::agent::Checked::new(settings);
        if !crate::agent::has_deploy_key(&settings) {
            return Err(anyhow::anyhow!(
                "there is no deploy key for an HTTPS address; the login is in repo.http.credentials"
            )
            .into());
        }
        let key = crate::agent::deploy_key(&settings).await?;
        print(format!("{}\n", key.public_line("tidegate")).as_bytes())?;
        eprintln!("fingerprint {}", key.fingerprint());
        Ok(())
    }
}
