use crate::telemetry::labels::{Right, RightLabel};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The rights of the deploy key, and whether the branch's head is trusted.
pub(in crate::telemetry) struct RepoAccess {
    rights: Family<RightLabel, Gauge>,
    withheld: Gauge,
}

impl RepoAccess {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            rights: Family::default(),
            withheld: Gauge::default(),
        };
        registry.register(
            "repo_access",
            "1 if the deploy key has this right at the git server, 0 if not; absent until the first check",
            all.rights.clone(),
        );
        registry.register(
            "repo_tip_withheld",
            "1 while the branch's head is not applied because its signature is not accepted",
            all.withheld.clone(),
        );
        all
    }

    pub(in crate::telemetry) fn repo_access(&self, right: Right, granted: bool) {
        self.rights.get_or_create(&right.into()).set(i64::from(granted));
    }

    pub(in crate::telemetry) fn tip_withheld(&self, withheld: bool) {
        self.withheld.set(i64::from(withheld));
    }
}
