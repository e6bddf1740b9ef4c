//! All faults between the agent and the branch: the agent reports each fault in its own words within a deadline, and when
//! it is over the next tag lands, by the very same process.

use super::scene::{Scene, file, workload};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tidegate_stack::GitServer;
use tidegate_stack::git::Access;
use tidegate_stack::relay::{Direction, Ending};

const WORKLOAD: &str = "web";
/// `repo.timeout` is a second; a phase or two may pass in silence, and the loops come back within one or two more.
const DEADLINE: Duration = Duration::from_secs(60);

struct Row {
    name: &'static str,
    begin: fn(&Faults),
    /// Whether the fault begins again until the agent meets it: the agent may be making another mirror at the moment.
    repeats: bool,
    end: fn(&Faults),
    /// All in what the agent logs meanwhile; none where it helps itself.
    says: &'static [&'static str],
}

struct Faults {
    scene: Scene,
    key: String,
    impostor: GitServer,
    /// Takes connections and says nothing.
    silent: std::net::TcpListener,
    /// Takes connections, says who it is, and nothing more.
    greeter: std::net::SocketAddr,
    tags: u32,
    mounted: Option<PathBuf>,
}

const ON_THE_WAY: [Row; 6] = [
    Row {
        name: "a server that says nothing",
        begin: |on| on.leads_to(on.silent.local_addr().unwrap()),
        repeats: false,
        end: Faults::leads_home,
        says: &[
            "did not answer within 1s (waiting for its SSH greeting)",
            "repo.timeout",
        ],
    },
    Row {
        name: "silence after the banner",
        begin: |on| on.leads_to(on.greeter),
        repeats: false,
        end: Faults::leads_home,
        says: &[
            "did not answer within 1s (SSH key exchange, after its greeting)",
            "repo.timeout",
        ],
    },
    Row {
        name: "a stall on an open connection",
        begin: |on| on.scene.relay.stall(),
        repeats: false,
        end: |on| on.scene.relay.heal(),
        says: &["did not answer within 1s"],
    },
    Row {
        name: "connections that are reset",
        begin: |on| {
            on.scene.relay.cut_every(Direction::ToClient, 2_500, Ending::Reset);
            on.scene.relay.reset();
        },
        repeats: false,
        end: |on| on.scene.relay.heal(),
        says: &["127.0.0.1", "fetch failed"],
    },
    Row {
        name: "nobody at the port",
        begin: |on| {
            on.scene.git.stop();
            on.scene.relay.reset();
        },
        repeats: false,
        end: |on| on.scene.git.resume().unwrap(),
        says: &["fetch failed"],
    },
    Row {
        name: "another host key",
        begin: |on| on.leads_to(on.impostor.addr()),
        repeats: false,
        end: Faults::leads_home,
        says: &["another server may answer in its name", "SHA256:"],
    },
];

const RIGHTS: [Row; 4] = [
    Row {
        name: "a revoked key",
        begin: |on| {
            on.scene.git.deauthorize(&on.key).unwrap();
            on.scene.relay.reset();
        },
        repeats: false,
        end: |on| on.scene.git.authorize(&on.key, Access::ReadWrite).unwrap(),
        says: &["does not accept our key", "tidegate identity"],
    },
    Row {
        name: "a key that may only read",
        begin: |on| {
            on.scene.git.authorize(&on.key, Access::ReadOnly).unwrap();
            on.scene.relay.reset();
        },
        repeats: false,
        end: |on| on.scene.git.authorize(&on.key, Access::ReadWrite).unwrap(),
        says: &["the deploy key may not write", "give it write access"],
    },
    Row {
        name: "a hook that refuses",
        begin: |on| {
            let hook = "#!/bin/sh\necho 'frozen until Monday' >&2\nexit 1\n";
            on.scene.repo.hook("pre-receive", hook).unwrap();
        },
        repeats: false,
        end: |on| on.scene.repo.remove_hook("pre-receive").unwrap(),
        says: &["the server refused the push", "frozen until Monday"],
    },
    Row {
        name: "a stale lock on the server's branch",
        begin: |on| std::fs::write(on.scene.repo.path().join("refs/heads/main.lock"), "").unwrap(),
        repeats: false,
        end: |on| std::fs::remove_file(on.scene.repo.path().join("refs/heads/main.lock")).unwrap(),
        says: &["the server refused the push", "failed to update ref"],
    },
];

const DISK: [Row; 6] = [
    Row {
        name: "corrupted packs",
        begin: |on| {
            for path in on
                .mirrors()
                .iter()
                .flat_map(|folder| files_below(&folder.join("objects")))
            {
                corrupt(&path);
            }
        },
        repeats: false,
        end: |_| {},
        says: &["fetched again"],
    },
    Row {
        name: "packs that are none, and litter beside them",
        begin: |on| {
            for folder in on.mirrors() {
                for entry in std::fs::read_dir(folder.join("objects/pack")).unwrap().flatten() {
                    std::fs::remove_file(entry.path()).unwrap();
                    std::fs::write(entry.path(), "not a pack").unwrap();
                }
                std::fs::write(folder.join("objects/pack/tmp_pack_x"), "half").unwrap();
            }
        },
        repeats: false,
        end: |_| {},
        says: &[],
    },
    Row {
        name: "stale locks in the mirror",
        begin: |on| {
            for folder in on.mirrors() {
                for name in ["HEAD", "config", "packed-refs", "refs/remotes/origin/main"] {
                    lock(&folder.join(name).with_added_extension("lock"));
                }
            }
        },
        repeats: true,
        end: |_| {},
        says: &["fetched again"],
    },
    Row {
        name: "a mirror that is gone",
        // In one step: the agent may be writing into the folder.
        begin: |on| std::fs::rename(on.state().join("mirror"), on.state().join("gone")).unwrap(),
        repeats: false,
        end: |_| {},
        says: &[],
    },
    Row {
        name: "a full disk",
        begin: |on| {
            let filled = Command::new("dd")
                .args(["if=/dev/zero", "bs=4096", "status=none"])
                .arg(format!("of={}", on.state().join("filler").display()))
                .output()
                .unwrap();
            assert!(String::from_utf8_lossy(&filled.stderr).contains("No space left"));
        },
        repeats: false,
        end: |on| std::fs::remove_file(on.state().join("filler")).unwrap(),
        says: &["the disk with the mirror's folder", "is full"],
    },
    Row {
        name: "a read-only disk",
        begin: |on| on.run("mount", &["-t", "tmpfs", "-o", "ro,size=4k", "tmpfs"]),
        repeats: false,
        end: |on| on.run("umount", &[]),
        says: &["Read-only file system"],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_on_the_way_is_reported_in_time_and_over_without_a_restart() {
    Faults::set(false).await.go_through(&ON_THE_WAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_server_forbids_is_reported_in_time_and_over_without_a_restart() {
    Faults::set(false).await.go_through(&RIGHTS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_the_disk_is_reported_in_time_and_over_without_a_restart() {
    let faults = Faults::set(true).await;
    let rows = if faults.mounted.is_some() {
        &DISK[..]
    } else {
        &DISK[..4]
    };
    faults.go_through(rows).await;
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let into = if entry.file_type().unwrap().is_dir() {
                &mut folders
            } else {
                &mut files
            };
            into.push(entry.path());
        }
    }
    files
}

/// Leaves a lock behind. A lock that the agent holds at the moment goes with the agent's own change, and the next call leaves one.
fn lock(path: &Path) {
    if let Err(error) = std::fs::File::create_new(path) {
        // The agent may also remove the whole mirror meanwhile.
        let is_met = [std::io::ErrorKind::AlreadyExists, std::io::ErrorKind::NotFound].contains(&error.kind());
        assert!(is_met, "{}: {error}", path.display());
    }
}

/// Acts like a failing disk: overwrites the objects behind the head.
fn corrupt(path: &Path) {
    let mut mode = std::fs::metadata(path).unwrap().permissions();
    mode.set_mode(0o644);
    std::fs::set_permissions(path, mode).unwrap();
    let length = std::fs::metadata(path).unwrap().len();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&vec![0x5a; usize::try_from(length.saturating_sub(12)).unwrap()], 12)
        .unwrap();
}

impl Faults {
    async fn set(on_small_disk: bool) -> Faults {
        let (path, text) = (file(WORKLOAD), workload(WORKLOAD, "old"));
        let scene = Scene::with(
            |repo| drop(repo.seed(&[(path.as_str(), text.as_str())]).unwrap()),
            |options| {
                options.repo_more = "  timeout: 1s\n".into();
                options.poll = "1s".into();
                options.scan = "1s".into();
            },
        )
        .await;
        let key = scene.agent.identity().await.unwrap();
        let greeter = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let greets_at = greeter.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in greeter.incoming().flatten() {
                let _ = std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n");
                open.push(stream);
            }
        });
        let mut faults = Faults {
            scene,
            key: key.lines().next().unwrap().to_owned(),
            impostor: GitServer::start().unwrap(),
            silent: std::net::TcpListener::bind("127.0.0.1:0").unwrap(),
            greeter: greets_at,
            tags: 0,
            mounted: None,
        };
        if on_small_disk {
            std::fs::create_dir_all(faults.state()).unwrap();
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
                .arg(faults.state())
                .output();
            match mounted {
                Ok(output) if output.status.success() => faults.mounted = Some(faults.state()),
                other => println!("a full and a read-only disk are not tried, since mount says {other:?}"),
            }
        }
        faults
    }

    async fn go_through(mut self, rows: &[Row]) {
        self.scene.agent.run().await.unwrap();
        self.lands("undisturbed").await;
        for row in rows {
            let logged = self.scene.agent.log().len();
            let begin = Instant::now();
            (row.begin)(&self);
            if !row.says.is_empty() {
                // Something to fetch, and something to push.
                let copy = self.scene.repo.bare_copy().unwrap();
                let tip = copy.fetch().unwrap();
                let note = copy.commit(&tip, row.name, &[("notes.txt", row.name)]).unwrap();
                let _ = copy.push(&note);
                self.tag();
                loop {
                    let log = self.scene.agent.log();
                    let log = log.get(logged..).unwrap_or_default();
                    if log.lines().any(|line| row.says.iter().all(|part| line.contains(part))) {
                        break;
                    }
                    assert!(
                        begin.elapsed() < DEADLINE,
                        "{}: {:?} is not in:\n{log}",
                        row.name,
                        row.says
                    );
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if row.repeats {
                        (row.begin)(&self);
                    }
                }
            }
            let told = begin.elapsed();
            (row.end)(&self);
            let begin = Instant::now();
            self.lands(row.name).await;
            println!(
                "{}: told after {told:.1?}, over after {:.1?}",
                row.name,
                begin.elapsed()
            );
        }
        assert_eq!(
            self.scene.agent.stop().await.unwrap(),
            0,
            "the process of the beginning"
        );
        println!("{}", self.scene.judged());
    }

    fn tag(&mut self) -> String {
        self.tags += 1;
        let tag = format!("tag-{:03}", self.tags);
        self.scene.push(WORKLOAD, &tag);
        tag
    }

    async fn lands(&mut self, after: &str) {
        let tag = self.tag();
        let deadline = Instant::now() + DEADLINE;
        while !self.scene.has(WORKLOAD, &tag) {
            assert!(
                Instant::now() < deadline,
                "{after}: not over:\n{}",
                self.scene.agent.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn leads_to(&self, elsewhere: std::net::SocketAddr) {
        self.scene.relay.set_target(elsewhere);
        self.scene.relay.reset();
    }

    fn leads_home(&self) {
        self.leads_to(self.scene.git.addr());
    }

    fn state(&self) -> PathBuf {
        self.scene.agent.dir().join("state")
    }

    fn mirrors(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.state().join("mirror")).unwrap();
        let folders = entries.flatten().map(|entry| entry.path());
        folders.filter(|path| path.join("objects/pack").exists()).collect()
    }

    /// A program's answer about the disk with the state on it.
    fn run(&self, program: &str, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .arg(self.state())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.scene.agent.kill();
        if let Some(mounted) = &self.mounted {
            // What is over it goes with it.
            for _ in 0..2 {
                let _ = Command::new("umount").arg("-l").arg(mounted).output();
            }
        }
    }
}
