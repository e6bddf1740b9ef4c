use super::pull_mark::PULL_SECRET_ANNOTATION;
use super::*;
use crate::model::{Secret, SecretBytes, Wildcard};
use crate::resource::{PART_OF_LABEL, ResourceVersion};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const OTHER: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
const OWNER: Owner<'static> = Owner {
    set: "applyset-ours",
    namespace: "shop",
    name: "ecr",
};

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn at(hours: i64) -> Timestamp {
    "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap() + hours.hours()
}

fn times(made: i64) -> Times {
    Times::of(at(made), at(made + 12))
}

#[test]
fn a_selector_has_the_meaning_that_kubectl_gives_it() {
    let shop = labels(&[("team", "shop"), ("env", "dev"), ("a.b/tier", "2"), ("empty", "")]);
    for (text, expected) in [
        ("", true),
        ("team=shop", true),
        ("team==shop", true),
        (" team = shop , env in ( dev , test ) ", true),
        ("team=other", false),
        ("team!=other", true),
        ("missing!=x", true),
        ("team", true),
        ("!team", false),
        ("! missing", true),
        ("env notin (dev)", false),
        ("missing notin (dev)", true),
        ("missing in (dev)", false),
        ("a.b/tier>1", true),
        ("a.b/tier<2", false),
        ("team>1", false),
        ("empty=", true),
        ("empty in ()", true),
        ("empty in (x,)", true),
        ("false", false),
        ("team=shop,env=prod", false),
    ] {
        let selector = LabelSelector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(selector.matches(&shop), expected, "{text}");
    }
    for text in [
        ",",
        "team=shop,",
        "team=shop env=dev",
        "=shop",
        "team in dev",
        "team in (dev",
        "team>x",
        "te am",
        "a/b/c=1",
        "team=a/b",
        "-team=1",
        "team=-x",
        "(team)",
        "!",
        "team~x",
    ] {
        assert!(LabelSelector::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_rule_reaches_names_by_pattern_and_label_and_no_namespace_that_ends() {
    let rule = |names: &[&str], except: &[&str], selector: &str| NamespaceRule {
        names: names.iter().map(|name| Wildcard::new(*name)).collect(),
        except: except.iter().map(|name| Wildcard::new(*name)).collect(),
        selector: LabelSelector::parse(selector).unwrap(),
    };
    let facts = |is_ending| NamespaceFacts {
        labels: labels(&[("team", "shop")]),
        is_ending,
    };
    for (rule, name, is_ending, expected) in [
        (rule(&["shop-*"], &[], ""), "shop-a", false, true),
        (rule(&["shop-*"], &[], ""), "shop", false, false),
        (rule(&["*"], &["kube-*"], ""), "kube-system", false, false),
        (rule(&["*"], &["kube-*"], ""), "x", false, true),
        (rule(&["*"], &[], ""), "x", true, false),
        (rule(&[], &[], "team=shop"), "x", false, true),
        (rule(&["y"], &[], "team=shop"), "x", false, false),
        (rule(&["x"], &[], "team=other"), "x", false, false),
    ] {
        assert_eq!(rule.matches(name, &facts(is_ending)), expected, "{rule:?} {name}");
    }
}

/// A Secret whose logins are this JSON.
fn secret(form: SecretForm, content: &str) -> LiveSecret {
    LiveSecret {
        uid: "u".to_owned(),
        version: ResourceVersion::new("7"),
        type_name: form.type_name().to_owned(),
        is_immutable: false,
        is_owned: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        data: BTreeMap::from([(form.entry().to_owned(), SecretBytes::new(content))]),
    }
}

fn set_at(password: &str, made: i64) -> LoginChange {
    LoginChange::Set {
        by: "agent/eu-west-1".to_owned(),
        times: times(made),
        login: login_text("AWS", &Secret::new(password)),
    }
}

fn hosts(all: &[(&str, LoginChange)]) -> BTreeMap<String, LoginChange> {
    all.iter()
        .map(|(host, change)| ((*host).to_owned(), change.clone()))
        .collect()
}

fn apply(live: &mut LiveSecret, patch: SecretPatch) {
    fn merge<T>(into: &mut BTreeMap<String, T>, patch: BTreeMap<String, Option<T>>) {
        for (key, value) in patch {
            match value {
                Some(value) => drop(into.insert(key, value)),
                None => drop(into.remove(&key)),
            }
        }
    }
    merge(&mut live.labels, patch.labels);
    merge(&mut live.annotations, patch.annotations);
    merge(&mut live.data, patch.data);
}

/// Carries out what `change` asks for. `None` when the Secret is deleted.
fn changed(live: Option<LiveSecret>, form: SecretForm, all: &BTreeMap<String, LoginChange>) -> Option<LiveSecret> {
    match change(OWNER, Some(form), live.as_ref(), all).unwrap_or_else(|error| panic!("{error}")) {
        SecretChange::None => live,
        SecretChange::Create(patch) => {
            let mut made = secret(form, "{}");
            apply(&mut made, patch);
            Some(made)
        }
        SecretChange::Patch(patch, _) => {
            let mut live = live.unwrap();
            apply(&mut live, patch);
            Some(live)
        }
        SecretChange::Delete => None,
    }
}

fn content(live: &LiveSecret) -> Value {
    let form = SecretForm::of_type(&live.type_name).unwrap();
    serde_json::from_slice(live.data[form.entry()].expose()).unwrap()
}

const FORMS: [SecretForm; 3] = [
    SecretForm::DockerConfigJson,
    SecretForm::DockerCfg,
    SecretForm::ConfigJson,
];

#[test]
fn a_new_secret_has_the_form_that_its_readers_know_and_goes_when_its_rule_ends() {
    for form in FORMS {
        let live = changed(None, form, &hosts(&[(HOST, set_at("pw", 0))])).unwrap();
        let all = content(&live);
        let logins = if form == SecretForm::DockerCfg {
            &all
        } else {
            &all["auths"]
        };
        assert_eq!(
            logins,
            &json!({HOST: {"username": "AWS", "password": "pw", "auth": "QVdTOnB3"}})
        );
        assert_eq!(live.labels[PULL_SECRET_LABEL], OWNER.set);
        assert!(!live.annotations[PULL_SECRET_ANNOTATION].contains("pw"));
        assert!(matches!(
            change(OWNER, None, Some(&live), &BTreeMap::new()),
            Ok(SecretChange::Delete)
        ));
        // The same again changes nothing.
        let again = change(OWNER, Some(form), Some(&live), &hosts(&[(HOST, set_at("pw", 0))]));
        assert!(matches!(again, Ok(SecretChange::None)));
    }
}

#[test]
fn what_others_put_into_the_secret_keeps_its_bytes_when_a_login_comes_changes_and_goes() {
    let foreign = r#"{ "auth":  "eDp5", "big": 123456789012345678901234567890.10 }"#;
    for form in FORMS {
        let text = match form {
            SecretForm::DockerCfg => format!(r#"{{"ghcr.io":{foreign},"{HOST}/shop":{{}}}}"#),
            _ => format!(
                r#"{{"auths":{{"ghcr.io":{foreign},"{HOST}/shop":{{}}}},"credHelpers":{{"gcr.io":"gcloud"}},"x":1.50}}"#
            ),
        };
        let mut live = secret(form, &text);
        live.labels = labels(&[("app", "shop")]);
        live.annotations = labels(&[("note", "by hand")]);
        live.data.insert("more".to_owned(), SecretBytes::new(vec![0xff, 0]));
        let first = changed(Some(live.clone()), form, &hosts(&[(HOST, set_at("one", 0))])).unwrap();
        let second = changed(Some(first), form, &hosts(&[(HOST, set_at("two", 6))])).unwrap();
        let bytes = String::from_utf8(second.data[form.entry()].expose().to_vec()).unwrap();
        assert!(
            bytes.contains(foreign) && bytes.contains("\"two\"") && !bytes.contains("\"one\""),
            "{bytes}"
        );
        assert_eq!(second.labels["app"], "shop");
        let last = changed(Some(second), form, &BTreeMap::new()).unwrap();
        let bytes = String::from_utf8(last.data[form.entry()].expose().to_vec()).unwrap();
        assert!(bytes.contains(foreign));
        assert_eq!(content(&last), content(&live));
        assert_eq!((last.labels, last.annotations), (live.labels, live.annotations));
        assert!(last.data["more"].expose() == [0xff, 0]);
    }
}

#[test]
fn a_login_that_was_there_is_taken_over_under_its_own_spelling_and_with_a_word() {
    for key in [
        HOST.to_owned(),
        format!("https://{HOST}"),
        format!("https://{HOST}/v2/"),
        HOST.to_uppercase(),
    ] {
        let form = SecretForm::DockerConfigJson;
        let live = secret(form, &json!({"auths": {&key: {"auth": "b2xk"}}}).to_string());
        let wanted = hosts(&[(HOST, set_at("pw", 0))]);
        let Ok(SecretChange::Patch(patch, adopted)) = change(OWNER, Some(form), Some(&live), &wanted) else {
            panic!("{key}");
        };
        assert_eq!(adopted, BTreeSet::from([HOST.to_owned()]), "{key}");
        let mut live = live;
        apply(&mut live, patch);
        assert_eq!(content(&live)["auths"].as_object().unwrap().len(), 1, "{key}");
        assert_eq!(content(&live)["auths"][&key]["password"], "pw");
        // The agent did not make the Secret: it stays when the rule ends.
        let left = changed(Some(live), form, &BTreeMap::new()).unwrap();
        assert_eq!(content(&left), json!({"auths": {}}));
    }
}

#[test]
fn what_cannot_be_written_without_a_loss_is_refused() {
    let form = SecretForm::DockerConfigJson;
    let wanted = hosts(&[(HOST, set_at("pw", 0))]);
    let plain = secret(form, "{}");
    let cases: [(LiveSecret, &str); 7] = [
        (secret(SecretForm::DockerCfg, "{}"), "has type kubernetes.io/dockercfg"),
        (secret(form, "{\"auths\": secret"), "no JSON object (line 1"),
        (secret(form, "[]"), "no JSON object"),
        (secret(form, "{\"auths\": [\"x\"]}"), "auths in .dockerconfigjson"),
        (
            LiveSecret {
                is_immutable: true,
                ..plain.clone()
            },
            "immutable",
        ),
        (
            LiveSecret {
                labels: labels(&[(PART_OF_LABEL, "applyset-ours")]),
                ..plain.clone()
            },
            "config repo declares it",
        ),
        (
            LiveSecret {
                labels: labels(&[(PULL_SECRET_LABEL, "applyset-theirs")]),
                ..plain
            },
            "the agent with the set applyset-theirs",
        ),
    ];
    for (live, reason) in cases {
        let Err(refusal) = change(OWNER, Some(form), Some(&live), &wanted) else {
            panic!("not refused: {reason}");
        };
        assert!(refusal.to_string().contains(reason), "{refusal}");
        assert!(!refusal.to_string().contains("secret\""), "{refusal}");
    }
}

#[test]
fn a_login_that_somebody_changed_or_copied_is_not_the_agents_when_the_rule_ends() {
    let form = SecretForm::DockerConfigJson;
    let live = changed(None, form, &hosts(&[(HOST, set_at("pw", 0))])).unwrap();
    let mut edited = live.clone();
    let theirs = json!({"auths": {HOST: {"auth": "dGhlaXJz"}}}).to_string();
    edited
        .data
        .insert(form.entry().to_owned(), SecretBytes::new(theirs.as_str()));
    let left = changed(Some(edited), form, &BTreeMap::new()).unwrap();
    assert_eq!(content(&left)["auths"][HOST]["auth"], "dGhlaXJz");
    assert!(left.labels.is_empty() && left.annotations.is_empty());
    // A copy in another namespace, with the mark: its login is not taken away, and the copy is not deleted.
    let elsewhere = Owner {
        namespace: "other",
        ..OWNER
    };
    for copy in [live.clone(), {
        let mut empty = live;
        empty
            .data
            .insert(form.entry().to_owned(), SecretBytes::new("{\"auths\":{}}"));
        empty
    }] {
        let Ok(SecretChange::Patch(patch, _)) = change(elsewhere, None, Some(&copy), &BTreeMap::new()) else {
            panic!("the copy is not left alone");
        };
        assert!(patch.data.is_empty() && patch.labels[PULL_SECRET_LABEL].is_none());
    }
}

struct Scene {
    rules: Vec<PullRule>,
    namespaces: BTreeMap<String, NamespaceFacts>,
    secrets: BTreeMap<(String, String), PullSecretFacts>,
    logins: BTreeMap<LoginKey, LoginState>,
    now: Timestamp,
}

impl Scene {
    /// A rule for all namespaces with two hosts of one login, and the namespace `shop`.
    fn new() -> Self {
        let login = "agent/eu-west-1".to_owned();
        Self {
            rules: vec![PullRule {
                secret: "ecr".to_owned(),
                form: SecretForm::DockerConfigJson,
                hosts: BTreeMap::from([(HOST.to_owned(), login.clone()), (OTHER.to_owned(), login)]),
                namespaces: NamespaceRule {
                    names: vec![Wildcard::new("*")],
                    except: Vec::new(),
                    selector: LabelSelector::default(),
                },
                service_accounts: BTreeSet::new(),
            }],
            namespaces: BTreeMap::from([("shop".to_owned(), NamespaceFacts::default())]),
            secrets: BTreeMap::new(),
            logins: BTreeMap::new(),
            now: at(1),
        }
    }

    fn world(&self) -> World<'_> {
        World {
            rules: &self.rules,
            namespaces: &self.namespaces,
            secrets: &self.secrets,
            logins: &self.logins,
            now: self.now,
        }
    }

    fn has_login(&mut self, made: i64) {
        let state = LoginState { times: times(made) };
        self.logins.insert("agent/eu-west-1".to_owned(), state);
    }

    /// The Secret in `shop` with logins of this age.
    fn has_secret(&mut self, made: i64) {
        let wanted = hosts(&[(HOST, set_at("pw", made)), (OTHER, set_at("pw", made))]);
        let live = changed(None, SecretForm::DockerConfigJson, &wanted).unwrap();
        self.has(&live);
    }

    fn has(&mut self, live: &LiveSecret) {
        let facts = PullSecretFacts::read(OWNER, live);
        self.secrets.insert(("shop".to_owned(), "ecr".to_owned()), facts);
    }

    /// The number of logins that are due, and the names of the actions.
    fn outcome(&self) -> (usize, String) {
        let names = plan(self.world()).into_iter().map(|action| match action {
            PullAction::Write { namespace, .. } => format!("write {namespace}"),
            PullAction::Release { namespace, .. } => format!("release {namespace}"),
        });
        (due_logins(self.world()).len(), names.collect::<Vec<_>>().join(", "))
    }
}

#[test]
fn a_secret_is_written_when_it_is_missing_changed_or_half_its_life_is_over_and_never_else() {
    let form = SecretForm::DockerConfigJson;
    let mut scene = Scene::new();
    assert_eq!(
        scene.outcome(),
        (1, String::new()),
        "without a token nothing can be written"
    );
    scene.has_login(0);
    assert_eq!(scene.outcome(), (1, "write shop".into()));
    scene.has_secret(0);
    assert_eq!(scene.outcome(), (0, String::new()));
    scene.now = at(5);
    assert_eq!(scene.outcome(), (0, String::new()));
    assert_eq!(scene.world().next_due(), Some(at(6)));
    scene.now = at(7);
    assert_eq!(scene.outcome(), (1, String::new()), "due, and there is no newer token");
    scene.has_login(7);
    assert_eq!(scene.outcome(), (1, "write shop".into()));
    scene.has_secret(7);
    assert_eq!(scene.outcome(), (0, String::new()));
    // An edit, and a login that is missing.
    let one = changed(None, form, &hosts(&[(HOST, set_at("pw", 7))])).unwrap();
    scene.has(&one);
    assert_eq!(scene.outcome(), (1, "write shop".into()));
    // A mark that promises more than a token lives.
    let mut forged = changed(
        None,
        form,
        &hosts(&[(HOST, set_at("pw", 1000)), (OTHER, set_at("pw", 1000))]),
    )
    .unwrap();
    scene.has(&forged);
    assert_eq!(scene.outcome(), (1, "write shop".into()));
    // Another identity.
    forged = changed(None, form, &hosts(&[(HOST, set_at("pw", 7)), (OTHER, set_at("pw", 7))])).unwrap();
    scene.has(&forged);
    for login in scene.rules[0].hosts.values_mut() {
        *login = "role/eu-west-1".to_owned();
    }
    assert_eq!(scene.outcome(), (1, String::new()));
    scene
        .logins
        .insert("role/eu-west-1".to_owned(), LoginState { times: times(7) });
    assert_eq!(scene.outcome(), (1, "write shop".into()));
}

#[test]
fn an_expired_token_is_given_to_nobody_and_takes_nothing_away() {
    let mut scene = Scene::new();
    scene.has_login(0);
    scene.now = at(13);
    assert_eq!(scene.outcome(), (1, String::new()));
    scene.has_secret(0);
    assert_eq!(scene.outcome(), (1, String::new()));
    // Between half-life and the end, a new namespace gets the last good one.
    scene.now = at(11);
    scene.namespaces.insert("new".to_owned(), NamespaceFacts::default());
    assert_eq!(scene.outcome(), (1, "write new".into()));
}

#[test]
fn a_secret_is_released_when_its_rule_or_its_namespaces_match_ends() {
    let mut scene = Scene::new();
    scene.has_login(0);
    scene.has_secret(0);
    scene.rules[0].hosts.remove(OTHER);
    assert_eq!(scene.outcome(), (0, "write shop".into()), "a host left the rule");
    scene.rules[0].namespaces.except = vec![Wildcard::new("shop")];
    assert_eq!(scene.outcome(), (0, "release shop".into()));
    scene.rules.clear();
    assert_eq!(scene.outcome(), (0, "release shop".into()));
    scene.namespaces.get_mut("shop").unwrap().is_ending = true;
    assert_eq!(scene.outcome(), (0, String::new()));
}
