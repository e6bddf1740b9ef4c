use super::command::{holds, reverted, ssh_command, tidegate, tidegate_with};
use super::script::Script;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use tidegate_stack::GitServer;
use tidegate_stack::git::Access;

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
async fn what_cannot_be_lifted_is_reported_and_writes_nothing() {
    let server = GitServer::start().unwrap();
    let (bare, script, revert) = reverted(&server, "fleet");
    let copy = script.copy.path().display().to_string();
    for (arguments, code, words) in [
        (
            vec!["resume", "deployment/wbe", "-n", "shop"],
            1,
            "there is no image field of deployment/wbe in the namespace shop; held are: Deployment shop/web main",
        ),
        (
            vec!["resume", "deployment/web", "-n", "other"],
            1,
            "in the namespace other",
        ),
        (vec!["resume", "web"], 2, "expected KIND/NAME"),
        (vec!["resume"], 2, "<KIND/NAME>"),
        (vec!["resume", "--all", "deployment/web"], 2, "cannot be used with"),
    ] {
        let output = tidegate(&[&*arguments, &["--repo", &copy, "--author", ME]].concat()).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
        assert_eq!(bare.tip().unwrap(), Some(revert.clone()));
    }
}

#[tokio::test]
async fn what_is_not_held_is_reported_and_needs_no_commit() {
    let server = GitServer::start().unwrap();
    let (bare, script, revert) = reverted(&server, "fleet");
    let copy = script.copy.path().display().to_string();
    let nothing = json!({"version": 1, "commit": null, "lifted": []});
    assert_eq!(lifted(&["resume", "deployment/api", "--repo", &copy]).await, nothing);
    assert_eq!(
        lifted(&["resume", "deployment/web", "--tag", "c", "--repo", &copy]).await,
        nothing
    );
    assert_eq!(bare.tip().unwrap(), Some(revert));
    for command in ["resume", "release"] {
        lifted(&[command, "--all", "--repo", &copy]).await;
        let tip = bare.tip().unwrap();
        assert_eq!(lifted(&[command, "--all", "--repo", &copy]).await, nothing);
        assert_eq!(lifted(&[command, "deployment/web", "--repo", &copy]).await, nothing);
        let told = tidegate(&[command, "--all", "--repo", &copy]).await;
        assert_eq!(told.status.code(), Some(0));
        let words = String::from_utf8_lossy(&told.stdout);
        assert!(words.contains("there is nothing to lift"), "{words}");
        assert_eq!(bare.tip().unwrap(), tip);
    }
}

/// What is held of `web` and `api`, by object.
async fn rejected(copy: &str) -> Value {
    let told = holds(copy, &[]).await;
    let of = |held: &Value| {
        (
            held["object"]["name"].as_str().unwrap().to_owned(),
            held["rejected"].clone(),
        )
    };
    Value::Object(told.as_array().unwrap().iter().map(of).collect())
}

#[tokio::test]
async fn only_what_is_named_is_lifted() {
    let server = GitServer::start().unwrap();
    for (index, (arguments, want)) in [
        (vec!["resume", "deployment/web"], json!({"api": ["b"]})),
        (
            vec!["resume", "Deployment/web", "--tag", "b"],
            json!({"api": ["b"], "web": ["c"]}),
        ),
        (vec!["resume", "shop:deployment/api"], json!({"web": ["b", "c"]})),
        (vec!["resume", "--all", "--tag", "b"], json!({"web": ["c"]})),
        (vec!["resume", "--all", "-n", "shop", "--field", "main"], json!({})),
        (vec!["resume", "deployment/web", "deployment/api"], json!({})),
        (vec!["release", "deployment/web"], json!({"api": ["b"]})),
        (
            vec!["release", "deployment/web", "--tag", "b"],
            json!({"api": ["b"], "web": ["c"]}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let bare = server.create_repo(&format!("only-{index}")).unwrap();
        let mut script = Script::begin(&bare);
        for line in ["bump web b api b", "edit web a api a", "bump web c", "edit web a"] {
            script.run(line);
        }
        script.copy.push().unwrap();
        let copy = script.copy.path().display().to_string();
        let told = lifted(&[&*arguments, &["--repo", &copy]].concat()).await;
        assert_eq!(rejected(&copy).await, want, "{arguments:?}");
        if arguments[0] == "release" {
            let tag = arguments.get(3).unwrap_or(&"c");
            assert!(
                bare.file_at("main", "web.yaml")
                    .unwrap()
                    .contains(&format!("shop/web:{tag}\n")),
                "{told}"
            );
        }
    }
}

/// A tag of ours that came after the hold gives way to the one that is released, and would else be chosen again at once.
#[tokio::test]
async fn what_is_left_for_a_released_tag_is_held_in_turn() {
    let server = GitServer::start().unwrap();
    let (_, mut script, _) = reverted(&server, "fleet");
    script.run("bump web c");
    script.copy.push().unwrap();
    let copy = script.copy.path().display().to_string();
    lifted(&["release", "deployment/web", "--repo", &copy]).await;
    assert_eq!(rejected(&copy).await, json!({"web": ["c"]}));
}

#[tokio::test]
async fn the_command_that_a_reason_names_lifts_the_hold_when_it_is_copied() {
    let server = GitServer::start().unwrap();
    let (_, script, _) = reverted(&server, "fleet");
    let copy = script.copy.path().display().to_string();
    let told = holds(&copy, &["--branch", "main"]).await;
    let reason = told[0]["reason"].as_str().unwrap();
    let command = reason
        .split('`')
        .nth(1)
        .unwrap()
        .replacen("tidegate", env!("CARGO_BIN_EXE_tidegate"), 1);
    let ended = tokio::process::Command::new("sh")
        .args(["-c", &command])
        .env("GIT_AUTHOR_NAME", "Ann")
        .env("GIT_COMMITTER_NAME", "Ann")
        .env("GIT_AUTHOR_EMAIL", "ann@acme.example")
        .env("GIT_COMMITTER_EMAIL", "ann@acme.example")
        .output()
        .await
        .unwrap();
    assert!(
        ended.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(rejected(&copy).await, json!({}));
}

#[tokio::test]
async fn a_lost_race_is_decided_again_on_what_the_other_pushed() {
    let server = GitServer::start().unwrap();
    let (bare, script, _) = reverted(&server, "fleet");
    let other = bare.work_copy().unwrap();
    let copy = script.copy.path().display().to_string();
    let hook = script.copy.path().join(".git/hooks/pre-push");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let rival = format!(
        "#!/bin/sh\nrm -f \"$0\"\nunset GIT_DIR\ncd {} && echo more > more.txt && git add more.txt && git -c user.name=Rival -c user.email=r@acme.example \
         commit -q -m Rival && git push -q origin HEAD:main\n",
        other.path().display()
    );
    std::fs::write(&hook, rival).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = lifted(&["release", "deployment/web", "--repo", &copy]).await;
    let log = bare.log().unwrap();
    assert_eq!(told["commit"], json!(log[0].id));
    assert_eq!(log[1].subject, "Rival", "nobody's commit is lost");
    assert_eq!(log.len(), 5);
    assert_eq!(bare.file_at("main", "more.txt").unwrap().trim(), "more");
    assert_eq!(bare.git(&["fsck", "--strict"]).unwrap().matches("error").count(), 0);
}

#[tokio::test]
async fn what_is_being_worked_on_in_the_clone_is_left_alone() {
    let server = GitServer::start().unwrap();
    for command in ["resume", "release"] {
        let (bare, script, _) = reverted(&server, command);
        let copy = script.copy.path().display().to_string();
        script.copy.write("web.yaml", "mine\n").unwrap();
        script.copy.write("staged.txt", "staged\n").unwrap();
        script.copy.git(&["add", "staged.txt"]).unwrap();
        script.copy.write("new.txt", "new\n").unwrap();
        let before = script.copy.git(&["status", "--porcelain"]).unwrap();
        let told = lifted(&[command, "--all", "--repo", &copy]).await;
        assert_eq!(told["commit"], json!(bare.tip().unwrap()), "{command}");
        assert_eq!(
            script.copy.git(&["status", "--porcelain"]).unwrap(),
            before,
            "{command}"
        );
        assert_eq!(script.copy.read("web.yaml").unwrap(), "mine\n");
        assert_eq!(holds(&bare.path().display().to_string(), &[]).await, json!([]));
    }
}

#[tokio::test]
async fn a_branch_without_a_server_moves_where_it_is() {
    let server = GitServer::start().unwrap();
    let (bare, mut script, _) = reverted(&server, "fleet");
    script.run("remote remove origin");
    let copy = script.copy.path().display().to_string();
    script.run("checkout -q -b next");
    let main = lifted(&["resume", "--all", "--repo", &copy, "--branch", "main"]).await;
    assert_eq!(main["commit"], json!(script.copy.git(&["rev-parse", "main"]).unwrap()));
    std::fs::create_dir_all(script.copy.path().join("apps")).unwrap();
    let next = lifted(&["release", "--all", "--repo", &format!("{copy}/apps")]).await;
    assert_eq!(
        next["commit"],
        json!(script.copy.git(&["rev-parse", "HEAD"]).unwrap()),
        "what is checked out"
    );
    assert!(script.copy.read("web.yaml").unwrap().contains("shop/web:b\n"));
    assert_eq!(script.copy.git(&["status", "--porcelain"]).unwrap(), "");
    assert_eq!(bare.log().unwrap().len(), 3, "nothing is pushed");

    script.run("checkout -q -B third HEAD~1");
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree").display().to_string();
    script.run(&format!("worktree add -q {tree} -b fourth"));
    let output = tidegate(&[
        "release", "--all", "--repo", &copy, "--branch", "fourth", "--author", ME,
    ])
    .await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains(&format!("is checked out in {tree}")), "{words}");
    lifted(&["release", "--all", "--repo", &tree]).await;
}

#[tokio::test]
async fn a_commit_is_signed_where_the_clone_signs_its_own() {
    let server = GitServer::start().unwrap();
    let (bare, mut script, _) = reverted(&server, "fleet");
    let key = server.new_key().unwrap();
    script.run("config gpg.format ssh");
    script.run(&format!("config user.signingKey {}", key.path.display()));
    script.run("config commit.gpgSign true");
    lifted(&["resume", "--all", "--repo", &script.copy.path().display().to_string()]).await;
    let commit = bare.git(&["cat-file", "commit", "main"]).unwrap();
    assert!(commit.contains("BEGIN SSH SIGNATURE"), "{commit}");
}

#[tokio::test]
async fn who_may_not_push_is_reported_in_the_servers_words() {
    let server = GitServer::start().unwrap();
    let (bare, script, revert) = reverted(&server, "fleet");
    let folder = tempfile::tempdir().unwrap();
    let key = server.new_key().unwrap();
    server.authorize(&key.public, Access::ReadOnly).unwrap();
    let ssh = ssh_command(&server, &key, folder.path());
    let arguments = ["resume", "--all", "--author", ME, "--repo"];
    let output = tidegate_with(&[&arguments[..], &[bare.url()]].concat(), &[("GIT_SSH_COMMAND", &ssh)]).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("marked as read only"), "{words}");

    bare.hook("pre-receive", "#!/bin/sh\necho 'main is for Ann only' >&2\nexit 1\n")
        .unwrap();
    let copy = script.copy.path().display().to_string();
    let output = tidegate(&[&arguments[..], &[&copy]].concat()).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("main is for Ann only"), "{words}");
    assert_eq!(bare.tip().unwrap(), Some(revert.clone()));
    assert_eq!(script.copy.head().unwrap(), revert, "the clone stays where it was");
}
