//! The Lease of the agent's replicas.
//!
//! No crate does this: those for the present version of the client decide by the clocks of two nodes, write without a version
//! (`kube-lease-manager` 0.13), or ask for an older client.

use super::connection::Connection;
use crate::port::{ClusterFailure, LeaseApi, LeaseRecord};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use std::sync::Arc;
use std::time::Duration;

/// Shorter than the pause between two renewals would be too short, and longer than the Lease lasts too long.
const DEADLINE: Duration = Duration::from_secs(5);
/// A Lease that names no duration, or a senseless one, lasts so long.
const DEFAULT_DURATION: i32 = 15;
/// No Lease is waited for longer, whatever its duration says.
const LONGEST: i32 = 3600;

/// One Lease in the namespace of the agent.
pub struct LeaseStore {
    connection: Arc<Connection>,
    namespace: String,
    name: String,
}

impl LeaseStore {
    /// Sends nothing yet.
    pub fn new(connection: Arc<Connection>, namespace: String, name: String) -> Self {
        Self {
            connection,
            namespace,
            name,
        }
    }

    fn api(&self) -> Api<Lease> {
        Api::namespaced(self.connection.client.clone(), &self.namespace)
    }
}

impl LeaseApi for LeaseStore {
    async fn read(&self) -> Result<Option<LeaseRecord>, ClusterFailure> {
        let found = self.connection.within(DEADLINE, self.api().get_opt(&self.name)).await?;
        Ok(found.map(record))
    }

    async fn write(
        &self,
        read: Option<&LeaseRecord>,
        holder: Option<&str>,
        duration: Duration,
    ) -> Result<(), ClusterFailure> {
        let now = Timestamp::now();
        let is_kept = read.is_some_and(|read| read.holder.as_deref() == holder);
        let transitions = read.map_or(0, |read| {
            read.transitions.saturating_add(i32::from(!is_kept && holder.is_some()))
        });
        let acquired = read.and_then(|read| read.acquired).filter(|_| is_kept);
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version: read.map(|read| read.version.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                // A Lease without a holder has an empty name there, as client-go writes it.
                holder_identity: Some(holder.unwrap_or_default().to_owned()),
                lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
                renew_time: Some(MicroTime(now)),
                acquire_time: Some(MicroTime(acquired.unwrap_or(now))),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        };
        let (api, params) = (self.api(), PostParams::default());
        let written = match read {
            Some(_) => {
                let replaced = api.replace(&self.name, &params, &lease);
                self.connection.within(DEADLINE, replaced).await
            }
            None => self.connection.within(DEADLINE, api.create(&params, &lease)).await,
        };
        written.map(drop)
    }
}

fn record(lease: Lease) -> LeaseRecord {
    let spec = lease.spec.unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .filter(|seconds| (1..=LONGEST).contains(seconds));
    let seconds = seconds.unwrap_or(DEFAULT_DURATION);
    LeaseRecord {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        renewed: spec.renew_time.map(|time| time.0.to_string()).unwrap_or_default(),
        acquired: spec.acquire_time.map(|time| time.0),
        transitions: spec.lease_transitions.unwrap_or_default(),
        duration: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        version: lease.metadata.resource_version.unwrap_or_default(),
    }
}
