use super::docker_config::{DockerConfig, SecretForm, names_host};
use super::pull_mark::{self, Mark, MarkedLogin, Owner, PULL_SECRET_ANNOTATION, PULL_SECRET_LABEL, Times};
use super::secret::{LiveSecret, SecretPatch};
use crate::model::{Secret, SecretBytes};
use crate::resource::PART_OF_LABEL;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a host's login.
#[derive(Clone)]
pub enum LoginChange {
    /// This login stands there.
    Set {
        /// With which identity, and where, the login was made.
        by: String,
        /// From when to when the login is used.
        times: Times,
        /// The login, as `login_text` makes it.
        login: Secret,
    },
    /// There is no newer login: the one that is there stays.
    Keep,
}

/// What has to be done to a Secret.
pub enum SecretChange {
    /// Nothing.
    None,
    /// The Secret does not exist yet: create it with this.
    Create(SecretPatch),
    /// Change it. The hosts are those whose logins somebody else had put there.
    Patch(SecretPatch, BTreeSet<String>),
    /// The agent made it, and nothing but the agent's own is in it: delete it.
    Delete,
}

/// Why a Secret is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The type of a Secret cannot change.
    #[error(
        "it has type {found}, and the rule asks for {expected}; name another Secret in the rule, or delete this one"
    )]
    Type {
        /// The type that the Secret has.
        found: String,
        /// The type that the rule asks for.
        expected: &'static str,
    },
    /// The data of the Secret cannot change.
    #[error("it is immutable; delete it, and the agent makes it again")]
    Immutable,
    /// The logins of others could be lost.
    #[error("{0}; correct it or delete it: the agent does not write over what it cannot read")]
    Unreadable(String),
    /// Two owners would take turns.
    #[error("the config repo declares it, and would take the agent's logins out again; remove it from the config repo")]
    Declared,
    /// Two agents would take turns.
    #[error(
        "the agent with the set {0} writes it; name another Secret in one of the rules, or, if there is no such agent, remove \
         the label {PULL_SECRET_LABEL}"
    )]
    OtherAgent(String),
}

/// The change that brings the logins of exactly these hosts into a Secret, and takes every other login of the agent out.
///
/// # Errors
/// Why the Secret is left as it is.
pub fn change(
    owner: Owner<'_>,
    form: Option<SecretForm>,
    live: Option<&LiveSecret>,
    hosts: &BTreeMap<String, LoginChange>,
) -> Result<SecretChange, Refusal> {
    let Some(live) = live else {
        return Ok(new_secret(owner, form, hosts));
    };
    if let Some(set) = live.labels.get(PULL_SECRET_LABEL).filter(|set| *set != owner.set) {
        return Err(Refusal::OtherAgent(set.clone()));
    }
    let found = SecretForm::of_type(&live.type_name);
    let form = match (form, found) {
        (Some(form), found) if found != Some(form) => {
            return Err(Refusal::Type {
                found: live.type_name.clone(),
                expected: form.type_name(),
            });
        }
        (_, Some(found)) => found,
        // Nothing of the agent's can be in it but the label.
        (_, None) => return Ok(without_mark(live)),
    };
    let bytes = live.data.get(form.entry()).map(SecretBytes::expose);
    let mut config = DockerConfig::read(form, bytes).map_err(Refusal::Unreadable)?;
    let before = pull_mark::read(&live.annotations);
    let mut mark = before.without_logins();
    let adopted = settle(owner, &mut config, &before, &mut mark, hosts);
    if mark.logins.is_empty() && before.is_made_by(owner) && is_only_own(live, form, &config) {
        return Ok(SecretChange::Delete);
    }
    let patch = patch(owner, form, live, &config, &mark);
    if patch == SecretPatch::default() {
        return Ok(SecretChange::None);
    }
    if live.is_immutable && !patch.data.is_empty() {
        return Err(Refusal::Immutable);
    }
    if live.labels.contains_key(PART_OF_LABEL) && !mark.logins.is_empty() {
        return Err(Refusal::Declared);
    }
    Ok(SecretChange::Patch(patch, adopted))
}

/// Changes the logins, and notes those of the agent in the mark. Returns the hosts whose logins were somebody else's.
fn settle(
    owner: Owner<'_>,
    config: &mut DockerConfig,
    before: &Mark,
    mark: &mut Mark,
    hosts: &BTreeMap<String, LoginChange>,
) -> BTreeSet<String> {
    let is_own = |config: &DockerConfig, key: &String| {
        let (login, marked) = (config.logins.get(key), before.logins.get(key));
        login
            .zip(marked)
            .is_some_and(|(login, marked)| marked.is_proved(owner, key, login.get()))
    };
    let own: BTreeSet<String> = config
        .logins
        .keys()
        .filter(|key| is_own(config, key))
        .cloned()
        .collect();
    for key in &own {
        if !hosts.keys().any(|host| names_host(key, host)) {
            config.logins.remove(key);
        }
    }
    let mut adopted = BTreeSet::new();
    for (host, change) in hosts {
        let mut keys = config.keys_of(host);
        let LoginChange::Set { by, times, login } = change else {
            let kept = keys.iter().filter(|key| own.contains(*key));
            let kept = kept.filter_map(|key| Some((key.clone(), before.logins.get(key)?.clone())));
            mark.logins.extend(kept);
            continue;
        };
        if keys
            .iter()
            .any(|key| !own.contains(key) && !before.logins.contains_key(key))
        {
            adopted.insert(host.clone());
        }
        if keys.is_empty() {
            keys.push(host.clone());
        }
        for key in keys {
            let text = RawValue::from_string(login.expose().to_owned()).expect("a login is JSON");
            let marked = MarkedLogin::new(owner, &key, by, *times, text.get());
            mark.logins.insert(key.clone(), marked);
            config.logins.insert(key, text);
        }
    }
    adopted
}

fn new_secret(owner: Owner<'_>, form: Option<SecretForm>, hosts: &BTreeMap<String, LoginChange>) -> SecretChange {
    let has_login = hosts.values().any(|change| matches!(change, LoginChange::Set { .. }));
    let Some(form) = form.filter(|_| has_login) else {
        return SecretChange::None;
    };
    let mut config = DockerConfig::read(form, None).expect("no bytes are readable");
    let mut mark = Mark::of_new(owner);
    settle(owner, &mut config, &Mark::default(), &mut mark, hosts);
    SecretChange::Create(SecretPatch {
        labels: BTreeMap::from([(PULL_SECRET_LABEL.to_owned(), Some(owner.set.to_owned()))]),
        annotations: BTreeMap::from([(PULL_SECRET_ANNOTATION.to_owned(), Some(pull_mark::text(&mark)))]),
        data: BTreeMap::from([(form.entry().to_owned(), Some(SecretBytes::new(config.to_bytes())))]),
    })
}

/// What differs from the live Secret.
fn patch(owner: Owner<'_>, form: SecretForm, live: &LiveSecret, config: &DockerConfig, mark: &Mark) -> SecretPatch {
    let is_marked = !mark.logins.is_empty();
    let label = is_marked.then(|| owner.set.to_owned());
    let annotation = is_marked.then(|| pull_mark::text(mark));
    let mut patch = SecretPatch::default();
    if live.labels.get(PULL_SECRET_LABEL) != label.as_ref() {
        patch.labels.insert(PULL_SECRET_LABEL.to_owned(), label);
    }
    if live.annotations.get(PULL_SECRET_ANNOTATION) != annotation.as_ref() {
        patch.annotations.insert(PULL_SECRET_ANNOTATION.to_owned(), annotation);
    }
    let bytes = SecretBytes::new(config.to_bytes());
    let was = live.data.get(form.entry());
    let read = DockerConfig::read(form, was.map(SecretBytes::expose));
    let is_same = read.is_ok_and(|read| read.to_bytes() == bytes.expose());
    if !is_same || (was.is_none() && is_marked) {
        patch.data.insert(form.entry().to_owned(), Some(bytes));
    }
    patch
}

fn without_mark(live: &LiveSecret) -> SecretChange {
    let mut patch = SecretPatch::default();
    if live.labels.contains_key(PULL_SECRET_LABEL) {
        patch.labels.insert(PULL_SECRET_LABEL.to_owned(), None);
    }
    if live.annotations.contains_key(PULL_SECRET_ANNOTATION) {
        patch.annotations.insert(PULL_SECRET_ANNOTATION.to_owned(), None);
    }
    match patch == SecretPatch::default() {
        true => SecretChange::None,
        false => SecretChange::Patch(patch, BTreeSet::new()),
    }
}

/// Whether nobody but the agent has put anything into the Secret.
fn is_only_own(live: &LiveSecret, form: SecretForm, config: &DockerConfig) -> bool {
    !live.is_owned
        && config.logins.is_empty()
        && config.has_only_logins()
        && live.data.keys().all(|key| key == form.entry())
        && live.labels.keys().all(|key| key == PULL_SECRET_LABEL)
        && live.annotations.keys().all(|key| key == PULL_SECRET_ANNOTATION)
}
