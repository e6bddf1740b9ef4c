//! Any registry of the OCI distribution specification: Docker Hub, GHCR, Harbor, Quay, ECR Public, distribution.
//!
//! A listing follows `Link` headers from page to page, with tags in any order. A page that is full and names no next page is
//! followed by a request for the tags after its last one, because some registries do not send `Link`. Logins come from a docker
//! config file, and are sent to the registry itself or to the token server that the registry names.
//!
//! The client is our own and thin: `oci-client` (0.18) drops the `Link` header, so that its listing ends early where a registry's
//! pages go on with a token of its own.
//!
//! Invariants:
//! - No request goes to an address of a private network unless the configuration names the host.
//! - A login is sent over HTTPS only, unless the configuration allows plain HTTP for the registry.
//! - A redirect to another domain is not followed. Behind a redirect to another host no login is sent.
//! - Every request has a deadline, and every response a bound.
//!
//! Deliberately absent: credential helpers, which are programs; push times, which these registries do not report.

mod address;
mod auth;
mod authorization;
mod client;
mod docker_config;
mod endpoint;
mod error;
mod explain;
mod link;
mod response;
mod settings;
mod tags;
mod token;

pub(super) use client::Oci;
pub use settings::OciSettings;
