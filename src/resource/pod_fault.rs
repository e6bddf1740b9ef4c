//! Why the pods of a workload do not become ready, from what the pods themselves say.
//!
//! A container's own last words (its termination message) are not read: they are the program's output, and may hold a secret.

use super::health::{NOT_CREATED, condition, number, text};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Texts of the server are cut at this many bytes.
const MAX_MESSAGE: usize = 300;
/// A pod has a handful of containers.
const MAX_CONTAINERS: usize = 32;

/// What keeps a pod from becoming ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// The server refuses to create the pod: a quota, an admission rule.
    NotCreated,
    /// The image cannot be pulled, or its name is no image's.
    Image,
    /// A container ends again and again.
    CrashLoop,
    /// The container cannot be made: a Secret or ConfigMap is missing, for example.
    Configuration,
    /// No node takes the pod.
    Unschedulable,
    /// The container ended and has not been started again.
    Ended,
    /// The container runs and does not pass its readiness probe.
    NotReady,
}

impl FaultKind {
    /// Whether such a fault goes by itself only by chance: the image, the program or the manifest has to change. A node for a pod
    /// may be added, and a probe may pass later.
    pub fn is_lasting(self) -> bool {
        matches!(
            self,
            Self::NotCreated | Self::Image | Self::CrashLoop | Self::Configuration
        )
    }
}

/// Why one pod is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodFault {
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// The pod; empty if none was created.
    pub pod: String,
    /// The container, and its image as the pod names it, where one is at fault.
    pub container: Option<(String, String)>,
    /// How often the container was started again.
    pub restarts: u64,
    /// In the words of the cluster.
    pub message: String,
    /// Whether the pod is one of an earlier revision of its workload.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_former: bool,
}

/// `pod web-5d9c: container web: the image registry.example/web:1 cannot be pulled: ...`; `pod web-5d9c of an earlier revision: ...`.
impl fmt::Display for PodFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pod.is_empty() {
            let former = if self.is_former { " of an earlier revision" } else { "" };
            write!(f, "pod {}{former}: ", self.pod)?;
        }
        if let Some((name, _)) = &self.container {
            write!(f, "container {name}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl PodFault {
    /// What is wrong with a pod; `None` if the pod is ready, ended well, or goes.
    pub fn of(pod: &Value) -> Option<Self> {
        let is_going = pod.pointer("/metadata/deletionTimestamp").is_some();
        if is_going
            || text(pod, "/status/phase") == "Succeeded"
            || condition(pod, "Ready").is_some_and(|ready| ready.is_true())
        {
            return None;
        }
        let name = text(pod, "/metadata/name");
        if let Some(scheduled) = condition(pod, "PodScheduled").filter(|scheduled| scheduled.is_false()) {
            let message = cut(scheduled.message);
            return Some(Self::of_pod(
                FaultKind::Unschedulable,
                name,
                format!("it is not scheduled: {message}"),
            ));
        }
        let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"]
            .into_iter()
            .filter_map(|pointer| pod.pointer(pointer).and_then(Value::as_array))
            .flatten()
            .take(MAX_CONTAINERS);
        let faults = statuses.filter_map(|status| Self::of_container(pod, name, status));
        let worst = faults.min_by_key(|fault| fault.kind);
        worst.or_else(|| match text(pod, "/status/phase") {
            "Failed" => {
                let reason = text(pod, "/status/reason");
                Some(Self::of_pod(
                    FaultKind::Ended,
                    name,
                    format!("it failed {reason}").trim_end().to_owned(),
                ))
            }
            _ => None,
        })
    }

    /// Pods are not created, for this reason of the cluster.
    pub fn not_created(message: &str) -> Self {
        Self::of_pod(FaultKind::NotCreated, "", format!("{NOT_CREATED}{}", cut(message)))
    }

    fn of_pod(kind: FaultKind, pod: &str, message: String) -> Self {
        Self {
            kind,
            pod: pod.to_owned(),
            container: None,
            restarts: 0,
            message,
            is_former: false,
        }
    }

    fn of_container(pod: &Value, pod_name: &str, status: &Value) -> Option<Self> {
        let name = text(status, "/name");
        let image = image(pod, name).unwrap_or_else(|| text(status, "/image"));
        let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
        let (reason, said) = (
            text(status, "/state/waiting/reason"),
            cut(text(status, "/state/waiting/message")),
        );
        let last = ["/state/terminated", "/lastState/terminated"];
        let last = last.into_iter().find_map(|pointer| status.pointer(pointer));
        let (kind, message) = match reason {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable" => {
                let detail = if said.is_empty() { reason.to_owned() } else { said };
                (
                    FaultKind::Image,
                    format!("the image {image} cannot be pulled: {detail}"),
                )
            }
            "CrashLoopBackOff" => {
                let why = last.map(ended).unwrap_or_default();
                (
                    FaultKind::CrashLoop,
                    format!("it crashes again and again{why}, started {} times", restarts + 1),
                )
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | "PostStartHookError" => {
                let detail = if said.is_empty() { reason.to_owned() } else { said };
                (FaultKind::Configuration, format!("it cannot be started: {detail}"))
            }
            _ => {
                let ended_badly = |end: &&Value| number(end, "/exitCode") != Some(0);
                let is_started = status.pointer("/state/running").is_some();
                match (status.pointer("/state/terminated").filter(ended_badly), is_started) {
                    (Some(end), _) => (FaultKind::Ended, format!("it ended{}", ended(end))),
                    (None, true) if status.get("ready") == Some(&Value::Bool(false)) => {
                        let why = last
                            .map(ended)
                            .map(|why| format!("; it was started again after it ended{why}"));
                        (
                            FaultKind::NotReady,
                            format!("it runs and is not ready{}", why.unwrap_or_default()),
                        )
                    }
                    _ => return None,
                }
            }
        };
        Some(Self {
            kind,
            pod: pod_name.to_owned(),
            container: Some((name.to_owned(), image.to_owned())),
            restarts,
            message,
            is_former: false,
        })
    }
}

/// ` (exit code 137, OOMKilled)`.
fn ended(end: &Value) -> String {
    let code = number(end, "/exitCode");
    let reason = Some(text(end, "/reason")).filter(|reason| !matches!(*reason, "" | "Error" | "Completed"));
    match (code, reason) {
        (Some(code), Some(reason)) => format!(" (exit code {code}, {reason})"),
        (Some(code), None) => format!(" (exit code {code})"),
        (None, Some(reason)) => format!(" ({reason})"),
        (None, None) => String::new(),
    }
}

/// The image of a container, as the pod's specification names it: what the node reports may be another name of it.
fn image<'a>(pod: &'a Value, container: &str) -> Option<&'a str> {
    let lists = ["/spec/containers", "/spec/initContainers"];
    let mut all = lists
        .into_iter()
        .filter_map(|pointer| pod.pointer(pointer)?.as_array())
        .flatten();
    let found = all.find(|found| text(found, "/name") == container)?;
    found.get("image")?.as_str()
}

/// One line of bounded length.
fn cut(message: &str) -> String {
    let mut line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > MAX_MESSAGE {
        line.truncate(line.floor_char_boundary(MAX_MESSAGE));
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: &Value) -> Value {
        json!({"metadata": {"name": "web-1"},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web:2"}]}, "status": status})
    }

    fn container(state: &Value) -> Value {
        pod(&json!({"phase": "Running", "containerStatuses": [
            {"name": "web", "image": "sha256:abc", "restartCount": 4, "ready": false, "state": state,
             "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "password: x"}}}]}))
    }

    #[test]
    fn a_pod_says_why_it_is_not_ready() {
        let waiting =
            |reason: &str, message: &str| container(&json!({"waiting": {"reason": reason, "message": message}}));
        let rows = [
            (
                waiting("ImagePullBackOff", "Back-off pulling image"),
                FaultKind::Image,
                "pod web-1: container web: the image registry.example/web:2 cannot be pulled: Back-off pulling image",
            ),
            (
                waiting("CrashLoopBackOff", "back-off 5m0s restarting"),
                FaultKind::CrashLoop,
                "pod web-1: container web: it crashes again and again (exit code 137, OOMKilled), started 5 times",
            ),
            (
                waiting("CreateContainerConfigError", "secret \"web\"\n not found"),
                FaultKind::Configuration,
                "pod web-1: container web: it cannot be started: secret \"web\" not found",
            ),
            (
                container(&json!({"running": {}})),
                FaultKind::NotReady,
                "pod web-1: container web: it runs and is not ready; it was started again after it ended (exit code 137, OOMKilled)",
            ),
            (
                container(&json!({"terminated": {"exitCode": 2, "reason": "Error", "message": "password: x"}})),
                FaultKind::Ended,
                "pod web-1: container web: it ended (exit code 2)",
            ),
            (
                pod(&json!({"phase": "Pending", "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]})),
                FaultKind::Unschedulable,
                "pod web-1: it is not scheduled: 0/3 nodes are available",
            ),
            (
                pod(&json!({"phase": "Failed", "reason": "Evicted"})),
                FaultKind::Ended,
                "pod web-1: it failed Evicted",
            ),
        ];
        for (pod, kind, message) in rows {
            let fault = PodFault::of(&pod).unwrap();
            assert_eq!((fault.kind, fault.to_string()), (kind, message.to_owned()));
            assert!(
                !format!("{fault:?}").contains("password"),
                "a program's own words stay out"
            );
        }
    }

    #[test]
    fn a_pod_that_is_ready_or_starts_or_goes_has_no_fault() {
        let mut going = container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}));
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        for pod in [
            pod(&json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})),
            pod(&json!({"phase": "Pending"})),
            container(&json!({"waiting": {"reason": "ContainerCreating"}})),
            going,
            json!(null),
            json!({"status": {"containerStatuses": "x"}}),
        ] {
            assert_eq!(PodFault::of(&pod), None, "{pod}");
        }
    }
}
