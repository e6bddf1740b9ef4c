use super::scene::says;
use std::path::Path;
use std::process::{Command, Output};

const EVERY_MISTAKE: &str = r#"repo:
  url: ftp://github.com/acme/fleet.git
  poll: 30
  branch: "a..b"
  paths: [apps, "../up"]
  timeout: 10ms
  key: {file: identity, secret: tidegate-key}
  knownHosts: |
    # the forge
    github.com ssh-ed25519 nonsense
registries:
- host: "*"
  include: ["shop/[a"]
  cron: "*/2 8-18 * *"
- scan: fast
  exclude: nothing
automation: {enabled: perhaps, author: nobody}
sync:
  set: Not_A_Name
  deletions: {count: many, confirm: abc}
http: {listen: 8080, tokenfile: token}
statDir: /tmp
"#;

/// Each mistake: its line, its path, part of its message.
const LISTED: [(usize, &str, &str); 20] = [
    (2, "repo.url", "write it as ssh://git@host/group/repo.git"),
    (3, "repo.poll", "write it like 30s, 5m or 1h30m"),
    (4, "repo.branch", "a..b"),
    (5, "repo.paths[1]", "../up"),
    (6, "repo.timeout", "the minimum is 1s"),
    (7, "repo.key", "file and secret exclude each other"),
    (8, "repo.knownHosts", "line 2"),
    (13, "registries[0].include[0]", "shop/[a"),
    (
        14,
        "registries[0].cron",
        "expected five (minute hour day month weekday)",
    ),
    (15, "registries[1].scan", "write it like 30s"),
    (15, "registries[1].host", "missing; write the registry's host"),
    (16, "registries[1].exclude", "expected a list, found a string"),
    (17, "automation.enabled", "expected true or false"),
    (17, "automation.author", "nobody"),
    (19, "sync.set", "lowercase letters, digits and -"),
    (20, "sync.deletions.count", "expected a whole number"),
    (20, "sync.deletions.confirm", "abc"),
    (21, "http.listen", "write it like 0.0.0.0:8080"),
    (21, "http.tokenfile", "did you mean tokenFile?"),
    (22, "statDir", "did you mean stateDir?"),
];

fn tidegate(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// The standard error of a program that ended with this code and printed nothing on standard output.
fn ended(code: i32, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(output.stdout.is_empty(), "{output:?}");
    text
}

#[test]
fn every_mistake_of_the_configuration_is_listed_with_its_line_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tidegate.yaml"), EVERY_MISTAKE).unwrap();
    let text = ended(2, &tidegate(dir.path(), &["run"], &[]));
    for (line, path, part) in LISTED {
        let start = format!("tidegate.yaml:{line}: {path}: ");
        let found = text.lines().find(|listed| listed.trim_start().starts_with(&start));
        says(
            found.unwrap_or_else(|| panic!("nothing about {start} in:\n{text}")),
            &[part],
        );
    }
    assert_eq!(text.lines().count(), LISTED.len() + 1, "one line each:\n{text}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "nothing was made: {left:?}");
    for other in [&["plan"][..], &["identity"], &["config", "check", "tidegate.yaml"]] {
        assert_eq!(ended(2, &tidegate(dir.path(), other, &[])), text, "{other:?}");
    }
}

#[test]
fn a_configuration_that_is_missing_empty_or_no_yaml_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let run = || tidegate(dir.path(), &["run"], &[]);
    says(
        &ended(2, &tidegate(dir.path(), &["run", "--config", "nowhere.yaml"], &[])),
        &["nowhere.yaml: cannot be read", "--config FILE"],
    );

    let file = dir.path().join("tidegate.yaml");
    std::fs::write(&file, "").unwrap();
    let missing = "tidegate.yaml:1: repo.url: missing; write the config repo's address, e.g. ssh://";
    says(&ended(2, &run()), &[missing]);

    std::fs::write(&file, "repo:\n  url: [ssh://git@git.acme.example/fleet.git\n").unwrap();
    says(&ended(2, &run()), &["tidegate.yaml:2: ", "not YAML"]);

    std::fs::write(&file, [0xff, 0xfe, 0x00]).unwrap();
    says(&ended(2, &run()), &["tidegate.yaml: cannot be read", "UTF-8"]);
}

#[test]
fn a_configuration_is_checked_without_starting_anything_and_its_schema_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tidegate.yaml"), NOTHING_WRONG).unwrap();
    let output = tidegate(dir.path(), &["config", "check", "tidegate.yaml"], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, b"tidegate.yaml has no mistakes\n");
    let gone = tidegate(dir.path(), &["config", "check", "nowhere.yaml"], &[]);
    says(&ended(2, &gone), &["nowhere.yaml: cannot be read"]);
    let schema = tidegate(dir.path(), &["config", "schema"], &[]).stdout;
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    assert_eq!(schema["properties"]["repo"]["required"], serde_json::json!(["url"]));
    assert_eq!(schema.get("version"), None, "a JSON schema and no answer");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "nothing was made: {left:?}");
}

const NOTHING_WRONG: &str = "repo: {url: \"ssh://git@git.acme.example/fleet.git\", key: {file: identity}}\n";

#[test]
fn a_kubeconfig_that_is_missing_or_not_named_is_reported_with_the_variable_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tidegate.yaml"), NOTHING_WRONG).unwrap();
    let unnamed = ended(1, &tidegate(dir.path(), &["run"], &[]));
    says(&unnamed, &["does not run in a pod", "KUBECONFIG"]);
    let missing = tidegate(dir.path(), &["run"], &[("KUBECONFIG", "nowhere/kubeconfig")]);
    says(&ended(1, &missing), &["nowhere/kubeconfig", "check the path"]);
}

#[test]
fn a_port_that_is_taken_is_named_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let config = format!("{NOTHING_WRONG}http: {{listen: \"{address}\"}}\n");
    std::fs::write(dir.path().join("tidegate.yaml"), config).unwrap();
    let kubeconfig = "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: \"http://127.0.0.1:9\"}}]\n\
                      users: [{name: a, user: {}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                      current-context: a\n";
    std::fs::write(dir.path().join("kubeconfig"), kubeconfig).unwrap();
    let output = tidegate(dir.path(), &["run"], &[("KUBECONFIG", "kubeconfig")]);
    says(
        &ended(1, &output),
        &["http.listen", &address, "is the port taken?", "in use"],
    );
}
