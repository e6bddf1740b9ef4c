//! What the program does on a laptop: no cluster, no registry, no configuration file, not even an environment.

use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn tidegate(folder: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    match child.stdin.take().unwrap().write_all(input.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        written => written.unwrap(),
    }
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn policy(arguments: &[&str], input: &str) -> Value {
    let arguments = [&["policy", "test", "-o", "json"], arguments].concat();
    let ended = tidegate(here(), &arguments, input);
    assert_eq!(ended.code, 0, "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

const DEPLOYMENT: &str = "\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations:
    tidegate.dev/automated: \"true\"
    tidegate.dev/policy.web: semver:~1.2
    tidegate.dev/locked: \"true\"
spec:
  template:
    spec:
      containers:
        - name: web
          image: registry.example:5000/shop/web:1.2.3   # kept
        - {name: proxy, image: 'envoy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}
        - name: cache
          image: redis
";

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yaml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_policy_is_tried_on_tags_of_the_command_line() {
    let answer = policy(
        &["semver:~1.2", "--current", "1.2.0", "1.2.0", "1.3.0", "1.2.9", "latest"],
        "",
    );
    assert_eq!(
        answer,
        json!({
            "version": 1,
            "policy": "semver:~1.2",
            "selected": "1.2.9",
            "reason": "1.2.9 is the newest tag for semver:~1.2, after 1.2.0",
            "tags": [
                {"tag": "1.3.0", "eligible": false, "reason": "is outside the range ~1.2"},
                {"tag": "1.2.9", "eligible": true, "reason": "comes after the current tag 1.2.0"},
                {"tag": "1.2.0", "eligible": false, "reason": "is the current tag"},
                {"tag": "latest", "eligible": false,
                 "reason": "latest is a candidate only if the policy names it (glob:latest)"},
            ],
        })
    );
}

#[test]
fn push_times_are_moments_days_or_seconds() {
    let answer = policy(
        &[
            "main-*",
            "--current",
            "main-1",
            "main-1=1767225600",
            "main-2=2026-01-02T00:00:00+02:00",
            "main-3=2026-01-02",
            "other=2027-01-01",
        ],
        "",
    );
    let order: Vec<&str> = answer["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["tag"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["other", "main-3", "main-2", "main-1"]);
    assert_eq!(answer["selected"], "main-3");
    assert_eq!(answer["policy"], "main-*");
}

#[test]
fn tags_come_from_standard_input_one_a_line() {
    let alone = policy(&["semver:*"], "1.0.0\n\n1.1.0\r\nfoo\n");
    assert_eq!(alone["selected"], "1.1.0");
    let both = policy(&["semver:*", "2.0.0", "-"], "1.0.0\n1.1.0\n");
    assert_eq!(both["selected"], "2.0.0");
    assert_eq!(both["tags"].as_array().unwrap().len(), 3);
    let nothing = policy(&["semver:*"], "");
    assert_eq!(
        nothing,
        json!({"version": 1, "policy": "semver:*", "selected": null, "reason": "the repository has no tags", "tags": []})
    );
}

#[test]
fn a_moving_tag_is_followed_by_digest() {
    let (old, new) = (
        format!("sha256:{}", "a".repeat(64)),
        format!("sha256:{}", "b".repeat(64)),
    );
    let listed = [format!("stable@{new}=2"), format!("1.0@{old}=1")];
    for (current, selected) in [(&old, json!("stable")), (&new, Value::Null)] {
        let current = format!("stable@{current}");
        let answer = policy(&["digest:stable", "--current", &current, &listed[0], &listed[1]], "");
        assert_eq!(answer["selected"], selected, "{answer}");
    }
}

#[test]
fn names_alone_are_enough_to_see_what_a_policy_lets_in() {
    let answer = policy(&["regex:^main-[0-9a-f]+$", "main-0a", "xmain-0a", "latest"], "");
    assert_eq!(answer["selected"], "main-0a", "{answer}");
    let answer = policy(&["digest:stable", "stable", "1.0"], "");
    assert_eq!(answer["selected"], "stable", "{answer}");
    let answer = policy(
        &["*", "--current", "gone=2026-01-01", "a=2025-12-31", "b=2026-01-02"],
        "",
    );
    assert_eq!(answer["selected"], "b", "{answer}");
}

#[test]
fn an_unusable_policy_or_tag_is_reported_with_its_remedy() {
    for (arguments, words) in [
        (&["semver:banana", "1"][..], "\"banana\" is not a version"),
        (&["newest:x", "1"], "write glob:, semver:"),
        (&["*", "a b"], "only letters, digits"),
        (&["*", "a=yesterday"], "is not a time: write 2026-03-01T09:00:00Z"),
        (
            &["*", "a=2026-03-01T09:00:00"],
            "is not a time: write 2026-03-01T09:00:00Z",
        ),
        (&["*", "a=2026-3-1"], "is not a time"),
        (&["*", "a=20260301T0900"], "is not a time"),
        (&["*", "a=1", "a=2"], "a is given twice"),
        (&["*", "--current", ":x", "a"], "--current"),
        (&["*", "a@sha256:12"], "64 lowercase hexadecimal digits"),
    ] {
        let ended = tidegate(here(), &[&["policy", "test"], arguments].concat(), "");
        assert_eq!(ended.code, 2, "{arguments:?}");
        assert_eq!(ended.out, "");
        assert!(ended.err.contains(words), "{arguments:?}: {}", ended.err);
    }
    let overlong = format!("a\nb={}\n", "9".repeat(100_000));
    for (input, words) in [
        ("a\nb c\n", "standard input, line 2: \"b c\" is not a tag"),
        ("a\n\n  \nb=noon\r\n", "standard input, line 4: \"noon\" is not a time"),
        (
            "a\nb=1\nb=2\n",
            "standard input, line 3: b is given twice, with different digests or times",
        ),
        ("a\rb\r", "standard input, line 1: \"a\\rb\" is not a tag"),
        (&overlong, "standard input, line 2: \"9999"),
    ] {
        let ended = tidegate(here(), &["policy", "test", "*"], input);
        assert_eq!((ended.code, &*ended.out), (2, ""), "{input}");
        assert!(ended.err.contains(words) && ended.err.len() < 600, "{}", ended.err);
    }
}

#[test]
fn tags_may_come_from_a_file_of_windows() {
    let answer = policy(&["*"], "\u{feff}a=1\r\n\r\nb=2\r\n");
    assert_eq!(answer["selected"], "b");
    assert_eq!(answer["tags"].as_array().unwrap().len(), 2);
}

#[test]
fn more_tags_than_any_repository_has_are_refused_and_not_cut() {
    let line = format!("{}=1\n", "a".repeat(120));
    let ended = tidegate(
        here(),
        &["policy", "test", "*"],
        &line.repeat((64 << 20) / line.len() + 2),
    );
    assert_eq!((ended.code, &*ended.out), (2, ""));
    assert!(ended.err.contains("more than 64 MiB of tags"), "{}", ended.err);
}

#[test]
fn for_people_the_chosen_tag_stands_out() {
    let ended = tidegate(
        here(),
        &["policy", "test", "glob:*", "--current", "a", "a=1", "b=2"],
        "",
    );
    assert_eq!(
        ended.out,
        "b, pushed 1970-01-01T00:00:02Z, is the newest push for glob:*, after a\n\
         ->  b  eligible  was pushed after the current tag a\n    \
         a  current   is the current tag\n"
    );
}

#[test]
fn a_policy_is_tried_as_the_image_policy_that_flux_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    let head =
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: web, namespace: apps}\nspec:\n";
    let policy = format!(
        "{head}  imageRepositoryRef: {{name: web}}\n  filterTags: {{pattern: '^v(?P<v>.*)$', extract: '$v'}}\n  policy: {{semver: {{range: ~1.2}}}}\n"
    );
    let repository = "---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: web, namespace: apps}\n\
                      spec: {image: r.example/web, exclusionList: ['9$']}\n";
    file("web.yaml", &policy);
    file("both.yaml", &format!("{policy}{repository}"));
    file(
        "two.yaml",
        &format!("{policy}---\n{}", policy.replace("name: web, n", "name: api, n")),
    );
    file("none.yaml", DEPLOYMENT);
    let ask = |arguments: &[&str]| {
        let arguments = [&["policy", "test", "-o", "json"], arguments].concat();
        let ended = tidegate(folder.path(), &arguments, "");
        assert_eq!(ended.code, 0, "{}", ended.err);
        serde_json::from_str::<Value>(&ended.out).unwrap()
    };
    let tags = ["--current", "v1.2.0", "v1.2.0", "v1.2.8", "v1.2.9", "v1.3.0", "1.2.7"];
    let answer = ask(&[&["-f", "web.yaml"], &tags[..]].concat());
    assert_eq!((&answer["version"], &answer["selected"]), (&json!(1), &json!("v1.2.9")));
    let answer = ask(&[&["-f", "both.yaml"], &tags[..]].concat());
    assert_eq!(answer["selected"], "v1.2.8", "the ImageRepository excludes v1.2.9");
    for (name, complaint) in [
        ("two.yaml", "expected one ImagePolicy, found 2"),
        ("none.yaml", "expected a document of the kind ImagePolicy, found none"),
    ] {
        let ended = tidegate(folder.path(), &["policy", "test", "-f", name, "v1"], "");
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(ended.err.contains(complaint), "{}", ended.err);
    }
}

#[test]
fn images_are_listed_with_all_that_is_asked_of_them() {
    let (folder, _) = file(DEPLOYMENT);
    let ended = tidegate(folder.path(), &["images", "web.yaml", "-o", "json"], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    let object = json!({"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"});
    assert_eq!(
        answer,
        json!({
            "version": 1,
            "images": [
                {"path": "web.yaml", "position": {"line": 16, "column": 18}, "object": object, "field": "web",
                 "image": "registry.example:5000/shop/web:1.2.3", "tag": "1.2.3", "digest": null,
                 "automated": true, "locked": true, "policy": "semver:~1.2"},
                {"path": "web.yaml", "position": {"line": 17, "column": 32}, "object": object, "field": "proxy",
                 "image": "envoy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "tag": null,
                 "digest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                 "automated": true, "locked": true, "policy": null},
                {"path": "web.yaml", "position": {"line": 19, "column": 18}, "object": object, "field": "cache",
                 "image": "redis", "tag": null, "digest": null,
                 "automated": true, "locked": true, "policy": null},
            ],
            "findings": [],
        })
    );
}

#[test]
fn what_cannot_be_read_below_a_folder_is_passed_over_and_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("web.yaml"), DEPLOYMENT).unwrap();
    let deeper = format!(
        "i=0; while [ $i -lt 15 ]; do mkdir {0} && cd {0} || exit 1; i=$((i+1)); done; mkdir -p {0}/{0}",
        "d".repeat(250)
    );
    let made = std::process::Command::new("sh")
        .args(["-c", &deeper])
        .current_dir(folder.path())
        .status();
    assert!(made.unwrap().success());
    let ended = tidegate(folder.path(), &["images", "-R", "-o", "json", "."], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(answer["images"].as_array().unwrap().len(), 3, "{answer}");
    let told = answer["findings"][0]["message"].as_str().unwrap();
    assert!(told.contains("cannot be read, and is passed over"), "{told}");
    let ended = tidegate(folder.path(), &["images", "gone.yaml"], "");
    assert_eq!(ended.code, 1, "{}", ended.err);
}

#[test]
fn folders_are_read_as_the_agent_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("b/web.yaml", DEPLOYMENT);
    write("a.yml", &DEPLOYMENT.replace("semver:~1.2", "semver:banana"));
    write("notes.txt", DEPLOYMENT);
    write(".git/x.yaml", DEPLOYMENT);
    write("chart/Chart.yaml", "name: x\n");
    write("chart/templates/web.yaml", DEPLOYMENT);
    write("broken.yaml", "a: [\n");
    let ask = |arguments: &[&str]| {
        let ended = tidegate(folder.path(), &[&["images", "-o", "json"], arguments].concat(), "");
        assert_eq!(ended.code, 0, "{}", ended.err);
        serde_json::from_str::<Value>(&ended.out).unwrap()
    };
    let files = |answer: &Value| -> Vec<String> {
        let images = answer["images"].as_array().unwrap();
        let mut files: Vec<_> = images
            .iter()
            .map(|image| image["path"].as_str().unwrap().to_owned())
            .collect();
        files.dedup();
        files
    };
    let all = ask(&[".", "./b"]);
    assert_eq!(files(&all), ["a.yml", "b/web.yaml"]);
    assert_eq!(ask(&["-R", ".", "./b"]), all);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let nothing = tidegate(folder.path(), &["images", "empty"], "");
    assert_eq!((nothing.code, &*nothing.out), (0, ""));
    assert_eq!(nothing.err, "no image fields in 0 files\n");
    assert_eq!(files(&ask(&["notes.txt"])), ["notes.txt"]);

    let findings = all["findings"].as_array().unwrap();
    let find = |file: &str| findings.iter().find(|finding| finding["path"] == file).unwrap();
    assert_eq!(find("a.yml")["position"], json!({"line": 9, "column": 30}));
    assert!(
        find("a.yml")["message"]
            .as_str()
            .unwrap()
            .contains("\"banana\" is not a version"),
        "{findings:?}"
    );
    assert!(
        find("broken.yaml")["message"]
            .as_str()
            .unwrap()
            .contains("does not parse"),
        "{findings:?}"
    );
    assert!(
        find("chart")["message"].as_str().unwrap().contains("Helm chart"),
        "{findings:?}"
    );

    let text = tidegate(folder.path(), &["images", "-R", "."], "");
    assert!(text.out.contains("b/web.yaml:16:18"), "{}", text.out);
    assert!(
        text.err
            .contains("a.yml:9:30: Deployment shop/web: tidegate.dev/policy.web: policy"),
        "{}",
        text.err
    );

    let gone = tidegate(folder.path(), &["images", "nowhere"], "");
    assert_eq!(gone.code, 1);
    assert!(gone.err.contains("nowhere cannot be read"), "{}", gone.err);
}

#[test]
fn a_base_automates_the_overlay_that_sets_its_image_and_what_is_not_followed_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("base/web.yaml", DEPLOYMENT);
    write("base/kustomization.yaml", "resources: [web.yaml]\n");
    let patch = "spec: {template: {spec: {containers: [{name: web, image: \"r.example/web:7\"}]}}}";
    let patch = format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, {patch}}}");
    write(
        "prod/kustomization.yaml",
        "resources: [../base]\npatches: [{path: web.yaml}]\nimages: [{name: r.example/web, newTag: \"3\"}, {name: other, newTag: \"1\"}]\n",
    );
    write("prod/web.yaml", &patch);
    write(
        "inline/kustomization.yaml",
        &format!("resources: [../base]\npatches:\n- patch: |\n    {patch}\n"),
    );
    let ended = tidegate(folder.path(), &["images", "-R", "-o", "json", "."], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    let row = |field: &str| {
        let rows = answer["images"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["path"] == "prod/kustomization.yaml" && row["field"] == field);
        let row = row.unwrap();
        (row["automated"].as_bool().unwrap(), row["policy"].clone())
    };
    assert_eq!(row("r.example/web"), (true, "semver:~1.2".into()));
    assert_eq!(row("other"), (false, Value::Null));
    let findings = answer["findings"].as_array().unwrap();
    let told = findings.iter().any(|finding| {
        let message = finding["message"].as_str().unwrap();
        message.contains("inline/kustomization.yaml:3:3: the patch here sets the image")
    });
    assert!(told, "{findings:?}");
}

#[test]
fn a_name_that_follows_an_image_repository_is_listed_with_its_next_name() {
    let (folder, _) = file("a: old.example/a:1 # {\"$imagepolicy\": \"flux-system:a\"}\n");
    let policies = |image: &str| {
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: a, namespace: flux-system}}\nspec: \
             {{imageRepositoryRef: {{name: a}}, policy: {{alphabetical: {{}}}}}}\n---\napiVersion: \
             image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {{name: a, namespace: flux-system}}\nspec: \
             {{image: {image}}}\n"
        )
    };
    for (image, name, shown) in [
        (
            "new.example/a",
            Value::from("new.example/a"),
            "old.example/a:1 -> new.example/a",
        ),
        ("old.example/a", Value::Null, "old.example/a:1  "),
    ] {
        std::fs::write(folder.path().join("policy.yaml"), policies(image)).unwrap();
        let ended = tidegate(folder.path(), &["images", ".", "-o", "json"], "");
        let answer: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(answer["images"][0]["newName"], name, "{}", ended.out);
        let ended = tidegate(folder.path(), &["images", "."], "");
        assert!(ended.out.contains(shown), "{}", ended.out);
    }
    std::fs::write(folder.path().join("policy.yaml"), policies("new.example/a:1")).unwrap();
    let ended = tidegate(folder.path(), &["images", "."], "");
    assert!(ended.err.contains("which is not registry/name"), "{}", ended.err);
}

#[test]
fn a_marker_whose_policy_cannot_be_used_is_reported_with_its_position() {
    let text = "a: r.example/a:1 # tidegate.dev/image: semver:banana\n\
                b: r.example/b:1 # {\"$imagepolicy\": \"flux-system:bad\"}\n\
                c: r.example/c:1 # {\"$imagepolicy\": \"flux-system:elsewhere\"}\n";
    let (folder, _) = file(text);
    let policy = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: bad, namespace: flux-system}\n\
                  spec: {policy: {numerical: {order: up}}}\n";
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let ended = tidegate(folder.path(), &["images", ".", "-o", "json"], "");
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    let told: Vec<(u64, u64, &str)> = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| {
            let number = |key: &str| told["position"][key].as_u64().unwrap();
            (number("line"), number("column"), told["message"].as_str().unwrap())
        })
        .collect();
    let has = |line, column, words: &str| {
        told.iter()
            .any(|(l, c, message)| (*l, *c) == (line, column) && message.contains(words))
    };
    assert!(has(1, 18, "\"banana\" is not a version"), "{told:?}");
    assert!(has(2, 18, "write asc or desc"), "{told:?}");
    assert!(has(3, 18, "flux-system/elsewhere is in none of the files"), "{told:?}");
    let people = tidegate(folder.path(), &["images", "."], "");
    assert!(people.err.contains("web.yaml:1:18: "), "{}", people.err);
    assert!(!people.err.contains("elsewhere"), "{}", people.err);
}

#[test]
fn a_tag_is_set_and_no_other_byte() {
    let (folder, path) = file(DEPLOYMENT);
    let want = DEPLOYMENT.replace("shop/web:1.2.3 ", "shop/web:1.3.0-rc.1 ");
    let change = ["deployment/web", "web=registry.example:5000/shop/web:1.3.0-rc.1"];
    let printed = tidegate(
        folder.path(),
        &[&["set", "image", "--local", "-f", "web.yaml"], &change[..]].concat(),
        "",
    );
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    assert_eq!(printed.out, want);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), DEPLOYMENT);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("web.yaml", folder.path().join("link.yaml")).unwrap();
    let change = [
        "-n",
        "shop",
        "deploy/web",
        "web=registry.example:5000/shop/web:1.3.0-rc.1",
    ];
    let in_place = tidegate(
        folder.path(),
        &[&["set", "image", "--local", "-i", "-f", "link.yaml"], &change[..]].concat(),
        "",
    );
    assert_eq!(
        (in_place.code, in_place.out.as_str(), in_place.err.as_str()),
        (0, "", "")
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), want);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(folder.path().join("link.yaml").is_symlink());
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing is left beside the file"
    );
}

#[test]
fn an_object_is_named_as_kubectl_names_it() {
    let (folder, _) = file(DEPLOYMENT);
    let set = |object: &str| {
        let arguments = ["set", "image", "--local", "-f", "web.yaml", object, "cache=redis:8"];
        tidegate(folder.path(), &arguments, "")
    };
    for object in [
        "Deployment/web",
        "deployments/web",
        "deploy/web",
        "deployment.apps/web",
        "deployments.v1.apps/web",
        "deployment.v1beta1.apps/web",
    ] {
        let ended = set(object);
        assert_eq!((ended.code, &*ended.err), (0, ""), "{object}");
        assert!(ended.out.contains("image: redis:8\n"), "{}", ended.out);
    }
    for object in [
        "deployment.batch/web",
        "deployment.v1.batch/web",
        "deployment.v1/web",
        "sts/web",
    ] {
        let ended = set(object);
        assert_eq!((ended.code, &*ended.out), (1, ""), "{object}");
        assert!(ended.err.contains("not edited: there is no "), "{}", ended.err);
    }
}

#[test]
fn a_file_may_come_from_standard_input() {
    let (folder, _) = file(DEPLOYMENT);
    let change = ["deployment/web", "web=registry.example:5000/shop/web:2"];
    let piped = [&["set", "image", "--local", "-f", "-"], &change[..]].concat();
    let ended = tidegate(folder.path(), &piped, DEPLOYMENT);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert_eq!(ended.out, DEPLOYMENT.replace("shop/web:1.2.3 ", "shop/web:2 "));
    let in_place = tidegate(folder.path(), &[&piped[..], &["-i"]].concat(), DEPLOYMENT);
    assert_eq!(in_place.code, 2);
    assert!(in_place.err.contains("remove -i"), "{}", in_place.err);
}

#[test]
fn what_is_there_already_is_no_edit() {
    let (folder, _) = file(DEPLOYMENT);
    let arguments = [
        "set",
        "image",
        "--local",
        "-f",
        "web.yaml",
        "Deployments.apps/web",
        "cache=redis",
    ];
    let ended = tidegate(folder.path(), &arguments, "");
    assert_eq!((ended.code, ended.out.as_str()), (0, DEPLOYMENT), "{}", ended.err);
}

#[test]
fn name_tag_and_digest_are_all_set() {
    let digest = format!("sha256:{}", "f".repeat(64));
    let proxy = "envoy@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let (folder, _) = file(DEPLOYMENT);
    for (change, old, new) in [
        ("cache=mirror.example/redis:7", "redis\n", "mirror.example/redis:7\n"),
        ("proxy=envoy:1.30", proxy, "envoy:1.30"),
        (
            &*format!("web=registry.example:5000/shop/web:1.2.4@{digest}"),
            "web:1.2.3 ",
            &*format!("web:1.2.4@{digest} "),
        ),
    ] {
        let arguments = ["set", "image", "--local", "-f", "web.yaml", "deploy/web", change];
        let ended = tidegate(folder.path(), &arguments, "");
        assert_eq!(ended.code, 0, "{change}: {}", ended.err);
        assert_eq!(ended.out, DEPLOYMENT.replace(old, new), "{change}");
    }
    let every = ["set", "image", "--local", "-f", "web.yaml", "deploy/web", "*=busybox:1"];
    let ended = tidegate(folder.path(), &every, "");
    assert_eq!(ended.out.matches("busybox:1").count(), 3, "{}", ended.out);
}

#[test]
fn what_cannot_be_edited_with_certainty_is_not_edited() {
    let block = DEPLOYMENT.replace("image: redis\n", "image: |-\n            redis:1\n");
    let (folder, path) = file(&block);
    let arguments = [
        "set",
        "image",
        "--local",
        "-i",
        "-f",
        "web.yaml",
        "deploy/web",
        "cache=redis:2",
    ];
    let ended = tidegate(folder.path(), &arguments, "");
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .err
            .contains("web.yaml:20:13: not edited: it is written as a block"),
        "{}",
        ended.err
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), block);
}

#[test]
fn a_refused_edit_says_why_and_leaves_the_file_as_it_was() {
    let (folder, path) = file(DEPLOYMENT);
    for (arguments, words) in [
        (
            &["deploy/web", "nope=a:1"][..],
            "Deployment shop/web has no image field nope; it has web, proxy, cache",
        ),
        (&["deploy/other", "web=a:1"], "there is no deployment/other in it"),
        (
            &["-n", "else", "deploy/web", "web=a:1"],
            "there is no deployment/web in it",
        ),
    ] {
        let ended = tidegate(
            folder.path(),
            &[&["set", "image", "--local", "-i", "-f", "web.yaml"], arguments].concat(),
            "",
        );
        assert_eq!(ended.code, 1, "{arguments:?}");
        assert!(ended.err.contains(words), "{arguments:?}: {}", ended.err);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), DEPLOYMENT);
    }
    for arguments in [
        &["set", "image", "-f", "web.yaml", "deploy/web", "web=a:1"][..],
        &["set", "image", "--local", "-f", "web.yaml", "web", "web=a:1"],
        &["set", "image", "--local", "-f", "web.yaml", "deploy/web", "web"],
        &["set", "image", "--local", "-f", "web.yaml", "deploy/web", "web=A:1"],
        &["set", "image", "--local", "-f", "web.yaml", "deploy/web"],
    ] {
        assert_eq!(tidegate(folder.path(), arguments, "").code, 2, "{arguments:?}");
    }
}

/// With `TIDEGATE_BLESS` set, what the program says becomes what is expected.
#[test]
fn a_name_of_two_images_and_an_image_that_cannot_be_read_are_refused_with_their_position() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n";
    let twice = format!("{pod}  - {{name: web, image: 'a:1'}}\n  - {{name: web, image: 'a:1'}}\n");
    let unread = format!("{pod}  - {{name: web, image: 'a:1'}}\n  - name: odd\n    image: nginx:1#x\n");
    let broken = format!("{pod}  - [\n");
    for (text, changes, place, words) in [
        (
            &twice,
            &["web=x:2"][..],
            ":8:",
            "two images with the name web, the other is at 7:",
        ),
        (&twice, &["*=x:2"], ":8:", "two images with the name web"),
        (&unread, &["*=x:2"], ":9:12: ", "the image odd of Pod web"),
        (&unread, &["odd=x:2"], ":9:12: ", "the image odd of Pod web"),
        (
            &unread,
            &["web=x:2", "web=x:3"],
            ":7:",
            "is named twice, with x:2 and x:3",
        ),
        (&broken, &["web=x:2"], ":8:", "does not parse"),
    ] {
        let (folder, path) = file(text);
        let arguments = [&["set", "image", "--local", "-i", "-f", "web.yaml", "pod/web"], changes].concat();
        let ended = tidegate(folder.path(), &arguments, "");
        assert_eq!((ended.code, &*ended.out), (1, ""), "{changes:?}");
        assert!(ended.err.contains(&format!("web.yaml{place}")), "{}", ended.err);
        assert!(ended.err.contains(words), "{}", ended.err);
        assert!(!ended.err.contains("nothing of this file is applied"), "{}", ended.err);
        assert_eq!(&std::fs::read_to_string(path).unwrap(), text);
    }
}

#[test]
fn an_object_without_a_namespace_is_named_next_to_its_duplicate_with_a_namespace() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: 'a:1'}]}\n";
    let twin = pod.replace("name: web}\n", "name: web, namespace: shop}\n");
    let (folder, _) = file(&format!("{pod}---\n{twin}"));
    let set = |arguments: &[&str]| {
        let arguments = [
            &["set", "image", "--local", "-f", "web.yaml", "pod/web", "web=a:2"],
            arguments,
        ]
        .concat();
        tidegate(folder.path(), &arguments, "")
    };
    let ended = set(&["-n", ""]);
    assert_eq!(
        ended.out,
        format!("{}---\n{twin}", pod.replace("a:1", "a:2")),
        "{}",
        ended.err
    );
    assert!(set(&[]).err.contains("'' for the one without"));
}

#[test]
fn an_entry_without_a_name_is_set_by_the_name_that_the_list_gives_it() {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("d/o/kustomization.yaml", "images:\n- {name: web, newTag: v1}\n"),
        ("d/c/values.yaml", "web: a:1 # tidegate.dev/image: glob:*\n"),
    ] {
        std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(path), text).unwrap();
    }
    let listed = tidegate(folder.path(), &["images", "-R", "d", "-o", "json"], "");
    let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    let rows = listed["images"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{listed}");
    for row in rows {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let object = format!("{}/{}", text(&row["object"]["kind"]), text(&row["object"]["name"]));
        let image = text(&row["image"]);
        let change = format!("{}={}:9", text(&row["field"]), image.rsplit_once(':').unwrap().0);
        let file = text(&row["path"]);
        let ended = tidegate(
            folder.path(),
            &["set", "image", "--local", "-f", &file, &object, &change],
            "",
        );
        assert_eq!(ended.code, 0, "{object}: {}", ended.err);
        assert!(ended.out.contains('9'), "{object}: {}", ended.out);
    }
    let other = [
        "set",
        "image",
        "--local",
        "-f",
        "d/o/kustomization.yaml",
        "kustomization/p",
        "web=web:9",
    ];
    assert_eq!(tidegate(folder.path(), &other, "").code, 1);
}

#[test]
fn help_is_unchanged() {
    for (name, arguments) in [
        ("policy-test", &["policy", "test", "--help"][..]),
        ("images", &["images", "--help"]),
        ("set-image", &["set", "image", "--help"]),
        ("tidegate", &["--help"]),
        ("run", &["run", "--help"]),
        ("run-short", &["run", "-h"]),
        ("plan", &["plan", "--help"]),
        ("identity", &["identity", "--help"]),
        ("holds", &["holds", "--help"]),
        ("resume", &["resume", "--help"]),
        ("confirm", &["confirm", "--help"]),
        ("diff", &["diff", "--help"]),
        ("why", &["why", "--help"]),
        ("doctor", &["doctor", "--help"]),
        ("notify-test", &["notify", "test", "--help"]),
        ("release", &["release", "--help"]),
        ("scan", &["scan", "--help"]),
        ("sync", &["sync", "--help"]),
        ("status", &["status", "--help"]),
        ("version", &["version", "--help"]),
        ("config-check", &["config", "check", "--help"]),
        ("config-schema", &["config", "schema", "--help"]),
    ] {
        let path = here().join(format!("tests/fixtures/help/{name}.txt"));
        let said = tidegate(here(), arguments, "").out;
        if std::env::var_os("TIDEGATE_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            said, expected,
            "{name}: run the test with TIDEGATE_BLESS=1 if the change is meant"
        );
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key");
    let config = folder.path().join("tidegate.yaml");
    std::fs::write(
        &config,
        format!(
            "repo:\n  url: ssh://git@git.example.com/fleet.git\n  key: {{file: {}}}\n  \
             knownHosts: git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n",
            key.display()
        ),
    )
    .unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["identity", "--config"])
        .arg(&config)
        .env_clear()
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !told.contains("panicked"), "{told}");
}
