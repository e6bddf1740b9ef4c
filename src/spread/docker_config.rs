use crate::model::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// How a Secret holds logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretForm {
    /// `kubernetes.io/dockerconfigjson`: what pods name in `imagePullSecrets`.
    DockerConfigJson,
    /// `kubernetes.io/dockercfg`: the older form of the same.
    DockerCfg,
    /// `Opaque` with an entry `config.json`, which programs mount as their docker configuration.
    ConfigJson,
}

impl SecretForm {
    /// The type of the Secret.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::DockerConfigJson => "kubernetes.io/dockerconfigjson",
            Self::DockerCfg => "kubernetes.io/dockercfg",
            Self::ConfigJson => "Opaque",
        }
    }

    /// The entry of the Secret that holds the logins.
    pub fn entry(self) -> &'static str {
        match self {
            Self::DockerConfigJson => ".dockerconfigjson",
            Self::DockerCfg => ".dockercfg",
            Self::ConfigJson => "config.json",
        }
    }

    /// The form of a Secret of this type.
    pub fn of_type(type_name: &str) -> Option<Self> {
        let all = [Self::DockerConfigJson, Self::DockerCfg, Self::ConfigJson];
        all.into_iter().find(|form| form.type_name() == type_name)
    }
}

/// A login as docker's configuration holds it. The kubelet reads `auth`; some programs read only the two others.
pub fn login_text(user: &str, password: &Secret) -> Secret {
    let auth = STANDARD.encode(format!("{user}:{}", password.expose()));
    let text = serde_json::json!({"username": user, "password": password.expose(), "auth": auth});
    Secret::new(text.to_string())
}

type Values = BTreeMap<String, Box<RawValue>>;

/// The logins of a Secret, with everything else that its entry holds. What the agent does not change keeps its bytes.
pub(super) struct DockerConfig {
    form: SecretForm,
    /// Everything beside `auths`; empty in the older form.
    others: Values,
    pub(super) logins: Values,
}

impl DockerConfig {
    /// Reads the entry; `None` for a Secret without one.
    ///
    /// # Errors
    /// What the entry is not. The text holds no value of it.
    pub(super) fn read(form: SecretForm, bytes: Option<&[u8]>) -> Result<Self, String> {
        let entry = form.entry();
        let mut others: Values = match bytes {
            None => Values::new(),
            Some(bytes) => serde_json::from_slice(bytes)
                .map_err(|error| format!("{entry} is no JSON object ({})", place(&error)))?,
        };
        let logins = match form {
            SecretForm::DockerCfg => std::mem::take(&mut others),
            SecretForm::DockerConfigJson | SecretForm::ConfigJson => match others.remove("auths") {
                None => Values::new(),
                Some(auths) => Option::<Values>::deserialize(&*auths)
                    .map_err(|error| format!("auths in {entry} is no JSON object ({})", place(&error)))?
                    .unwrap_or_default(),
            },
        };
        Ok(Self { form, others, logins })
    }

    /// The keys under which a host's login stands. Clients take the spellings as the same host.
    pub(super) fn keys_of(&self, host: &str) -> Vec<String> {
        let keys = self.logins.keys().filter(|key| names_host(key, host));
        keys.cloned().collect()
    }

    /// Whether there is nothing but logins.
    pub(super) fn has_only_logins(&self) -> bool {
        self.others.is_empty()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut all = self.others.clone();
        let logins = serde_json::value::to_raw_value(&self.logins);
        let text = match (self.form, logins) {
            (SecretForm::DockerCfg, Ok(logins)) => return logins.get().as_bytes().to_vec(),
            (_, Ok(logins)) => {
                all.insert("auths".to_owned(), logins);
                serde_json::to_vec(&all)
            }
            (_, Err(error)) => Err(error),
        };
        text.expect("JSON that was read is written")
    }
}

/// A key of `auths` without scheme and without the API version that docker once wrote: `https://index.docker.io/v1/` is
/// `index.docker.io`.
pub fn login_address(key: &str) -> &str {
    let key = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1")
        .or_else(|| key.strip_suffix("/v2"))
        .unwrap_or(key)
}

/// Whether a key of `auths` stands for this host and for no path below it.
pub(super) fn names_host(key: &str, host: &str) -> bool {
    login_address(key).eq_ignore_ascii_case(host)
}

/// Where a text is wrong. The message of serde quotes values.
fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}
