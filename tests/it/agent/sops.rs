//! Files that are encrypted with SOPS, decrypted by the real program and applied to a real API server.

use super::world::{World, namespace_file};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams, ObjectMeta, PostParams};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tidegate_stack::agent::{NAMESPACE, Options};
use tidegate_stack::{ControlPlane, Tools};

/// What stands in the encrypted files, and must stand nowhere else.
const PLAIN: [&str; 4] = ["age-plain-text", "generated-plain", "pgp-plain-text", "of-another-key"];

/// An age key: its identity and its recipient.
fn age_key() -> (String, String) {
    let output = Command::new(Tools::get("age-keygen").unwrap()).output().unwrap();
    let identity = String::from_utf8(output.stdout).unwrap();
    let recipient = identity
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    (identity.clone(), recipient.to_owned())
}

/// The text of a file as sops encrypts it, with these arguments and variables.
pub fn encrypted_with(name: &str, text: &str, arguments: &[&str], env: &[(String, String)]) -> String {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    let output = Command::new(Tools::get("sops").unwrap())
        .arg("encrypt")
        .args(arguments)
        .arg(&file)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn encrypted(name: &str, text: &str, recipient: &str) -> String {
    let arguments = ["--age", recipient, "--encrypted-regex", "^(data|stringData|PASSWORD)$"];
    let text = encrypted_with(name, text, &arguments, &[]);
    assert!(!PLAIN.iter().any(|plain| text.contains(plain)));
    text
}

fn secret(name: &str, password: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{password: {password}}}\n")
}

/// A person commits something else, so that what was not decrypted is tried again.
pub async fn sync_another_commit(world: &World) {
    let person = world.repo.work_copy().unwrap();
    person
        .write("map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n")
        .unwrap();
    person.commit("Something else").unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
}

async fn put_keys(world: &World, name: &str, entries: &[(&str, &str)]) {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    let data = entries
        .iter()
        .map(|(entry, text)| ((*entry).to_owned(), ByteString(text.as_bytes().to_vec())));
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(data.collect()),
        ..Secret::default()
    };
    let _ = api.delete(name, &Default::default()).await;
    api.create(&PostParams::default(), &secret).await.unwrap();
}

async fn live(world: &World) -> Vec<(String, String)> {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), &world.namespace);
    let list = api.list(&ListParams::default()).await.unwrap();
    let secrets = list.items.into_iter().map(|secret| {
        let name = secret.metadata.name.unwrap_or_default();
        let values = secret.data.unwrap_or_default().into_values();
        let text = values
            .map(|value| String::from_utf8(value.0).unwrap())
            .collect::<Vec<_>>()
            .join(",");
        (name.split("-hash").next().unwrap_or_default().to_owned(), text)
    });
    secrets.collect()
}

async fn world(cluster: &ControlPlane, name: &str, namespace: &str, files: &[(&str, String)], sops: &str) -> World {
    let mut world = World::with(cluster, name, namespace, files).await;
    let program = |program: &str| Tools::get(program).unwrap().display().to_string();
    let more = format!(
        "sync: {{set: {name}, namespace: {namespace}}}\nrender: {{kustomize: {}, sops: {{program: {}, secret: {name}-keys{sops}}}}}\n",
        program("kustomize"),
        program("sops")
    );
    let configure = |options: &mut Options| options.more = more;
    world.agent.configure(configure).unwrap();
    world
}

/// Every file of the agent's folders, and its log.
fn written(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path().is_dir() {
            true => written(&entry.path(), text),
            false => text.push_str(&String::from_utf8_lossy(
                &std::fs::read(entry.path()).unwrap_or_default(),
            )),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_files_are_applied_and_a_wrong_key_stops_one_file_alone() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("sops-{}", std::process::id());
    let ((identity, own), (other_identity, other)) = (age_key(), age_key());
    let fixture = |name: &str| {
        std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/fixtures/sops")
                .join(name),
        )
        .unwrap()
    };
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("own.yaml", encrypted("own.yaml", &secret("own", PLAIN[0]), &own)),
        ("pgp.yaml", fixture("secret.yaml")),
        (
            "other.yaml",
            encrypted("other.yaml", &secret("other", PLAIN[3]), &other),
        ),
        (
            "prod/kustomization.yaml",
            "secretGenerator:\n- {name: generated, envs: [secret.env], options: {disableNameSuffixHash: true}}\n"
                .to_owned(),
        ),
        (
            "prod/secret.env",
            encrypted("secret.env", &format!("PASSWORD={}\n", PLAIN[1]), &own),
        ),
    ];
    let mut world = world(&cluster, "sops", &namespace, &files, "").await;
    put_keys(
        &world,
        "sops-keys",
        &[("own.agekey", &identity), ("key.asc", &fixture("key.asc"))],
    )
    .await;
    world.agent.run().await.unwrap();
    let said = world.agent.call(&["sync"]).await.unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("not decrypted")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    for part in ["other.yaml", &*other, "Secret tidegate/sops-keys"] {
        assert!(errors[0].contains(part), "{part}: {said}");
    }
    let of = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(
        live(&world).await,
        [of("generated", PLAIN[1]), of("of-pgp", PLAIN[2]), of("own", PLAIN[0])]
    );

    // The key comes, and with the next commit the file is tried again.
    let entries = [
        ("own.agekey", &*identity),
        ("other.agekey", &*other_identity),
        ("key.asc", &fixture("key.asc")),
    ];
    put_keys(&world, "sops-keys", &entries).await;
    sync_another_commit(&world).await;
    assert_eq!(live(&world).await[2], of("other", PLAIN[3]));

    let mut all = said + &world.agent.ask(&["status"]).await.unwrap() + &world.agent.log();
    written(world.agent.dir(), &mut all);
    for plain in PLAIN.into_iter().chain(["AGE-SECRET-KEY"]) {
        assert!(!all.contains(plain), "{plain} is not in memory alone");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", world.agent.process().unwrap().pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert!(core.contains(" 0 "), "core dumps are off: {core}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_not_written_to_a_disk() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("sops-disk-{}", std::process::id());
    let (identity, own) = age_key();
    let disk = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("prod/kustomization.yaml", "resources: [own.yaml]\n".to_owned()),
        ("prod/own.yaml", encrypted("own.yaml", &secret("own", PLAIN[0]), &own)),
    ];
    let mut world = world(
        &cluster,
        "sops-disk",
        &namespace,
        &files,
        &format!(", memory: {}", disk.path().display()),
    )
    .await;
    put_keys(&world, "sops-disk-keys", &[("own.agekey", &identity)]).await;
    world.agent.run().await.unwrap();
    let said = world.agent.call(&["sync"]).await.unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.contains("prod: not rendered") && said.contains("no folder in memory"),
        "{said}"
    );
    assert_eq!(live(&world).await, []);
}
