use super::script::Script;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use tidegate_stack::GitServer;
use tidegate_stack::git::Repo;

pub async fn tidegate(arguments: &[&str]) -> Output {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_tidegate"));
    program
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap());
    program.output().await.unwrap()
}

pub async fn holds(repo: &str, more: &[&str]) -> Value {
    let output = tidegate(&[&["holds", "-o", "json", "--repo", repo], more].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn reverted(server: &GitServer, name: &str) -> (Repo, Script, String) {
    let bare = server.create_repo(name).unwrap();
    let mut script = Script::begin(&bare);
    script.run("bump web b");
    script.run("edit web a");
    let revert = script.copy.head().unwrap();
    script.copy.push().unwrap();
    (bare, script, revert)
}

#[tokio::test]
async fn any_clone_and_any_address_tell_what_is_held() {
    let server = GitServer::start().unwrap();
    let (bare, mut script, revert) = reverted(&server, "fleet");
    let want = json!([{
        "object": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"},
        "field": "main",
        "image": "registry.example/shop/web",
        "rejected": ["b"],
        "since": {"commit": revert, "author": "Jo <jo@acme.example>", "time": "2025-06-15T15:08:40Z"},
        "reason": format!(
            "b was taken back in {} by Jo <jo@acme.example>; a tag pushed later, a revert of {0} or `tidegate resume` lifts it",
            &revert[..7]
        ),
    }]);
    let copy = script.copy.path().display().to_string();
    let address = format!("file://{}", bare.path().display());
    assert_eq!(holds(&copy, &[]).await, want);
    assert_eq!(
        holds(&bare.path().display().to_string(), &["--branch", "main"]).await,
        want
    );
    assert_eq!(holds(&address, &["--branch", "main"]).await, want);

    script.run("checkout -q -b next");
    script.run("revert --no-edit HEAD");
    assert_eq!(holds(&copy, &[]).await, json!([]), "what is checked out");
    assert_eq!(holds(&copy, &["--branch", "main"]).await, want);
    let table = tidegate(&["holds", "--repo", &copy, "--branch", "main"]).await;
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains("Deployment shop/web main") && table.contains("Jo <jo@acme.example>"),
        "{table}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_exits_1() {
    let server = GitServer::start().unwrap();
    let (_, script, _) = reverted(&server, "fleet");
    let copy = script.copy.path().display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().display().to_string();
    let gone = Path::new(&empty).join("gone").display().to_string();
    for (arguments, words) in [
        (vec!["holds", "--repo", &empty], "is no git repository"),
        (vec!["holds", "--repo", &gone], "cannot be cloned"),
        (vec!["holds", "--repo", &copy, "--branch", "none"], "has no branch none"),
    ] {
        let output = tidegate(&arguments).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(words) && output.stdout.is_empty(), "{told}");
    }
}
