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
            let entry = found.as_ref().and_then(|secret| secret.data.as_ref()?.get(&place.key));
            if let Some(ByteString(bytes)) = entry.filter(|entry| !entry.0.is_empty()) {
                let text = String::from_utf8(bytes.clone()).map_err(|_| ClusterFailure::Refused {
                    message: format!(
                        "Secret {}/{}: the entry {:?} is no text; delete it to have a new key made",
                        place.namespace, place.name, place.key
                    ),
                })?;
                return Ok(Text::new(text));
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
                Err(failure) => return Err(failure),
            }
        }
        match self.within(DEADLINE, api.get_opt(&place.name)).await? {
            Some(secret) => {
                let bytes = secret.data.unwrap_or_default().remove(&place.key).map(|entry| entry.0);
                let text = bytes
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .filter(|text| !text.is_empty());
                text.map(Text::new).ok_or_else(|| contested(place))
            }
            None => Err(contested(place)),
        }
    }
}

fn contested(place: &SecretKey) -> ClusterFailure {
    ClusterFailure::Conflict {
        message: format!(
            "Secret {}/{}: somebody keeps changing it while the key is stored; see who else writes it and try again",
            place.namespace, place.name
        ),
    }
}
