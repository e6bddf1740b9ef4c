use super::condition::latest_transition;
use super::state::Health;
use super::{built_in, custom, workload};
use crate::resource::kind::GroupKind;
use jiff::Timestamp;
use serde_json::Value;

impl Health {
    /// Whether there is a rule for this kind. Its objects must then be read as a whole, not their metadata alone.
    pub fn has_rule(kind: &GroupKind) -> bool {
        rule(kind).is_some()
    }

    /// The health of an object of this kind. `object` is the whole object as the server sent it.
    pub fn of(kind: &GroupKind, object: &Value) -> Self {
        let Some(rule) = rule(kind) else {
            return Self::Unknown;
        };
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
        let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64);
        let health = match (generation, observed) {
            (Some(generation), Some(observed)) if observed < generation => {
                Self::Progressing("its controller has not seen the last change yet".to_owned())
            }
            _ => rule(object),
        };
        health.bounded()
    }

    /// Since when an object that is ready or failed is so, where its conditions say that.
    pub fn since(&self, object: &Value) -> Option<Timestamp> {
        match self {
            Self::Ready | Self::Failed(_) => latest_transition(object),
            Self::Unknown | Self::Progressing(_) => None,
        }
    }
}

type Rule = fn(&Value) -> Health;

fn rule(kind: &GroupKind) -> Option<Rule> {
    if kind.is_built_in() {
        workload::rule(kind).or_else(|| built_in::rule(kind))
    } else {
        Some(custom::rule(kind))
    }
}
