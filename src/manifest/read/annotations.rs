use crate::manifest::document::{AutomationIntent, Lock, PolicyText};
use crate::manifest::read::helm;
use crate::manifest::read::images::{Images, Trouble};
use crate::manifest::yaml::cursor::Place;
use crate::model::{FieldName, HoldUntil};
use crate::resource::{Drift, Ignore, Intent};

/// What an annotation of ours is about.
enum Meaning {
    Automated,
    Locked,
    LockedBy,
    LockedReason,
    Ignore,
    Prune,
    Drift,
    Hold,
    Policy(Option<FieldName>),
    Image,
    Unknown,
}

/// Images that a message names; no workload that a person wrote has more.
const MOST_NAMES: usize = 30;

/// An annotation's meaning and how much its spelling weighs: ours before Flux v1's, its newer ones before its older.
fn meaning(key: &str) -> Option<(u8, Meaning)> {
    let named = |name: &str| (!name.is_empty()).then(|| Meaning::Policy(Some(FieldName(name.to_owned()))));
    if helm::is_alias(key) {
        return Some((0, Meaning::Image));
    }
    if let Some(name) = key.strip_prefix("tidegate.dev/") {
        let meaning = match name {
            "automated" => Meaning::Automated,
            "locked" => Meaning::Locked,
            "locked-by" => Meaning::LockedBy,
            "locked-reason" => Meaning::LockedReason,
            "ignore" => Meaning::Ignore,
            "prune" => Meaning::Prune,
            "drift" => Meaning::Drift,
            "hold" => Meaning::Hold,
            "policy" => Meaning::Policy(None),
            _ => name.strip_prefix("policy.").and_then(named).unwrap_or(Meaning::Unknown),
        };
        return Some((3, meaning));
    }
    if let Some(name) = key.strip_prefix("filter.fluxcd.io/") {
        return Some((2, named(name)?));
    }
    let (weight, name) = match key.strip_prefix("fluxcd.io/") {
        Some(name) => (1, name),
        None => (0, key.strip_prefix("flux.weave.works/")?),
    };
    let meaning = match name {
        "automated" => Meaning::Automated,
        "locked" => Meaning::Locked,
        "locked_user" => Meaning::LockedBy,
        "locked_msg" => Meaning::LockedReason,
        "ignore" => Meaning::Ignore,
        _ => named(name.strip_prefix("tag.")?)?,
    };
    Some((weight, meaning))
}

/// The annotations of an object with their places.
pub(crate) fn of<'a>(object: &Place<'a>) -> Vec<(String, Place<'a>)> {
    object
        .walk(&["metadata", "annotations"])
        .map(|annotations| annotations.entries())
        .unwrap_or_default()
}

/// What is wrong with annotations that are no map, of which none can be seen.
pub(crate) fn misshapen(object: &Place<'_>) -> Option<Trouble> {
    let annotations = object.walk(&["metadata", "annotations"])?;
    (!annotations.is_mapping() && !annotations.is_null()).then(|| Trouble {
        position: annotations.position(),
        message: "the annotations are no map, so that none of them is seen; write name: \"value\", one a line"
            .to_owned(),
    })
}

/// What the annotations ask of sync and of automation, and the annotations that cannot be used.
pub(crate) fn intent(annotations: &[(String, Place<'_>)], images: &Images) -> (Intent, AutomationIntent, Vec<Trouble>) {
    let mut known: Vec<(u8, Meaning, &str, &Place<'_>)> = annotations
        .iter()
        .filter_map(|(key, place)| meaning(key).map(|(weight, meaning)| (weight, meaning, &**key, place)))
        .collect();
    known.sort_by_key(|(weight, ..)| *weight);
    let mut draft = Draft::default();
    for (_, meaning, key, place) in known {
        match place.text() {
            Some(text) => draft.set(meaning, key, place, text),
            None => {
                if let Meaning::Policy(field) = meaning {
                    let text = place.written().unwrap_or_default().to_owned();
                    draft.policy(field, key, place, text, false);
                }
                draft.trouble(place, not_text(key, place));
            }
        }
    }
    draft.check(images);
    let automation = AutomationIntent {
        automated: draft.automated,
        lock: draft.locked.then_some(Lock {
            by: draft.by,
            reason: draft.reason,
        }),
        ..draft.automation
    };
    (draft.intent, automation, draft.troubles)
}

fn not_text(key: &str, place: &Place<'_>) -> String {
    let Some(written) = place.written() else {
        return format!("{key} has no text as its value, so that it is not set; write one in quotes or remove it");
    };
    let meant = match place.json(&mut Vec::new()) {
        Ok(serde_json::Value::Bool(value)) => value.to_string(),
        _ => written.to_owned(),
    };
    format!("{key} has the value {written} without quotes, which is not text, so that it is not set; write \"{meant}\"")
}

#[derive(Default)]
struct Draft {
    intent: Intent,
    automation: AutomationIntent,
    automated: bool,
    automated_at: Option<crate::model::Position>,
    locked: bool,
    by: Option<String>,
    reason: Option<String>,
    troubles: Vec<Trouble>,
}

impl Draft {
    fn trouble(&mut self, place: &Place<'_>, message: String) {
        self.troubles.push(Trouble {
            position: place.position(),
            message,
        });
    }

    fn policy(&mut self, field: Option<FieldName>, key: &str, place: &Place<'_>, text: String, is_text: bool) {
        let policy = PolicyText {
            text,
            is_text,
            annotation: key.to_owned(),
            position: place.position(),
        };
        self.automation.policies.insert(field, policy);
    }

    fn set(&mut self, meaning: Meaning, key: &str, place: &Place<'_>, text: String) {
        let wanted = match (meaning, &*text) {
            (Meaning::Automated, "true" | "false") => {
                self.automated = text == "true";
                self.automated_at = Some(place.position());
                return;
            }
            (Meaning::Locked, "true" | "false") => {
                self.locked = text == "true";
                return;
            }
            (Meaning::LockedBy, _) => {
                self.by = Some(text);
                return;
            }
            (Meaning::LockedReason, _) => {
                self.reason = Some(text);
                return;
            }
            (Meaning::Ignore, "true" | "false" | "sync-only" | "sync_only") => {
                self.intent.ignore = match &*text {
                    "true" => Ignore::Yes,
                    "false" => Ignore::No,
                    _ => Ignore::SyncOnly,
                };
                return;
            }
            (Meaning::Prune, "disabled" | "enabled") => {
                self.intent.keep = text == "disabled";
                return;
            }
            (Meaning::Drift, "repair" | "warn" | "ignore") => {
                self.intent.drift = match &*text {
                    "warn" => Drift::Warn,
                    "ignore" => Drift::Ignore,
                    _ => Drift::Repair,
                };
                return;
            }
            (Meaning::Hold, text) if HoldUntil::parse(text).is_some() => {
                self.automation.hold = HoldUntil::parse(text);
                return;
            }
            (Meaning::Policy(field), _) => {
                self.policy(field, key, place, text, true);
                return;
            }
            (Meaning::Image, _) => return,
            (Meaning::Automated | Meaning::Locked, _) => "\"true\" or \"false\"",
            (Meaning::Ignore, _) => "\"true\" or \"sync-only\"",
            (Meaning::Prune, _) => "\"disabled\"",
            (Meaning::Drift, _) => "repair, warn or ignore",
            (Meaning::Hold, _) => HoldUntil::WRITTEN,
            (Meaning::Unknown, _) => {
                let message = format!("{key} is no annotation that is known here; mend its name or remove it");
                return self.trouble(place, message);
            }
        };
        self.trouble(
            place,
            format!("{key} has the value {text:?}, so that it is not set; write {wanted}"),
        );
    }

    fn check(&mut self, images: &Images) {
        if let Some(position) = self.automated_at.filter(|_| self.automated && images.names.is_empty()) {
            let message = "it is automated, but no image is found in it; name one with tidegate.dev/image.<alias> (HelmRelease) or remove the annotation";
            return self.troubles.push(Trouble {
                position,
                message: message.to_owned(),
            });
        }
        let mut names: Vec<&str> = images.names.iter().take(MOST_NAMES + 1).map(|name| &*name.0).collect();
        if names.len() > MOST_NAMES {
            names.truncate(MOST_NAMES);
            names.push("…");
        }
        for (field, policy) in &self.automation.policies {
            if let Some(field) = field.as_ref().filter(|field| !images.names.contains(*field)) {
                let there = if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                };
                self.troubles.push(Trouble {
                    position: policy.position,
                    message: format!("{} is for {field}, but there is no such container or image here (there is: {there}); mend the name or remove the annotation", policy.annotation),
                });
            }
        }
    }
}
