//! The Python side: boto3 and moto in a virtual environment of their own, made once for each set of requirements.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::manifest::digest_of;

const REQUIREMENTS: &str = include_str!("../../python/requirements.txt");
const SERVE_MOTO: &str = include_str!("../../python/serve_moto.py");
/// Put down when the environment is whole.
const COMPLETE: &str = ".complete";
/// For packages from a slow mirror.
const INSTALL_DEADLINE: Duration = Duration::from_secs(300);

/// A Python with the packages of `tests/stack/python/requirements.txt`.
#[derive(Debug, Clone)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// The environment in `${XDG_CACHE_HOME:-~/.cache}/tidegate/venv-<hash of the requirements>`, made if need be.
    /// Blocks while it, or another process, installs: seconds on the first call, nothing afterwards.
    ///
    /// # Errors
    /// When there is no cache folder, no `python3` with `venv`, or the packages cannot be installed.
    pub fn ready() -> Result<Self> {
        let hash: String = digest_of(REQUIREMENTS.as_bytes())
            .chars()
            .skip("sha256:".len())
            .take(16)
            .collect();
        let folder = cache_folder()?.join(format!("venv-{hash}"));
        let python = Self {
            program: folder.join("bin/python"),
        };
        if folder.join(COMPLETE).exists() {
            return Ok(python);
        }
        let parent = folder.parent().context("the cache folder has a parent")?;
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        let lock = File::create(folder.with_extension("lock")).context("making the environment's lock file")?;
        lock.lock()
            .context("waiting for the process that makes the environment")?;
        if folder.join(COMPLETE).exists() {
            return Ok(python);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("removing the unfinished {}", folder.display()))?;
        }
        python.install(&folder)?;
        File::create(folder.join(COMPLETE)).context("marking the environment complete")?;
        Ok(python)
    }

    /// A command that runs this Python, without cached bytecode and without the caller's AWS settings.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-B");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    fn install(&self, folder: &Path) -> Result<()> {
        eprintln!("making the Python environment {}", folder.display());
        let venv = run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        venv.context("python3 with venv is needed: install the packages python3 and python3-venv")?;
        let list = folder.join("requirements.txt");
        fs::write(&list, REQUIREMENTS).context("writing the list of packages")?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--requirement",
        ];
        run(Command::new(&self.program).args(pip).arg(&list)).context("installing boto3 and moto with pip")
    }
}

/// A running moto on loopback; dropping it, or the end of this process, ends it.
#[derive(Debug)]
pub struct MotoServer {
    child: Child,
    endpoint: String,
}

impl MotoServer {
    /// Starts moto on a free port; it accepts connections when this returns.
    ///
    /// moto keeps no order of pages and cuts none: `maxResults` and `nextToken` are ignored. Registry passwords that it
    /// gives ended in 2015.
    ///
    /// # Errors
    /// When it cannot be started or says nothing.
    pub fn start(python: &Python) -> Result<Self> {
        let mut command = python.command();
        command
            .args(["-c", SERVE_MOTO])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("starting moto")?;
        let stdout = child.stdout.take().context("moto has a standard output")?;
        let mut moto = Self {
            child,
            endpoint: String::new(),
        };
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .context("reading moto's address")?;
        let address = line.trim().strip_prefix("listening ");
        moto.endpoint = address
            .with_context(|| format!("moto gave no address but {line:?}"))?
            .to_owned();
        Ok(moto)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for MotoServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cache_folder() -> Result<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    Ok(base.context("neither XDG_CACHE_HOME nor HOME is set")?.join("tidegate"))
}

fn run(command: &mut Command) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("waiting for it")? {
            ensure!(status.success(), "{command:?} ended with {status}");
            return Ok(());
        }
        if start.elapsed() > INSTALL_DEADLINE {
            let _ = child.kill();
            let _ = child.wait();
            bail!("{command:?} took longer than {INSTALL_DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
