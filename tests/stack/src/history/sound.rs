//! The rules that hold for every repository when a test ends.

use anyhow::{Context as _, Result, bail};

use super::bump::{BUMP, Bump, CONFIRM, RESUME, REVERT};
use super::{AGENT, Entry, Hunk, read};
use crate::git::Repo;

/// How the agent's names begin in the tests' configurations.
const NAMED: &str = "^Tidegate <";

/// Whether git finds the repository whole, and each commit that the agent made, on any branch, has one parent and changes
/// only what its trailers record: tags and digests, in lines that replace one line each.
///
/// A commit is the agent's where it is author and committer; what a person or a forge has picked, squashed or amended is
/// theirs. Only a program that uses the crate as a library, under another address, may leave the trailers out; its
/// commits may still add and remove no line and no file.
///
/// # Errors
/// All that is wrong, a line each.
pub fn sound(repo: &Repo) -> Result<()> {
    repo.git(&["fsck", "--strict", "--no-dangling", "--no-progress"])
        .with_context(|| format!("{} is damaged", repo.path().display()))?;
    let of_the_agent = read::commits(repo, &["--all", "--author", NAMED])?;
    let wrong: Vec<String> = of_the_agent
        .iter()
        .filter(|commit| commit.committer == commit.author)
        .flat_map(|commit| faults(commit).into_iter().map(move |fault| (commit, fault)))
        .map(|(commit, fault)| format!("{}: {fault}", commit.id))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{}: commits of the agent:\n{}", repo.path().display(), wrong.join("\n"))
}

/// What a commit of the agent must not be.
pub(super) fn faults(commit: &Entry) -> Vec<String> {
    let mut wrong = Vec::new();
    if commit.parents.len() != 1 {
        wrong.push(format!("{} parents", commit.parents.len()));
    }
    let mut bumps = Vec::new();
    let bump = |line: &String| match (line.strip_prefix(BUMP), line.strip_prefix(REVERT)) {
        (Some(value), _) => Some(Bump::parse(value)),
        (None, Some(value)) => Some(Bump::parse(value).map(Bump::reversed)),
        (None, None) => None,
    };
    for bump in commit.trailers.iter().filter_map(bump) {
        match bump {
            Ok(bump) => bumps.push(bump),
            Err(why) => wrong.push(format!("a trailer does not parse: {why}")),
        }
    }
    let mut trailers = commit.trailers.iter();
    let is_command = trailers.any(|line| [RESUME, CONFIRM].iter().any(|command| line.starts_with(command)));
    let is_ours = !bumps.is_empty() || is_command || commit.author == AGENT;
    if bumps.is_empty() && !is_command && is_ours {
        wrong.push("no trailer records its purpose".to_owned());
    }
    if commit.changes.is_empty() && !is_command {
        wrong.push("it is empty".to_owned());
    }
    for change in &commit.changes {
        let path = &change.path;
        wrong.extend(change.others.iter().map(|other| format!("{path}: {other}")));
        for Hunk { removed, added } in &change.hunks {
            if removed.len() != added.len() {
                wrong.push(format!("{path}: {} lines became {}", removed.len(), added.len()));
            }
            let pairs = removed.iter().zip(added).filter(|_| is_ours);
            let unplanned = pairs.filter(|(removed, added)| !Bump::explain(&bumps, removed, added));
            wrong.extend(
                unplanned.map(|(removed, added)| format!("{path}: no trailer records {removed:?} -> {added:?}")),
            );
        }
    }
    let added = || {
        let hunks = commit.changes.iter().flat_map(|change| &change.hunks);
        hunks.flat_map(|hunk| &hunk.added)
    };
    let unmade = bumps.iter().filter(|bump| !added().any(|line| bump.stands_in(line)));
    wrong.extend(unmade.map(|bump| format!("{bump:?} was not made")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GitServer;
    use crate::git::WorkCopy;

    const WEB: &str =
        "Tidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web image=example/web old=a new=b";

    /// Commits as the agent, and pushes.
    fn agent(copy: &WorkCopy, message: &str) {
        copy.git(&["add", "--all"]).unwrap();
        copy.git(&["commit", "-q", "--allow-empty", "-m", message]).unwrap();
        let text = copy.git(&["cat-file", "commit", "HEAD"]).unwrap();
        copy.write(".git/made", &text.replace("Operator <operator@example.com>", AGENT))
            .unwrap();
        let commit = copy.git(&["hash-object", "-t", "commit", "-w", ".git/made"]).unwrap();
        copy.git(&["push", "-q", "origin", &format!("{commit}:refs/heads/main")])
            .unwrap();
    }

    /// The faults of a commit of the agent that replaces `image: example/web:a` by these files.
    fn faults(files: &[(&str, &str)], message: &str) -> String {
        let server = GitServer::start().unwrap();
        let repo = server.create_repo("fleet").unwrap();
        repo.seed(&[
            ("web.yaml", "image: example/web:a # by CI\r\nreplicas: 1\n"),
            ("values.yaml", "tag: a\n"),
        ])
        .unwrap();
        let copy = repo.work_copy().unwrap();
        for (path, text) in files {
            copy.write(path, text).unwrap();
        }
        agent(&copy, message);
        let faults = sound(&repo).map_or_else(|wrong| wrong.to_string(), |()| String::new());
        repo.unchecked("it has what the checker is to find");
        faults
    }

    #[test]
    fn a_commit_of_the_agent_that_changes_planned_bytes_only_is_sound() {
        let message = format!("Bump\n\n{WEB}\n");
        assert_eq!(
            faults(
                &[("web.yaml", "image: example/web:b # by CI\r\nreplicas: 1\n")],
                &message
            ),
            ""
        );
        assert_eq!(faults(&[("values.yaml", "tag: \"b\"\n")], &message), "");
        assert_eq!(faults(&[], "Resume\n\nTidegate-Resume: all\n"), "");
    }

    #[test]
    fn any_other_byte_of_a_commit_of_the_agent_is_reported() {
        let bumped = "image: example/web:b # by CI\r\nreplicas: 1\n";
        let message = format!("Bump\n\n{WEB}\n");
        for (files, message, what) in [
            (&[("web.yaml", bumped)][..], "Bump", "no trailer records its purpose"),
            (&[], &message, "it is empty"),
            (
                &[("web.yaml", bumped), ("new.yaml", "tag: b\n")],
                &message,
                "new.yaml: new file mode",
            ),
            (
                &[("web.yaml", "image: example/web:b # by CI\nreplicas: 1\n")],
                &message,
                "no trailer records",
            ),
            (
                &[("web.yaml", "image: example/web:b # by CI\r\nreplicas: 2\n")],
                &message,
                "\"replicas: 2\"",
            ),
            (
                &[("web.yaml", &bumped.replace(":b", ":c"))],
                &message,
                "new: \"b\", before: \":a\", after: \":b\" } was not made",
            ),
            (
                &[("web.yaml", &bumped.replace("example/web", "example/wab"))],
                &message,
                "no trailer records",
            ),
            (
                &[("web.yaml", &(bumped.to_owned() + "more: b\n"))],
                &message,
                "0 lines became 1",
            ),
            (
                &[("web.yaml", bumped.trim_end())],
                &message,
                "No newline at end of file",
            ),
        ] {
            let faults = faults(files, message);
            assert!(faults.contains(what), "{what} is not in {faults:?}");
        }
    }

    #[test]
    fn a_damaged_repository_is_reported() {
        let server = GitServer::start().unwrap();
        let repo = server.create_repo("fleet").unwrap();
        repo.seed(&[("web.yaml", "tag: a\n")]).unwrap();
        let blob = repo.git(&["rev-parse", "main:web.yaml"]).unwrap();
        std::fs::remove_file(repo.path().join("objects").join(&blob[..2]).join(&blob[2..])).unwrap();
        let faults = format!("{:#}", sound(&repo).unwrap_err());
        repo.unchecked("it was damaged");
        assert!(faults.contains("is damaged") && faults.contains(&blob), "{faults}");
    }

    #[test]
    #[should_panic(expected = "no trailer records its purpose")]
    fn the_end_of_a_server_is_the_end_of_a_test_whose_repository_is_not_sound() {
        let server = GitServer::start().unwrap();
        let repo = server.create_repo("fleet").unwrap();
        repo.seed(&[("values.yaml", "tag: a\n")]).unwrap();
        let copy = repo.work_copy().unwrap();
        copy.write("values.yaml", "tag: b\n").unwrap();
        agent(&copy, "Something");
    }
}
