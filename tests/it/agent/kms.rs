//! Files that are encrypted with a key of AWS KMS, in a China region, by the identity of the agent's environment.

use super::sops::{encrypted_with, sync_another_commit};
use super::world::{World, namespace_file};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tidegate_stack::agent::Options;
use tidegate_stack::{ControlPlane, Tools};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "arn:aws-cn:kms:cn-north-1:111122223333:key/0123";
const PLAIN: &str = "kms-plain-text";

/// What KMS was asked: the operation, and the region that signed the request.
type Calls = Arc<Mutex<Vec<(String, String)>>>;

/// A KMS whose ciphertext is the plain text backwards. Returns its address.
async fn serve_kms(calls: Calls, allowed: Arc<Mutex<bool>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (calls, allowed) = (Arc::clone(&calls), Arc::clone(&allowed));
            tokio::spawn(async move {
                let _ = answer(stream, &calls, &allowed).await;
            });
        }
    });
    address
}

async fn answer(stream: TcpStream, calls: &Calls, allowed: &Mutex<bool>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut operation, mut signed) = (0, String::new(), String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim();
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            continue;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "x-amz-target" => operation = value.trim().to_owned(),
            "authorization" => signed = value.split('/').nth(2).unwrap_or_default().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let body: Value = serde_json::from_slice(&body).unwrap();
    calls.lock().unwrap().push((operation.clone(), signed));
    let backwards = |field: &str| {
        let mut bytes = STANDARD.decode(body[field].as_str().unwrap_or_default()).unwrap();
        bytes.reverse();
        STANDARD.encode(bytes)
    };
    let (status, text) = match &*operation {
        "TrentService.Encrypt" => (
            "200 OK",
            json!({"CiphertextBlob": backwards("Plaintext"), "KeyId": KEY}),
        ),
        _ if *allowed.lock().unwrap() => (
            "200 OK",
            json!({"Plaintext": backwards("CiphertextBlob"), "KeyId": KEY}),
        ),
        _ => (
            "400 Bad Request",
            json!({"__type": "AccessDeniedException", "message": "not authorized to perform: kms:Decrypt"}),
        ),
    };
    let text = text.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    stream.write_all((head + &text).as_bytes()).await?;
    stream.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_kms_is_decrypted_by_the_pods_identity_and_a_refusal_is_repeated_in_the_words_of_aws() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("kms-{}", std::process::id());
    let (calls, allowed) = (Calls::default(), Arc::new(Mutex::new(false)));
    let address = serve_kms(Arc::clone(&calls), Arc::clone(&allowed)).await;
    let env = [
        ("AWS_ENDPOINT_URL_KMS".to_owned(), address),
        ("AWS_ACCESS_KEY_ID".to_owned(), "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), "of-the-test".to_owned()),
    ];
    let secret = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: kms}}\nstringData: {{password: {PLAIN}}}\n");
    let text = tokio::task::block_in_place(|| {
        let arguments = ["--kms", KEY, "--encrypted-regex", "^stringData$"];
        encrypted_with("secret.yaml", &secret, &arguments, &env)
    });
    let files = [("namespace.yaml", namespace_file(&namespace)), ("secret.yaml", text)];
    let mut world = World::with(&cluster, "kms", &namespace, &files).await;
    let sops = Tools::get("sops").unwrap();
    let configure = |options: &mut Options| {
        options.more = format!(
            "sync: {{set: kms, namespace: {namespace}}}\nrender: {{sops: {{program: {}}}}}\n",
            sops.display()
        );
        options.env.retain(|(name, _)| !env.iter().any(|(own, _)| own == name));
        options.env.extend(env.iter().cloned());
    };
    world.agent.configure(configure).unwrap();
    world.agent.run().await.unwrap();
    let said = world.agent.call(&["sync"]).await.unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    for part in [
        "secret.yaml: not rendered: not decrypted",
        KEY,
        "kms:Decrypt",
        "AccessDeniedException",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    *allowed.lock().unwrap() = true;
    sync_another_commit(&world).await;
    let api: Api<Secret> = Api::namespaced(world.client.clone(), &namespace);
    let live = api.get("kms").await.unwrap().data.unwrap();
    assert_eq!(live["password"].0, PLAIN.as_bytes());
    let calls = calls.lock().unwrap();
    assert!(calls.iter().all(|(_, region)| region == "cn-north-1"), "{calls:?}");
    assert!(!world.agent.log().contains(PLAIN));
}
