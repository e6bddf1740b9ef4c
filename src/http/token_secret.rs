use crate::model::SecretBytes;
use crate::port::{ClusterFailure, HomeSecrets, SecretEntries, SecretName};

/// The entry that holds the token.
const ENTRY: &str = "token";

/// The random bytes of a token; in hexadecimal they are twice as many characters.
const RANDOM_BYTES: usize = 32;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenSecretError {
    /// The Secret cannot be read or written.
    #[error("{secret}: cannot read the API token or make one")]
    Secret {
        /// The Secret.
        secret: SecretName,
        /// The API server's answer.
        #[source]
        source: ClusterFailure,
    },
    /// The system has no random bytes.
    #[error("cannot make an API token: the system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

/// Makes the Secret with a new token in its entry `token`, unless that entry exists. Returns whether it made a token.
///
/// # Errors
/// The Secret cannot be read or written.
pub async fn ensure_token(secrets: &impl HomeSecrets, secret: &SecretName) -> Result<bool, TokenSecretError> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(TokenSecretError::Random)?;
    let new = SecretBytes::new(hex::encode(random));
    let mut is_new = false;
    let change = |entries: &mut SecretEntries| {
        is_new = !entries.contains_key(ENTRY);
        if is_new {
            entries.insert(ENTRY.to_owned(), new.clone());
        }
        Ok::<_, ClusterFailure>(is_new)
    };
    match secrets.change(secret, change).await {
        Ok(_) => Ok(is_new),
        Err(source) => Err(TokenSecretError::Secret {
            secret: secret.clone(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Fake(Mutex<SecretEntries>);

    impl HomeSecrets for Fake {
        fn namespace(&self) -> &str {
            "tidegate"
        }

        async fn read(&self, _: &SecretName) -> Result<SecretEntries, ClusterFailure> {
            Ok(self.0.lock().unwrap().clone())
        }

        async fn change<E: From<ClusterFailure>>(
            &self,
            _: &SecretName,
            mut change: impl FnMut(&mut SecretEntries) -> Result<bool, E> + Send,
        ) -> Result<SecretEntries, E> {
            let mut entries = self.0.lock().unwrap();
            change(&mut entries)?;
            Ok(entries.clone())
        }
    }

    #[tokio::test]
    async fn a_token_is_made_once_and_kept() {
        let (secrets, other) = (Fake::default(), Fake::default());
        let name = SecretName {
            namespace: "tidegate".into(),
            name: "tidegate-token".into(),
        };
        let token = async |secrets: &Fake| secrets.read(&name).await.unwrap()[ENTRY].expose().to_vec();
        assert!(ensure_token(&secrets, &name).await.unwrap());
        let first = token(&secrets).await;
        assert_eq!(first.len(), 64);
        assert!(!ensure_token(&secrets, &name).await.unwrap());
        assert_eq!(token(&secrets).await, first);
        ensure_token(&other, &name).await.unwrap();
        assert_ne!(token(&other).await, first);
    }
}
