//! The agent under test: the built `tidegate` program with a configuration file, an environment and a port of its own.
//!
//! The agent runs as a user would run it outside the cluster: with a kubeconfig, a deploy key in a file and AWS settings in
//! the environment. The stack never calls the agent's code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::port::Port;
use crate::process::Process;

/// The token of the agent's HTTP port.
pub const TOKEN: &str = "a-token-of-the-test-stack";
/// The agent's own namespace, as its configuration names it.
pub const NAMESPACE: &str = "tidegate";

/// Makes [`NAMESPACE`], as the installation of the agent does.
///
/// # Errors
/// When the API server refuses.
pub async fn make_namespace(client: &kube::Client) -> Result<()> {
    use k8s_openapi::api::core::v1::Namespace;
    let namespaces: kube::Api<Namespace> = kube::Api::all(client.clone());
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(NAMESPACE.to_owned());
    match namespaces.create(&kube::api::PostParams::default(), &namespace).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(error).context("cannot make the agent's namespace"),
        Ok(_) => Ok(()),
    }
}

/// The longest time from start to ready. The agent clones, reads its key and lists each kind; a busy machine needs the rest.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// The settings of the agent under test.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The built program.
    pub program: PathBuf,
    /// The config repo's address.
    pub repo_url: String,
    /// Lines for `repo.knownHosts`.
    pub known_hosts: Vec<String>,
    /// The cluster; without one the environment has no KUBECONFIG.
    pub kubeconfig: Option<PathBuf>,
    /// Further environment, e.g. of [`crate::ecr::EcrServer::env`].
    pub env: Vec<(String, String)>,
    /// `repo.poll`, e.g. `1s`; empty: an hour, so that only wake-ups count.
    pub poll: String,
    /// `scan` for every registry, e.g. `1s`; empty: an hour.
    pub scan: String,
    /// The whole `registries:` section; empty: one entry for all hosts, with `scan`.
    pub registries: String,
    /// Further lines of the configuration file, top level (not `repo`, `registries` or `http`).
    pub more: String,
    /// `repo.key`, e.g. `{secret: deploy}`; empty: a file of the agent's own.
    pub key: String,
    /// Further lines below `repo:`, indented by two blanks.
    pub repo_more: String,
    /// The secret that forges sign their webhooks with; empty: the agent has no webhook.
    pub webhook_secret: String,
}

/// An agent: prepared, running or ended. Dropping the handle ends the agent.
#[derive(Debug)]
pub struct Agent {
    options: Options,
    dir: TempDir,
    port: Port,
    process: Option<Process>,
}

impl Agent {
    /// Writes the configuration; starts nothing.
    ///
    /// # Errors
    /// When files cannot be written or no port is free.
    pub fn prepare(options: Options) -> Result<Agent> {
        let dir = tempfile::Builder::new()
            .prefix("tidegate-agent-")
            .tempdir()
            .context("no temporary folder")?;
        let agent = Agent {
            options,
            dir,
            port: Port::reserve()?,
            process: None,
        };
        fs::write(agent.token_file(), format!("{TOKEN}\n"))?;
        agent.write_config()?;
        Ok(agent)
    }

    fn write_config(&self) -> Result<()> {
        let of = |text: &str| {
            if text.is_empty() {
                "1h".to_owned()
            } else {
                text.to_owned()
            }
        };
        let known_hosts: String = self
            .options
            .known_hosts
            .iter()
            .map(|line| format!("    {line}\n"))
            .collect();
        let config = format!(
            "repo:\n  url: {url}\n  poll: {poll}\n  key: {key}\n  knownHosts: |\n{known_hosts}{repo_more}\
             {registries}\
             http: {{listen: \"{listen}\", tokenFile: {token}{webhook}}}\n\
             stateDir: {state}\n{more}",
            url = self.options.repo_url,
            poll = of(&self.options.poll),
            key = match self.options.key.as_str() {
                "" => format!("{{file: {}}}", self.key_file().display()),
                key => key.to_owned(),
            },
            repo_more = self.options.repo_more,
            registries = match self.options.registries.as_str() {
                "" => format!("registries:\n- {{host: \"*\", scan: {}}}\n", of(&self.options.scan)),
                section => section.to_owned(),
            },
            listen = self.port.addr(),
            token = self.token_file().display(),
            webhook = match self.options.webhook_secret.as_str() {
                "" => String::new(),
                secret => {
                    let file = self.dir.path().join("webhook");
                    fs::write(&file, secret).context("cannot write the webhook's secret")?;
                    format!(", webhook: {{secretFile: {}}}", file.display())
                }
            },
            state = self.dir.path().join("state").display(),
            more = self.options.more,
        );
        fs::write(self.config_file(), config).context("cannot write the configuration")
    }

    /// Changes the options and writes the configuration again. A running agent does not read it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&mut self, change: impl FnOnce(&mut Options)) -> Result<()> {
        change(&mut self.options);
        self.write_config()
    }

    /// The folder that the agent may write.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.dir.path().join("tidegate.yaml")
    }

    /// The file that holds the deploy key, made by the agent.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.dir.path().join("identity")
    }

    /// The file that holds the bearer token.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    /// The agent's own folder. Its subfolder `state` keeps files between two runs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn server(&self) -> String {
        format!("http://{}", self.port.addr())
    }

    /// A command line of the program, with the agent's environment only.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.options.program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/nonexistent")
            .env("HOME", self.dir.path())
            .env("POD_NAMESPACE", NAMESPACE)
            .env("TIDEGATE_CONFIG", self.config_file())
            .env("TIDEGATE_SERVER", self.server())
            .env("TIDEGATE_TOKEN_FILE", self.token_file())
            .env("TIDEGATE_LOG", "info,tidegate=debug")
            .envs(self.options.env.iter().map(|(name, value)| (name, value)));
        if let Some(kubeconfig) = &self.options.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        command
    }

    /// Runs a command line to its end, off the async threads.
    ///
    /// # Errors
    /// When the program cannot be started, or takes longer than a minute.
    pub async fn call(&self, arguments: &[&str]) -> Result<Output> {
        let command = self.command(arguments);
        let child = tokio::process::Command::from(command)
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(Duration::from_secs(60), child)
            .await
            .with_context(|| format!("tidegate {arguments:?} still runs after a minute"))?
            .with_context(|| format!("cannot start {}", self.options.program.display()))
    }

    /// Runs a command line that must succeed. Returns its standard output.
    ///
    /// # Errors
    /// When the program fails. The message has its output.
    pub async fn ask(&self, arguments: &[&str]) -> Result<String> {
        let output = self.call(arguments).await?;
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "tidegate {arguments:?} ended with {}:\n{out}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(out)
    }

    /// The public half of the deploy key. Makes the key if there is none.
    ///
    /// # Errors
    /// When `tidegate identity` fails.
    pub async fn identity(&self) -> Result<String> {
        Ok(self.ask(&["identity"]).await?.trim().to_owned())
    }

    /// Starts the agent; returns at once.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(&mut self) -> Result<()> {
        let log = self.log_file();
        let process = Process::spawn("tidegate", self.command(&["run"]), &log, None)?;
        self.process = Some(process);
        Ok(())
    }

    /// The file with the log of all runs.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.dir.path().join("tidegate.log")
    }

    /// The log of all runs.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The running process.
    ///
    /// # Errors
    /// When the agent was not started.
    pub fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("the agent was not started")
    }

    /// Waits until `/readyz` reports that the agent is ready.
    ///
    /// # Errors
    /// When the agent ends first, or is not ready in time. The message has the agent's answer and log.
    pub async fn ready(&mut self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + READY_DEADLINE;
        let mut last;
        loop {
            if let Some(code) = self.process()?.exit_code() {
                bail!("the agent ended with code {code}:\n{}", self.process()?.log_tail());
            }
            match self.get("/readyz").await {
                Ok((200, _)) => return Ok(()),
                Ok((_, body)) => last = body,
                Err(error) => last = format!("{error:#}"),
            }
            if tokio::time::Instant::now() >= deadline {
                bail!("the agent is not ready: {last}\n{}", self.process()?.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the agent and waits until it is ready.
    ///
    /// # Errors
    /// As [`Agent::start`] and [`Agent::ready`].
    pub async fn run(&mut self) -> Result<()> {
        self.start()?;
        self.ready().await
    }

    /// Ends the agent with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Ends the agent with SIGTERM. Returns its exit code.
    ///
    /// # Errors
    /// When the agent still runs after half a minute.
    pub async fn stop(&mut self) -> Result<i32> {
        let mut process = self.process.take().context("the agent was not started")?;
        process.signal(libc::SIGTERM);
        process.exited(Duration::from_secs(60)).await
    }

    /// Removes all files from the agent's folder except the key and the configuration.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget(&self) -> Result<()> {
        match fs::remove_dir_all(self.dir.path().join("state")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("cannot remove the state"),
            _ => Ok(()),
        }
    }

    /// A client of the agent's port, for other tasks and threads.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            addr: self.port.addr(),
            token_file: self.token_file(),
        }
    }

    /// Sends GET to the agent's port. Returns status and body.
    ///
    /// # Errors
    /// When the agent does not answer within ten seconds.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        self.caller().request("GET", path, "", Duration::from_secs(60)).await
    }

    /// Sends POST with a JSON body to the agent's port. Returns status and body.
    ///
    /// # Errors
    /// When the agent does not answer `within` this time.
    pub async fn post(&self, path: &str, body: &str, within: Duration) -> Result<(u16, String)> {
        self.caller().post(path, body, within).await
    }
}

/// Calls an agent's port with its token.
#[derive(Debug, Clone)]
pub struct Caller {
    addr: std::net::SocketAddr,
    token_file: PathBuf,
}

impl Caller {
    /// Sends GET. Returns status and body.
    ///
    /// # Errors
    /// When the agent does not answer within ten seconds.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        self.request("GET", path, "", Duration::from_secs(10)).await
    }

    /// Sends POST with a JSON body. Returns status and body.
    ///
    /// # Errors
    /// When the agent does not answer `within` this time.
    pub async fn post(&self, path: &str, body: &str, within: Duration) -> Result<(u16, String)> {
        self.request("POST", path, body, within).await
    }

    async fn request(&self, method: &str, path: &str, body: &str, within: Duration) -> Result<(u16, String)> {
        let asked = async {
            let mut stream = tokio::net::TcpStream::connect(self.addr).await?;
            let token = fs::read_to_string(&self.token_file)?;
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                token.trim(),
                body.len()
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            anyhow::Ok(answer)
        };
        let answer = tokio::time::timeout(within, asked)
            .await
            .with_context(|| format!("no answer within {within:?}"))??;
        let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
        let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        Ok((status.context("not an HTTP answer")?, body.to_owned()))
    }
}
