//! The namespaces that rules for pull secrets name, and what people do to the Secrets there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use axum::http;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::manifests::HOST;
use super::operation::{Kind, Operation};
use super::world::World;

/// How many namespaces a world may have beside its own. The rules leave the last one out.
const NAMESPACES: u64 = 4;

/// A registry that is no business of the agent.
const FOREIGN: &str = "ghcr.io";

/// A kind of Secret that a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) name: &'static str,
    pub(super) entry: &'static str,
    pub(super) kind: &'static str,
}

/// The Secrets of the rules: the first is for all namespaces but the last, the second for those with a label.
pub(super) const FORMS: [Form; 2] = [
    Form {
        name: "ecr",
        entry: ".dockerconfigjson",
        kind: "kubernetes.io/dockerconfigjson",
    },
    Form {
        name: "docker-config",
        entry: "config.json",
        kind: "Opaque",
    },
];

/// A namespace and the name of a Secret in it.
pub(super) type Place = (String, String);

/// What people did, which the agent has to respect.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    /// What people wrote into a Secret that was not the rule's business: the Secret's UID, and value by pointer.
    pub(super) foreign: BTreeMap<Place, (String, BTreeMap<String, Value>)>,
    /// Logins that people wrote.
    pub(super) by_hand: BTreeSet<String>,
    /// UIDs of Secrets whose logins may not be known as the agent's: copies, and those whose marks or logins somebody changed.
    pub(super) unclear: BTreeSet<String>,
    /// Places where the Secret may have been made anew since the world was at rest.
    pub(super) moved: BTreeSet<Place>,
}

/// The section of the agent's configuration.
pub(super) fn rules(world: &str) -> String {
    let all = format!("{world}-n*");
    let last = namespace(world, NAMESPACES - 1);
    let [first, second] = FORMS.map(|form| form.name);
    format!(
        "pullSecrets: [{{secret: {first}, registries: [{HOST}], namespaces: [\"{all}\"], exclude: [{last}]}}, \
         {{secret: {second}, type: config.json, registries: [{HOST}], namespaces: [\"{all}\"], selector: builds=yes}}]\n"
    )
}

fn namespace(world: &str, number: u64) -> String {
    format!("{world}-n{number}")
}

/// Whether a rule asks for the Secret in this namespace.
pub(super) fn is_asked_for(world: &str, namespace_: &Namespace, form: Form) -> bool {
    if form == FORMS[0] {
        return namespace_.metadata.name != Some(namespace(world, NAMESPACES - 1));
    }
    let labels = namespace_.metadata.labels.as_ref();
    labels
        .and_then(|labels| labels.get("builds"))
        .is_some_and(|value| value == "yes")
}

/// The namespaces of a world that do not go.
pub(super) async fn namespaces(world: &World<'_>) -> Result<Vec<Namespace>> {
    let api: Api<Namespace> = Api::all(world.client.clone());
    let names: Vec<String> = (0..NAMESPACES).map(|number| namespace(&world.name, number)).collect();
    let mut found = api.list(&ListParams::default()).await?.items;
    found.retain(|found| {
        let is_ours = found.metadata.name.as_ref().is_some_and(|name| names.contains(name));
        is_ours && found.metadata.deletion_timestamp.is_none()
    });
    Ok(found)
}

/// Carries an operation out; what was done, or `None` if there was nothing to do it to.
pub(super) async fn act(world: &mut World<'_>, operation: Operation) -> Result<Option<String>> {
    let Operation { kind, a, b } = operation;
    let name = namespace(&world.name, a % NAMESPACES);
    let done = match kind {
        Kind::PullNamespace => change_namespace(world, &name, b).await,
        _ => change_secret(world, &name, FORMS[usize::from(a % 8 >= 4)], b).await,
    };
    match done {
        Err(error) if error.downcast_ref::<kube::Error>().is_some() => Ok(Some(format!("refused: {error:#}"))),
        done => done,
    }
}

async fn change_namespace(world: &mut World<'_>, name: &str, b: u64) -> Result<Option<String>> {
    let api: Api<Namespace> = Api::all(world.client.clone());
    if api.get_opt(name).await?.is_none() {
        make_namespace(&world.client, name, b.is_multiple_of(2)).await?;
        return Ok(Some(format!("make namespace {name}")));
    }
    forget(world, name);
    if b % 4 < 2 {
        world.pulls.foreign.retain(|(namespace, _), _| namespace != name);
    }
    match b % 4 {
        0 => {
            delete_namespace(&world.client, name).await?;
            Ok(Some(format!("delete namespace {name}")))
        }
        1 => {
            delete_namespace(&world.client, name).await?;
            make_namespace(&world.client, name, b.is_multiple_of(3)).await?;
            Ok(Some(format!("make namespace {name} anew")))
        }
        _ => {
            let value = b.is_multiple_of(2).then_some("yes");
            let patch = json!({"metadata": {"labels": {"builds": value}}});
            api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
            Ok(Some(format!("label namespace {name} builds={value:?}")))
        }
    }
}

/// From now on, Secrets of these namespaces may be made anew.
fn forget(world: &mut World<'_>, name: &str) {
    let places = FORMS.map(|form| (name.to_owned(), form.name.to_owned()));
    world.pulls.moved.extend(places);
}

/// Makes a namespace, with the label of the second rule or without.
pub(super) async fn make_namespace(client: &kube::Client, name: &str, builds: bool) -> Result<()> {
    let labels = if builds { json!({"builds": "yes"}) } else { json!({}) };
    let body = json!({"metadata": {"name": name, "labels": labels}});
    let api: Api<Namespace> = Api::all(client.clone());
    api.create(&PostParams::default(), &serde_json::from_value(body)?)
        .await?;
    Ok(())
}

/// Does what a cluster does: the namespace ends, what is in it goes, and then the namespace goes.
pub(super) async fn delete_namespace(client: &kube::Client, name: &str) -> Result<()> {
    let api: Api<Namespace> = Api::all(client.clone());
    api.delete(name, &DeleteParams::default()).await?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), name);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), name);
    maps.delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    // What was let in before the namespace ended may still be stored.
    for _ in 0..3 {
        secrets
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}});
    let request = http::Request::put(format!("/api/v1/namespaces/{name}/finalize")).body(serde_json::to_vec(&body)?)?;
    client.request_text(request).await?;
    Ok(())
}

/// Removes what is left of a world.
pub(super) async fn end(world: &mut World<'_>) -> Result<()> {
    for found in namespaces(world).await? {
        delete_namespace(&world.client, &found.metadata.name.unwrap_or_default()).await?;
    }
    Ok(())
}

/// The first namespace of a world.
pub(super) async fn begin(world: &mut World<'_>) -> Result<()> {
    let name = namespace(&world.name, 0);
    make_namespace(&world.client, &name, true).await
}

/// The docker configuration in a Secret.
pub(super) fn configuration(secret: &Value, form: Form) -> Value {
    let data = secret["data"].get(form.entry).and_then(Value::as_str);
    let bytes = STANDARD.decode(data.unwrap_or_default()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({"auths": {}}))
}

/// A change of a Secret that a person makes.
struct Change {
    what: &'static str,
    /// A value that is somebody else's from now on, and where it stands. The docker configuration stands under `/config`.
    foreign: Option<(&'static str, Value)>,
    /// What people take away from what was somebody else's.
    lost: Option<&'static str>,
    /// Whether nobody can know any more which logins are the agent's.
    is_unclear: bool,
}

/// Changes a Secret and the docker configuration in it.
fn change(secret: &mut Value, config: &mut Value, b: u64) -> Change {
    let text = json!(b.to_string());
    let (what, foreign, lost) = match b % 7 {
        1 => ("empty", None, Some("/config")),
        2 => ("write a login by hand into", None, None),
        3 => ("take the mark from", None, Some("/metadata/annotations")),
        4 => ("note on", Some(("/metadata/annotations/note", text)), None),
        5 => ("label", Some(("/metadata/labels/by-hand", text)), None),
        _ => {
            let login = json!({"auth": STANDARD.encode(format!("me:{b}"))});
            ("add a registry to", Some(("/config/auths/ghcr.io", login)), None)
        }
    };
    match (b % 7, &foreign) {
        (1, _) => *config = json!({"auths": {}}),
        (2, _) => config["auths"][HOST] = json!({"auth": by_hand(b)}),
        (3, _) => secret["metadata"]["annotations"] = json!({}),
        (4, Some((_, value))) => secret["metadata"]["annotations"]["note"] = value.clone(),
        (5, Some((_, value))) => secret["metadata"]["labels"]["by-hand"] = value.clone(),
        (_, Some((_, value))) => config["auths"][FOREIGN] = value.clone(),
        _ => {}
    }
    Change {
        what,
        foreign,
        lost,
        is_unclear: [2, 3].contains(&(b % 7)),
    }
}

/// A login that a person writes.
fn by_hand(b: u64) -> String {
    STANDARD.encode(format!("AWS:by-hand-{b}"))
}

async fn change_secret(world: &mut World<'_>, name: &str, form: Form, b: u64) -> Result<Option<String>> {
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    if namespaces.get_opt(name).await?.is_none() {
        return Ok(None);
    }
    let api: Api<Secret> = Api::namespaced(world.client.clone(), name);
    let place = (name.to_owned(), form.name.to_owned());
    let Some(secret) = api.get_opt(form.name).await? else {
        return make_secret(world, place, form, b.is_multiple_of(3), b).await;
    };
    if b.is_multiple_of(7) {
        world.pulls.foreign.remove(&place);
        world.pulls.moved.insert(place);
        api.delete(form.name, &DeleteParams::default()).await?;
        return Ok(Some(format!("delete Secret {name}/{}", form.name)));
    }
    let uid = secret.metadata.uid.clone().unwrap_or_default();
    let mut changed = serde_json::to_value(&secret)?;
    let mut config = configuration(&changed, form);
    let change = change(&mut changed, &mut config, b);
    // A Secret of another form has no such entry, and keeps what it has.
    if changed["data"].get(form.entry).is_some() {
        changed["data"][form.entry] = STANDARD.encode(config.to_string()).into();
    } else if change
        .foreign
        .as_ref()
        .is_some_and(|(pointer, _)| pointer.starts_with("/config"))
    {
        return Ok(None);
    }
    api.replace(form.name, &PostParams::default(), &serde_json::from_value(changed)?)
        .await?;
    world.pulls.by_hand.extend((b % 7 == 2).then(|| by_hand(b)));
    world.pulls.unclear.extend(change.is_unclear.then(|| uid.clone()));
    if let (Some(lost), Some((_, kept))) = (change.lost, world.pulls.foreign.get_mut(&place)) {
        kept.retain(|pointer, _| !pointer.starts_with(lost));
    }
    if let Some((pointer, value)) = change.foreign {
        let entry = world
            .pulls
            .foreign
            .entry(place)
            .or_insert_with(|| (uid, BTreeMap::new()));
        entry.1.insert(pointer.to_owned(), value);
    }
    Ok(Some(format!("{} Secret {name}/{}", change.what, form.name)))
}

/// A person makes the Secret, of the rule's form or of another one.
async fn make_secret(
    world: &mut World<'_>,
    place: Place,
    form: Form,
    is_other: bool,
    b: u64,
) -> Result<Option<String>> {
    let login = json!({"auth": STANDARD.encode(format!("me:{b}"))});
    let config = STANDARD.encode(json!({"auths": {FOREIGN: login}}).to_string());
    let (kind, entry, pointer, value) = match is_other {
        true => ("shop.example/other", "other", "/data/other", json!(config)),
        false => (form.kind, form.entry, "/config/auths/ghcr.io", login),
    };
    let body = json!({"metadata": {"name": form.name}, "type": kind, "data": {entry: config}});
    let api: Api<Secret> = Api::namespaced(world.client.clone(), &place.0);
    let made = api
        .create(&PostParams::default(), &serde_json::from_value(body)?)
        .await?;
    let uid = made.metadata.uid.unwrap_or_default();
    let what = format!("make Secret {}/{} of type {kind}", place.0, place.1);
    world.pulls.moved.insert(place.clone());
    let kept = BTreeMap::from([(pointer.to_owned(), value)]);
    world.pulls.foreign.insert(place, (uid, kept));
    Ok(Some(what))
}
