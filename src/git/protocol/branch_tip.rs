use crate::git::url::RepoUrl;
use crate::model::{BranchName, Printable};
use git2::Oid;

/// The most branches that the error lists. A reader compares so many names to find a misspelt name.
const MOST_SHOWN: usize = 6;

/// The server does not advertise the branch.
#[derive(Debug, thiserror::Error)]
#[error("{url} has no branch {branch}{others}; push it first, or set repo.branch")]
pub(crate) struct NoBranch {
    url: String,
    branch: String,
    /// The branches that there are.
    others: String,
}

/// The commit of the branch among the advertised references.
pub(crate) fn branch_tip<'a>(
    references: impl Iterator<Item = (&'a str, Oid)>,
    url: &RepoUrl,
    branch: &BranchName,
) -> Result<Oid, NoBranch> {
    let full = branch.full();
    let mut others = Vec::new();
    for (name, tip) in references {
        if name == full {
            return Ok(tip);
        }
        others.extend(name.strip_prefix("refs/heads/"));
    }
    let shown = others.iter().take(MOST_SHOWN);
    let shown: Vec<String> = shown.map(|name| Printable::new(name).to_string()).collect();
    Err(NoBranch {
        url: url.to_string(),
        branch: branch.to_string(),
        others: match shown.as_slice() {
            [] => " (it is empty)".to_owned(),
            shown => format!(" (there is {})", shown.join(", ")),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_branches_are_short_and_steer_no_terminal() {
        let url = RepoUrl::parse("git@git.acme.example:fleet.git").unwrap();
        let main = BranchName::parse("main").unwrap();
        let names = [
            "refs/heads/\u{1b}[2J".to_owned(),
            format!("refs/heads/{}", "x".repeat(60_000)),
        ];
        let heads = || names.iter().map(|name| (name.as_str(), Oid::ZERO_SHA1));
        let error = branch_tip(heads(), &url, &main).unwrap_err().to_string();
        assert!(error.contains("(there is ?[2J, xxx"), "{error}");
        assert!(!error.contains('\u{1b}') && error.len() < 1000, "{error}");
    }
}
