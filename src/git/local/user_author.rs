use super::git_program;
use crate::model::Author;
use std::path::Path;
use std::time::Duration;

/// git answers from its configuration files.
const LONGEST: Duration = Duration::from_secs(10);

/// The name and address that the git program would write into a commit of this person, from its configuration and
/// environment. `None` without a git program, or where it would have to guess.
pub async fn user_author(folder: &Path) -> Option<Author> {
    let git =
        git_program::git(LONGEST)
            .in_folder(folder)
            .args(["-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"]);
    let stdout = git_program::run(git).await.ok()?;
    let line = String::from_utf8(stdout).ok()?;
    let (author, _time) = line.rsplit_once('>')?;
    Author::parse(&format!("{author}>")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn git(folder: &Path, arguments: &[&str]) {
        let git = git_program::git(LONGEST).in_folder(folder).args(arguments);
        assert!(git_program::run(git).await.is_ok(), "git {arguments:?}");
    }

    #[tokio::test]
    async fn the_person_is_who_git_would_name() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"]).await;
        git(folder.path(), &["config", "user.name", "Ann"]).await;
        git(folder.path(), &["config", "user.email", "ann@acme.example"]).await;
        let author = user_author(folder.path()).await;
        assert_eq!(author, Some(Author::parse("Ann <ann@acme.example>").unwrap()));
    }

    #[tokio::test]
    async fn nobody_is_named_where_git_would_guess() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"]).await;
        git(folder.path(), &["config", "user.name", "Ann"]).await;
        git(folder.path(), &["config", "user.email", ""]).await;
        assert_eq!(user_author(folder.path()).await, None);
    }
}
