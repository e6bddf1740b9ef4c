use super::found::{Asked, FindError, Found};
use super::memory_folder::memory_folder;
use super::rendered;
use super::sops::{Decrypt, Sops};
use super::sops_keys::is_encrypted;
use super::words::{have_secrets, message};
use crate::driver::blocking;
use crate::port::{HomeSecrets, RenderFailure, Renderer, Rendering, Unit, UnitKind};
use crate::program::{self, Limits, Program};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Ordinary folders take milliseconds; a folder of a thousand objects takes two seconds.
const TIME: Duration = Duration::from_secs(30);
/// An ordinary folder takes 20 MiB of memory, and one of a thousand objects 150 MiB.
const MEMORY: u64 = 384 << 20;
/// From here on, the program would rather collect garbage than grow.
const SOFT_MEMORY: &str = "256MiB";
/// More than any folder that was seen renders; the definitions of large operators have 4 MiB.
const OUTPUT: usize = 32 << 20;
/// The oldest version whose rendering is the one that is documented.
const OLDEST: u64 = 5;
/// Nobody listens at the discard port of the own machine: what tries to reach the network fails at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// What is said about a folder with encrypted files that kustomize refuses.
const NOT_SHOWN: &str = "kustomize refuses the folder, and its words are not shown, since the folder has encrypted files; run `kustomize \
                         build` on a decrypted copy of the folder";

/// The real kustomize program.
pub struct Kustomize {
    program: PathBuf,
    version: String,
    /// What decrypts files, and a folder in memory for the plain text.
    decrypt: Option<(Arc<dyn Decrypt>, PathBuf)>,
}

impl Kustomize {
    /// The program at a path or, without one, on the `PATH`. Asks the program for its version.
    ///
    /// # Errors
    /// There is no such program, or it cannot be used.
    pub async fn find(path: Option<&Path>) -> Result<Self, FindError> {
        let asked = Asked {
            name: "kustomize",
            oldest: OLDEST.to_string(),
            ask: |path: &Path| command(path).arg("version"),
            number,
        };
        let Found { path, version } = asked.find(path).await?;
        Ok(Self {
            program: path,
            version,
            decrypt: None,
        })
    }

    /// Has `sops` decrypt the encrypted files of a kustomization, into a folder below `memory`.
    #[must_use]
    pub fn decrypting<S: HomeSecrets>(self, sops: Arc<Sops<S>>, memory: &Path) -> Self {
        Self {
            version: format!("{} with {}", self.version, sops.version()),
            decrypt: Some((sops, memory.to_owned())),
            ..self
        }
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// Decrypts the encrypted files of the unit. Returns where the files may be written; `None`: in any temporary folder.
    async fn decrypt(&self, unit: &mut Unit) -> Result<Option<PathBuf>, RenderFailure> {
        let mut memory = None;
        let keys = unit.keys.clone();
        for (path, bytes) in unit.files.iter_mut().filter(|(_, bytes)| is_encrypted(bytes)) {
            let Some((sops, folder)) = &self.decrypt else {
                let advice = "install sops on the PATH of the agent, or name it in render.sops.program";
                return Err(failure(
                    format!("{path} is encrypted with SOPS, and there is no sops program; {advice}"),
                    false,
                ));
            };
            let plain = sops.decrypt(path, std::mem::take(bytes), keys.as_ref()).await;
            let plain = plain.map_err(|reason| failure(format!("{path}: {}", reason.message), reason.may_pass))?;
            *bytes = plain.expose().to_vec();
            memory = Some(folder.clone());
        }
        Ok(memory)
    }

    async fn build(&self, mut unit: Unit) -> Result<Rendering, RenderFailure> {
        let folder = unit.path.clone();
        let memory = self.decrypt(&mut unit).await?;
        let is_plain = memory.is_none();
        let has_secrets = have_secrets(unit.files.iter().map(|(_, bytes)| &**bytes));
        let written = blocking(move || write(&unit, memory.as_deref())).await;
        let place = written.map_err(|error| failure(error.to_string(), true))??;
        let below = place.path().join(folder.as_str());
        let build = command(&self.program).arg("build").arg(&below).in_folder(place.path());
        let run = build.run().await;
        let output = run.map_err(|error| {
            let may_pass = matches!(error, program::Error::Start { .. } | program::Error::TimedOut { .. });
            failure(format!("{}", error), may_pass)
        })?;
        if output.status.success() {
            let read = blocking(move || rendered::objects(&folder, &output.stdout, is_plain)).await;
            return read.map_err(|error| failure(format!("the output of kustomize was not read: {error}"), true));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.code().is_none()
            || said.contains("runtime: out of memory")
            || said.contains("cannot allocate memory")
        {
            let limit = MEMORY >> 20;
            let message = format!("kustomize was killed, or needs more than {limit} MiB; split the folder");
            return Err(failure(message, output.status.code().is_none()));
        }
        // Kustomize repeats what it does not understand, which may be plain text.
        Err(match is_plain {
            true => failure(message(&said, place.path(), has_secrets), false),
            false => failure(NOT_SHOWN.to_owned(), false),
        })
    }
}

impl Renderer for Kustomize {
    fn version(&self) -> &str {
        &self.version
    }

    fn takes(&self, kind: UnitKind) -> bool {
        kind == UnitKind::Kustomization
    }

    fn render(&self, unit: Unit) -> BoxFuture<'_, Result<Rendering, RenderFailure>> {
        self.build(unit).boxed()
    }
}

fn failure(message: String, may_pass: bool) -> RenderFailure {
    RenderFailure { message, may_pass }
}

/// The program with its limits. Nothing of the agent's environment is passed on.
fn command(path: &Path) -> Program {
    let limits = Limits {
        time: TIME,
        output: OUTPUT,
        memory: Some(MEMORY),
    };
    let mut command = Program::new("kustomize", limits).at(path);
    command = command.env("GOMEMLIMIT", SOFT_MEMORY).env("GOMAXPROCS", "2");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command = command.env(name, NOWHERE);
    }
    command
}

/// Writes the files of a unit to a folder that nobody else can read, below `memory` if there is plain text among them. The folder
/// goes with the value.
fn write(unit: &Unit, memory: Option<&Path>) -> Result<TempDir, RenderFailure> {
    let place = match memory {
        Some(memory) => memory_folder(memory).map_err(|reason| failure(reason, false))?,
        None => tempfile::Builder::new()
            .prefix("tidegate-render-")
            .tempdir()
            .map_err(unwritten)?,
    };
    for (path, bytes) in &unit.files {
        let file = place.path().join(path.as_str());
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(unwritten)?;
        }
        fs::write(file, bytes).map_err(unwritten)?;
    }
    fs::create_dir_all(place.path().join(unit.path.as_str())).map_err(unwritten)?;
    Ok(place)
}

fn unwritten(error: io::Error) -> RenderFailure {
    failure(
        format!("its files cannot be written to a temporary folder: {error}"),
        true,
    )
}

/// The version in what `kustomize version` prints: `v5.8.1`, or `{Version:kustomize/v4.5.7 …}` by older programs.
fn number(said: &str) -> Option<semver::Version> {
    let text = said.split_whitespace().next()?;
    let text = text.rsplit(['/', ':']).next()?;
    let version = semver::Version::parse(text.trim_start_matches('v')).ok()?;
    (version.major >= OLDEST).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_5_on_are_taken() {
        assert_eq!(number("v5.8.1").unwrap().to_string(), "5.8.1");
        for other in ["{Version:kustomize/v4.5.7 GitCommit:abc}", "(devel)", ""] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
