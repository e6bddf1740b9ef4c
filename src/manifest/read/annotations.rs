use crate::manifest::automation_intent::{AutomationIntent, Lock, PolicyText};
use crate::manifest::read::annotation_key::{Setting, setting};
use crate::manifest::read::image_site::Problem;
use crate::manifest::read::images::Images;
use crate::manifest::yaml::cursor::Cursor;
use crate::model::{HoldUntil, Position};
use crate::resource::{Dependency, Drift, FieldPattern, Ignore, Intent};

/// Image fields that a message lists. No workload that a person wrote has more.
const MAX_LISTED_FIELDS: usize = 30;

/// The bytes that the annotations of an object may have. Source: `TotalAnnotationSizeLimitB` of the API server's validation.
const MAX_BYTES: usize = 256 << 10;
const SIZE: &str = "at most 256 KiB, since the API server takes no more annotations";

/// What `ignore-fields` holds.
const FIELDS: &str = "paths of fields, as in spec.replicas, spec.template.spec.containers[name=app].env or /data/key";

/// What `depends-on` holds.
const OBJECTS: &str = "objects, as in Deployment/db, Job/shop/migrate (at most 64, separated by commas)";

/// The annotations of an object.
pub(crate) fn annotations<'a>(object: &Cursor<'a>) -> Vec<(String, Cursor<'a>)> {
    object
        .walk(&["metadata", "annotations"])
        .map(|annotations| annotations.entries())
        .unwrap_or_default()
}

/// The problem with annotations that are not a map.
pub(crate) fn not_a_map(object: &Cursor<'_>) -> Option<Problem> {
    let annotations = object.walk(&["metadata", "annotations"])?;
    (!annotations.is_mapping() && !annotations.is_null()).then(|| Problem {
        position: annotations.position(),
        message: "the annotations are not a map, and all of them are ignored; write one name: \"value\" per line"
            .to_owned(),
    })
}

/// What the annotations ask of sync and of automation, and the annotations that cannot be used.
pub(crate) fn intent(
    annotations: &[(String, Cursor<'_>)],
    images: &Images,
) -> (Intent, AutomationIntent, Vec<Problem>) {
    let mut known: Vec<(u8, Setting, &str, &Cursor<'_>)> = annotations
        .iter()
        .filter_map(|(key, cursor)| setting(key).map(|(rank, setting)| (rank, setting, &**key, cursor)))
        .collect();
    known.sort_by_key(|(rank, ..)| *rank);
    let mut draft = Draft::default();
    for (_, setting, key, cursor) in known {
        match cursor.text() {
            Some(text) => draft.set(setting, key, cursor, text),
            None => {
                let text = cursor.written().unwrap_or_default().to_owned();
                draft.take_text(&setting, key, cursor, text, false);
                draft.problem(cursor, not_a_string(key, cursor));
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
    (draft.intent, automation, draft.problems)
}

fn not_a_string(key: &str, cursor: &Cursor<'_>) -> String {
    let Some(written) = cursor.written() else {
        return format!("{key} is ignored: expected a string as its value; write a value in quotes or remove it");
    };
    let (found, value) = match cursor.json(&mut Vec::new()) {
        Ok(serde_json::Value::Bool(value)) => ("a boolean", value.to_string()),
        Ok(serde_json::Value::Number(_)) => ("a number", written.to_owned()),
        _ => ("another type", written.to_owned()),
    };
    format!("{key} is ignored: expected a string, found {found} ({written} without quotes); write \"{value}\"")
}

#[derive(Default)]
struct Draft {
    intent: Intent,
    automation: AutomationIntent,
    automated: bool,
    automated_at: Option<Position>,
    locked: bool,
    by: Option<String>,
    reason: Option<String>,
    problems: Vec<Problem>,
}

impl Draft {
    fn problem(&mut self, cursor: &Cursor<'_>, message: String) {
        self.problems.push(Problem {
            position: cursor.position(),
            message,
        });
    }

    /// Takes the text of a setting that is read later, where a text that cannot be used keeps the field from being bumped.
    fn take_text(&mut self, setting: &Setting, key: &str, cursor: &Cursor<'_>, text: String, is_text: bool) {
        let text = PolicyText {
            text,
            is_text,
            annotation: key.to_owned(),
            position: cursor.position(),
        };
        let groups = &mut self.automation.groups;
        match setting {
            Setting::Policy(field) => self.automation.policies.insert(field.clone(), text),
            Setting::Group(field) => groups.get_or_insert_default().names.insert(field.clone(), text),
            Setting::GroupMatch => groups.get_or_insert_default().part = Some(text),
            _ => {}
        }
    }

    /// Takes an annotation with a string as its value.
    fn set(&mut self, setting: Setting, key: &str, cursor: &Cursor<'_>, text: String) {
        match setting {
            Setting::LockedBy => self.by = Some(text),
            Setting::LockedReason => self.reason = Some(text),
            Setting::Policy(_) | Setting::Group(_) | Setting::GroupMatch => {
                self.take_text(&setting, key, cursor, text, true);
            }
            Setting::Image => {}
            Setting::Unknown => {
                let message = format!("{key} is not an annotation of Tidegate; correct its name or remove it");
                self.problem(cursor, message);
            }
            setting => {
                if let Err(expected) = self.choose(&setting, cursor, &text) {
                    let message = format!("{key} is ignored: its value is {text:?}; write {expected}");
                    self.problem(cursor, message);
                }
            }
        }
    }

    /// Takes an annotation whose value is one of a few.
    ///
    /// # Errors
    /// The values that the annotation may have.
    fn choose(&mut self, setting: &Setting, cursor: &Cursor<'_>, text: &str) -> Result<(), &'static str> {
        match (setting, text) {
            (Setting::Automated, "true" | "false") => {
                self.automated = text == "true";
                self.automated_at = Some(cursor.position());
            }
            (Setting::Locked, "true" | "false") => self.locked = text == "true",
            (Setting::RevertOnFailure, "true" | "false") => self.automation.revert_on_failure = Some(text == "true"),
            (Setting::Automated | Setting::Locked | Setting::RevertOnFailure, _) => {
                return Err("\"true\" or \"false\"");
            }
            (Setting::Ignore, "true") => self.intent.ignore = Ignore::Yes,
            (Setting::Ignore, "false") => self.intent.ignore = Ignore::No,
            (Setting::Ignore, "sync-only" | "sync_only") => self.intent.ignore = Ignore::SyncOnly,
            (Setting::Ignore, _) => return Err("\"true\" or \"sync-only\""),
            (Setting::Prune, "disabled" | "enabled") => self.intent.keep = text == "disabled",
            (Setting::Prune, _) => return Err("\"disabled\""),
            (Setting::Drift, "repair") => self.intent.drift = Drift::Repair,
            (Setting::Drift, "warn") => self.intent.drift = Drift::Warn,
            (Setting::Drift, "ignore") => self.intent.drift = Drift::Ignore,
            (Setting::Drift, _) => return Err("repair, warn or ignore"),
            (Setting::Adopt, "true" | "false") => self.intent.adopt = text == "true",
            (Setting::Recreate, "true" | "false") => self.intent.recreate = text == "true",
            (Setting::Adopt | Setting::Recreate, _) => return Err("\"true\""),
            (Setting::IgnoreFields, _) if text.len() > MAX_BYTES => return Err(SIZE),
            (Setting::IgnoreFields, _) => self.intent.ignore_fields = FieldPattern::parse_list(text).or(Err(FIELDS))?,
            (Setting::DependsOn, _) if text.len() > MAX_BYTES => return Err(SIZE),
            (Setting::DependsOn, _) => self.intent.depends_on = Dependency::parse_list(text).ok_or(OBJECTS)?,
            (Setting::Hold, _) => self.automation.hold = Some(HoldUntil::parse(text).ok_or(HoldUntil::WRITTEN)?),
            _ => {}
        }
        Ok(())
    }

    /// Reports annotations that no image field of the object takes.
    fn check(&mut self, images: &Images) {
        if let Some(position) = self.automated_at.filter(|_| self.automated && images.names.is_empty()) {
            let message = "it is automated, but has no image; name one with tidegate.dev/image.<alias> (HelmRelease) or remove the annotation";
            return self.problems.push(Problem {
                position,
                message: message.to_owned(),
            });
        }
        let groups = self.automation.groups.iter().flat_map(|groups| groups.names.iter());
        for (field, policy) in self.automation.policies.iter().chain(groups) {
            let Some(field) = field.as_ref().filter(|field| !images.names.contains(*field)) else {
                continue;
            };
            self.problems.push(Problem {
                position: policy.position,
                message: format!(
                    "{} is for {field}, but the object has no such container or image (it has: {}); correct the name or remove the annotation",
                    policy.annotation,
                    list(images)
                ),
            });
        }
    }
}

/// The names of the image fields, for a message.
fn list(images: &Images) -> String {
    let mut names: Vec<&str> = images
        .names
        .iter()
        .take(MAX_LISTED_FIELDS + 1)
        .map(|name| &*name.0)
        .collect();
    if names.len() > MAX_LISTED_FIELDS {
        names.truncate(MAX_LISTED_FIELDS);
        names.push("…");
    }
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}
