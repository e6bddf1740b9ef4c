use super::substitute::Substitute;
use crate::driver::blocking;
use crate::manifest::{NotSubstituted, Variables, may_change, substitute};
use crate::model::{Finding, RepoPath, Severity};
use crate::port::InputObjects;
use crate::release::SourceObject;
use crate::resource::Object;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Replaces the variables in the objects of a commit. What was made of an object is kept as long as the object and the variables
/// stay, so that an object without a change is the same allocation from one commit to the next.
#[derive(Default)]
pub(super) struct Substitution {
    settings: Option<Substitute>,
    inputs: Option<Arc<dyn InputObjects>>,
    variables: Option<Result<Variables, String>>,
    /// By the address of the object, which is held here so that the address stays its own.
    made: HashMap<usize, (Arc<Object>, Made)>,
}

/// What was made of an object.
#[derive(Clone)]
enum Made {
    AsItIs,
    Changed(Arc<Object>),
    Refused(NotSubstituted),
}

/// What variables the objects of a commit were made with.
pub(super) type Fingerprint = Option<[u8; 32]>;

impl Substitution {
    pub(super) fn new(settings: Substitute, inputs: Option<Arc<dyn InputObjects>>) -> Self {
        Self {
            settings: Some(settings),
            inputs,
            ..Self::default()
        }
    }

    /// Reads the variables anew. Returns their fingerprint; `None` if nothing is substituted, or the variables are not known.
    pub(super) async fn read(&mut self) -> Fingerprint {
        let settings = self.settings.as_ref()?;
        let before = self.fingerprint();
        self.variables = Some(settings.read(self.inputs.as_deref()).await);
        let now = self.fingerprint();
        if before != now {
            self.made.clear();
        }
        now
    }

    /// Stands for the variables; `None` if nothing is substituted, or the variables are not known.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let variables = self.variables.as_ref()?.as_ref().ok()?;
        Some(variables.fingerprint())
    }

    /// Whether a document with an expression of a variable is not simply what its file says.
    pub(super) fn concerns<'o>(&self, mut objects: impl Iterator<Item = &'o Arc<Object>>) -> bool {
        self.settings.is_some() && objects.any(|object| may_change(object))
    }

    /// Whether the variables could not be read, and may be read another time.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.variables, Some(Err(_)))
    }

    /// The objects that the variables come from.
    pub(super) fn sources(&self) -> BTreeSet<SourceObject> {
        let sources = self.inputs.as_ref().zip(self.settings.as_ref());
        sources.map_or_else(BTreeSet::new, |(inputs, settings)| settings.objects(inputs.namespace()))
    }

    /// Makes the objects of a commit, and forgets those of others.
    pub(super) async fn make(&mut self, objects: Vec<Arc<Object>>) -> Result<(), String> {
        let Some(Ok(variables)) = &self.variables else {
            self.made.clear();
            return Ok(());
        };
        let mut before = std::mem::take(&mut self.made);
        let mut unknown = Vec::new();
        for object in objects {
            match before.remove_entry(&address(&object)) {
                Some((address, made)) => drop(self.made.insert(address, made)),
                None => unknown.push(object),
            }
        }
        drop(before);
        let variables = variables.clone();
        let made = blocking(move || {
            let of = |object: Arc<Object>| {
                let made = match substitute(&object, &variables) {
                    Ok(None) => Made::AsItIs,
                    Ok(Some(changed)) => Made::Changed(Arc::new(changed)),
                    Err(refusal) => Made::Refused(refusal),
                };
                (address(&object), (object, made))
            };
            unknown.into_iter().map(of).collect::<Vec<_>>()
        });
        self.made.extend(made.await.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// What is applied in place of an object; `None` if nothing is.
    pub(super) fn of(&self, object: &Arc<Object>) -> Option<Arc<Object>> {
        match (&self.variables, self.made.get(&address(object))) {
            (None, _) | (_, Some((_, Made::AsItIs))) => Some(Arc::clone(object)),
            (_, Some((_, Made::Changed(changed)))) => Some(Arc::clone(changed)),
            (_, Some((_, Made::Refused(_)))) => None,
            // Without its variables nothing is known of an object that needs them.
            (Some(_), None) => (!may_change(object)).then(|| Arc::clone(object)),
        }
    }

    /// Why the variables are not known, as a finding of `path` that stands for all objects that need them.
    pub(super) fn unknown(&self, path: &RepoPath) -> Option<Finding> {
        let reason = self.variables.as_ref()?.as_ref().err()?;
        Some(Finding {
            path: path.clone(),
            position: None,
            object: None,
            severity: Severity::Error,
            message: format!(
                "the variables of sync.substitute are not known, so that no object with a ${{ is applied: {reason}"
            ),
        })
    }

    /// The objects that are not applied.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let refused = self.made.values().filter_map(|(object, made)| match made {
            Made::Refused(refusal) => Some((object, refusal)),
            Made::AsItIs | Made::Changed(_) => None,
        });
        let finding = |(object, refusal): (&Arc<Object>, &NotSubstituted)| Finding {
            path: object.origin.path().clone(),
            position: object.origin.position(),
            object: Some(object.id.clone()),
            severity: Severity::Error,
            message: format!("not applied: {refusal}"),
        };
        refused.map(finding).collect()
    }
}

fn address(object: &Arc<Object>) -> usize {
    Arc::as_ptr(object).addr()
}
