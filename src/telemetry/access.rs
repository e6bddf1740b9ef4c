use super::Metrics;
use super::labels::{Right, RightLabel};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the config repo lets us do, and what of it we do not trust.
pub(super) struct Access {
    rights: Family<RightLabel, Gauge>,
    withheld: Gauge,
}

impl Access {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            rights: Family::default(),
            withheld: Gauge::default(),
        };
        registry.register(
            "repo_access",
            "1 if the deploy key has this right at the git server, 0 if not; absent until it was found out",
            all.rights.clone(),
        );
        registry.register(
            "repo_tip_withheld",
            "1 while the branch's tip is not applied because its signature does not count",
            all.withheld.clone(),
        );
        all
    }
}

impl Metrics {
    /// Whether the deploy key has a right.
    pub fn repo_access(&self, right: Right, granted: bool) {
        let rights = &self.inner().access.rights;
        rights.get_or_create(&right.into()).set(i64::from(granted));
    }

    /// Whether the tip may not be applied.
    pub fn tip_withheld(&self, withheld: bool) {
        self.inner().access.withheld.set(i64::from(withheld));
    }
}
