//! Bumps in a repository of 50,000 files, in comparison with a script that uses the git program: clone, `sed`, commit, push.
//!
//! Warm: the agent knows the head and its connection is open. Cold: the agent starts without a mirror. The table shows the
//! time from the decision (by the agent's log) until the branch has moved, and the time from the pushed tag until the branch
//! has moved, with the listing of the registry.

use crate::observer::BranchObserver;
use crate::percentiles::Percentiles;
use crate::scene::per;
use crate::table::Table;
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tidegate_stack::agent::{self, Agent};
use tidegate_stack::ecr::EcrServer;
use tidegate_stack::git::{Access, GitServer, Repo, SshKey};
use tidegate_stack::process::memory_kib;
use tidegate_stack::relay::{Direction, Relay};

const FILES: usize = 50_000;
const FOLDER: usize = 100;
/// The number of these files that have one image each.
const AUTOMATED: usize = 500;
/// The repositories of these images: the number of listings that are sent at once. Further listings are limited to ten a
/// second, which would dominate the time.
const REPOSITORIES: usize = 20;
/// The longest wait: enough for a cold start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const SAMPLE: Duration = Duration::from_millis(2);
/// The counter of parsed files.
const PARSED: &str = "tidegate_files_parsed_total ";

struct Scene {
    git: GitServer,
    relay: Relay,
    repo: Repo,
    ecr: EcrServer,
    agent: Agent,
    branch: BranchObserver,
    tags: usize,
}

/// The cost of one bump.
struct Cost {
    decided_to_landed: Duration,
    whole: Duration,
    sent: u64,
    parsed: u64,
    resident: f64,
    commits: usize,
}

pub async fn measure(table: &mut Table) -> Result<()> {
    let mut scene = Scene::set().await?;
    table.part(format!("bumps in a repository of {FILES} files"));
    scene.agent.run().await?;
    for (images, times) in [(1, 10), (AUTOMATED, 3)] {
        let mut costs = Vec::new();
        for _ in 0..times {
            costs.push(scene.warm(images).await?);
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        rows(table, &format!("{images} warm"), &costs, "<= 0.25 s from the decision");
        scene.stop().await?;
        let mut costs = Vec::new();
        for _ in 0..2 {
            costs.push(scene.cold(images).await?);
            scene.stop().await?;
        }
        rows(table, &format!("{images} cold"), &costs, "<= 2 s in all");
        let (mut wall, mut sent, mut resident) = (Percentiles::default(), 0, 0.0);
        for _ in 0..2 {
            let (took, bytes, peak) = scene.by_script(images)?;
            wall.add(took);
            (sent, resident) = (bytes, peak);
        }
        table.row(
            format!("{images} by git clone --depth 1, sed, commit, push"),
            format!(
                "{:.2} s; {}; peak {resident:.0} MB; {FILES} files written",
                wall.median().as_secs_f64(),
                kilo(sent)
            ),
            "4.2 s (20,000 files)",
            "",
        );
        scene.agent.run().await?;
    }
    scene.stop().await?;
    Ok(())
}

fn rows(table: &mut Table, what: &str, costs: &[Cost], goal: &str) {
    let (mut landed, mut whole) = (Percentiles::default(), Percentiles::default());
    for cost in costs {
        landed.add(cost.decided_to_landed);
        whole.add(cost.whole);
    }
    table.row(
        format!("{what}: decision -> landed, p50 / p99 of {}", costs.len()),
        landed.to_string(),
        "4.2 s (20,000 files)",
        goal,
    );
    let last = costs.last();
    let of = |read: fn(&Cost) -> u64| last.map(read).unwrap_or_default();
    table.row(
        format!("{what}: whole; SSH; peak memory; files parsed; commits"),
        format!(
            "{whole}; {}; {:.0} MB; {}; {}",
            kilo(of(|cost| cost.sent)),
            last.map(|cost| cost.resident).unwrap_or_default(),
            of(|cost| cost.parsed),
            per(last.map(|cost| cost.commits).unwrap_or_default(), 1),
        ),
        "",
        "",
    );
}

#[expect(clippy::cast_precision_loss, reason = "some megabytes")]
fn kilo(bytes: u64) -> String {
    format!("{:.1} kB", bytes as f64 / 1000.0)
}

impl Scene {
    async fn set() -> Result<Scene> {
        let git = GitServer::start()?;
        let repo = git.create_repo("fleet")?;
        let ecr = EcrServer::start().await?;
        let files = (0..FILES)
            .map(|number| (path(number), text(number, &ecr.default_host())))
            .collect::<Vec<_>>();
        repo.import(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))?;
        for repository in repositories(AUTOMATED) {
            ecr.push_tag(&repository, "old")?;
        }
        let relay = Relay::start(git.addr())?;
        let kubeconfig = git.dir().join("kubeconfig");
        std::fs::write(&kubeconfig, NO_CLUSTER)?;
        let agent = Agent::prepare(agent::Options {
            program: env!("CARGO_BIN_EXE_tidegate").into(),
            repo_url: repo.url_through(relay.addr()),
            known_hosts: git.known_hosts_lines_for(relay.addr()),
            kubeconfig: Some(kubeconfig),
            env: ecr.env(),
            more: "sync: {enabled: false}\n".into(),
            ..agent::Options::default()
        })?;
        git.authorize(&agent.identity().await?, Access::ReadWrite)?;
        Ok(Scene {
            branch: BranchObserver::open(repo.path())?,
            git,
            relay,
            repo,
            ecr,
            agent,
            tags: 0,
        })
    }

    /// Pushes a new tag for a number of images.
    fn push(&mut self, images: usize) -> Result<String> {
        self.tags += 1;
        let tag = format!("tag-{:04}", self.tags);
        for repository in repositories(images) {
            self.ecr.push_tag(&repository, &tag)?;
        }
        Ok(tag)
    }

    async fn stop(&mut self) -> Result<()> {
        let ended = self.agent.stop().await;
        ended.map(drop).with_context(|| self.agent.log())
    }

    async fn warm(&mut self, images: usize) -> Result<Cost> {
        let pid = self.agent.process()?.pid();
        // Reset the peak of the resident memory.
        std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        let before = (self.bytes(), self.parsed().await?);
        let head = self.branch.head();
        let tag = self.push(images)?;
        let begin = Instant::now();
        let asked = match images {
            1 => format!("{{\"repository\": \"{}/{}\"}}", self.ecr.default_host(), repository(0)),
            _ => "{}".to_owned(),
        };
        let caller = self.agent.caller();
        let call = tokio::spawn(async move { caller.post("/v1/scan", &asked, PATIENCE).await });
        let landed = self.landed(&head, images, &tag).await?;
        call.await??;
        self.cost(&head, &tag, begin, landed, before).await
    }

    async fn cold(&mut self, images: usize) -> Result<Cost> {
        self.agent.forget()?;
        let head = self.branch.head();
        let tag = self.push(images)?;
        let before = (self.bytes(), 0);
        let begin = Instant::now();
        self.agent.start()?;
        let landed = self.landed(&head, images, &tag).await?;
        self.agent.ready().await?;
        self.cost(&head, &tag, begin, landed, before).await
    }

    /// Waits until the branch has the tag for all images, and returns when this was.
    async fn landed(&self, head: &str, images: usize, tag: &str) -> Result<Instant> {
        let mut known = head.to_owned();
        loop {
            let at = self.branch.left(&known).await?;
            known = self.branch.head();
            let last = self.repo.file_at(&known, &path(images - 1))?;
            let bumps = self.repo.git(&["log", "--format=%B", &format!("{head}..{known}")])?;
            let bumps = bumps.lines().filter(|line| line.starts_with("Tidegate-Bump: ")).count();
            if last.contains(tag) && bumps == images {
                return Ok(at);
            }
            ensure!(bumps < images, "more bumps than images");
        }
    }

    async fn cost(
        &mut self,
        head: &str,
        tag: &str,
        begin: Instant,
        landed: Instant,
        before: (u64, u64),
    ) -> Result<Cost> {
        let log = self.agent.log();
        let decided = log
            .lines()
            .find(|line| line.contains(" decided ") && line.contains(&format!("reason={tag},")))
            .and_then(|line| line.split(' ').next()?.parse::<jiff::Timestamp>().ok())
            .context("the decision is not in the agent's log")?;
        let ago = SystemTime::now().duration_since(SystemTime::from(decided))?;
        let commits = self.repo.git(&["rev-list", "--count", &format!("{head}..main")])?;
        Ok(Cost {
            decided_to_landed: ago.saturating_sub(landed.elapsed()),
            whole: landed - begin,
            sent: self.bytes() - before.0,
            parsed: self.parsed().await? - before.1,
            resident: peak(self.agent.process()?.pid()).unwrap_or_default(),
            commits: commits.parse()?,
        })
    }

    fn bytes(&self) -> u64 {
        self.relay.bytes(Direction::ToTarget) + self.relay.bytes(Direction::ToClient)
    }

    async fn parsed(&self) -> Result<u64> {
        let (_, text) = self.agent.get("/metrics").await?;
        let value = text.lines().find_map(|line| line.strip_prefix(PARSED));
        value.unwrap_or("0").trim().parse().context("a count")
    }

    /// The same bumps by a script: time, bytes, and the memory of its largest process in MB.
    fn by_script(&mut self, images: usize) -> Result<(Duration, u64, f64)> {
        let tag = self.push(images)?;
        let key: SshKey = self.git.new_key()?;
        self.git.authorize(&key.public, Access::ReadWrite)?;
        let folder = tempfile::tempdir()?;
        let known_hosts = folder.path().join("known_hosts");
        std::fs::write(
            &known_hosts,
            self.git.known_hosts_lines_for(self.relay.addr()).join("\n") + "\n",
        )?;
        let files: Vec<String> = (0..images).map(path).collect();
        std::fs::write(folder.path().join("files"), files.join("\n") + "\n")?;
        let script = format!(
            "set -e; git clone -q --depth 1 {url} copy; cd copy; xargs sed -i 's|\\(image: .*\\):[^: ]*$|\\1:{tag}|' <../files; \
             git commit -q -a -m Bump; git push -q origin HEAD",
            url = self.repo.url_through(self.relay.addr()),
        );
        let before = self.bytes();
        let begin = Instant::now();
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([
                ("HOME", "/nonexistent"),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ])
            .envs([("GIT_AUTHOR_NAME", "Operator"), ("GIT_COMMITTER_NAME", "Operator")])
            .envs([
                ("GIT_AUTHOR_EMAIL", "operator@example.com"),
                ("GIT_COMMITTER_EMAIL", "operator@example.com"),
            ])
            .env(
                "GIT_SSH_COMMAND",
                format!(
                    "ssh -F /dev/null -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile={}",
                    key.path.display(),
                    known_hosts.display()
                ),
            )
            .spawn()?;
        let over = Arc::new(AtomicBool::new(false));
        let (is_over, root) = (Arc::clone(&over), child.id());
        let sampler = std::thread::spawn(move || {
            let mut largest: f64 = 0.0;
            while !is_over.load(Ordering::Relaxed) {
                largest = descendants(root).into_iter().filter_map(peak).fold(largest, f64::max);
                std::thread::sleep(SAMPLE);
            }
            largest
        });
        let status = child.wait()?;
        let took = begin.elapsed();
        over.store(true, Ordering::Relaxed);
        ensure!(status.success(), "the script ended with {status}");
        let largest = sampler.join().ok().context("the sampler")?;
        Ok((took, self.bytes() - before, largest))
    }
}

/// The peak memory of a process, in MB.
fn peak(pid: impl std::fmt::Display) -> Option<f64> {
    Some(memory_kib(pid, "VmHWM").ok()? as f64 / 1000.0)
}

fn descendants(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        next += 1;
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        found.extend(
            children
                .split_whitespace()
                .filter_map(|child| child.parse::<u32>().ok()),
        );
    }
    found
}

fn path(number: usize) -> String {
    format!("teams/team-{:03}/object-{number:05}.yaml", number / FOLDER)
}

fn repositories(images: usize) -> BTreeSet<String> {
    (0..images).map(repository).collect()
}

/// The first file has a repository of its own. The others share the rest of the repositories.
fn repository(number: usize) -> String {
    match number {
        0 => "shop/one".to_owned(),
        _ => format!("shop/app-{:02}", number % (REPOSITORIES - 1)),
    }
}

/// A manifest of typical size. The first ones are automated.
fn text(number: usize, host: &str) -> String {
    let name = format!("object-{number:05}");
    if number >= AUTOMATED {
        return format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\n  labels: {{team: team-{:03}}}\ndata:\n  \
             LOG_LEVEL: info\n  NUMBER: \"{number}\"\n",
            number / FOLDER
        );
    }
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: shop\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\nspec:\n  replicas: 0\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    \
         metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n      - name: app\n        \
         image: {host}/{}:old\n        ports:\n        - containerPort: 8080\n",
        repository(number)
    )
}

/// A cluster that does not exist. With `sync.enabled: false`, the agent only writes events to it, and lost events do no harm.
pub const NO_CLUSTER: &str = "apiVersion: v1\nkind: Config\ncurrent-context: none\ncontexts: [{name: none, context: {cluster: none, user: none}}]\n\
                          clusters: [{name: none, cluster: {server: \"http://127.0.0.1:1\"}}]\nusers: [{name: none, user: {}}]\n";
