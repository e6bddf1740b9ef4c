use super::{ConfigFile, Failure, Output, print, print_json};
use crate::agent::{AgentConfig, COMMENT, Rotation};
use crate::config::{Settings, SigningKey};
use crate::git::DeployKey;
use crate::http::Client;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Print the public half of the deploy key, making the key if there is none
///
/// The key is kept where `repo.key` says: in a Secret of the agent's namespace, or in a file. Give the printed line to
/// the repository as a deploy key with write access; where to is printed, too.
///
/// With --rotate the key is replaced in two steps, so that syncing never stops: the first run makes the next key beside the
/// present one and prints it. The agent changes over by itself as soon as the server lets the next key in; a second run
/// does so at once if that has not happened yet, and prints which key to remove at the forge.
#[derive(Debug, Args)]
pub(super) struct Identity {
    #[command(flatten)]
    config: ConfigFile,

    /// Take the next step in replacing the key
    #[arg(long)]
    rotate: bool,

    /// The name that the next key logs in under, where the server gives each key its own (CodeCommit)
    #[arg(long, value_name = "NAME", requires = "rotate")]
    user: Option<String>,

    /// Take the next key away again; the present one stays
    #[arg(long, conflicts_with = "rotate")]
    abandon: bool,

    /// The running agent's address: with --rotate it is woken, so that it looks at the keys at once
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL")]
    server: Option<String>,

    /// The file that holds the agent's bearer token
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// The form of the answer
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORM")]
    output: Output,
}

/// The agent is woken at the beginning of a call that it answers later.
const WAKING: Duration = Duration::from_secs(5);

/// A key for those who read JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    public_key: String,
    fingerprint: String,
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    /// Present while a rotation is under way: the key that is to follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Present at a rotation's end: what may be removed at the forge.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_signer: Option<String>,
}

impl Identity {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let checked = AgentConfig::new(self.config.read()?);
        if !crate::agent::has_deploy_key(&checked) {
            return self.show_signing(crate::agent::signing_key(&checked).await?);
        }
        if self.rotate || self.abandon {
            let step = match self.abandon {
                true => crate::agent::abandon(&checked).await?,
                false => crate::agent::rotate(&checked, self.user.as_deref()).await?,
            };
            self.wake().await;
            return self.tell(checked.settings(), step);
        }
        let keys = crate::agent::deploy_keys(&checked).await?;
        let next = keys.next.as_ref().map(|next| next.public_line(COMMENT));
        let signing = crate::agent::signing_key(&checked).await?;
        self.show(checked.settings(), &keys.current, next.clone(), keys.previous, signing)?;
        if let (Some(next), false) = (next, self.is_json()) {
            eprintln!("a next key is on its way (tidegate identity --rotate goes on with it): {next}");
        }
        Ok(())
    }

    /// A running agent would look by itself within a minute; nobody need hear that there is none.
    async fn wake(&self) {
        if let (Some(server), Some(token_file)) = (&self.server, &self.token_file)
            && let Ok(client) = Client::new(server, token_file, WAKING).await
        {
            let _ = client.sync().await;
        }
    }

    fn tell(&self, settings: &Settings, step: Rotation) -> Result<(), Failure> {
        match step {
            Rotation::Begun { next, current } => {
                self.show(settings, &next, None, None, None)?;
                if !self.is_json() {
                    eprintln!(
                        "this is the next key; leave the present one, {}, where it is: the agent uses it until the next \
                         one works, and changes over by itself. Then run this again: it tells what to remove",
                        current.fingerprint()
                    );
                    if settings.repo.url.has_user_for_each_key() {
                        eprintln!(
                            "here each key has its own user: give its SSH key ID to the second run, with --user APKA…, \
                             and put it into repo.url afterwards"
                        );
                    }
                }
                Ok(())
            }
            Rotation::Done { current, previous } => {
                self.show(settings, &current, None, Some(previous.clone()), None)?;
                if !self.is_json() {
                    eprintln!("this key is in use now; remove the one before at the forge: {previous}");
                }
                Ok(())
            }
            Rotation::Abandoned { current, was_begun } => {
                self.show(settings, &current, None, None, None)?;
                if !self.is_json() {
                    eprintln!(
                        "{}this key stays in use",
                        if was_begun {
                            "the next key is gone; "
                        } else {
                            "there was no next key; "
                        }
                    );
                }
                Ok(())
            }
        }
    }

    fn show(
        &self,
        settings: &Settings,
        key: &DeployKey,
        next: Option<String>,
        previous: Option<String>,
        signing: Option<Arc<DeployKey>>,
    ) -> Result<(), Failure> {
        let place = settings.repo.url.key_page();
        let signer = match settings.automation.signing {
            Some(SigningKey::DeployKey) => Some(key),
            _ => signing.as_deref(),
        };
        let allowed_signer = signer.map(|key| key.allowed_signer_line(COMMENT));
        if self.is_json() {
            return print_json(&Shown {
                public_key: key.public_line(COMMENT),
                fingerprint: key.fingerprint(),
                r#type: key.kind(),
                page: place.page,
                advice: Some(place.advice),
                next,
                previous,
                allowed_signer,
            });
        }
        print(format!("{}\n", key.public_line(COMMENT)).as_bytes())?;
        eprintln!("fingerprint {}", key.fingerprint());
        match place.page {
            Some(page) => eprintln!("at {page} {}", place.advice),
            None => eprintln!("{}", place.advice),
        }
        if let Some(line) = allowed_signer {
            let with = match signing {
                None => "it",
                Some(_) => "a key of their own",
            };
            eprintln!("commits are signed with {with}; the line for allowed_signers: {line}");
        }
        Ok(())
    }

    /// Over HTTPS there is no other key than the one for signatures.
    fn show_signing(&self, signing: Option<Arc<DeployKey>>) -> Result<(), Failure> {
        let none = "there is no deploy key for an HTTPS address; the login is in repo.http.credentials";
        let Some(key) = signing.filter(|_| !self.rotate && !self.abandon) else {
            return Err(anyhow::anyhow!(none).into());
        };
        let allowed_signer = key.allowed_signer_line(COMMENT);
        if self.is_json() {
            return print_json(&Shown {
                public_key: key.public_line(COMMENT),
                fingerprint: key.fingerprint(),
                r#type: key.kind(),
                page: None,
                advice: None,
                next: None,
                previous: None,
                allowed_signer: Some(allowed_signer),
            });
        }
        print(format!("{}\n", key.public_line(COMMENT)).as_bytes())?;
        eprintln!("fingerprint {}", key.fingerprint());
        eprintln!("{none}; commits are signed with this key, whose line for allowed_signers is: {allowed_signer}");
        Ok(())
    }

    fn is_json(&self) -> bool {
        matches!(self.output, Output::Json)
    }
}
