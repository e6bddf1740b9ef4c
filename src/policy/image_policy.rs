//! Policies that Flux v2 objects describe.

use super::extracted::{Extracted, excluded};
use super::fault::InvalidPolicy;
use super::parse::{Policy, Rule};
use serde_json::Value;

impl Policy {
    /// Makes a policy from a Flux v2 ImagePolicy (`image.toolkit.fluxcd.io`, any version). The fields that count are
    /// `spec.filterTags` with `pattern` and `extract`, one of `spec.policy.semver.range`, `.numerical.order` and
    /// `.alphabetical.order`, and `spec.digestReflectionPolicy`.
    ///
    /// As in Flux, versions need all three numbers, `asc` takes the last part and `desc` the first. Our own rules apply too:
    /// `latest` counts only where the filter names exactly `latest`, an image never moves to an older one, and a tag that is
    /// not a number spoils only itself.
    ///
    /// # Errors
    /// A field cannot be used, or the ImagePolicy is suspended. The error names the field and says what to write instead.
    pub fn from_image_policy(object: &Value) -> Result<Self, InvalidPolicy> {
        let name = name(object);
        Extracted::read(object)
            .map(|extracted| Self(Rule::Extracted(Box::new(extracted))))
            .map_err(|fault| fault.of(&format!("ImagePolicy {name}")))
    }

    /// Adds the exclusions of a Flux v2 ImageRepository: a tag that an expression of `spec.exclusionList` matches anywhere is
    /// no candidate. Without a list the expression is `^.*\.sig$`; an empty list excludes nothing.
    ///
    /// # Errors
    /// The list cannot be used. The error says why and what to write instead.
    pub fn over_image_repository(self, object: &Value) -> Result<Self, InvalidPolicy> {
        let Rule::Extracted(mut extracted) = self.0 else {
            return Ok(self);
        };
        let name = name(object);
        match object.pointer("/spec/exclusionList") {
            None | Some(Value::Null) => {}
            Some(list) => {
                extracted.exclude = excluded(list).map_err(|fault| fault.of(&format!("ImageRepository {name}")))?
            }
        }
        Ok(Self(Rule::Extracted(extracted)))
    }
}

/// `namespace/name`, or the name alone where no namespace is written.
fn name(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or("?");
    match text("/metadata/namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}
