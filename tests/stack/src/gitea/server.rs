//! The server: its configuration, its two ports, its user.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::project::Project;
use crate::git::current_user;
use crate::port::Port;
use crate::process::Process;
use crate::tools::Tools;

/// The user who owns every repository.
pub(super) const OWNER: &str = "acme";

/// It is there within two seconds; a busy machine gets the rest.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// One answer of the API.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// A running Gitea. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Gitea {
    process: Process,
    http: Port,
    ssh: Port,
    token: String,
    client: reqwest::Client,
    dir: TempDir,
}

static SHARED: OnceCell<Gitea> = OnceCell::const_new();

impl Gitea {
    /// One for many tests of a process, each with repositories of its own; the first caller starts it.
    ///
    /// # Errors
    /// When it does not start; the next caller tries again.
    pub async fn shared() -> Result<&'static Gitea> {
        SHARED.get_or_try_init(Gitea::start).await
    }

    /// Starts it with an empty database and the user `acme`, whose token may do everything.
    ///
    /// # Errors
    /// When it is nowhere and cannot be built, or does not answer; the message ends with its log.
    pub async fn start() -> Result<Gitea> {
        let program = tokio::task::spawn_blocking(|| Tools::get("gitea")).await??;
        let dir = tempfile::Builder::new()
            .prefix("tidegate-gitea-")
            .tempdir()
            .context("no temporary folder")?;
        let (http, ssh) = (Port::reserve()?, Port::reserve()?);
        let files = program.parent().context("gitea lies in no folder")?;
        fs::write(
            dir.path().join("app.ini"),
            config(&current_user()?, dir.path(), files, &http, &ssh),
        )?;
        run(&program, dir.path(), &["migrate"])?;
        let words = "admin user create --username acme --email acme@example.com --admin --must-change-password=false \
                     --password a-Passw0rd-of-the-stack --access-token --access-token-scopes all --access-token-name stack";
        let stdout = run(&program, dir.path(), &words.split_whitespace().collect::<Vec<_>>())?;
        let token = stdout.split_whitespace().last().unwrap_or_default().to_owned();
        ensure!(token.len() == 40, "gitea made no token: {stdout}");
        fs::write(dir.path().join("token"), &token)?;
        let log = dir.path().join("gitea.log");
        let process = Process::spawn("gitea", gitea(&program, dir.path(), &["web"]), &log, Some(dir.path()))?;
        let mut server = Gitea {
            process,
            http,
            ssh,
            token,
            // A kept connection would belong to the runtime of the test that opened it, and end with it.
            client: reqwest::Client::builder()
                .timeout(ANSWER_DEADLINE)
                .pool_max_idle_per_host(0)
                .build()?,
            dir,
        };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + READY_DEADLINE;
        let address = format!("http://{}/api/healthz", self.http.addr());
        loop {
            let web = self
                .client
                .get(&address)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success());
            if web && tokio::net::TcpStream::connect(self.ssh.addr()).await.is_ok() {
                return Ok(());
            }
            self.process.still_starting(deadline, "no answer")?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `http://127.0.0.1:<port>/api/v1`
    #[must_use]
    pub fn api(&self) -> String {
        format!("http://{}/api/v1", self.http.addr())
    }

    /// The owner's token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A file that holds it.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    /// What it has logged, each request by a line.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log_text()
    }

    /// What belongs into a `known_hosts` file.
    ///
    /// # Errors
    /// When its host key cannot be read.
    pub fn known_hosts_lines(&self) -> Result<Vec<String>> {
        let mut command = Command::new("ssh-keygen");
        command
            .arg("-y")
            .arg("-f")
            .arg(self.dir.path().join("data/ssh/gitea.rsa"));
        let output = command.output().context("cannot run ssh-keygen")?;
        ensure!(output.status.success(), "ssh-keygen cannot read gitea's host key");
        let key = String::from_utf8(output.stdout)?;
        let addr = self.ssh.addr();
        Ok(vec![format!("[{}]:{} {}", addr.ip(), addr.port(), key.trim())])
    }

    /// Makes an empty repository whose branch is `main`.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn create_repo(&self, name: &str) -> Result<Project<'_>> {
        let new = json!({"name": name, "default_branch": "main", "auto_init": false});
        self.call("POST", "/user/repos", Some(new)).await?;
        let path = self
            .dir
            .path()
            .join("repositories")
            .join(OWNER)
            .join(format!("{name}.git"));
        let ssh = format!("ssh://git@{}/{OWNER}/{name}.git", self.ssh.addr());
        let web = format!("http://{OWNER}:{}@{}/{OWNER}/{name}.git", self.token, self.http.addr());
        Ok(Project::new(self, name, path, ssh, web))
    }

    /// One call of the API as the owner; the answer, which is null where there is none.
    ///
    /// # Errors
    /// When it does not answer, or with a status of refusal; the message quotes it.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let method: reqwest::Method = method.parse()?;
        let address = format!("{}{path}", self.api());
        let mut request = self.client.request(method.clone(), &address);
        request = request.header("Authorization", format!("token {}", self.token));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "gitea: {method} {path}: {status}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }
}

fn gitea(program: &Path, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .arg("--work-path")
        .arg(dir)
        .arg("--config")
        .arg(dir.join("app.ini"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true");
    command
}

fn run(program: &Path, dir: &Path, arguments: &[&str]) -> Result<String> {
    let output = gitea(program, dir, arguments).output().context("cannot run gitea")?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "gitea {arguments:?}: {}\n{stdout}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(stdout)
}

/// Nothing that looks outside, nothing that runs by the clock, passwords hashed at the least cost.
fn config(user: &str, dir: &Path, files: &Path, http: &Port, ssh: &Port) -> String {
    let (dir, files) = (dir.display(), files.display());
    let (http, ssh) = (http.number(), ssh.number());
    format!(
        "RUN_MODE = prod\nRUN_USER = {user}\nWORK_PATH = {dir}\n\
         [server]\nPROTOCOL = http\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {http}\nDOMAIN = 127.0.0.1\n\
         ROOT_URL = http://127.0.0.1:{http}/\nAPP_DATA_PATH = {dir}/data\nSTATIC_ROOT_PATH = {files}\nOFFLINE_MODE = true\n\
         START_SSH_SERVER = true\nSSH_LISTEN_HOST = 127.0.0.1\nSSH_LISTEN_PORT = {ssh}\nSSH_PORT = {ssh}\n\
         SSH_DOMAIN = 127.0.0.1\nSSH_USER = git\nBUILTIN_SSH_SERVER_USER = git\nSSH_ROOT_PATH = {dir}/ssh\n\
         [database]\nDB_TYPE = sqlite3\nPATH = {dir}/gitea.db\n\
         [security]\nINSTALL_LOCK = true\nPASSWORD_HASH_ALGO = pbkdf2$1$8\n\
         [repository]\nROOT = {dir}/repositories\nDEFAULT_BRANCH = main\n\
         [webhook]\nALLOWED_HOST_LIST = loopback\n\
         [log]\nMODE = console\nLEVEL = Info\nROOT_PATH = {dir}/log\n\
         [indexer]\nISSUE_INDEXER_TYPE = db\n\
         [service]\nDISABLE_REGISTRATION = true\n\
         [actions]\nENABLED = false\n[packages]\nENABLED = false\n[oauth2]\nENABLED = false\n[mailer]\nENABLED = false\n\
         [cron]\nENABLED = false\n[cron.update_checker]\nENABLED = false\n"
    )
}
