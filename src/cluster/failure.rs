use super::server_text::without_values;
use crate::model::ObjectId;
use crate::port::ClusterFailure;
use kube::core::Status;
use std::error::Error;
use std::time::Duration;

/// The failure of a request that got no answer within its deadline.
pub(super) fn no_answer(url: &str, deadline: Duration) -> ClusterFailure {
    ClusterFailure::Unavailable {
        message: format!(
            "the API server {url} did not answer within {} s; tidegate continues when the server answers",
            deadline.as_secs()
        ),
    }
}

/// Adds the remedy where the server rejects a write because the agent's own namespace does not exist.
pub(super) fn explain_missing_namespace(namespace: &str, failure: ClusterFailure) -> ClusterFailure {
    match failure {
        ClusterFailure::Refused { message } if message.contains(&format!("namespaces {namespace:?} not found")) => {
            ClusterFailure::Refused {
                message: format!(
                    "the agent's own namespace {namespace} does not exist; create it (kubectl create namespace \
                     {namespace}), or set POD_NAMESPACE to the namespace that the agent runs in"
                ),
            }
        }
        other => other,
    }
}

/// Adds the remedy where the server denies a write outside the namespaces that the agent works in; empty: the whole cluster. A
/// further rule would not help there.
pub(super) fn explain_outside(namespaces: &[String], id: &ObjectId, failure: ClusterFailure) -> ClusterFailure {
    let ClusterFailure::Denied { message } = failure else {
        return failure;
    };
    let message = match &id.namespace {
        _ if namespaces.is_empty() => message,
        Some(namespace) if namespaces.contains(namespace) => message,
        Some(namespace) => format!(
            "the agent has no right in namespace {namespace}: sync.namespaces names {} only; add the namespace there, or take \
             the object out of repo.paths",
            namespaces.join(", ")
        ),
        None => "the object is cluster-wide, and with sync.namespaces the agent has rights in namespaces only; take the object \
                 out of repo.paths, or leave sync.namespaces empty"
            .to_owned(),
    };
    ClusterFailure::Denied { message }
}

/// Translates an error of the client: is it about the object, or about the server?
pub(super) fn classify(url: &str, error: &kube::Error) -> ClusterFailure {
    match error {
        kube::Error::Api(status) => by_status(url, status),
        // The parser's own text quotes the value that it does not expect.
        kube::Error::SerdeError(error) => ClusterFailure::Unavailable {
            message: format!(
                "the API server {url} gave an answer that cannot be read (line {}, column {}); tidegate goes on when it \
                 answers",
                error.line(),
                error.column()
            ),
        },
        other => ClusterFailure::Unavailable {
            message: format!(
                "the API server {url} cannot be reached: {}; tidegate continues when the server answers",
                root_cause(other)
            ),
        },
    }
}

fn by_status(url: &str, status: &Status) -> ClusterFailure {
    let message = without_values(status);
    let from_storage = status.code == 500 && message.contains("etcdserver:");
    match status.code {
        401 => ClusterFailure::Unavailable {
            message: format!(
                "the API server {url} rejects the credentials (401 {message}); check the service account token, \
                 the kubeconfig, or the access entry of EKS"
            ),
        },
        429 | 503 | 504 => ClusterFailure::Unavailable {
            message: format!(
                "the API server {url} cannot answer at the moment ({} {message})",
                status.code
            ),
        },
        500 if from_storage => ClusterFailure::Unavailable {
            message: format!("the API server {url} reports a problem with its storage ({message})"),
        },
        403 if message.contains("User \"") => ClusterFailure::Denied { message },
        404 if status.details.as_ref().is_none_or(|details| details.name.is_empty()) => {
            ClusterFailure::UnknownKind { message }
        }
        409 | 410 => ClusterFailure::Conflict { message },
        _ => ClusterFailure::Refused { message },
    }
}

fn root_cause(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// `None` where the server has no such object.
pub(super) fn if_found<T>(answer: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: u16, message: &str) -> ClusterFailure {
        let status = Status::failure(message, "Some").with_code(code);
        classify("https://127.0.0.1:6443/", &kube::Error::Api(status.boxed()))
    }

    #[test]
    fn an_answer_about_the_object_is_no_outage_and_keeps_the_servers_reason() {
        for (code, message) in [
            (
                422,
                "Deployment.apps \"web\" is invalid: spec.selector: field is immutable",
            ),
            (400, "strict decoding error: unknown field \"spec.replica\""),
            (403, "services \"a\" is forbidden: exceeded quota"),
            (403, "services \"a\" is forbidden: User \"x\" cannot patch resource"),
            (409, "Operation cannot be fulfilled: the object has been modified"),
            (
                500,
                "Internal error occurred: failed calling webhook \"w.example.com\": connection refused",
            ),
        ] {
            let failure = kind_of(code, message);
            assert!(!failure.is_outage(), "{code} {message}");
            assert_eq!(failure.to_string(), message);
        }
    }

    #[test]
    fn outside_of_the_agents_namespaces_the_remedy_is_no_further_rule() {
        let server = "services \"web\" is forbidden: User \"x\" cannot patch resource \"services\" in API group \"\"";
        let namespaces = ["shop".to_owned(), "ops".to_owned()];
        for (namespace, names, expected) in [
            (
                Some("default"),
                &namespaces[..],
                "no right in namespace default: sync.namespaces names shop, ops only",
            ),
            (
                None,
                &namespaces[..],
                "the object is cluster-wide, and with sync.namespaces",
            ),
            (Some("shop"), &namespaces[..], server),
            (Some("default"), &[], server),
        ] {
            let id = ObjectId::new("v1", "Service", namespace, "web");
            let explained = explain_outside(names, &id, kind_of(403, server)).to_string();
            assert!(
                explained.starts_with(expected) || explained.contains(expected),
                "{explained}"
            );
        }
    }

    #[test]
    fn an_answer_about_the_server_is_an_outage_and_names_it() {
        for (code, message) in [
            (401, "Unauthorized"),
            (429, "too many requests"),
            (503, "apiserver not ready"),
            (500, "etcdserver: mvcc: database space exceeded"),
        ] {
            let failure = kind_of(code, message);
            assert!(failure.is_outage(), "{code} {message}");
            assert!(failure.to_string().contains("127.0.0.1:6443"), "{failure}");
        }
    }
}
