//! A thousand repositories with a thousand tags each: the first sweep, a sweep that finds nothing new, and one new tag.
//!
//! The registry answers from arithmetic, so that this process holds no million of images. The repositories are spread over
//! accounts, since the agent sends ten requests a second to each. The limit beside the processor's time is a reader that
//! only parses the same bodies into borrowed rows; the limit beside the memory is the bytes of the names.

use crate::idle::{memory, processor_seconds};
use crate::many_files::NO_CLUSTER;
use crate::observer::BranchObserver;
use crate::table::Table;
use anyhow::{Result, ensure};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::git::{Access, GitServer, Repo};

const REPOSITORIES: usize = 1000;
/// New tags, one after another.
const NEW: usize = 5;
const PATIENCE: Duration = Duration::from_secs(300);
/// The pass after a bump begins a second later, and belongs to the cost of the bump.
const SETTLED: Duration = Duration::from_millis(2500);

/// The tags of each repository. TAGS in the environment sets another number.
static TAGS: LazyLock<usize> = LazyLock::new(|| number("TAGS", 1000));
/// The accounts that the repositories are spread over; ACCOUNTS in the environment. To each the agent sends ten requests a second,
/// so that a sweep of one account takes a hundred seconds, with as many passes of the automation loop.
static ACCOUNTS: LazyLock<usize> = LazyLock::new(|| number("ACCOUNTS", 50));

fn number(name: &str, default: usize) -> usize {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

struct Scene {
    agent: Agent,
    branch: BranchObserver,
    repo: Repo,
    _git: GitServer,
    /// The tags that the first repository has besides those of all repositories.
    new: Arc<AtomicUsize>,
}

pub async fn measure(table: &mut Table) -> Result<()> {
    let mut scene = Scene::set().await?;
    table.part(format!("{REPOSITORIES} repositories with {} tags each", *TAGS));
    let names: usize = (0..*TAGS).map(|number| name(number).len()).sum();
    let limit = format!(
        "{:.1} CPU-s; {:.0} MB of names",
        bare_parse()?,
        mega(names * REPOSITORIES)
    );
    let begin = Instant::now();
    scene.agent.run().await?;
    let pid = scene.agent.process()?.pid();
    scene.scanned().await?;
    row(
        table,
        "first sweep",
        processor_seconds(pid)?,
        begin,
        &memory(pid)?,
        "<= 2 CPU-s, <= 70 MB",
        &limit,
    );
    for _ in 0..2 {
        let (begin, before) = (Instant::now(), processor_seconds(pid)?);
        scene.call("{}").await?;
        let used = processor_seconds(pid)? - before;
        row(
            table,
            "sweep that finds nothing new",
            used,
            begin,
            &memory(pid)?,
            "<= 0.6 CPU-s",
            &limit,
        );
    }
    let (begin, before) = (Instant::now(), processor_seconds(pid)?);
    for _ in 0..NEW {
        scene.bump().await?;
    }
    let used = processor_seconds(pid)? - before;
    let what = format!("{NEW} new tags, each listed, decided, committed and pushed");
    row(table, &what, used, begin, &memory(pid)?, "2 ms each, and the push", "");
    scene.agent.stop().await?;
    Ok(())
}

fn row(table: &mut Table, what: &str, used: f64, begin: Instant, memory: &str, goal: &str, limit: &str) {
    let took = begin.elapsed().as_secs_f64();
    let limit = if limit.is_empty() {
        String::new()
    } else {
        format!("; limit {limit}")
    };
    table.row(
        what,
        format!("{used:.2} CPU-s in {took:.1} s; {memory}"),
        "",
        format!("{goal}{limit}"),
    );
}

#[expect(clippy::cast_precision_loss, reason = "some megabytes")]
fn mega(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

impl Scene {
    async fn set() -> Result<Scene> {
        let git = GitServer::start()?;
        let repo = git.create_repo("fleet")?;
        let files: Vec<(String, String)> = (0..REPOSITORIES)
            .map(|number| (path(number), manifest(number)))
            .collect();
        repo.import(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))?;
        let kubeconfig = git.dir().join("kubeconfig");
        std::fs::write(&kubeconfig, NO_CLUSTER)?;
        let new = Arc::new(AtomicUsize::new(0));
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&new));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let env = [
            ("AWS_ENDPOINT_URL_ECR", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIAREADER"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ];
        let agent = Agent::prepare(agent::Options {
            program: env!("CARGO_BIN_EXE_tidegate").into(),
            repo_url: repo.url().to_owned(),
            known_hosts: git.known_hosts_lines(),
            kubeconfig: Some(kubeconfig),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            more: "sync: {enabled: false}\n".into(),
            ..agent::Options::default()
        })?;
        git.authorize(&agent.identity().await?, Access::ReadWrite)?;
        Ok(Scene {
            agent,
            branch: BranchObserver::open(repo.path())?,
            repo,
            _git: git,
            new,
        })
    }

    /// Waits until every repository has been listed, and the automation loop has decided about all of them.
    async fn scanned(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let all = format!("tidegate_scan_tags {}", REPOSITORIES * *TAGS);
        while !self.agent.get("/metrics").await?.1.contains(&all) {
            ensure!(
                Instant::now() < until,
                "the first sweep did not end: {}",
                self.agent.log()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        tokio::time::sleep(SETTLED).await;
        Ok(())
    }

    async fn call(&self, body: &str) -> Result<()> {
        let (status, text) = self.agent.caller().post("/v1/scan", body, PATIENCE).await?;
        ensure!(status == 200, "the scan answered {status}: {text}");
        Ok(())
    }

    /// Pushes a tag to the first repository, and waits for its commit.
    async fn bump(&mut self) -> Result<()> {
        let head = self.branch.head();
        self.new.fetch_add(1, Ordering::Relaxed);
        self.call(&format!("{{\"repository\": \"{}/{}\"}}", host(0), repository(0)))
            .await?;
        self.branch.left(&head).await?;
        tokio::time::sleep(SETTLED).await;
        let tag = name(*TAGS + self.new.load(Ordering::Relaxed) - 1);
        ensure!(
            self.repo.file_at("main", &path(0))?.contains(&tag),
            "{tag} is not in the file"
        );
        Ok(())
    }
}

fn host(number: usize) -> String {
    format!(
        "{:012}.dkr.ecr.eu-west-1.amazonaws.com",
        111_122_223_333 + number % *ACCOUNTS
    )
}

fn repository(number: usize) -> String {
    format!("shop/app-{number:04}")
}

fn path(number: usize) -> String {
    format!("apps/app-{number:04}.yaml")
}

/// The name of a tag: a short commit id and a number.
fn name(number: usize) -> String {
    format!("main-{:07x}-{number:04}", (number * 2_654_435_761) % 0x0fff_ffff)
}

fn manifest(number: usize) -> String {
    let app = format!("app-{number:04}");
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {app}\n  namespace: shop\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\nspec:\n  selector:\n    matchLabels: {{app: {app}}}\n  template:\n    metadata:\n      \
         labels: {{app: {app}}}\n    spec:\n      containers:\n      - name: app\n        image: {}/{}:{}\n",
        host(number),
        repository(number),
        name(*TAGS - 1),
    )
}

/// The answer to DescribeImages: the tags of a repository on one page, in an order of their own.
async fn answer(
    State(new): State<Arc<AtomicUsize>>,
    body: String,
) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let asked: Value = serde_json::from_str(&body).unwrap_or_default();
    let repository = asked["repositoryName"].as_str().unwrap_or_default();
    let more = match repository == self::repository(0) {
        true => new.load(Ordering::Relaxed),
        false => 0,
    };
    (
        [(CONTENT_TYPE, "application/x-amz-json-1.1")],
        page(repository, *TAGS + more),
    )
}

fn page(repository: &str, tags: usize) -> String {
    let mut text = String::from("{\"imageDetails\":[");
    for at in 0..tags {
        let number = (at * 389 + repository.len()) % tags;
        let comma = if at == 0 { "" } else { "," };
        let part = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ repository.bytes().map(usize::from).sum::<usize>();
        let _ = write!(
            text,
            "{comma}{{\"registryId\":\"111122223333\",\"repositoryName\":\"{repository}\",\"imageDigest\":\"sha256:\
             {part:016x}{part:016x}{part:016x}{part:016x}\",\"imageTags\":[\"{}\"],\"imageSizeInBytes\":{},\"imagePushedAt\":\
             {}.{:03},\"imageManifestMediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"artifactMediaType\":\
             \"application/vnd.oci.image.config.v1+json\",\"imageStatus\":\"ACTIVE\"}}",
            name(number),
            30_000_000 + number,
            1_700_000_000 + number * 600,
            number % 1000,
        );
    }
    text.push_str("]}");
    text
}

#[derive(Deserialize)]
struct BarePage<'a> {
    #[serde(borrow, rename = "imageDetails")]
    images: Vec<BareRow<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareRow<'a> {
    #[serde(borrow)]
    image_digest: Cow<'a, str>,
    #[serde(borrow)]
    image_tags: Vec<&'a str>,
    image_pushed_at: f64,
}

/// The time that takes who only parses the bodies of one sweep.
fn bare_parse() -> Result<f64> {
    let body = page(&repository(1), *TAGS);
    let begin = Instant::now();
    let mut seen = 0;
    for _ in 0..REPOSITORIES {
        let page: BarePage<'_> = serde_json::from_str(&body)?;
        let rows = page.images.iter();
        seen += rows
            .filter(|row| row.image_pushed_at > 0.0 && row.image_digest.len() > row.image_tags.len())
            .count();
    }
    ensure!(seen == REPOSITORIES * *TAGS, "the pages are whole");
    Ok(begin.elapsed().as_secs_f64())
}
