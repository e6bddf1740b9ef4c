//! Charts of a chart repository.

use super::scene::{Scene, chart};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tidegate_stack::{ControlPlane, Registry, Tools};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A chart repository: files by path, and how often which of them was sent.
pub struct ChartRepository {
    pub address: String,
    folder: TempDir,
    files: Files,
    sent: Arc<Mutex<Vec<String>>>,
}

impl ChartRepository {
    /// A repository without charts, which asks for this login (`user:password`, or nothing).
    pub async fn start(login: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (files, sent) = (Files::default(), Arc::default());
        let repository = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            folder: tempfile::tempdir().unwrap(),
            files: Arc::clone(&files),
            sent: Arc::clone(&sent),
        };
        tokio::spawn(serve(listener, files, sent, login));
        repository
    }

    /// Packages a chart `web` in a version, whose `other` is that version, and publishes it.
    pub fn publish(&self, version: &str, more: &[(&str, &str)]) {
        let metadata = format!("apiVersion: v2\nname: web\nversion: {version}\n");
        let values = format!("text: of the chart\nother: {version}\n");
        let mut files = chart(&[("Chart.yaml", metadata.as_str()), ("values.yaml", values.as_str())]);
        files.extend(
            more.iter()
                .map(|(path, text)| (format!("charts/web/{path}"), (*text).to_owned())),
        );
        for (path, text) in files {
            let path = self.folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.helm(&["package", "charts/web", "--destination", "out"]);
        self.index();
    }

    /// Puts an archive into the repository as it is.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.files.lock().unwrap().insert(name.to_owned(), bytes);
    }

    fn index(&self) {
        self.helm(&["repo", "index", "out", "--url", &self.address]);
        let mut files = self.files.lock().unwrap();
        for entry in std::fs::read_dir(self.folder.path().join("out")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }

    pub fn helm(&self, arguments: &[&str]) {
        let output = std::process::Command::new(Tools::get("helm").unwrap())
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// How often a file was sent. A file that had not changed was not sent.
    pub fn sent(&self, name: &str) -> usize {
        self.sent.lock().unwrap().iter().filter(|sent| *sent == name).count()
    }
}

async fn serve(listener: TcpListener, files: Files, sent: Arc<Mutex<Vec<String>>>, login: &str) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split_whitespace().nth(1).unwrap_or_default();
        let path = path.trim_start_matches('/').to_owned();
        let body = files.lock().unwrap().get(&path).cloned();
        let etag = format!("\"{}\"", body.as_ref().map_or(0, Vec::len));
        let is_welcome = login.is_empty() || head.contains(&format!("Basic {}", BASE64_STANDARD.encode(login)));
        let (status, body) = match body {
            _ if !is_welcome => ("401 Unauthorized", Vec::new()),
            Some(_) if head.contains(&etag) => ("304 Not Modified", Vec::new()),
            Some(body) => {
                sent.lock().unwrap().push(path);
                ("200 OK", body)
            }
            None => ("404 Not Found", Vec::new()),
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.write_all(&body).await;
    }
}

/// A HelmRelease of a chart elsewhere.
pub fn elsewhere(namespace: &str, chart: &str, spec: &str) -> String {
    format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  \
         releaseName: web\n  chart: {{{chart}}}\n{spec}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_of_a_repository_is_fetched_for_a_revision_and_not_otherwise() {
    let cluster = ControlPlane::shared().await.unwrap();
    let repository = ChartRepository::start("").await;
    repository.publish("1.0.0", &[]);
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
    let requests = repository.sent("index.yaml") + repository.sent("web-1.0.0.tgz");
    assert!(requests >= 2, "an index and an archive");
    scene.agent.stop().await.unwrap();
    scene.agent.run().await.unwrap();
    scene.commit(&[("README.md", "nothing of a release\n")]);
    scene.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(
        repository.sent("index.yaml") + repository.sent("web-1.0.0.tgz"),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_means_the_highest_version_and_a_new_one_leads_to_an_upgrade_from_a_private_repository() {
    let cluster = ControlPlane::shared().await.unwrap();
    let repository = ChartRepository::start("robot:s3cret-login").await;
    repository.publish("1.0.0", &[]);
    repository.publish("2.0.0", &[]);
    let mut scene = Scene::prepare(&cluster, "rel-range", Vec::new(), "").await;
    let namespace = scene.namespace.clone();
    let spec = |more: &str| {
        let chart = format!("repository: \"{}\", name: web, version: ^1.0{more}", repository.address);
        elsewhere(&namespace, &chart, "  values: {text: one}\n")
    };
    scene.commit(&[("web.yaml", &spec(""))]);
    scene
        .agent
        .configure(|options| options.more = options.more.replace("releases: {", "releases: {chartInterval: 1s, "))
        .unwrap();
    scene.agent.run().await.unwrap();
    let look = async |scene: &Scene| scene.status().await.to_string();
    scene
        .until("the missing login", look, |text| {
            text.contains("ChartFetchFailed") && text.contains("chartPullSecret")
        })
        .await;
    let login = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: NS}\nstringData: {username: robot, password: s3cret-login}\n";
    let login = login.replace("NS", &namespace);
    scene.commit(&[
        ("web.yaml", &spec(", chartPullSecret: {name: login}")),
        ("login.yaml", &login),
    ]);
    scene.settled("Succeeded", "one").await;
    assert_eq!(scene.live("other").await.as_deref(), Some("1.0.0"));
    let before = repository.sent("index.yaml");
    repository.publish("1.2.0", &[]);
    let look = async |scene: &Scene| scene.live("other").await;
    scene
        .until("the new version", look, |other| other.as_deref() == Some("1.2.0"))
        .await;
    scene.settled("Succeeded", "one").await;
    let after = repository.sent("index.yaml");
    assert!(after > before, "the new index was read");
    scene.agent.stop().await.unwrap();
    scene.agent.run().await.unwrap();
    scene.agent.ask(&["sync"]).await.unwrap();
    scene.settled("Succeeded", "one").await;
    assert_eq!(scene.history().len(), 2);
    assert_eq!(repository.sent("web-1.2.0.tgz"), 1, "a restart fetches no archive");
    let said = scene.agent.log() + &scene.status().await.to_string();
    assert!(!said.contains("s3cret-login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_of_an_oci_registry_is_pulled_by_version_and_by_range() {
    let cluster = ControlPlane::shared().await.unwrap();
    let registry = Registry::open().await.unwrap();
    let repository = ChartRepository::start("").await;
    let target = format!("oci://{}/charts", registry.host());
    let publish = |version: &str| {
        repository.publish(version, &[]);
        repository.helm(&["push", &format!("out/web-{version}.tgz"), &target, "--plain-http"]);
    };
    publish("1.0.0");
    let mut scene = Scene::prepare(&cluster, "rel-oci", Vec::new(), "").await;
    let namespace = scene.namespace.clone();
    let of = |version: &str| {
        elsewhere(
            &namespace,
            &format!("repository: \"{target}\", name: web, version: \"{version}\""),
            "  values: {text: one}\n",
        )
    };
    scene.commit(&[("web.yaml", &of("1.0.0"))]);
    let registries = format!("registries: [{{host: \"{}\", plainHttp: true}}]\n", registry.host());
    scene
        .agent
        .configure(|options| {
            options.registries = registries;
            options.more = options.more.replace("releases: {", "releases: {chartInterval: 1s, ");
        })
        .unwrap();
    scene.agent.run().await.unwrap();
    scene.settled("Succeeded", "one").await;
    assert_eq!(scene.live("other").await.as_deref(), Some("1.0.0"));
    scene.commit(&[("web.yaml", &of("~1"))]);
    publish("1.1.0");
    let look = async |scene: &Scene| scene.live("other").await;
    scene
        .until("the new version", look, |other| other.as_deref() == Some("1.1.0"))
        .await;
    scene.settled("Succeeded", "one").await;
    assert_eq!(
        scene.history().len(),
        2,
        "the range names the version that is there already"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_chart_of_the_config_repo_depends_on_comes_from_its_lock() {
    let cluster = ControlPlane::shared().await.unwrap();
    let repository = ChartRepository::start("").await;
    repository.publish("1.0.0", &[]);
    let metadata = format!(
        "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [{{name: web, version: ^1, repository: \"{}\"}}]\n",
        repository.address
    );
    let files = vec![("charts/web/Chart.yaml".to_owned(), metadata)];
    let mut scene = Scene::start(&cluster, "rel-locked", files, "  values: {web: {text: one}}\n").await;
    let look = async |scene: &Scene| scene.status().await.to_string();
    scene
        .until("the missing lock", look, |text| {
            text.contains("neither in its charts folder nor in Chart.lock")
        })
        .await;
    let lock = format!(
        "dependencies: [{{name: web, version: 1.0.0, repository: \"{}\"}}]\n",
        repository.address
    );
    scene.commit(&[("charts/web/Chart.lock", &lock)]);
    scene.settled("Succeeded", "one").await;
}
