//! The cost of fetches and pushes over a distance: the round trips that the client waits for, and the time in relation to the
//! least time for these round trips. No agent and no cluster: the config repo alone, over the relay, with a real sshd.
//!
//! Round trips are counted only with a distance: without one, the relay cannot see what the client waits for. The table also
//! shows the figures of the git program, which opens a connection each time. They were measured on another machine, without a
//! distance and at 100 ms.

use crate::percentiles::Percentiles;
use crate::table::Table;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tidegate::git::{DeployKey, HostKeys, HttpAccess, KnownHosts, Repo, RepoUrl, Settings};
use tidegate::model::{Author, BranchName, CommitId, RepoPath};
use tidegate::port::{ConfigRepo, FileEdit, NewCommit, PushOutcome};
use tidegate_stack::git::{Access, GitServer, Repo as BareRepo};
use tidegate_stack::relay::{Direction, Relay};

const FILE: &str = "apps/web.yaml";
/// The number of round trips.
const DISTANCES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(100)];
const TIMES: u64 = 4;

/// The measurements: name, the fewest possible round trips if no SSH message is sent before the one that it answers, and the
/// figures of the git program at 0 and 100 ms.
const ROWS: [(&str, u64, [&str; 3]); 5] = [
    (
        "first fetch: connection and all",
        8,
        ["git: 9 trips, 327 ms", "", "git: 9 trips, 1,228 ms"],
    ),
    (
        "fetch, nothing new",
        1,
        ["git: 9 trips, 327 ms", "", "git: 9 trips, 1,228 ms"],
    ),
    ("fetch of one commit", 2, ["", "", ""]),
    ("push, warm", 1, ["git: 9 trips, 382 ms", "", "git: 9 trips, 1,314 ms"]),
    (
        "push, cold: connection and all",
        8,
        ["git: 9 trips, 382 ms", "", "git: 9 trips, 1,314 ms"],
    ),
];

pub async fn measure(table: &mut Table) -> Result<()> {
    let line = Line::set()?;
    for (index, distance) in DISTANCES.into_iter().enumerate() {
        table.part(format!("git over SSH, {} ms away and back", distance.as_millis()));
        for direction in [Direction::ToTarget, Direction::ToClient] {
            line.relay.set_latency(direction, distance / 2);
        }
        let measured = line.measured().await?;
        for ((what, least, git), (trips, times)) in ROWS.into_iter().zip(measured) {
            let milliseconds = times.median().as_secs_f64() * 1000.0;
            #[expect(clippy::cast_precision_loss, reason = "a handful of round trips")]
            let limit = distance.as_secs_f64() * 1000.0 * least as f64;
            let (here, limit) = if distance.is_zero() {
                (format!("{milliseconds:.0} ms"), format!("{least} trips"))
            } else {
                let ratio = milliseconds / limit;
                let trips = trips.at(1.0).as_secs();
                (
                    format!("{trips} trips, {milliseconds:.0} ms ({ratio:.2} of the limit)"),
                    format!("{least} trips, {limit:.0} ms"),
                )
            };
            table.row(what, here, git.get(index).copied().unwrap_or_default(), limit);
        }
    }
    Ok(())
}

struct Line {
    server: GitServer,
    bare: BareRepo,
    relay: Relay,
    key: Arc<DeployKey>,
}

/// The round trips (as seconds, so that they have percentiles too) and the times of the rows.
type Measured = [(Percentiles, Percentiles); ROWS.len()];

impl Line {
    fn set() -> Result<Line> {
        let server = GitServer::start()?;
        let bare = server.create_repo("fleet")?;
        bare.seed(&[(FILE, "image: shop/web:0\n"), ("README.md", "# fleet\n")])?;
        let key = Arc::new(DeployKey::generate()?);
        server.authorize(&key.public_line("bench"), Access::ReadWrite)?;
        Ok(Line {
            relay: Relay::start(server.addr())?,
            bare,
            server,
            key,
        })
    }

    fn open(&self, mirror: &Path) -> Result<Repo> {
        let known = self.server.known_hosts_lines_for(self.relay.addr()).join("\n");
        Ok(Repo::open(Settings {
            url: RepoUrl::parse(&self.bare.url_through(self.relay.addr()))?,
            branch: BranchName::parse("main")?,
            mirror_dir: mirror.to_owned(),
            paths: Vec::new(),
            key: Arc::clone(&self.key),
            host_keys: HostKeys::Given(KnownHosts::parse(&known)?),
            http: HttpAccess::default(),
            author: Author::parse("Tidegate <tidegate@acme.example>")?,
            timeout: Duration::from_secs(30),
            limits: Default::default(),
        })?)
    }

    async fn measured(&self) -> Result<Measured> {
        let mut rows: Measured = Default::default();
        let [first, nothing, news, warm, cold] = &mut rows;
        for round in 0..TIMES {
            let folder = TempDir::new()?;
            let repo = self.open(folder.path())?;
            let mut tip = self.timed(first, repo.fetch()).await?;
            for _ in 0..2 {
                let plan = bump(&repo, tip).await?;
                tip = self.timed(warm, pushed(&repo, plan)).await?;
            }
            self.timed(nothing, repo.fetch()).await?;
            self.bare
                .seed(&[("README.md", &format!("# {round} {:?}\n", Instant::now()))])?;
            tip = self.timed(news, repo.fetch()).await?;
            let plan = bump(&repo, tip).await?;
            self.relay.reset();
            self.timed(cold, pushed(&repo, plan)).await?;
        }
        Ok(rows)
    }

    /// Runs a measurement when all earlier traffic has ended.
    async fn timed<T, E>(
        &self,
        row: &mut (Percentiles, Percentiles),
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T>
    where
        E: Into<anyhow::Error>,
    {
        self.quiet().await;
        let (trips, begin) = (self.relay.round_trips(), Instant::now());
        let done = work.await.map_err(Into::into)?;
        row.1.add(begin.elapsed());
        row.0.add(Duration::from_secs(self.relay.round_trips() - trips));
        Ok(done)
    }

    async fn quiet(&self) {
        let bytes = || self.relay.bytes(Direction::ToClient) + self.relay.bytes(Direction::ToTarget);
        let mut before = u64::MAX;
        while bytes() != before {
            before = bytes();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn bump(repo: &Repo, parent: CommitId) -> Result<NewCommit> {
    let path = RepoPath::parse(FILE)?;
    let files = repo.files(parent, vec![path.clone()]).await?.files;
    let from = files.first().context("the file is missing")?.blob;
    Ok(NewCommit {
        parent,
        edits: vec![FileEdit {
            path,
            from,
            bytes: format!("image: shop/web:{parent}\n").into_bytes(),
        }],
        message: "Bump shop/web".to_owned(),
        author: None,
        time: jiff::Timestamp::now(),
    })
}

async fn pushed(repo: &Repo, plan: NewCommit) -> Result<CommitId> {
    match repo.commit_and_push(vec![plan]).await? {
        PushOutcome::Landed(ours) => Ok(ours),
        other => bail!("expected the push to land, found {other:?}"),
    }
}
