use super::command::{holds, reverted, tidegate};
use serde_json::{Value, json};
use tidegate_stack::GitServer;

const ME: &str = "Ann <ann@acme.example>";

async fn lifted(arguments: &[&str]) -> Value {
    let output = tidegate(&[arguments, &["-o", "json", "--author", ME]].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_resume_is_an_empty_commit_that_lands_wherever_the_repository_is_named() {
    let server = GitServer::start().unwrap();
    for (index, kind) in ["a clone", "a bare repository", "an address"].into_iter().enumerate() {
        let (bare, script, revert) = reverted(&server, &format!("resume-{index}"));
        let copy = script.copy.path().display().to_string();
        let path = bare.path().display().to_string();
        let repo = match kind {
            "a clone" => copy.clone(),
            "a bare repository" => path.clone(),
            _ => format!("file://{path}"),
        };
        let told = lifted(&[
            "resume",
            "deployment/web",
            "-n",
            "shop",
            "--repo",
            &repo,
            "--branch",
            "main",
        ])
        .await;
        assert_eq!(told["lifted"][0]["rejected"], json!(["b"]), "{kind}");
        let log = bare.log().unwrap();
        assert_eq!(told["commit"], json!(log[0].id), "{kind}");
        assert_eq!(
            (log[0].parents.as_slice(), &*log[0].author),
            ([revert].as_slice(), ME),
            "{kind}"
        );
        assert_eq!(bare.diff("main").unwrap(), "", "{kind}");
        assert_eq!(holds(&path, &["--branch", "main"]).await, json!([]), "{kind}");
        if kind == "a clone" {
            assert_eq!(holds(&copy, &[]).await, json!([]), "the clone comes along");
        }
        assert_eq!(bare.git(&["fsck", "--strict", "--no-dangling"]).unwrap(), "", "{kind}");
    }
}

#[tokio::test]
async fn a_release_brings_the_tag_back_and_changes_no_other_line() {
    let server = GitServer::start().unwrap();
    let (bare, script, _) = reverted(&server, "release");
    let copy = script.copy.path().display().to_string();
    lifted(&["release", "shop:deployment/web", "--tag", "b", "--repo", &copy]).await;
    let diff = bare.diff("main").unwrap();
    let changed: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with(['+', '-']) && !line[1..].starts_with(['+', '-']))
        .collect();
    assert_eq!(
        changed,
        [
            "-        image: registry.example/shop/web:a",
            "+        image: registry.example/shop/web:b"
        ]
    );
    assert_eq!(holds(&copy, &[]).await, json!([]));
    assert_eq!(script.copy.git(&["status", "--porcelain"]).unwrap(), "");
    assert_eq!(bare.git(&["fsck", "--strict", "--no-dangling"]).unwrap(), "");
}

#[tokio::test]
async fn what_cannot_be_lifted_is_told_and_writes_nothing() {
    let server = GitServer::start().unwrap();
    let (bare, script, revert) = reverted(&server, "fleet");
    let copy = script.copy.path().display().to_string();
    for (arguments, code, words) in [
        (
            vec!["resume", "deployment/api"],
            1,
            "that is not held; held are: Deployment shop/web main",
        ),
        (vec!["resume", "web"], 2, "KIND/NAME is wanted"),
        (vec!["resume"], 2, "<KIND/NAME>"),
        (
            vec!["release", "--all", "--tag", "c"],
            1,
            "only a tag that was taken back is released: b",
        ),
    ] {
        let output = tidegate(&[&*arguments, &["--repo", &copy, "--author", ME]].concat()).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
        assert_eq!(bare.tip().unwrap(), Some(revert.clone()));
    }
    lifted(&["resume", "--all", "--repo", &copy]).await;
    let again = tidegate(&["resume", "--all", "--repo", &copy]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing is held"));
}
