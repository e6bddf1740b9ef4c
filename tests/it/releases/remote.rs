//! Charts of a chart repository.

use super::scene::{Scene, chart};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidegate_stack::{ControlPlane, Tools};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A chart repository: files by path, and how often one was asked for.
struct ChartRepository {
    address: String,
    requests: Arc<AtomicUsize>,
}

impl ChartRepository {
    /// A repository with the chart `web` in version 1.0.0.
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in chart(&[]) {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let helm = |arguments: &[&str]| {
            let output = std::process::Command::new(Tools::get("helm").unwrap())
                .args(arguments)
                .current_dir(folder.path())
                .env_clear()
                .env("HOME", folder.path())
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        helm(&["package", "charts/web", "--destination", "out"]);
        helm(&["repo", "index", "out", "--url", &address]);
        let files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(folder.path().join("out"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().to_str().unwrap().to_owned(),
                    std::fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        let requests = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, files, Arc::clone(&requests)));
        Self { address, requests }
    }
}

async fn serve(listener: TcpListener, files: BTreeMap<String, Vec<u8>>, requests: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .trim_start_matches('/');
        requests.fetch_add(1, Ordering::SeqCst);
        let (status, body) = match files.get(path) {
            Some(body) => ("200 OK", body.as_slice()),
            None => ("404 Not Found", &[][..]),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.write_all(body).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_of_a_repository_is_fetched_for_a_revision_and_not_otherwise() {
    let cluster = ControlPlane::shared().await.unwrap();
    let repository = ChartRepository::start().await;
    let mut scene = Scene::prepare(&cluster, "rel-remote", Vec::new(), "").await;
    let namespace = scene.namespace.clone();
    let of = |version: &str, text: &str| {
        format!(
            "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  \
             releaseName: web\n  chart: {{repository: \"{}\", name: web, version: {version}}}\n  values: {{text: {text}}}\n",
            repository.address
        )
    };
    scene.commit(&[("web.yaml", &of("1.0.0", "one"))]);
    scene.agent.run().await.unwrap();
    scene.settled("Succeeded", "one").await;
    let requests = repository.requests.load(Ordering::SeqCst);
    assert!(requests >= 2, "an index and an archive");
    scene.agent.stop().await.unwrap();
    scene.agent.run().await.unwrap();
    scene.commit(&[("README.md", "nothing of a release\n")]);
    scene.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(
        repository.requests.load(Ordering::SeqCst),
        requests,
        "nothing is fetched without need"
    );
    scene.commit(&[("web.yaml", &of("9.9.9", "two"))]);
    let look = async |scene: &Scene| scene.status().await.to_string();
    scene
        .until("the missing version", look, |text| {
            text.contains("ChartFetchFailed")
                && text.contains("chart web 9.9.9 of http://127.0.0.1")
                && text.contains("cannot be fetched")
        })
        .await;
    assert_eq!(scene.live("text").await.as_deref(), Some("one"));
    scene.commit(&[("web.yaml", &of("1.0.0", "two"))]);
    scene.settled("Succeeded", "two").await;
    assert_eq!(scene.history().len(), 2);
}
