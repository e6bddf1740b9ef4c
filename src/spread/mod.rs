//! What is spread over namespaces: pull secrets and mirrors.
//!
//! - `label_selector`, `namespace_rule`: which namespaces a rule reaches.
//! - `docker_config`: the logins in the three forms of a pull secret. The logins of others keep their bytes.
//! - `pull_mark`: which logins of a Secret are the agent's. A mark proves itself by the bytes that it was made for, so that an
//!   edited, copied or renamed Secret is nobody's.
//! - `pull_facts`: what a watch keeps of a Secret. No password is among it.
//! - `pull_plan`: rules, namespaces and Secrets to actions. `pull_change`: an action and a Secret to the change of that Secret.
//! - `mirror_object`, `mirror_facts`: a Secret or ConfigMap that is copied, and what a watch keeps of it: no value. `mirror_ask`: the copies that
//!   a source asks for by annotation. `mirror_mark`: which copies the agent made. `mirror_rule`, `mirror_wanted`: the copies that rules
//!   ask for. `mirror_plan`: rules and objects to actions.
//! - `pace`, `rests`: which objects are left alone for a while.
//!
//! Everything is pure. Deliberately absent: when tokens are fetched, and how objects are written.

mod docker_config;
mod label_selector;
mod mirror_ask;
mod mirror_facts;
mod mirror_mark;
mod mirror_object;
mod mirror_plan;
mod mirror_rule;
#[cfg(test)]
mod mirror_tests;
mod mirror_wanted;
mod mirror_world;
mod namespace_rule;
mod pace;
mod pull_change;
mod pull_facts;
mod pull_mark;
mod pull_plan;
mod rests;
mod secret;
#[cfg(test)]
mod tests;

pub use docker_config::{SecretForm, login_address, login_text};
pub use label_selector::LabelSelector;
pub use mirror_ask::{MIRROR_TARGETS_ANNOTATION, MIRROR_TO_ANNOTATION, MirrorAsk};
pub use mirror_facts::MirrorFacts;
pub use mirror_mark::{
    KUBED_ANNOTATIONS, KUBED_LABELS, MIRROR_ANNOTATION, MIRROR_LABEL, MirrorMark, set_of_another_cluster,
};
pub use mirror_object::{EntryField, EntryHash, LiveObject, MirrorContent, MirrorEntry, MirrorKind, ObjectPlace};
pub use mirror_plan::{MirrorAction, MirrorPlan, MirrorWrite, mirror_plan};
pub use mirror_rule::{DeletionPolicy, MirrorRule, MirrorSource};
pub use mirror_world::{Lookup, MirrorWorld};
pub use namespace_rule::{NamespaceFacts, NamespaceRule};
pub use pull_change::{LoginChange, Refusal, SecretChange, change};
pub use pull_facts::{LoginFacts, PullSecretFacts};
pub use pull_mark::{Owner, PULL_SECRET_ANNOTATION, PULL_SECRET_LABEL, Times};
pub use pull_plan::{LoginAge, LoginKey, LoginState, PullAction, PullRule, World, due_logins, plan};
pub use rests::Rests;
pub use secret::{LiveSecret, SecretPatch};
