use super::found::{Asked, FindError, Found};
use super::sops_keys::{Keys, recipients};
use crate::driver::blocking;
use crate::manifest;
use crate::model::{Finding, Printable, RepoPath, SecretBytes, Severity};
use crate::port::{HomeSecrets, RenderFailure, Renderer, Rendering, SecretName, Unit, UnitKind};
use crate::program::{Limits, Output, Program};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Files take milliseconds; a call of AWS KMS that fails takes some seconds.
const TIME: Duration = Duration::from_secs(30);
/// The program with all its clients of clouds; files are small compared with it.
const MEMORY: u64 = 512 << 20;
/// The largest plain text.
const OUTPUT: usize = 8 << 20;
/// From this version on, the program reads what it decrypts from its standard input.
const OLDEST: (u64, u64) = (3, 10);
/// The exit statuses of sops that are told apart: no key opens the file, and the file was changed after its encryption.
const NO_KEY: i32 = 128;
const CHANGED: [i32; 2] = [51, 52];
/// What of the program's words about AWS KMS is shown, in characters.
const LONGEST_MESSAGE: usize = 300;

/// What is said about a plain text that is no manifest.
const UNREADABLE: &str =
    "the decrypted file has a document that is no Kubernetes object, that is declared twice, or that does not parse";

/// Decrypts files. The plain text is in memory alone.
pub(super) trait Decrypt: Send + Sync + 'static {
    /// The plain text of a file. `keys`: the Secret with the keys; `None`: the one of the configuration.
    fn decrypt<'a>(
        &'a self,
        path: &'a RepoPath,
        bytes: Vec<u8>,
        keys: Option<&'a SecretName>,
    ) -> BoxFuture<'a, Result<SecretBytes, RenderFailure>>;
}

/// The real sops program, with the keys of a Secret.
pub struct Sops<S> {
    program: PathBuf,
    version: String,
    secrets: Option<(Arc<S>, Option<SecretName>)>,
    memory: PathBuf,
}

impl<S: HomeSecrets> Sops<S> {
    /// The program at a path or, without one, on the `PATH`. Asks the program for its version. `secrets`: the Secrets, and the one with the keys, if one is named; `memory` is
    /// a folder in memory.
    ///
    /// # Errors
    /// There is no such program, or it cannot be used.
    pub async fn find(
        path: Option<&Path>,
        secrets: Option<(Arc<S>, Option<SecretName>)>,
        memory: &Path,
    ) -> Result<Self, FindError> {
        let asked = Asked {
            name: "sops",
            oldest: format!("{}.{}", OLDEST.0, OLDEST.1),
            ask: |path: &Path| command(path).args(["--version", "--disable-version-check"]),
            number,
        };
        let Found { path, version } = asked.find(path).await?;
        Ok(Self {
            program: path,
            version,
            secrets,
            memory: memory.to_owned(),
        })
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.program
    }

    async fn decrypted(
        &self,
        path: &RepoPath,
        bytes: Vec<u8>,
        named: Option<&SecretName>,
    ) -> Result<SecretBytes, RenderFailure> {
        let store = self.secrets.as_ref();
        let secret = store.and_then(|(secrets, name)| Some((secrets, named.or(name.as_ref())?)));
        let keys = match secret {
            Some((secrets, name)) => Keys::of(
                &secrets
                    .read(name)
                    .await
                    .map_err(|failure| passing(&failure.to_string()))?,
            ),
            None => Keys::default(),
        };
        let (needed, uses_kms) = recipients(&bytes);
        let format = format(path);
        let mut run = command(&self.program).args(["decrypt", "--input-type", format, "--output-type", format]);
        run = run.input(bytes);
        if let Some(age) = keys.age() {
            run = run.env("SOPS_AGE_KEY", age);
        }
        let home = keys.pgp_home(&self.memory).map_err(|reason| failing(&reason))?;
        if let Some(home) = &home {
            run = run.env("GNUPGHOME", home.path());
        }
        if uses_kms {
            run = run.pass_env(is_of_aws);
        }
        let output = run.run().await.map_err(|error| passing(&error.to_string()))?;
        match output.status.success() {
            true => Ok(SecretBytes::new(output.stdout)),
            false => Err(failure(
                &output,
                (secret.map(|(_, name)| name), &keys),
                &needed,
                uses_kms,
            )),
        }
    }

    async fn render_file(&self, mut unit: Unit) -> Result<Rendering, RenderFailure> {
        let Some((path, bytes)) = unit.files.pop() else {
            return Ok(Rendering::default());
        };
        let plain = self.decrypted(&path, bytes, unit.keys.as_ref()).await?;
        let read = blocking(move || read(&path, plain.expose())).await;
        read.map_err(|_| passing("the decrypted text was not read"))
    }
}

/// The objects of a decrypted file. Findings do not repeat what stands in the text.
fn read(path: &RepoPath, plain: &[u8]) -> Rendering {
    let reading = manifest::read(path, plain);
    let mut rendering = Rendering {
        objects: reading.documents.into_iter().map(|document| document.object).collect(),
        findings: Vec::new(),
    };
    if reading.findings.iter().any(Finding::is_error) {
        rendering.findings.push(Finding {
            path: path.clone(),
            position: None,
            object: None,
            severity: Severity::Error,
            message: UNREADABLE.to_owned(),
        });
    }
    rendering
}

impl<S: HomeSecrets> Decrypt for Sops<S> {
    fn decrypt<'a>(
        &'a self,
        path: &'a RepoPath,
        bytes: Vec<u8>,
        keys: Option<&'a SecretName>,
    ) -> BoxFuture<'a, Result<SecretBytes, RenderFailure>> {
        self.decrypted(path, bytes, keys).boxed()
    }
}

impl<S: HomeSecrets> Renderer for Sops<S> {
    fn version(&self) -> &str {
        &self.version
    }

    fn takes(&self, kind: UnitKind) -> bool {
        kind == UnitKind::Encrypted
    }

    fn render(&self, unit: Unit) -> BoxFuture<'_, Result<Rendering, RenderFailure>> {
        self.render_file(unit).boxed()
    }
}

/// Why a file was not decrypted. The words of the program are shown only where AWS says why.
fn failure(
    output: &Output,
    (secret, keys): (Option<&SecretName>, &Keys),
    needed: &[String],
    uses_kms: bool,
) -> RenderFailure {
    let code = output.status.code();
    if code.is_some_and(|code| CHANGED.contains(&code)) {
        return failing("it was changed after its encryption (its MAC does not match); encrypt it anew");
    }
    if code != Some(NO_KEY) {
        let status = code.map_or("a signal".to_owned(), |code| format!("status {code}"));
        return RenderFailure {
            message: format!(
                "not decrypted: sops ended with {status}; does `sops decrypt` decrypt the file elsewhere?"
            ),
            may_pass: code.is_none(),
        };
    }
    let mut message = match secret {
        None => "there are no keys: name a Secret in render.sops.secret".to_owned(),
        Some(name) if keys.is_empty() => {
            format!("{name} does not exist, or has no entry that ends in .agekey (age) or .asc (PGP)")
        }
        Some(name) => format!("none of the keys of {name} opens the file"),
    };
    if !needed.is_empty() {
        message += &format!("; it is encrypted for {}", needed.join(", "));
    }
    if uses_kms {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines = said
            .lines()
            .filter(|line| line.contains("AWS") || line.contains("KMS") || line.contains("api error"));
        let lines: Vec<&str> = lines.map(|line| line.trim_matches([' ', '|', '-'])).collect();
        let said = Printable::new(&lines.join(" ")).at_most(LONGEST_MESSAGE).to_string();
        message += &format!("; the pod's identity must be allowed kms:Decrypt: {said}");
    }
    passing(&message)
}

/// A failure that another key, or a service that is there again, ends.
fn passing(reason: &str) -> RenderFailure {
    RenderFailure {
        message: format!("not decrypted: {reason}"),
        may_pass: true,
    }
}

fn failing(reason: &str) -> RenderFailure {
    RenderFailure {
        may_pass: false,
        ..passing(reason)
    }
}

/// The version in what `sops --version` prints: `sops 3.11.0`, and more.
fn number(printed: &str) -> Option<semver::Version> {
    let version = semver::Version::parse(printed.split_whitespace().nth(1)?).ok()?;
    ((version.major, version.minor) >= OLDEST).then_some(version)
}

fn command(path: &Path) -> Program {
    let limits = Limits {
        time: TIME,
        output: OUTPUT,
        memory: Some(MEMORY),
    };
    // Without a home folder the program looks nowhere else for keys.
    let command = Program::new("sops", limits).at(path).env("HOME", "/nonexistent");
    command.env("SOPS_DISABLE_VERSION_CHECK", "1").env("GOMAXPROCS", "2")
}

/// The variables that say who the pod is to AWS, and how AWS is reached.
fn is_of_aws(name: &str) -> bool {
    let other = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    name.starts_with("AWS_") || other.contains(&name.to_uppercase().as_str())
}

/// The format of a file, by its name, as sops itself decides.
fn format(path: &RepoPath) -> &'static str {
    match path.file_name().rsplit_once('.').map(|(_, ending)| ending) {
        Some("yaml" | "yml") => "yaml",
        Some("json") => "json",
        Some("env") => "dotenv",
        Some("ini") => "ini",
        _ => "binary",
    }
}
