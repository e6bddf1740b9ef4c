//! What is spread over namespaces: pull secrets.
//!
//! - `label_selector`, `namespace_rule`: which namespaces a rule reaches.
//! - `docker_config`: the logins in the three forms of a pull secret. The logins of others keep their bytes.
//! - `pull_mark`: which logins of a Secret are the agent's. A mark proves itself by the bytes that it was made for, so that an
//!   edited, copied or renamed Secret is nobody's.
//! - `pull_facts`: what a watch keeps of a Secret. No password is among it.
//! - `pull_plan`: rules, namespaces and Secrets to actions. `pull_change`: an action and a Secret to the change of that Secret.
//!
//! Everything is pure. Deliberately absent: when tokens are fetched, and how objects are written.

mod docker_config;
mod label_selector;
mod namespace_rule;
mod pull_change;
mod pull_facts;
mod pull_mark;
mod pull_plan;
mod secret;
#[cfg(test)]
mod tests;

pub use docker_config::{SecretForm, login_address, login_text};
pub use label_selector::LabelSelector;
pub use namespace_rule::{NamespaceFacts, NamespaceRule};
pub use pull_change::{LoginChange, Refusal, SecretChange, change};
pub use pull_facts::{LoginFacts, PullSecretFacts};
pub use pull_mark::{Owner, PULL_SECRET_ANNOTATION, PULL_SECRET_LABEL, Times};
pub use pull_plan::{LoginAge, LoginKey, LoginState, PullAction, PullRule, World, due_logins, plan};
pub use secret::{LiveSecret, SecretPatch};
