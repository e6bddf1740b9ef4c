//! The host: sshd, its keys, and who may come in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::identity::SshKey;
use super::program;
use super::repo::Repo;
use crate::port::Port;
use crate::process::Process;
use crate::tools::Tools;

/// sshd listens within milliseconds.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// What sshd runs for every key, with the key's right as its argument.
const GATE: &str = r#"#!/bin/sh
# $1: read-write or read-only
case "$SSH_ORIGINAL_COMMAND" in
git-receive-pack* | "git receive-pack"*)
  if [ "$1" = read-only ]; then
    echo "ERROR: The key you are authenticating with has been marked as read only." >&2
    exit 1
  fi ;;
"")
  echo "shell access is not supported" >&2
  exit 1 ;;
esac
exec git shell -c "$SSH_ORIGINAL_COMMAND"
"#;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Fetch and push.
    ReadWrite,
    /// Fetch; a push is refused.
    ReadOnly,
}

/// A running sshd with a folder of bare repositories. Everything ends when it is dropped, which panics if a repository is
/// not sound (see [`crate::history::sound`]).
pub struct GitServer {
    sshd: Mutex<Option<Process>>,
    host_keys: Mutex<Vec<SshKey>>,
    authorized: Mutex<Vec<(String, Access)>>,
    repos: Mutex<Vec<Repo>>,
    serial: AtomicU64,
    port: Port,
    user: String,
    dir: TempDir,
}

impl GitServer {
    /// Starts sshd with an Ed25519 and an ECDSA host key and nobody authorized.
    ///
    /// # Errors
    /// When sshd is not installed or does not listen; the message ends with its log.
    pub fn start() -> Result<GitServer> {
        let dir = tempfile::Builder::new()
            .prefix("tidegate-git-")
            .tempdir()
            .context("no temporary folder")?;
        fs::create_dir(dir.path().join("repos"))?;
        let gate = dir.path().join("gate");
        fs::write(&gate, GATE)?;
        fs::set_permissions(&gate, fs::Permissions::from_mode(0o755))?;
        let server = GitServer {
            sshd: Mutex::new(None),
            host_keys: Mutex::new(Vec::new()),
            authorized: Mutex::new(Vec::new()),
            repos: Mutex::new(Vec::new()),
            serial: AtomicU64::new(0),
            port: Port::reserve()?,
            user: current_user()?,
            dir,
        };
        server.make_host_keys()?;
        server.write_authorized_keys()?;
        server.resume()?;
        Ok(server)
    }

    /// `127.0.0.1:<port>`
    #[must_use]
    pub fn addr(&self) -> std::net::SocketAddr {
        self.port.addr()
    }

    /// The user name of every URL.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What belongs into a `known_hosts` file, one line for each host key.
    #[must_use]
    pub fn known_hosts_lines(&self) -> Vec<String> {
        self.known_hosts_lines_for(self.addr())
    }

    /// The same for another address: that of a relay in between.
    #[must_use]
    pub fn known_hosts_lines_for(&self, addr: std::net::SocketAddr) -> Vec<String> {
        let keys = lock(&self.host_keys);
        keys.iter()
            .map(|key| format!("[{}]:{} {}", addr.ip(), addr.port(), key.public))
            .collect()
    }

    /// Lets a public key in (`ssh-ed25519 AAAA...`), or changes what it may do. Holds from the next connection on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn authorize(&self, public_key: &str, access: Access) -> Result<()> {
        let public_key = public_key.trim().to_owned();
        {
            let mut authorized = lock(&self.authorized);
            authorized.retain(|(key, _)| !same_key(key, &public_key));
            authorized.push((public_key, access));
        }
        self.write_authorized_keys()
    }

    /// Locks a public key out from the next connection on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn deauthorize(&self, public_key: &str) -> Result<()> {
        lock(&self.authorized).retain(|(key, _)| !same_key(key, public_key.trim()));
        self.write_authorized_keys()
    }

    /// A new Ed25519 client key that nobody has authorized yet.
    ///
    /// # Errors
    /// When ssh-keygen fails.
    pub fn new_key(&self) -> Result<SshKey> {
        SshKey::generate(&self.dir().join(format!("client-{}", self.next())), "ed25519")
    }

    /// Makes an empty bare repository (`name.git`) whose branch is `main`.
    ///
    /// # Errors
    /// When git fails.
    pub fn create_repo(&self, name: &str) -> Result<Repo> {
        let path = self.dir().join("repos").join(format!("{name}.git"));
        fs::create_dir_all(&path)?;
        let path = path.canonicalize()?;
        for arguments in [
            vec!["init", "-q", "--bare", "."],
            vec!["config", "uploadpack.allowAnySHA1InWant", "true"],
            vec!["config", "uploadpack.allowFilter", "true"],
            vec!["config", "receive.advertisePushOptions", "true"],
        ] {
            let mut command = program::git(&path);
            command.args(arguments);
            program::output(command)?;
        }
        let url = format!("ssh://{}@{}{}", self.user, self.addr(), path.display());
        let repo = Repo::new(path, url, self.user.clone());
        lock(&self.repos).push(repo.clone());
        Ok(repo)
    }

    /// Serves the same repositories over HTTP, with `tls` over HTTPS, with nobody let in.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn web(&self, tls: bool) -> Result<super::WebServer> {
        super::WebServer::start(self.dir().join("repos").canonicalize()?, tls)
    }

    /// Replaces both host keys by new ones: a client that knew the old ones must refuse.
    ///
    /// # Errors
    /// When sshd does not come back.
    pub fn swap_host_keys(&self) -> Result<()> {
        self.stop();
        self.make_host_keys()?;
        self.resume()
    }

    /// Has an authority certify the host keys, with further options of `ssh-keygen -s` (`-n` names, `-V` validity), and restarts.
    ///
    /// # Errors
    /// When ssh-keygen fails or sshd does not come back.
    pub fn certify(&self, authority: &SshKey, options: &[&str]) -> Result<()> {
        self.stop();
        for key in lock(&self.host_keys).iter() {
            let mut command = Command::new("ssh-keygen");
            command.arg("-q").arg("-s").arg(&authority.path);
            command.args(["-I", "stack", "-h"]).args(options);
            command.arg(key.path.with_added_extension("pub"));
            program::output(command)?;
        }
        self.resume()
    }

    /// Ends sshd and its connections; the repositories stay.
    pub fn stop(&self) {
        *lock(&self.sshd) = None;
    }

    /// Starts sshd again on the same port. Nothing happens when it runs.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn resume(&self) -> Result<()> {
        let mut slot = lock(&self.sshd);
        if slot.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        let config = self.write_config()?;
        let mut command = Command::new(Tools::sshd()?);
        program::clean(&mut command);
        command.args(["-D", "-e", "-f"]).arg(&config);
        let mut sshd = Process::spawn("sshd", command, &self.log_path(), Some(self.dir()))?;
        listening(&mut sshd, self.addr())?;
        *slot = Some(sshd);
        Ok(())
    }

    /// sshd's log (level VERBOSE): connections, keys offered and refused.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.dir().join("sshd.log")
    }

    /// The folder with keys, configuration, log and repositories; gone with the handle.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    fn make_host_keys(&self) -> Result<()> {
        let serial = self.next();
        let keys = ["ed25519", "ecdsa"]
            .map(|kind| SshKey::generate(&self.dir().join(format!("host-{kind}-{serial}")), kind))
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        *lock(&self.host_keys) = keys;
        Ok(())
    }

    fn write_authorized_keys(&self) -> Result<()> {
        let mut text = String::new();
        for (key, access) in lock(&self.authorized).iter() {
            let right = match access {
                Access::ReadWrite => "read-write",
                Access::ReadOnly => "read-only",
            };
            text.push_str(&format!(
                "command=\"{} {right}\",restrict {key}\n",
                self.dir().join("gate").display()
            ));
        }
        let path = self.dir().join("authorized_keys");
        let part = self.dir().join("authorized_keys.part");
        fs::write(&part, text)
            .and_then(|()| fs::rename(&part, &path))
            .context("cannot write authorized_keys")
    }

    fn write_config(&self) -> Result<PathBuf> {
        let mut lines = vec![
            format!("Port {}", self.port.number()),
            "ListenAddress 127.0.0.1".to_owned(),
            "PidFile none".to_owned(),
            format!("AuthorizedKeysFile {}", self.dir().join("authorized_keys").display()),
            // The folder is under /tmp, which everybody may write to.
            "StrictModes no".to_owned(),
            format!("UsePAM {}", if root_is_locked() { "yes" } else { "no" }),
            "PermitRootLogin yes".to_owned(),
            "PasswordAuthentication no".to_owned(),
            "KbdInteractiveAuthentication no".to_owned(),
            "LogLevel VERBOSE".to_owned(),
            "PrintMotd no".to_owned(),
            "UseDNS no".to_owned(),
            // Tests connect often and at once; the default turns clients away at ten.
            "MaxStartups 500".to_owned(),
            "MaxSessions 100".to_owned(),
            "SetEnv SHLVL=5 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_COUNT=1 \
             GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*"
                .to_owned(),
        ];
        lines.extend(
            lock(&self.host_keys)
                .iter()
                .map(|key| format!("HostKey {}", key.path.display())),
        );
        for key in lock(&self.host_keys).iter() {
            let mut certificate = key.path.clone().into_os_string();
            certificate.push("-cert.pub");
            if Path::new(&certificate).exists() {
                lines.push(format!("HostCertificate {}", Path::new(&certificate).display()));
            }
        }
        let path = self.dir().join("sshd_config");
        fs::write(&path, lines.join("\n") + "\n").context("cannot write sshd_config")?;
        if is_root() {
            fs::create_dir_all("/run/sshd").context("sshd as root needs the folder /run/sshd")?;
        }
        Ok(path)
    }
}

/// Every test with a repository ends with a look at it.
impl Drop for GitServer {
    fn drop(&mut self) {
        self.stop();
        lock(&self.repos).iter().for_each(Repo::ends);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compares kind and key, not the comment.
fn same_key(a: &str, b: &str) -> bool {
    a.split_whitespace().take(2).eq(b.split_whitespace().take(2))
}

fn listening(sshd: &mut Process, addr: std::net::SocketAddr) -> Result<()> {
    let deadline = Instant::now() + READY_DEADLINE;
    while std::net::TcpStream::connect(addr).is_err() {
        if let Some(code) = sshd.exit_code() {
            bail!("sshd ended with code {code}:\n{}", sshd.log_tail());
        }
        if Instant::now() >= deadline {
            bail!(
                "sshd does not listen on {addr} after {READY_DEADLINE:?}:\n{}",
                sshd.log_tail()
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

pub(crate) fn current_user() -> Result<String> {
    let mut command = Command::new("id");
    command.arg("-un");
    program::text(command)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// sshd without PAM refuses every key of an account whose password field begins with `!`.
fn root_is_locked() -> bool {
    is_root() && fs::read_to_string("/etc/shadow").is_ok_and(|shadow| shadow.lines().any(|l| l.starts_with("root:!")))
}
