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

/// Where a key lies: one entry of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKey {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The entry.
    pub key: String,
}

impl ApiServer {
    /// The key's text; made and stored when there is none. Of several processes that find none at the same time, one
    /// stores its key and all return that one: the Secret is created or replaced by compare-and-swap.
    ///
    /// # Errors
    /// When the Secret cannot be read or written, or holds something that is no text.
    pub async fn load_or_create_secret_key(
        &self,
        place: &SecretKey,
        make: impl FnOnce() -> Text,
    ) -> Result<Text, ClusterFailure> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &place.namespace);
        let mut make = Some(make);
        let mut made = None;
        for _ in 0..ATTEMPTS {
            let found = self.within(DEADLINE, api.get_opt(&place.name)).await?;
            if let Some(text) = found
                .as_ref()
                .map(|secret| text_of(secret, place))
                .transpose()?
                .flatten()
            {
                return Ok(text);
            }
            if let Some(make) = make.take() {
                made = Some(make());
            }
            let value = made
                .as_ref()
                .map(|text| text.expose().as_bytes().to_vec())
                .unwrap_or_default();
            let outcome = match found {
                None => {
                    let secret = Secret {
                        metadata: ObjectMeta {
                            name: Some(place.name.clone()),
                            namespace: Some(place.namespace.clone()),
                            ..ObjectMeta::default()
                        },
                        data: Some(BTreeMap::from([(place.key.clone(), ByteString(value))])),
                        ..Secret::default()
                    };
                    self.within(DEADLINE, api.create(&PostParams::default(), &secret)).await
                }
                Some(mut secret) => {
                    secret
                        .data
                        .get_or_insert_default()
                        .insert(place.key.clone(), ByteString(value));
                    self.within(DEADLINE, api.replace(&place.name, &PostParams::default(), &secret))
                        .await
                }
            };
            match outcome {
                Ok(_) => break,
                Err(ClusterFailure::Conflict { .. }) => {}
                Err(failure) => return Err(self.at_home(failure)),
            }
        }
        self.secret_key(place).await?.ok_or_else(|| contested(place))
    }

    /// The key's text, if there is one; nothing is made.
    ///
    /// # Errors
    /// When the Secret cannot be read, or holds something that is no text.
    pub async fn secret_key(&self, place: &SecretKey) -> Result<Option<Text>, ClusterFailure> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &place.namespace);
        match self.within(DEADLINE, api.get_opt(&place.name)).await? {
            Some(secret) => text_of(&secret, place),
            None => Ok(None),
        }
    }
}

/// The entry's text; an empty entry counts as none.
fn text_of(secret: &Secret, place: &SecretKey) -> Result<Option<Text>, ClusterFailure> {
    let entry = secret.data.as_ref().and_then(|data| data.get(&place.key));
    let Some(ByteString(bytes)) = entry.filter(|entry| !entry.0.is_empty()) else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes.clone()).map_err(|_| ClusterFailure::Refused {
        message: format!(
            "Secret {}/{}: the entry {:?} is no text; delete it to have a new key made",
            place.namespace, place.name, place.key
        ),
    })?;
    Ok(Some(Text::new(text)))
}

fn contested(place: &SecretKey) -> ClusterFailure {
    ClusterFailure::Conflict {
        message: format!(
            "Secret {}/{}: somebody keeps changing it while the key is stored; see who else writes it and try again",
            place.namespace, place.name
        ),
    }
}
