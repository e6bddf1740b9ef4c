use crate::git::url::RepoUrl;
use crate::model::BranchName;
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
    let shown = others.get(..MOST_SHOWN).unwrap_or(&others);
    Err(NoBranch {
        url: url.to_string(),
        branch: branch.to_string(),
        others: match shown {
            [] => " (it is empty)".to_owned(),
            shown => format!(" (there is {})", shown.join(", ")),
        },
    })
}
