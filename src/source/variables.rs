//! The variables that are substituted in objects: where they come from, and how they are read.

use super::substitute::{Substitute, SubstituteFrom};
use crate::manifest::Variables;
use crate::model::SecretBytes;
use crate::port::InputObjects;
use crate::release::SourceObject;
use std::collections::BTreeSet;

impl Substitute {
    /// The objects that the variables come from.
    pub(super) fn objects(&self, own: &str) -> BTreeSet<SourceObject> {
        self.from.iter().map(|from| from.object(own)).collect()
    }

    /// Reads the variables. `inputs`: the cluster, if there is one.
    ///
    /// # Errors
    /// Why they are not known, and what to do.
    pub(super) async fn read(&self, inputs: Option<&dyn InputObjects>) -> Result<Variables, String> {
        let mut variables = Variables::new(self.strict);
        for from in &self.from {
            let Some(inputs) = inputs else {
                let object = from.object("the agent's namespace");
                return Err(format!("there is no cluster to read {object} from"));
            };
            let object = from.object(inputs.namespace());
            let entries = inputs.read(&object).await;
            let entries = entries.map_err(|failure| format!("{object} cannot be read: {failure}"))?;
            if entries.is_none() && !from.optional {
                return Err(format!("{object} does not exist; create it, or mark it optional"));
            }
            for (name, value) in entries.iter().flatten() {
                let set = variables.set(name, value, from.is_secret);
                set.map_err(|invalid| format!("an entry of {object} is no variable: {invalid}"))?;
            }
        }
        for (name, value) in &self.variables {
            let set = variables.set(name, &SecretBytes::new(value.as_bytes()), false);
            set.map_err(|invalid| invalid.to_string())?;
        }
        Ok(variables)
    }
}

impl SubstituteFrom {
    fn object(&self, own: &str) -> SourceObject {
        SourceObject {
            is_secret: self.is_secret,
            namespace: self.namespace.clone().unwrap_or_else(|| own.to_owned()),
            name: self.name.clone(),
        }
    }
}
