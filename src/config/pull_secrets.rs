use super::report::Report;
use super::spread::{NamespacePattern, ObjectName, namespace_rule};
use super::text::{NonEmpty, Text, choices};
use crate::aws::EcrHost;
use crate::spread::{LabelSelector, NamespaceRule, SecretForm};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The logins of registries in Secrets of some namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSecretSettings {
    /// The name of the Secrets.
    pub secret: String,
    /// Their form.
    pub form: SecretForm,
    /// The hosts of the registries.
    pub registries: BTreeSet<String>,
    /// The namespaces.
    pub namespaces: NamespaceRule,
    /// The ServiceAccounts of these namespaces that name the Secret.
    pub service_accounts: BTreeSet<String>,
}

/// Logins of ECR in Secrets, for nodes and programs that cannot get them by themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("required" = ["registries"], "anyOf" = [{"required": ["namespaces"]}, {"required": ["selector"]}]))]
pub(super) struct PullSecret {
    /// Name of the Secrets. Several rules may share a name: the Secret then holds the logins of all that reach the namespace.
    secret: Text<ObjectName>,
    /// Hosts of ECR registries, e.g. `111122223333.dkr.ecr.eu-west-1.amazonaws.com`.
    registries: Vec<Text<NonEmpty>>,
    /// Namespaces by name. `*` stands for any characters: `["*"]` is every namespace.
    namespaces: Vec<Text<NamespacePattern>>,
    /// Namespaces that are left out, by name. `*` stands for any characters.
    exclude: Vec<Text<NamespacePattern>>,
    /// Namespaces by their labels, as for `kubectl -l`: `team=shop,env in (dev, test)`. With `namespaces`, both must fit.
    selector: Option<Text<LabelSelector>>,
    /// Type of the Secrets: `dockerconfigjson` or the older `dockercfg`, which pods name in `imagePullSecrets`; or `config.json`, an Opaque
    /// Secret with an entry of that name, which programs mount.
    #[serde(rename = "type")]
    form: Text<SecretForm>,
    /// ServiceAccounts of these namespaces whose `imagePullSecrets` name the Secret. Their other entries stay.
    service_accounts: Vec<Text<ObjectName>>,
}

impl Default for PullSecret {
    fn default() -> Self {
        Self {
            secret: Text::known("tidegate-pull"),
            registries: Vec::new(),
            namespaces: Vec::new(),
            exclude: Vec::new(),
            selector: None,
            form: Text::known("dockerconfigjson"),
            service_accounts: Vec::new(),
        }
    }
}

impl PullSecret {
    /// `known`: the namespaces that the agent works in; empty: all.
    fn settings(self, report: &Report, path: &str, known: &[String]) -> PullSecretSettings {
        if self.registries.is_empty() {
            report.missing(
                &format!("{path}.registries"),
                "write the hosts of the registries, e.g. 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            );
        }
        let registries = self.registries.into_iter().enumerate().map(|(index, host)| {
            let host = host.value.0.to_ascii_lowercase();
            if let Some(mistake) = host_mistake(&host) {
                report.mistake(&format!("{path}.registries[{index}]"), mistake);
            }
            host
        });
        PullSecretSettings {
            registries: registries.collect(),
            secret: self.secret.value.0,
            form: self.form.value,
            namespaces: namespace_rule(report, path, known, (self.namespaces, self.exclude, self.selector)),
            service_accounts: self.service_accounts.into_iter().map(|name| name.value.0).collect(),
        }
    }
}

fn host_mistake(host: &str) -> Option<&'static str> {
    if host.contains(['*', '?']) {
        return Some("a pattern names no host that the agent could ask for a login: write each host");
    }
    EcrHost::parse(host).is_none().then_some(
        "expected the host of an ECR registry, <account>.dkr.ecr.<region>.amazonaws.com, in China with the ending .cn: the logins of \
         other registries do not run out, and need no agent",
    )
}

/// All rules. A Secret has one type.
pub(super) fn settings(rules: Vec<PullSecret>, report: &Report, known: &[String]) -> Vec<PullSecretSettings> {
    let mut forms = BTreeMap::new();
    let rules = rules.into_iter().enumerate().map(|(index, rule)| {
        let path = format!("pullSecrets[{index}]");
        let settings = rule.settings(report, &path, known);
        let first = *forms.entry(settings.secret.clone()).or_insert(settings.form);
        if first != settings.form {
            let message = "another rule with the same secret has another type: a Secret has one type, so name another secret here";
            report.mistake(&format!("{path}.type"), message);
        }
        settings
    });
    rules.collect()
}

choices!(SecretForm: "dockerconfigjson" => Self::DockerConfigJson, "dockercfg" => Self::DockerCfg, "config.json" => Self::ConfigJson);
