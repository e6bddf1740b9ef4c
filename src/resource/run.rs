use super::desired::DesiredHash;
use super::kind::GroupKind;
use serde_json::Value;

/// The run of an object that runs once, to its end: a Job, or a Pod that is not restarted.
///
/// Such an object may vanish when it has run: a Job by its `ttlSecondsAfterFinished`, a Pod with its node. To apply its
/// manifest again would run it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The manifest that was applied.
    pub hash: DesiredHash,
    /// The UID of the object that runs.
    pub uid: String,
    /// Whether the object has been seen finished, with or without success.
    pub is_finished: bool,
}

impl Run {
    /// Whether objects of this kind run to an end. They must be read as a whole, not their metadata alone.
    pub fn has_end(kind: &GroupKind) -> bool {
        kind.is("batch", "Job") || kind.is("", "Pod")
    }

    /// Whether an object of this kind has finished. A failed Pod has not: it may have been evicted.
    pub fn is_over(kind: &GroupKind, object: &Value) -> bool {
        if kind.is("", "Pod") {
            return object.pointer("/status/phase").and_then(Value::as_str) == Some("Succeeded");
        }
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        let is = |condition: &Value, key: &str, text: &str| condition.get(key).and_then(Value::as_str) == Some(text);
        kind.is("batch", "Job")
            && conditions.into_iter().flatten().any(|condition| {
                is(condition, "status", "True")
                    && (is(condition, "type", "Complete") || is(condition, "type", "Failed"))
            })
    }

    /// Whether the manifest asks for the object to be removed when it has finished.
    pub fn removes_itself(manifest: &Value) -> bool {
        manifest
            .pointer("/spec/ttlSecondsAfterFinished")
            .is_some_and(|seconds| !seconds.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_ends_in_either_way_and_a_pod_with_success() {
        let job = |name: &str, status: &str| {
            json!({"status": {"conditions": [
            {"type": "Suspended", "status": "False"}, {"type": name, "status": status}]}})
        };
        let pod = |phase: &str| json!({"status": {"phase": phase}});
        let rows = [
            ("Job.batch", job("Complete", "True"), true),
            ("Job.batch", job("Failed", "True"), true),
            ("Job.batch", job("Complete", "False"), false),
            ("Job.batch", job("FailureTarget", "True"), false),
            ("Job.batch", json!({}), false),
            ("Pod", pod("Succeeded"), true),
            ("Pod", pod("Failed"), false),
            ("Pod", pod("Running"), false),
            ("Deployment.apps", job("Complete", "True"), false),
        ];
        for (kind, object, expected) in rows {
            let kind = GroupKind::parse(kind).unwrap();
            assert_eq!(Run::is_over(&kind, &object), expected, "{kind} {object}");
        }
    }
}
