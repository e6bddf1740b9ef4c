use super::ApiServer;
use crate::model::Secret as Text;
use crate::port::ClusterFailure;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use std::collections::BTreeMap;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(15);
/// Each lost race means that somebody else has written; three of them in a row do not happen by chance.
const ATTEMPTS: usize = 4;

/// Which Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret {}/{}", self.namespace, self.name)
    }
}

/// A Secret's entries, read as text.
pub type Entries = BTreeMap<String, Text>;

impl ApiServer {
    /// A Secret's entries; none if there is no such Secret.
    ///
    /// # Errors
    /// When the Secret cannot be read.
    pub async fn secret(&self, place: &SecretName) -> Result<Entries, ClusterFailure> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &place.namespace);
        let found = self.within(DEADLINE, api.get_opt(&place.name)).await?;
        Ok(found.as_ref().map(entries_of).unwrap_or_default())
    }

    /// Changes a Secret's entries, or makes the Secret, by compare-and-swap: `change` sees what is there and says with true
    /// that it has changed it, and is asked again when somebody else was first. The entries as they are then.
    ///
    /// # Errors
    /// When the Secret cannot be read or written.
    pub async fn change_secret<E: From<ClusterFailure>>(
        &self,
        place: &SecretName,
        mut change: impl FnMut(&mut Entries) -> Result<bool, E>,
    ) -> Result<Entries, E> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &place.namespace);
        for _ in 0..ATTEMPTS {
            let found = self.within(DEADLINE, api.get_opt(&place.name)).await?;
            let before = found.as_ref().map(entries_of).unwrap_or_default();
            let mut after = before.clone();
            if !change(&mut after)? {
                return Ok(after);
            }
            let outcome = match found {
                None => {
                    let mut secret = Secret {
                        metadata: ObjectMeta {
                            name: Some(place.name.clone()),
                            namespace: Some(place.namespace.clone()),
                            ..ObjectMeta::default()
                        },
                        ..Secret::default()
                    };
                    put(&mut secret, &before, &after);
                    self.within(DEADLINE, api.create(&PostParams::default(), &secret)).await
                }
                Some(mut secret) => {
                    put(&mut secret, &before, &after);
                    self.within(DEADLINE, api.replace(&place.name, &PostParams::default(), &secret))
                        .await
                }
            };
            match outcome {
                Ok(_) => return Ok(after),
                Err(ClusterFailure::Conflict { .. }) => {}
                Err(failure) => return Err(self.at_home(failure).into()),
            }
        }
        Err(contested(place).into())
    }
}

fn entries_of(secret: &Secret) -> Entries {
    let data = secret.data.iter().flatten();
    data.map(|(entry, ByteString(bytes))| (entry.clone(), Text::new(String::from_utf8_lossy(bytes))))
        .collect()
}

/// Entries that were not changed stay as they are, byte for byte.
fn put(secret: &mut Secret, before: &Entries, after: &Entries) {
    let data = secret.data.get_or_insert_default();
    data.retain(|entry, _| after.contains_key(entry));
    for (entry, text) in after {
        let is_as_before = before.get(entry).is_some_and(|before| before.expose() == text.expose());
        if !is_as_before {
            data.insert(entry.clone(), ByteString(text.expose().as_bytes().to_vec()));
        }
    }
}

fn contested(place: &SecretName) -> ClusterFailure {
    ClusterFailure::Conflict {
        message: format!(
            "{place}: somebody keeps changing it while it is written; see who else writes it and try again"
        ),
    }
}
