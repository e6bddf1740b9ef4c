//! Starting, pausing and stopping the servers.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::http;
use tempfile::TempDir;

use super::access::{certificate_user, write_kubeconfig};
use super::audit;
use super::certificates::{Authority, write_token_key};
use super::pods;
use crate::port::Port;
use crate::process::Process;
use crate::tools::Tools;

/// From nothing to ready takes 3 s on two idle cores; a busy machine gets twenty times that.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Where data lives in memory, if the system has it.
const SHARED_MEMORY: &str = "/dev/shm";

/// What to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Controllers, scheduler and a simulated node too, so that pods become ready.
    pub pods: bool,
    /// Who says whose a bearer token is, as the servers of EKS ask.
    pub tokens: Option<TokenWebhook>,
}

/// The stand-in that knows the tokens of a cluster, [`crate::aws::AwsServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenWebhook {
    /// The stand-in's port on loopback.
    pub port: u16,
    /// The cluster's name.
    pub cluster: &'static str,
}

/// A running control plane. Everything ends when it is dropped.
pub struct ControlPlane {
    pub(super) ca: String,
    pub(super) admin_kubeconfig: PathBuf,
    address: SocketAddr,
    api_server: Mutex<Process>,
    pods: Vec<Process>,
    etcd: Process,
    options: Options,
    dir: TempDir,
    _data: TempDir,
    _ports: [Port; 3],
}

impl ControlPlane {
    /// Starts the servers and waits until they are ready.
    ///
    /// # Errors
    /// When a program is missing and cannot be built, or does not become ready; the message ends with its log.
    pub async fn start(options: Options) -> Result<ControlPlane> {
        let programs = ["etcd", "kube-apiserver"].map(Tools::get);
        let [etcd_program, api_server_program] = programs;
        let (etcd_program, api_server_program) = (etcd_program?, api_server_program?);
        let dir = tempfile::Builder::new()
            .prefix("tidegate-cluster-")
            .tempdir()
            .context("no temporary folder")?;
        let data = data_dir()?;
        let ports = [Port::reserve()?, Port::reserve()?, Port::reserve()?];
        let [client_port, peer_port, api_port] = &ports;

        let mut etcd = start_etcd(&etcd_program, dir.path(), data.path(), client_port, peer_port)?;
        let authority = Authority::new()?;
        write_files(dir.path(), &authority)?;
        let url = format!("https://{}", api_port.addr());
        let admin_kubeconfig = dir.path().join("admin.kubeconfig");
        let admin = authority.client("admin", Some("system:masters"))?;
        write_kubeconfig(&admin_kubeconfig, &url, &authority.pem(), &certificate_user(&admin))?;
        listening(&mut etcd, client_port.addr()).await?;
        let api_server = start_api_server(
            &api_server_program,
            dir.path(),
            client_port.addr(),
            api_port.number(),
            options,
        )?;

        let mut plane = ControlPlane {
            ca: authority.pem(),
            admin_kubeconfig,
            address: api_port.addr(),
            api_server: Mutex::new(api_server),
            pods: Vec::new(),
            etcd,
            options,
            dir,
            _data: data,
            _ports: ports,
        };
        plane.ready().await?;
        if options.pods {
            plane.pods = pods::start(&plane, &authority).await?;
        }
        Ok(plane)
    }

    /// The API server's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority of the API server's certificate, in PEM format.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.ca
    }

    /// The folder with keys, kubeconfigs and logs; gone with the handle.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Whether there are pods, as asked for at the start.
    #[must_use]
    pub fn has_pods(&self) -> bool {
        self.options.pods
    }

    /// Freezes the API server: connections stay open, nothing is answered.
    pub fn pause(&self) {
        self.api_server_process().freeze();
    }

    /// Ends what [`ControlPlane::pause`] began.
    pub fn resume(&self) {
        self.api_server_process().signal(libc::SIGCONT);
    }

    /// Ends the API server at once; connections are reset, new ones refused. The objects stay in etcd.
    pub fn stop_api_server(&self) {
        self.api_server_process().kill();
    }

    /// Starts it again on the same port, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_api_server(&self) -> Result<()> {
        let [client_port, _, _] = &self._ports;
        let program = Tools::get("kube-apiserver")?;
        let api_server = start_api_server(
            &program,
            self.dir(),
            client_port.addr(),
            self.address.port(),
            self.options,
        )?;
        *self.api_server_process() = api_server;
        self.ready().await
    }

    /// Forgets all versions of all objects but the present ones, as etcd does with time: whoever lists or watches from an older
    /// version is answered that the version is gone.
    ///
    /// # Errors
    /// When etcd does not answer.
    pub async fn compact(&self) -> Result<()> {
        let [client_port, _, _] = &self._ports;
        let client = reqwest::Client::new();
        let call = async |path: &str, body: serde_json::Value| {
            let url = format!("http://{}/v3/kv/{path}", client_port.addr());
            let answer = client
                .post(url)
                .body(body.to_string())
                .send()
                .await?
                .error_for_status()?;
            anyhow::Ok(serde_json::from_str::<serde_json::Value>(&answer.text().await?)?)
        };
        let range = call("range", serde_json::json!({"key": "AA==", "limit": 1})).await?;
        let revision = range.pointer("/header/revision").cloned().unwrap_or_default();
        call(
            "compaction",
            serde_json::json!({"revision": revision, "physical": true}),
        )
        .await?;
        Ok(())
    }

    /// The audit log's file.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.dir().join("audit.log")
    }

    /// Prints the end of every server's log to standard error.
    pub fn print_log_tails(&self) {
        self.etcd.print_log_tail();
        self.api_server_process().print_log_tail();
        for process in &self.pods {
            process.print_log_tail();
        }
    }

    fn api_server_process(&self) -> MutexGuard<'_, Process> {
        self.api_server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `/readyz`. There is no event to wait for in another process, so it asks.
    async fn ready(&self) -> Result<()> {
        let client = self.client().await?;
        let deadline = tokio::time::Instant::now() + READY_DEADLINE;
        loop {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            let answer = tokio::time::timeout(Duration::from_secs(5), client.request_text(request)).await;
            let last = match answer {
                Ok(Ok(text)) if text == "ok" => return Ok(()),
                Ok(Ok(text)) => text,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer within 5 s".to_owned(),
            };
            self.api_server_process().still_starting(deadline, &last)?;
            sleep_briefly().await;
        }
    }
}

async fn sleep_briefly() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// A folder in memory if there is one: nothing in it needs to survive the machine.
fn data_dir() -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("tidegate-etcd-");
    builder
        .tempdir_in(SHARED_MEMORY)
        .or_else(|_| builder.tempdir())
        .context("no temporary folder for etcd")
}

fn start_etcd(program: &Path, dir: &Path, data: &Path, client: &Port, peer: &Port) -> Result<Process> {
    let client = format!("http://{}", client.addr());
    let peer = format!("http://{}", peer.addr());
    let mut command = Command::new(program);
    command
        .env_clear()
        .arg(format!("--data-dir={}", data.join("data").display()))
        .arg("--unsafe-no-fsync")
        .args(["--name=stack", "--log-level=warn"])
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=stack={peer}"));
    Process::spawn("etcd", command, &dir.join("etcd.log"), Some(data))
}

/// Waits until the program accepts connections.
async fn listening(process: &mut Process, addr: SocketAddr) -> Result<()> {
    let deadline = tokio::time::Instant::now() + READY_DEADLINE;
    while tokio::net::TcpStream::connect(addr).await.is_err() {
        if let Some(code) = process.exit_code() {
            bail!("etcd ended with code {code}:\n{}", process.log_tail());
        }
        if tokio::time::Instant::now() >= deadline {
            bail!(
                "etcd does not listen on {addr} after {READY_DEADLINE:?}:\n{}",
                process.log_tail()
            );
        }
        sleep_briefly().await;
    }
    Ok(())
}

fn write_files(dir: &Path, authority: &Authority) -> Result<()> {
    fs::write(dir.join("ca.crt"), authority.pem())?;
    write_token_key(dir)?;
    fs::write(dir.join("audit-policy.yaml"), audit::POLICY)?;
    authority.server()?.write(dir, "api-server")
}

fn start_api_server(program: &Path, dir: &Path, etcd: SocketAddr, port: u16, options: Options) -> Result<Process> {
    let file = |name: &str| dir.join(name).display().to_string();
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", dir)
        .arg(format!("--etcd-servers=http://{etcd}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .arg(format!("--secure-port={port}"))
        .arg(format!("--cert-dir={}", dir.display()))
        .arg(format!("--tls-cert-file={}", file("api-server.crt")))
        .arg(format!("--tls-private-key-file={}", file("api-server.key")))
        .arg(format!("--client-ca-file={}", file("ca.crt")))
        .arg(format!("--service-account-key-file={}", file("tokens.pub")))
        .arg(format!("--service-account-signing-key-file={}", file("tokens.key")))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .args([
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--profiling=false",
        ])
        .arg("--service-cluster-ip-range=10.0.0.0/16")
        // A loopback address may not stand in Endpoints; the reconciler would try, and be refused, every ten seconds.
        .arg("--endpoint-reconciler-type=none")
        .arg(format!("--audit-policy-file={}", file("audit-policy.yaml")))
        .arg(format!("--audit-log-path={}", file("audit.log")))
        // One file without rotation, written before the answer ends: marks are offsets in it.
        .args(["--audit-log-mode=blocking", "--audit-log-maxsize=1000000"])
        // The taint of a new node would need a controller to take it off; without pods there are no service accounts.
        .arg(format!(
            "--disable-admission-plugins=TaintNodesByCondition{}",
            if options.pods { "" } else { ",ServiceAccount" }
        ));
    if let Some(TokenWebhook { port, cluster }) = options.tokens {
        let url = format!("http://127.0.0.1:{port}/token-review/{cluster}");
        let path = dir.join("tokens.kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
             clusters: [{{name: a, cluster: {{server: \"{url}\"}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
        );
        fs::write(&path, text)?;
        command
            .arg(format!("--authentication-token-webhook-config-file={}", path.display()))
            .arg("--authentication-token-webhook-version=v1")
            .arg("--authentication-token-webhook-cache-ttl=1s");
    }
    Process::spawn("kube-apiserver", command, &dir.join("kube-apiserver.log"), Some(dir))
}
