use super::docker_config::{DockerConfig, SecretForm};
use super::pull_mark::{self, Owner, Times};
use super::secret::LiveSecret;
use crate::resource::ResourceVersion;
use std::collections::BTreeMap;

/// What a watch keeps of a Secret with the agent's label. No password is among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSecretFacts {
    /// The UID.
    pub uid: String,
    /// The version that these facts are of.
    pub version: ResourceVersion,
    /// The form of its logins; `None` for another type of Secret.
    pub form: Option<SecretForm>,
    /// The logins, by the keys under which they stand.
    pub logins: BTreeMap<String, LoginFacts>,
    /// Why the logins cannot be read, if so.
    pub unreadable: Option<String>,
}

/// A login in a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginFacts {
    /// The agent's, as the agent wrote it.
    Own {
        /// With which identity, and where, the login was made.
        by: String,
        /// From when to when the login is used.
        times: Times,
    },
    /// Somebody else's, or changed by somebody else.
    Foreign,
}

impl PullSecretFacts {
    /// Reads a Secret.
    pub fn read(owner: Owner<'_>, secret: &LiveSecret) -> Self {
        let form = SecretForm::of_type(&secret.type_name);
        let mark = pull_mark::read(&secret.annotations);
        let config = form.map(|form| {
            let bytes = secret.data.get(form.entry());
            DockerConfig::read(form, bytes.map(|bytes| bytes.expose()))
        });
        let (logins, unreadable) = match config {
            Some(Ok(config)) => {
                let facts = config.logins.iter().map(|(key, login)| {
                    let marked = mark.logins.get(key);
                    let proved = marked.filter(|marked| marked.is_proved(owner, key, login.get()));
                    let facts = proved.map_or(LoginFacts::Foreign, |marked| LoginFacts::Own {
                        by: marked.by.clone(),
                        times: marked.times,
                    });
                    (key.clone(), facts)
                });
                (facts.collect(), None)
            }
            Some(Err(reason)) => (BTreeMap::new(), Some(reason)),
            None => (BTreeMap::new(), None),
        };
        Self {
            uid: secret.uid.clone(),
            version: secret.version.clone(),
            form,
            logins,
            unreadable,
        }
    }

    /// Whether the agent has the same to do, whatever else has changed.
    pub fn is_like(&self, other: &Self) -> bool {
        (&self.uid, self.form, &self.logins, &self.unreadable)
            == (&other.uid, other.form, &other.logins, &other.unreadable)
    }
}
