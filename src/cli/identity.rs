use super::config_file::ConfigFile;
use super::failure::Failure;
use super::output::{Output, print, print_json};
use crate::agent::{self, AgentConfig, Rotation};
use crate::config::{Settings, SigningKey};
use crate::deploy_key::COMMENT;
use crate::git::DeployKey;
use crate::http::Client;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Print the public half of the deploy key, and make the key if there is none
///
/// The key is kept where `repo.key` says: in a Secret of the agent's namespace, or in a file. Add the printed line to the
/// repository as a deploy key with write access; the page where to add it is printed as well.
///
/// With --rotate, the key is replaced in two steps, and sync goes on in between. The first run makes a second key and prints
/// it. The agent uses that key from the moment when the server accepts it. The second run prints which key to remove at the
/// forge; if the agent still uses the first key, the second run makes it change over at once.
#[derive(Debug, Args)]
pub(super) struct Identity {
    #[command(flatten)]
    config: ConfigFile,

    /// Take the next step in replacing the key
    #[arg(long)]
    rotate: bool,

    /// User that the next key logs in as, for servers where each key has its own user (CodeCommit)
    #[arg(long, value_name = "NAME", requires = "rotate")]
    user: Option<String>,

    /// Remove the next key; the current key stays in use
    #[arg(long, conflicts_with = "rotate")]
    abandon: bool,

    /// Address of the running agent: --rotate and --abandon make it read the keys at once
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL")]
    server: Option<String>,

    /// File that holds the agent's bearer token
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Output format
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

/// The wake-up happens at the beginning of a call whose answer comes later. The answer is not needed.
const WAKE_UP: Duration = Duration::from_secs(5);

const NO_DEPLOY_KEY: &str = "an HTTPS address has no deploy key; its login is in repo.http.credentials";

/// The keys as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    public_key: String,
    fingerprint: String,
    r#type: String,
    /// The forge's page for deploy keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// What to do on that page.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    /// The next key, during a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The key to remove at the forge, at the end of a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// The line for allowed_signers, where commits are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_signer: Option<String>,
    #[serde(skip)]
    signed_with_another: bool,
}

impl Keys {
    fn new(key: &DeployKey) -> Self {
        Self {
            public_key: key.public_line(COMMENT),
            fingerprint: key.fingerprint(),
            r#type: key.kind(),
            page: None,
            advice: None,
            next: None,
            previous: None,
            allowed_signer: None,
            signed_with_another: false,
        }
    }

    /// The deploy key, and where to add it.
    fn deploy(settings: &Settings, key: &DeployKey) -> Self {
        let key_page = settings.repo.url.key_page();
        let signs = settings.automation.signing == Some(SigningKey::DeployKey);
        Self {
            page: key_page.page,
            advice: Some(key_page.advice),
            allowed_signer: signs.then(|| key.allowed_signer_line(COMMENT)),
            ..Self::new(key)
        }
    }

    /// Adds a key that only signs.
    fn signed_with(mut self, signing: Option<&DeployKey>) -> Self {
        if let (None, Some(key)) = (&self.allowed_signer, signing) {
            self.allowed_signer = Some(key.allowed_signer_line(COMMENT));
            self.signed_with_another = true;
        }
        self
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        if output == Output::Json {
            return print_json(self);
        }
        print(format!("{}\n", self.public_key).as_bytes())?;
        eprintln!("fingerprint {}", self.fingerprint);
        match (&self.page, self.advice) {
            (Some(page), Some(advice)) => eprintln!("at {page} {advice}"),
            (None, Some(advice)) => eprintln!("{advice}"),
            (_, None) => {}
        }
        if let (Some(line), true) = (&self.allowed_signer, self.advice.is_some()) {
            let with = if self.signed_with_another {
                "another key"
            } else {
                "this key"
            };
            eprintln!("commits are signed with {with}; its line for allowed_signers: {line}");
        }
        Ok(())
    }
}

impl Identity {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = AgentConfig::new(self.config.read()?);
        let settings = config.settings();
        if !agent::has_deploy_key(&config) {
            return self.show_signing_key(agent::signing_key(&config).await?);
        }
        if self.rotate || self.abandon {
            let step = match self.abandon {
                true => agent::abandon(&config).await?,
                false => agent::rotate(&config, self.user.as_deref()).await?,
            };
            self.wake_agent().await;
            return self.show_step(settings, step);
        }
        let found = agent::deploy_keys(&config).await?;
        let signing = agent::signing_key(&config).await?;
        let mut keys = Keys::deploy(settings, &found.current).signed_with(signing.as_deref());
        keys.next = found.next.as_ref().map(|next| next.public_line(COMMENT));
        keys.previous = found.previous;
        keys.print(self.output)?;
        if let Some(next) = &keys.next {
            self.explain(&format!(
                "a rotation is under way (tidegate identity --rotate takes its next step); the next key: {next}"
            ));
        }
        Ok(())
    }

    /// Without a wake-up the agent reads its keys within a minute, so no failure is reported.
    async fn wake_agent(&self) {
        if let (Some(server), Some(token_file)) = (&self.server, &self.token_file)
            && let Ok(client) = Client::new(server, token_file, WAKE_UP).await
        {
            let _ = client.sync().await;
        }
    }

    fn show_step(&self, settings: &Settings, step: Rotation) -> Result<(), Failure> {
        match step {
            Rotation::Begun { next, current } => {
                Keys::deploy(settings, &next).print(self.output)?;
                self.explain(&format!(
                    "this is the next key. Leave the current key, {}, at the forge: the agent uses it until the next key works, \
                     and then changes over by itself. Afterwards run this command again: it names the key to remove",
                    current.fingerprint()
                ));
                if settings.repo.url.has_user_for_each_key() {
                    self.explain(
                        "each key of this server has its own user: give the SSH key ID of the next key to the second run, with \
                         --user APKA…, and write it into repo.url afterwards",
                    );
                }
            }
            Rotation::Done { current, previous } => {
                let mut keys = Keys::deploy(settings, &current);
                keys.previous = Some(previous.clone());
                keys.print(self.output)?;
                self.explain(&format!(
                    "this key is in use now; remove the one before at the forge: {previous}"
                ));
            }
            Rotation::Abandoned { current, was_begun } => {
                Keys::deploy(settings, &current).print(self.output)?;
                let next = match was_begun {
                    true => "the next key is removed",
                    false => "there was no next key",
                };
                self.explain(&format!("{next}; this key stays in use"));
            }
        }
        Ok(())
    }

    /// An HTTPS address has no deploy key, and perhaps a signing key.
    fn show_signing_key(&self, signing: Option<Arc<DeployKey>>) -> Result<(), Failure> {
        let Some(key) = signing.filter(|_| !self.rotate && !self.abandon) else {
            return Err(anyhow::anyhow!(NO_DEPLOY_KEY).into());
        };
        let mut keys = Keys::new(&key);
        let line = key.allowed_signer_line(COMMENT);
        keys.allowed_signer = Some(line.clone());
        keys.print(self.output)?;
        self.explain(&format!(
            "{NO_DEPLOY_KEY}; commits are signed with this key; its line for allowed_signers: {line}"
        ));
        Ok(())
    }

    /// Explains the output in words, on standard error.
    fn explain(&self, text: &str) {
        if self.output == Output::Text {
            eprintln!("{text}");
        }
    }
}
