use super::docker_config::{SecretForm, names_host};
use super::namespace_rule::{NamespaceFacts, NamespaceRule};
use super::pull_facts::{LoginFacts, PullSecretFacts};
use super::pull_mark::Times;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// With which identity, and where, a login is made. Hosts with the same key share a login.
pub type LoginKey = String;

/// A rule: the logins of these registries stand in a Secret of this name, in these namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRule {
    /// The name of the Secrets.
    pub secret: String,
    /// Their form.
    pub form: SecretForm,
    /// The hosts of the registries, each with the key of its login.
    pub hosts: BTreeMap<String, LoginKey>,
    /// The namespaces.
    pub namespaces: NamespaceRule,
    /// The ServiceAccounts of these namespaces that name the Secret.
    pub service_accounts: BTreeSet<String>,
}

/// The login that the agent has for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginState {
    /// From when to when the login is used.
    pub times: Times,
}

/// What is compared.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The rules.
    pub rules: &'a [PullRule],
    /// All namespaces.
    pub namespaces: &'a BTreeMap<String, NamespaceFacts>,
    /// All Secrets with the agent's label, by namespace and name.
    pub secrets: &'a BTreeMap<(String, String), PullSecretFacts>,
    /// The logins that the agent has.
    pub logins: &'a BTreeMap<LoginKey, LoginState>,
    /// The time.
    pub now: Timestamp,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullAction {
    /// Write the logins of exactly these hosts, and take away other logins of the agent.
    Write {
        /// The Secret's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
        /// The form of its logins.
        form: SecretForm,
        /// The hosts, each with the key of its login.
        hosts: BTreeMap<String, LoginKey>,
    },
    /// No rule reaches the Secret any more: take the agent's logins away.
    Release {
        /// The Secret's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
    },
}

/// A mark that claims a longer life was not made by the agent: ECR's tokens live twelve hours.
const LONGEST: SignedDuration = SignedDuration::from_hours(13);

/// What a Secret has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Placement {
    form: SecretForm,
    hosts: BTreeMap<String, LoginKey>,
}

/// How a host's login in a Secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Current,
    /// The login is as the agent wrote it, and the time for a newer one has come.
    Due(Times),
    /// There is no login of the agent, or another one than there has to be.
    Missing,
}

/// The keys of the logins that some Secret needs now.
pub fn due_logins(world: World<'_>) -> BTreeSet<LoginKey> {
    let placements = placements(world.rules, world.namespaces);
    let mut due = BTreeSet::new();
    for (place, placement) in &placements {
        let facts = world.secrets.get(place);
        for (host, login) in &placement.hosts {
            if standing(facts, placement.form, host, login, world.now) != Standing::Current {
                due.insert(login.clone());
            }
        }
    }
    due
}

/// The logins of one key that stand in Secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginAge {
    /// When the oldest was made.
    pub oldest: Timestamp,
    /// When the first one ends.
    pub first_end: Timestamp,
}

impl World<'_> {
    /// How old the agent's logins are in the Secrets, by their keys.
    pub fn ages(&self) -> BTreeMap<LoginKey, LoginAge> {
        let mut ages = BTreeMap::<LoginKey, LoginAge>::new();
        for login in self.secrets.values().flat_map(|secret| secret.logins.values()) {
            let LoginFacts::Own { by, times } = login else {
                continue;
            };
            let age = ages.entry(by.clone()).or_insert(LoginAge {
                oldest: times.made,
                first_end: times.expires,
            });
            age.oldest = age.oldest.min(times.made);
            age.first_end = age.first_end.min(times.expires);
        }
        ages
    }

    /// When the next login in a Secret is due, of those that are current.
    pub fn next_due(&self) -> Option<Timestamp> {
        let logins = self.secrets.values().flat_map(|secret| secret.logins.values());
        let due = logins.filter_map(|login| match login {
            LoginFacts::Own { times, .. } if times.renew > self.now => Some(times.renew),
            _ => None,
        });
        due.min()
    }
}

/// What has to be done, in the order of the names.
pub fn plan(world: World<'_>) -> Vec<PullAction> {
    let placements = placements(world.rules, world.namespaces);
    let mut actions = Vec::new();
    for ((namespace, name), placement) in &placements {
        let facts = world.secrets.get(&(namespace.clone(), name.clone()));
        if is_written(facts, placement, world) {
            actions.push(PullAction::Write {
                namespace: namespace.clone(),
                name: name.clone(),
                form: placement.form,
                hosts: placement.hosts.clone(),
            });
        }
    }
    for place @ (namespace, name) in world.secrets.keys() {
        let is_ending = world.namespaces.get(namespace).is_none_or(|facts| facts.is_ending);
        if !placements.contains_key(place) && !is_ending {
            actions.push(PullAction::Release {
                namespace: namespace.clone(),
                name: name.clone(),
            });
        }
    }
    actions
}

/// Which Secrets the rules ask for.
fn placements(
    rules: &[PullRule],
    namespaces: &BTreeMap<String, NamespaceFacts>,
) -> BTreeMap<(String, String), Placement> {
    let mut placements = BTreeMap::<_, Placement>::new();
    for rule in rules {
        for (namespace, facts) in namespaces {
            if !rule.namespaces.matches(namespace, facts) {
                continue;
            }
            let place = (namespace.clone(), rule.secret.clone());
            let placement = placements.entry(place).or_insert_with(|| Placement {
                form: rule.form,
                hosts: BTreeMap::new(),
            });
            let hosts = rule.hosts.iter().map(|(host, login)| (host.clone(), login.clone()));
            placement.hosts.extend(hosts);
        }
    }
    placements
}

/// Whether the agent has something to write: a login that is missing or older than the one it has, or one that has to go.
fn is_written(facts: Option<&PullSecretFacts>, placement: &Placement, world: World<'_>) -> bool {
    let is_newer = |(host, login): (&String, &LoginKey)| {
        let Some(have) = world.logins.get(login) else {
            return false;
        };
        match standing(facts, placement.form, host, login, world.now) {
            Standing::Current => false,
            Standing::Due(times) => have.times.renew > times.renew,
            Standing::Missing => have.times.expires > world.now,
        }
    };
    let has_too_much = facts.is_some_and(|facts| {
        let mut own = facts.logins.iter().filter(|(_, login)| **login != LoginFacts::Foreign);
        own.any(|(key, _)| !placement.hosts.keys().any(|host| names_host(key, host)))
    });
    has_too_much || placement.hosts.iter().any(is_newer)
}

fn standing(facts: Option<&PullSecretFacts>, form: SecretForm, host: &str, login: &str, now: Timestamp) -> Standing {
    let Some(facts) = facts.filter(|facts| facts.form == Some(form)) else {
        return Standing::Missing;
    };
    let mut found = Standing::Missing;
    for (_, known) in facts.logins.iter().filter(|(key, _)| names_host(key, host)) {
        match known {
            LoginFacts::Own { by, times } if by == login && is_plausible(*times, now) => {
                let due = if times.renew > now {
                    Standing::Current
                } else {
                    Standing::Due(*times)
                };
                found = if found == Standing::Current || found == Standing::Missing {
                    due
                } else {
                    found
                };
            }
            LoginFacts::Own { .. } | LoginFacts::Foreign => return Standing::Missing,
        }
    }
    found
}

/// Whether the times can be those of a login of the agent. Somebody who writes a mark of their own must not keep the agent away
/// for longer than a login lives.
fn is_plausible(times: Times, now: Timestamp) -> bool {
    let life = now.duration_until(times.expires);
    life <= LONGEST && times.renew <= times.expires
}
