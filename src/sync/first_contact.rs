use super::sync_plan::ApplyStep;
use crate::port::{Applied, ClusterFailure, Mode, TargetApi};
use crate::resource::{Adoption, Contact, FormerOwner, LiveObject, SetId, Takeover, contact, left_to_others, prepare};
use serde_json::{Value, json};

/// No object has this version: an apply that names it creates the object, or fails because the object exists.
const CREATE_ONLY: &str = "1";
/// How often an object that changes between the look and the apply is looked at again.
const RACES: u32 = 3;

/// The answer to an apply.
pub(super) struct Sent {
    pub(super) applied: Applied,
    /// Who had made the object, if the agent took it over.
    pub(super) adopted: Option<FormerOwner>,
}

/// How the agent meets live objects.
#[derive(Clone, Copy)]
pub(super) struct Manners<'a> {
    /// The agent's set.
    pub(super) set: &'a SetId,
    /// Which objects of others are taken over without an annotation.
    pub(super) adoption: Adoption,
    /// Whether the server stores the result.
    pub(super) mode: Mode,
}

/// Applies an object. Where others may own fields of the object, the object is looked at first, unless this apply creates the
/// object: new objects cost one request, and those of others three or four.
pub(super) async fn send(api: &impl TargetApi, step: &ApplyStep, manners: Manners<'_>) -> Result<Sent, ClusterFailure> {
    let body = prepare(&step.object.value.value(), &step.id, manners.set);
    if step.is_first_contact {
        match apply(api, step, &versioned(&body, CREATE_ONLY), manners.mode).await {
            Ok(applied) => return Ok(Sent { applied, adopted: None }),
            Err(ClusterFailure::Conflict { .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    if !step.is_first_contact && step.additions.is_none() && step.object.intent.ignore_fields.is_empty() {
        let applied = apply(api, step, &body, manners.mode).await?;
        return Ok(Sent { applied, adopted: None });
    }
    let mut races = 0;
    loop {
        match send_over(api, step, &body, manners).await {
            Err(ClusterFailure::Conflict { .. }) if races < RACES => races += 1,
            sent => return sent,
        }
    }
}

/// Creates an object. `None` if there is an object with its name.
pub(super) async fn create(
    api: &impl TargetApi,
    step: &ApplyStep,
    manners: Manners<'_>,
) -> Result<Option<Applied>, ClusterFailure> {
    let body = versioned(&prepare(&step.object.value.value(), &step.id, manners.set), CREATE_ONLY);
    match apply(api, step, &body, manners.mode).await {
        Ok(applied) => Ok(Some(applied)),
        Err(ClusterFailure::Conflict { .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn apply(api: &impl TargetApi, step: &ApplyStep, body: &Value, mode: Mode) -> Result<Applied, ClusterFailure> {
    let applied = api.apply(&step.served, &step.id, body, mode).await;
    applied.map_err(|failure| shown(step, failure))
}

/// What may be shown of a failed write: webhooks quote what they refuse.
pub(super) fn shown(step: &ApplyStep, failure: ClusterFailure) -> ClusterFailure {
    match step.object.intent.hide_values {
        true => failure.without_words(),
        false => failure,
    }
}

/// Looks at the live object, moves those fields to the agent that are to be the agent's, and applies the object.
async fn send_over(
    api: &impl TargetApi,
    step: &ApplyStep,
    body: &Value,
    manners: Manners<'_>,
) -> Result<Sent, ClusterFailure> {
    let Some((live, mut version)) = api.look(&step.served, &step.id).await? else {
        let applied = apply(api, step, body, manners.mode).await?;
        return Ok(Sent { applied, adopted: None });
    };
    let mut adopted = None;
    let mut takeover = Takeover::Additions;
    if step.is_first_contact {
        match contact(&live, manners.set, step.object.intent.adopt, manners.adoption) {
            Contact::Own => {}
            Contact::Adopt(owner) => (adopted, takeover) = (Some(owner), Takeover::Everything),
            Contact::Refuse(owner) => return Err(refusal(api, owner).await),
        }
    }
    let mut moved = None;
    if step.additions.is_some() || step.is_first_contact {
        let left = left_to_others(&step.object.value.value(), &step.object.intent.ignore_fields);
        moved = takeover.apply(&live.entries, &left);
    }
    if let (Mode::Write, Some(entries)) = (manners.mode, &moved) {
        version = api
            .set_managed_fields(&step.served, &step.id, &version, entries)
            .await?;
    }
    let mut body = versioned(body, version.as_str());
    for path in &step.object.intent.ignore_fields {
        if !live.owns(path) {
            path.remove_from(&mut body);
        }
    }
    match api.apply(&step.served, &step.id, &body, manners.mode).await {
        Ok(applied) => Ok(Sent { applied, adopted }),
        // A dry run moves no fields: the items that will go and those that replace them are compared as if both stayed.
        Err(ClusterFailure::Refused { message })
            if is_only_previewed(&moved, manners) && message.contains("Duplicate") =>
        {
            let applied = Applied {
                uid: String::new(),
                version,
                generation: None,
                fingerprint: None,
                created: false,
                owns_replicas: false,
            };
            Ok(Sent { applied, adopted })
        }
        Err(failure) => Err(shown(step, failure)),
    }
}

fn is_only_previewed(moved: &Option<Vec<Value>>, manners: Manners<'_>) -> bool {
    moved.is_some() && manners.mode == Mode::DryRun
}

fn versioned(body: &Value, version: &str) -> Value {
    let mut body = body.clone();
    body["metadata"]["resourceVersion"] = json!(version);
    body
}

/// Why a live object that somebody else may have made would not be taken over, if it would not.
pub(super) async fn refusal_of(
    api: &impl TargetApi,
    step: &ApplyStep,
    live: &LiveObject,
    set: &SetId,
    adoption: Adoption,
) -> Option<ClusterFailure> {
    if !step.is_first_contact {
        return None;
    }
    match contact(live, set, step.object.intent.adopt, adoption) {
        Contact::Own | Contact::Adopt(_) => None,
        Contact::Refuse(owner) => Some(refusal(api, owner).await),
    }
}

/// Says whose the object is and what to do. For another set, the server is asked where its record is.
async fn refusal(api: &impl TargetApi, owner: FormerOwner) -> ClusterFailure {
    let (owner, remedy) = match owner {
        FormerOwner::Set(label) => {
            let owner = match api.find_set(&label).await {
                Ok(Some(set)) => format!("set {} in namespace {}", set.name, set.namespace),
                Ok(None) | Err(_) => FormerOwner::Set(label).to_string(),
            };
            (
                owner,
                "give one of the agents another sync.set or other paths, or, to take the object over, annotate its manifest",
            )
        }
        owner => (
            owner.to_string(),
            "to take it over, set sync.adopt: true, or annotate the object",
        ),
    };
    ClusterFailure::Refused {
        message: format!("it belongs to {owner} and was not changed; {remedy} tidegate.dev/adopt: \"true\""),
    }
}
