use super::ApiServer;
use crate::port::ClusterFailure;
use kube::core::Status;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

impl ApiServer {
    /// Carries a request out within a deadline and puts its failure into the loops' words. Retries on 429 and 503 with the
    /// server's `Retry-After` happen within the deadline, in the client.
    pub(super) async fn within<T>(
        &self,
        deadline: Duration,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterFailure> {
        self.count_request();
        match tokio::time::timeout(deadline, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(classify(&self.url, &error)),
            Err(_) => Err(ClusterFailure::Unavailable {
                message: format!(
                    "the API server {} did not answer within {} s; tidegate goes on when it does",
                    self.url,
                    deadline.as_secs()
                ),
            }),
        }
    }
}

impl ApiServer {
    /// Puts the server's words about the agent's own namespace, where it is not there, into ours with the remedy.
    pub(super) fn at_home(&self, failure: ClusterFailure) -> ClusterFailure {
        let home = self.own_namespace();
        match failure {
            ClusterFailure::Refused { message } if message.contains(&format!("namespaces {home:?} not found")) => {
                ClusterFailure::Refused {
                    message: format!(
                        "the agent's own namespace {home} does not exist; make it (kubectl create namespace {home}), or \
                         set POD_NAMESPACE to the one that the agent lives in"
                    ),
                }
            }
            other => other,
        }
    }
}

pub(super) fn classify(url: &str, error: &kube::Error) -> ClusterFailure {
    match error {
        kube::Error::Api(status) => by_status(url, status),
        other => ClusterFailure::Unavailable {
            message: format!(
                "the API server {url} cannot be reached: {}; tidegate goes on when it answers",
                innermost(other)
            ),
        },
    }
}

fn by_status(url: &str, status: &Status) -> ClusterFailure {
    let message = match status.message.is_empty() {
        true => format!("status {} {}", status.code, status.reason),
        false => status.message.clone(),
    };
    let from_storage = status.code == 500 && message.contains("etcdserver:");
    match status.code {
        401 => ClusterFailure::Unavailable {
            message: format!(
                "the API server {url} does not accept our credentials (401 {message}); check the service account token \
                 or the kubeconfig"
            ),
        },
        429 | 503 | 504 => ClusterFailure::Unavailable {
            message: format!(
                "the API server {url} is not able to answer now ({} {message})",
                status.code
            ),
        },
        500 if from_storage => ClusterFailure::Unavailable {
            message: format!("the API server {url} has trouble with its storage ({message})"),
        },
        403 if message.contains("User \"") => ClusterFailure::Denied { message },
        404 if status.details.as_ref().is_none_or(|details| details.name.is_empty()) => {
            ClusterFailure::UnknownKind { message }
        }
        409 | 410 => ClusterFailure::Conflict { message },
        _ => ClusterFailure::Refused { message },
    }
}

fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: u16, message: &str) -> ClusterFailure {
        let status = Status::failure(message, "Some").with_code(code);
        classify("https://127.0.0.1:6443/", &kube::Error::Api(status.boxed()))
    }

    #[test]
    fn an_answer_about_the_object_is_no_outage_and_keeps_the_servers_words() {
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
