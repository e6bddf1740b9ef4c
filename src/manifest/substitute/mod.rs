//! `${VAR}` in objects, replaced as Flux v2 replaces it.
//!
//! An object is printed as the YAML that kustomize prints, the expressions in this text are evaluated (`template`, `functions`),
//! and the text is read again. So a number that a variable holds is a number in the object, quotes around an expression do not
//! change this, and a value may be a whole list.
//!
//! Invariants: an object is substituted as a whole or not at all; nothing of a value stands in an error.

mod functions;
mod glob;
mod object;
mod print;
mod template;
mod variables;

pub use object::{NotSubstituted, may_change, substitute};
pub use variables::{InvalidVariable, Variables};
