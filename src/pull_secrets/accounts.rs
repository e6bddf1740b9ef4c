use crate::port::{AccountFacts, PullSecretCluster, PullSecretView};
use crate::spread::PullRule;
use std::collections::{BTreeMap, BTreeSet};

/// A ServiceAccount whose list changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountChange {
    pub(super) namespace: String,
    pub(super) name: String,
    live: AccountFacts,
    pull_secrets: Vec<String>,
    own: BTreeSet<String>,
}

impl AccountChange {
    /// For messages.
    pub(super) fn title(&self) -> String {
        format!("ServiceAccount {}/{}", self.namespace, self.name)
    }
}

/// The ServiceAccounts whose lists lack a Secret that the rules ask for, or have one that the agent added and no rule asks for any
/// more. Other entries stay, in their order. A Secret is named once it exists.
pub(super) fn plan(rules: &[PullRule], view: &PullSecretView) -> Vec<Result<AccountChange, (String, String)>> {
    let mut changes = Vec::new();
    for ((namespace, name), live) in view.accounts.iter() {
        let Some(facts) = view.namespaces.get(namespace).filter(|facts| !facts.is_ending) else {
            continue;
        };
        let asked = rules.iter().filter(|rule| {
            rule.service_accounts.contains(name)
                && rule.namespaces.matches(namespace, facts)
                && view.secrets.contains_key(&(namespace.clone(), rule.secret.clone()))
        });
        let asked: BTreeSet<&String> = asked.map(|rule| &rule.secret).collect();
        // A Secret that is being made again keeps its place in the list.
        let is_kept = |secret: &&String| {
            let mut all = rules.iter().filter(|rule| rule.secret == ***secret);
            all.any(|rule| rule.service_accounts.contains(name) && rule.namespaces.matches(namespace, facts))
        };
        let gone: BTreeSet<&String> = live.own.iter().filter(|secret| !is_kept(secret)).collect();
        let missing: Vec<&String> = asked
            .iter()
            .filter(|secret| !live.pull_secrets.contains(**secret))
            .copied()
            .collect();
        if gone.is_empty() && missing.is_empty() {
            continue;
        }
        if let Some(manager) = live.declared_by.as_ref().filter(|_| !missing.is_empty()) {
            let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
            let problem = format!(
                "{manager} declares its imagePullSecrets and would put them back; add {} where {manager} reads them",
                names.join(", ")
            );
            changes.push(Err((format!("ServiceAccount {namespace}/{name}"), problem)));
            continue;
        }
        let kept = live.pull_secrets.iter().filter(|secret| !gone.contains(secret));
        let own = live.own.iter().filter(|secret| !gone.contains(secret));
        changes.push(Ok(AccountChange {
            namespace: namespace.clone(),
            name: name.clone(),
            live: live.clone(),
            pull_secrets: kept.chain(missing.iter().copied()).cloned().collect(),
            own: own.chain(missing.iter().copied()).cloned().collect(),
        }));
    }
    changes
}

/// Carries out the changes. Returns what failed; a lost race is no failure, because the watch shows the winner.
pub(super) async fn apply(cluster: &impl PullSecretCluster, changes: Vec<AccountChange>) -> BTreeMap<String, String> {
    let mut failed = BTreeMap::new();
    for change in changes {
        let written = cluster.set_account(
            &change.namespace,
            &change.name,
            &change.live,
            &change.pull_secrets,
            &change.own,
        );
        match written.await {
            Ok(()) | Err(crate::port::ClusterFailure::Conflict { .. }) => {}
            Err(failure) => drop(failed.insert(change.title(), failure.to_string())),
        }
    }
    failed
}
