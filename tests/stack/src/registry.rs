//! A registry of the OCI distribution specification: the program `registry` of the distribution project.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use crate::control_plane::certificates::Authority;
use crate::ecr::digest_of;
use crate::port::Port;
use crate::process::Process;
use crate::tools::Tools;

/// The registry is there within a second; a busy machine gets the rest.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// The user of a registry with a login, and the user's password.
pub const USER: &str = "acme";
/// See [`USER`].
pub const PASSWORD: &str = "U*U";
/// bcrypt of the password: a test vector of crypt_blowfish.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    port: Port,
    is_closed: bool,
    client: reqwest::Client,
    dir: TempDir,
}

impl Registry {
    /// A registry over plain HTTP that everybody may read and write.
    ///
    /// # Errors
    /// When it is nowhere and cannot be built, or does not answer.
    pub async fn open() -> Result<Registry> {
        Self::start(false).await
    }

    /// A registry over TLS, with a certificate of an authority of its own, and with a login.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub async fn closed() -> Result<Registry> {
        Self::start(true).await
    }

    async fn start(is_closed: bool) -> Result<Registry> {
        let program = tokio::task::spawn_blocking(|| Tools::get("registry")).await??;
        let dir = tempfile::Builder::new().prefix("tidegate-registry-").tempdir()?;
        let port = Port::reserve()?;
        let mut client = reqwest::Client::builder().timeout(READY_DEADLINE);
        if is_closed {
            let authority = Authority::new()?;
            authority.server()?.write(dir.path(), "server")?;
            fs::write(dir.path().join("ca.crt"), authority.pem())?;
            fs::write(dir.path().join("htpasswd"), format!("{USER}:{HASH}\n"))?;
            client = client.tls_certs_merge([reqwest::Certificate::from_pem(authority.pem().as_bytes())?]);
        }
        fs::write(dir.path().join("config.yaml"), config(dir.path(), &port, is_closed))?;
        let mut command = Command::new(program);
        command.arg("serve").arg(dir.path().join("config.yaml")).env_clear();
        command.env("OTEL_TRACES_EXPORTER", "none");
        let log = dir.path().join("registry.log");
        let process = Process::spawn("registry", command, &log, Some(dir.path()))?;
        let mut registry = Registry {
            process,
            port,
            is_closed,
            client: client.build()?,
            dir,
        };
        registry.ready().await?;
        Ok(registry)
    }

    async fn ready(&mut self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + READY_DEADLINE;
        while self.request(reqwest::Method::GET, "").send().await.is_err() {
            self.process.still_starting(deadline, "no answer")?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The host of image references: `127.0.0.1:<port>`.
    #[must_use]
    pub fn host(&self) -> String {
        self.port.addr().to_string()
    }

    /// The folder with `ca.crt`, the authority of a closed registry.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What the registry has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log_text()
    }

    /// Pushes an image as a client does. `config` is the text of the image's configuration.
    ///
    /// # Errors
    /// The registry refuses.
    pub async fn push(&self, repository: &str, tag: &str, config: &str) -> Result<String> {
        let blob = digest_of(config.as_bytes());
        let begun = self
            .request(reqwest::Method::POST, &format!("{repository}/blobs/uploads/"))
            .send()
            .await?;
        let location = begun.error_for_status_ref()?.headers()["location"].to_str()?.to_owned();
        let base = reqwest::Url::parse(&self.address(""))?;
        let mut upload = base.join(&location)?;
        upload.query_pairs_mut().append_pair("digest", &blob);
        let put = self.login(self.client.put(upload)).body(config.to_owned());
        put.send().await?.error_for_status()?;
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": blob, "size": config.len()},
            "layers": [],
        });
        let manifest = manifest.to_string();
        let put = self.request(reqwest::Method::PUT, &format!("{repository}/manifests/{tag}"));
        let put = put.header("content-type", MANIFEST).body(manifest.clone());
        put.send().await?.error_for_status()?;
        Ok(digest_of(manifest.as_bytes()))
    }

    /// Gives the image of a tag further tags, in the registry's storage: a thousand pushes take half a minute.
    ///
    /// # Errors
    /// The storage cannot be written.
    pub fn tag_many(&self, repository: &str, tag: &str, others: impl Iterator<Item = String>) -> Result<()> {
        let tags = "data/docker/registry/v2/repositories";
        let tags = self.dir.path().join(tags).join(repository).join("_manifests/tags");
        let link = fs::read(tags.join(tag).join("current/link"))?;
        for other in others {
            let current = tags.join(other).join("current");
            fs::create_dir_all(&current)?;
            fs::write(current.join("link"), &link)?;
        }
        Ok(())
    }

    fn address(&self, path: &str) -> String {
        let scheme = if self.is_closed { "https" } else { "http" };
        format!("{scheme}://{}/v2/{path}", self.host())
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.login(self.client.request(method, self.address(path)))
    }

    fn login(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match self.is_closed {
            true => request.basic_auth(USER, Some(PASSWORD)),
            false => request,
        }
    }
}

fn config(dir: &Path, port: &Port, is_closed: bool) -> String {
    let dir = dir.display();
    let closed = match is_closed {
        true => format!(
            "  tls: {{certificate: {dir}/server.crt, key: {dir}/server.key}}\nauth: {{htpasswd: {{realm: stack, path: {dir}/htpasswd}}}}\n"
        ),
        false => String::new(),
    };
    format!(
        "version: 0.1\nlog: {{level: info, accesslog: {{disabled: false}}}}\nstorage: {{filesystem: {{rootdirectory: {dir}/data}}, \
         delete: {{enabled: true}}}}\nhttp:\n  addr: {}\n{closed}",
        port.addr()
    )
}
