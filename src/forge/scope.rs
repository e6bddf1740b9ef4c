use crate::model::BranchName;
use crate::port::ChangeRequest;

/// What all requests of one agent have in common: the repository, the branches and the labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestScope {
    /// The repository as the forge names it: `acme/fleet`; in CodeCommit: `fleet`.
    pub project: String,
    /// The branch that requests merge from: the agent's proposal branch.
    pub from: BranchName,
    /// The branch that requests merge into: the followed branch.
    pub into: BranchName,
    /// The labels of requests.
    pub labels: Vec<String>,
}

impl RequestScope {
    /// The owner and the name of the repository; the name is empty if the project has one part.
    pub(super) fn owner_and_name(&self) -> (&str, &str) {
        self.project.split_once('/').unwrap_or((&self.project, ""))
    }

    /// The labels of the scope that a request lacks.
    pub(super) fn missing_labels(&self, request: &ChangeRequest) -> Vec<&String> {
        self.labels
            .iter()
            .filter(|label| !request.labels.contains(label))
            .collect()
    }
}
