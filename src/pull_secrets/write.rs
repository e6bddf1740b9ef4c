use super::tokens::Login;
use crate::port::{ClusterFailure, PullSecretCluster, SecretName};
use crate::spread::{LoginChange, LoginKey, Owner, Refusal, SecretChange, SecretForm, change};
use std::collections::{BTreeMap, BTreeSet};

/// The most tries of a write. A try fails only if another client wrote in between.
const ATTEMPTS: usize = 4;

/// What has to stand in a Secret.
pub(super) struct Desired {
    pub(super) name: SecretName,
    /// `None`: no rule reaches the Secret.
    pub(super) form: Option<SecretForm>,
    /// The login of each host, as far as there is one.
    pub(super) hosts: BTreeMap<String, (LoginKey, Option<Login>)>,
}

/// What a write did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// The Secret is as it has to be.
    Nothing,
    /// The Secret was made.
    Created,
    /// The Secret was changed. The hosts are those whose logins were somebody else's.
    Changed(BTreeSet<String>),
    /// The Secret was deleted: nothing but the agent's was in it.
    Deleted,
}

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Cluster(#[from] ClusterFailure),
}

/// Brings a Secret to what it has to hold. `is_known`: the watch shows the Secret.
pub(super) async fn write(
    cluster: &impl PullSecretCluster,
    desired: &Desired,
    is_known: bool,
) -> Result<Written, WriteError> {
    let owner = Owner {
        set: cluster.set(),
        namespace: &desired.name.namespace,
        name: &desired.name.name,
    };
    let hosts = changes(desired);
    let mut is_read = is_known;
    for attempt in 1..=ATTEMPTS {
        // A Secret that the watch does not show is created without a look: this is one request for most.
        let live = match is_read {
            true => cluster.read(&desired.name).await?,
            false => None,
        };
        is_read = true;
        let written = match (change(owner, desired.form, live.as_ref(), &hosts)?, &live, desired.form) {
            (SecretChange::Create(content), _, Some(form)) => {
                let created = cluster.create(&desired.name, form, &content).await;
                created.map(|()| Written::Created)
            }
            (SecretChange::Patch(patch, adopted), Some(live), _) => {
                let patched = cluster.patch(&desired.name, live, &patch).await;
                patched.map(|()| Written::Changed(adopted))
            }
            (SecretChange::Delete, Some(live), _) => {
                let deleted = cluster.delete(&desired.name, live).await;
                deleted.map(|()| Written::Deleted)
            }
            _ => Ok(Written::Nothing),
        };
        match written {
            Err(ClusterFailure::Conflict { .. }) if attempt < ATTEMPTS => {}
            other => return Ok(other?),
        }
    }
    Ok(Written::Nothing)
}

fn changes(desired: &Desired) -> BTreeMap<String, LoginChange> {
    let changes = desired.hosts.iter().map(|(host, (by, login))| {
        let change = match login {
            Some(login) => LoginChange::Set {
                by: by.clone(),
                times: login.times,
                login: login.text.clone(),
            },
            None => LoginChange::Keep,
        };
        (host.clone(), change)
    });
    changes.collect()
}
