//! Pull secrets: a login where a rule asks for one, none of the agent's elsewhere, and nothing of somebody else's touched.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ListParams};
use serde_json::Value;

use super::snapshot::Snapshot;
use crate::chaos::manifests::HOST;
use crate::chaos::pulls::{self, FORMS, Form, Place};
use crate::chaos::world::World;

/// The namespaces, and the Secrets in them that rules may be about.
#[derive(Default)]
pub(super) struct Seen {
    namespaces: Vec<Namespace>,
    secrets: BTreeMap<Place, Value>,
}

impl Seen {
    pub(super) async fn take(world: &World<'_>) -> Result<Self> {
        let namespaces = pulls::namespaces(world).await?;
        let names: Vec<&str> = namespaces
            .iter()
            .filter_map(|namespace| namespace.metadata.name.as_deref())
            .collect();
        let api: Api<Secret> = Api::all(world.client.clone());
        let mut secrets = BTreeMap::new();
        for form in FORMS {
            let named = ListParams::default().fields(&format!("metadata.name={}", form.name));
            for secret in api.list(&named).await? {
                let namespace = secret.metadata.namespace.clone().unwrap_or_default();
                if names.contains(&namespace.as_str()) {
                    secrets.insert((namespace, form.name.to_owned()), serde_json::to_value(&secret)?);
                }
            }
        }
        Ok(Self { namespaces, secrets })
    }

    /// The passwords in the Secrets.
    pub(super) fn passwords(&self) -> Vec<String> {
        let forms = |name: &str| FORMS.into_iter().find(|form| form.name == name);
        let all = self.secrets.iter();
        let logins = all.filter_map(|((_, name), secret)| password(secret, forms(name)?));
        logins.collect()
    }
}

/// What the judge remembers.
#[derive(Default)]
pub(super) struct Memory {
    /// The UIDs of the Secrets with logins when the world was at rest.
    uids: BTreeMap<Place, String>,
}

fn uid(secret: &Value) -> &str {
    secret
        .pointer("/metadata/uid")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The `auth` of the registry's login.
fn login(secret: &Value, form: Form) -> Option<String> {
    let config = pulls::configuration(secret, form);
    config["auths"].get(HOST)?["auth"].as_str().map(str::to_owned)
}

fn password(secret: &Value, form: Form) -> Option<String> {
    let plain = String::from_utf8(STANDARD.decode(login(secret, form)?).ok()?).ok()?;
    plain.strip_prefix("AWS:").map(str::to_owned)
}

/// Whether a password is one of the registry's, and lasts. It says so itself, before its seal.
fn is_good(password: &str) -> bool {
    let text = password.len().checked_sub(64).and_then(|at| password.get(..at));
    let grant = text
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        .unwrap_or_default();
    let grant: Value = serde_json::from_slice(&grant).unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    grant["expires_at"].as_f64().is_some_and(|end| end > now.as_secs_f64())
}

/// What is not as the rules say.
pub(super) fn open(world: &World<'_>, snapshot: &Snapshot) -> Option<String> {
    let problems = snapshot
        .status
        .pointer("/pullSecrets/problems")
        .and_then(Value::as_object);
    let mut problems: Vec<&String> = problems.into_iter().flatten().map(|(about, _)| about).collect();
    for namespace in &snapshot.pulls.namespaces {
        let name = namespace.metadata.name.clone().unwrap_or_default();
        for form in FORMS {
            let is_asked_for = pulls::is_asked_for(&world.name, namespace, form);
            let place = (name.clone(), form.name.to_owned());
            let title = format!("Secret {name}/{}", form.name);
            let secret = snapshot.pulls.secrets.get(&place);
            let is_refused = secret.is_some_and(|secret| secret["type"] != form.kind);
            let wrong = match (secret, is_asked_for) {
                (None, true) => Some("it does not exist"),
                (Some(_), true) if is_refused => {
                    let count = problems.len();
                    problems.retain(|about| **about != title);
                    (problems.len() == count).then_some("it is of another type, and nothing reports it")
                }
                (Some(secret), true) => match password(secret, form) {
                    Some(password) if is_good(&password) => None,
                    _ => Some("it has no good login"),
                },
                (Some(secret), false) => left(world, &place, secret, form),
                (None, false) => None,
            };
            if let Some(wrong) = wrong {
                return Some(format!("{title}: {wrong}; reported: {problems:?}"));
            }
        }
    }
    let first = problems.first()?;
    Some(format!("{first} is reported, and is as the rules say"))
}

/// What the agent has left in a Secret that no rule asks for.
fn left(world: &World<'_>, place: &Place, secret: &Value, form: Form) -> Option<&'static str> {
    let found = login(secret, form);
    let is_by_hand = found.as_ref().is_some_and(|login| world.pulls.by_hand.contains(login));
    if world.pulls.unclear.contains(uid(secret)) || is_by_hand {
        return None;
    }
    if found.is_some() {
        return Some("no rule asks for it, and the agent's login is left");
    }
    let is_foreign = world
        .pulls
        .foreign
        .get(place)
        .is_some_and(|(known, kept)| known == uid(secret) && !kept.is_empty());
    let is_empty = pulls::configuration(secret, form)["auths"]
        .as_object()
        .is_none_or(serde_json::Map::is_empty);
    // Who empties a Secret by hand has made it a Secret of a person, maybe.
    (!is_foreign && !is_empty).then_some("no rule asks for it, nobody else has anything in it, and it is left")
}

impl Memory {
    /// What must not have happened. Remembers what stands now.
    pub(super) fn wrong(&mut self, world: &mut World<'_>, snapshot: &Snapshot) -> Option<String> {
        let moved = std::mem::take(&mut world.pulls.moved);
        let secrets = &snapshot.pulls.secrets;
        let mut known = self.uids.iter().filter(|(place, _)| !moved.contains(*place));
        let anew = known.find(|(place, known)| secrets.get(*place).is_some_and(|secret| uid(secret) != *known));
        if let Some(((namespace, name), _)) = anew {
            return Some(format!(
                "Secret {namespace}/{name} was made anew, and nobody had deleted it"
            ));
        }
        let uids = secrets
            .iter()
            .map(|(place, secret)| (place.clone(), uid(secret).to_owned()));
        self.uids = uids.collect();
        world
            .pulls
            .foreign
            .iter()
            .find_map(|((namespace, name), (known, kept))| {
                let place = (namespace.clone(), name.clone());
                let Some(secret) = secrets.get(&place).filter(|secret| uid(secret) == known) else {
                    return Some(format!(
                        "Secret {namespace}/{name} is gone, in which somebody else had written"
                    ));
                };
                let form = FORMS.into_iter().find(|form| form.name == name)?;
                let mut all = secret.clone();
                all["config"] = pulls::configuration(secret, form);
                kept.iter().find_map(|(pointer, value)| {
                    let found = all.pointer(pointer);
                    (found != Some(value)).then(|| {
                        format!("{pointer} of Secret {namespace}/{name} is {found:?}, and somebody wrote {value}")
                    })
                })
            })
    }
}
