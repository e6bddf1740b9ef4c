use super::script::Script;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use tidegate_stack::GitServer;
use tidegate_stack::git::{Access, Repo, SshKey};

pub async fn tidegate(arguments: &[&str]) -> Output {
    tidegate_with(arguments, &[]).await
}

pub async fn tidegate_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_tidegate"));
    program
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(environment.iter().copied());
    program.output().await.unwrap()
}

/// Gives the git program a key and the host's keys.
pub fn ssh_command(server: &GitServer, key: &SshKey, folder: &Path) -> String {
    let known = folder.join("known_hosts");
    std::fs::write(&known, server.known_hosts_lines().join("\n") + "\n").unwrap();
    format!(
        "ssh -F none -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={} -o StrictHostKeyChecking=yes",
        key.path.display(),
        known.display()
    )
}

pub async fn holds(repo: &str, more: &[&str]) -> Value {
    let output = tidegate(&[&["holds", "-o", "json", "--repo", repo], more].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["version"], 1);
    answer["holds"].clone()
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
async fn any_clone_and_any_address_list_what_is_held() {
    let server = GitServer::start().unwrap();
    let (bare, mut script, revert) = reverted(&server, "fleet");
    let copy = script.copy.path().display().to_string();
    let want = |place: &str| {
        json!([{
            "object": {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"},
            "field": "main",
            "image": "registry.example/shop/web:a",
            "rejected": ["b"],
            "since": {"commit": revert, "author": "Jo <jo@acme.example>", "time": "2025-06-15T15:08:40Z"},
            "reason": format!(
                "b was taken back in {} by Jo <jo@acme.example>; a tag pushed later, a revert of {0} or \
                 `tidegate resume deployment/web -n shop --field main --repo {place}` lifts it",
                &revert[..7]
            ),
        }])
    };
    let address = format!("file://{}", bare.path().display());
    let path = bare.path().display().to_string();
    assert_eq!(holds(&copy, &[]).await, want(&copy));
    assert_eq!(
        holds(&path, &["--branch", "main"]).await,
        want(&format!("{path} --branch main"))
    );
    assert_eq!(
        holds(&path, &[]).await,
        want(&path),
        "what a bare repository's HEAD names"
    );
    assert_eq!(holds(&address, &[]).await, want(&address));
    std::fs::create_dir_all(script.copy.path().join("apps/more")).unwrap();
    let below = format!("{copy}/apps/more");
    assert_eq!(holds(&below, &[]).await, want(&below), "a folder of a clone");

    script.run("checkout -q -b next");
    script.run("revert --no-edit HEAD");
    assert_eq!(holds(&copy, &[]).await, json!([]), "what is checked out");
    assert_eq!(
        holds(&copy, &["--branch", "main"]).await,
        want(&format!("{copy} --branch main"))
    );
    let table = tidegate(&["holds", "--repo", &copy, "--branch", "main"]).await;
    let table = String::from_utf8(table.stdout).unwrap();
    let cells = |row: &str| -> Vec<String> {
        let cells = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    };
    let rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    assert_eq!(
        rows[0],
        ["FIELD", "REJECTED", "SINCE", "COMMIT", "BY", "LIFTED WITH"],
        "{table}"
    );
    let command = format!("tidegate resume deployment/web -n shop --field main --repo {copy} --branch main");
    let row = [
        "Deployment shop/web main",
        "b",
        "2025-06-15T15:08:40Z",
        &revert[..7],
        "Jo <jo@acme.example>",
        &command,
    ];
    assert_eq!(rows[1], row, "{table}");
}

#[tokio::test]
async fn an_address_is_read_with_the_git_programs_keys_and_trust() {
    let server = GitServer::start().unwrap();
    let (bare, script, _) = reverted(&server, "fleet");
    let want = holds(&script.copy.path().display().to_string(), &[]).await;
    let web = server.web(true).unwrap();
    web.only_user("jo", "s3cret", Access::ReadOnly);
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, web.authority()).unwrap();
    let key = server.new_key().unwrap();
    server.authorize(&key.public, Access::ReadOnly).unwrap();
    let ssh = ssh_command(&server, &key, folder.path());
    let authority = authority.display().to_string();
    let environment = [("GIT_SSH_COMMAND", &*ssh), ("GIT_SSL_CAINFO", &*authority)];
    let https = web.url("fleet").replace("://", "://jo:s3cret@");
    for url in [bare.url(), &https] {
        let output = tidegate_with(&["holds", "--repo", url, "-o", "json"], &environment).await;
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["holds"][0]["since"], want[0]["since"], "{url}");
        assert_eq!(told["holds"][0]["rejected"], json!(["b"]), "{url}");
        assert!(!told.to_string().contains("s3cret"), "{told}");
        let output = tidegate_with(&["holds", "--repo", url, "--branch", "none"], &environment).await;
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(words.contains("none") && !words.contains("s3cret"), "{words}");
    }
    let wrong = https.replace("s3cret", "wr0ng");
    let output = tidegate_with(&["holds", "--repo", &wrong], &environment).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        words.contains("cannot be cloned") && !words.contains("wr0ng"),
        "{words}"
    );
}

/// Trailers stand at the end of a message, however long it is.
#[tokio::test]
async fn a_bump_with_a_very_long_message_is_one_of_ours() {
    let server = GitServer::start().unwrap();
    for (name, long) in [("long", 400 << 10), ("longer", 5 << 20)] {
        let bare = server.create_repo(name).unwrap();
        let mut script = Script::begin(&bare);
        script.run("bump web b");
        let bump = script.copy.git(&["log", "-1", "--format=%B"]).unwrap();
        let (subject, trailers) = bump.split_once("\n\n").unwrap();
        let prose = "It is a long story.\n".repeat(long / 20);
        script
            .copy
            .write("message", &format!("{subject}\n\n{prose}\n{trailers}\n"))
            .unwrap();
        script.run("commit -q --amend -F message");
        std::fs::remove_file(script.copy.path().join("message")).unwrap();
        script.run("edit web a");
        let told = holds(&script.copy.path().display().to_string(), &[]).await;
        assert_eq!(told[0]["rejected"], json!(["b"]), "{long}");
    }
}

#[tokio::test]
async fn a_repository_without_a_commit_holds_nothing() {
    let server = GitServer::start().unwrap();
    let bare = server.create_repo("empty").unwrap();
    let path = bare.path().display().to_string();
    assert_eq!(holds(&path, &[]).await, json!([]));
    assert_eq!(holds(&format!("file://{path}"), &[]).await, json!([]));
    let output = tidegate(&["holds", "--repo", &path]).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "nothing is held\n");
    let output = tidegate(&["holds", "--repo", &path, "--branch", "main"]).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("has no branch main"), "{words}");
}

#[tokio::test]
async fn what_cannot_be_read_is_reported_and_exits_1() {
    let server = GitServer::start().unwrap();
    let (_, script, _) = reverted(&server, "fleet");
    let copy = script.copy.path().display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().display().to_string();
    let shallow = folder.path().join("shallow").display().to_string();
    script
        .copy
        .git(&["clone", "-q", "--depth", "1", &format!("file://{copy}"), &shallow])
        .unwrap();
    let gone = Path::new(&empty).join("gone").display().to_string();
    for (arguments, words) in [
        (vec!["holds", "--repo", &empty], "is not a git repository"),
        (vec!["holds", "--repo", &gone], "cannot be cloned"),
        (
            vec!["holds", "--repo", &copy, "--branch", "none"],
            "has no branch none; it has main",
        ),
        (vec!["holds", "--repo", &shallow], "fetch --unshallow"),
        (vec!["resume", "--all", "--repo", &shallow], "fetch --unshallow"),
    ] {
        let output = tidegate(&arguments).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(words) && output.stdout.is_empty(), "{told}");
    }
}
