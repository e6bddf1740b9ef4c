//! A shell in a clone of the example repository, whose programs are the real ones as far as they can be had.

use super::root;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tidegate_stack::Tools;

pub struct Shell {
    folder: TempDir,
}

/// Fails on exit code 2 (the command line or the configuration is wrong) and passes on every other: there is no cluster.
const IN_THE_POD: &str = r#"
case "$*" in
*" exec deploy/tidegate -- tidegate "*)
  while [ "$1" != -- ]; do shift; done
  shift
  export TIDEGATE_CONFIG="$TIDEGATE_SCENE/tidegate.yaml" TIDEGATE_SERVER=http://127.0.0.1:1
  export TIDEGATE_TOKEN_FILE="$TIDEGATE_SCENE/token"
  timeout 60 "$@"
  [ $? != 2 ]
  exit ;;
*" create "*) exec "$KUBECTL" "$@" --dry-run=client -o name ;;
esac
said=$("$KUBECTL" --server http://127.0.0.1:1 "$@" 2>&1)
case "$said" in *refused*) exit 0 ;; esac
printf '%s\n' "$said"
exit 1
"#;

/// Renders what would be installed.
const HELM: &str = r#"
cd "$TIDEGATE_ROOT"
case "$1" in
install | upgrade)
  shift
  for argument; do
    shift
    case "$argument" in
    --reuse-values) set -- "$@" --set repo.url=ssh://git@git.acme.example/fleet.git ;;
    --create-namespace) ;;
    repo.knownHosts=*) set -- "$@" "repo.knownHosts=$TIDEGATE_SCENE/known_hosts" ;;
    *) set -- "$@" "$argument" ;;
    esac
  done
  exec "$HELM" template "$@" >/dev/null ;;
uninstall)
  said=$("$HELM" "$@" --kube-apiserver http://127.0.0.1:1 2>&1)
  case "$said" in *refused* | *unreachable*) exit 0 ;; esac
  printf '%s\n' "$said"
  exit 1 ;;
*) exec "$HELM" "$@" ;;
esac
"#;

const BUMP: &str = r#"
git init -q -b main . && git add -A && git commit -q -m 'the example'
git init -q --bare ../origin.git && git remote add origin ../origin.git
sed -i 's|shop/web:3f9c2ab|shop/web:8d1e0f4|' $(git grep -l 'shop/web:3f9c2ab')
git commit -q -a -m 'Bump shop/web to 8d1e0f4

Tidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web image=111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web old=3f9c2ab new=8d1e0f4 digest=sha256:0000000000000000000000000000000000000000000000000000000000000000'
git push -q -u origin main
"#;

impl Shell {
    pub fn new() -> Self {
        let shell = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let bin = shell.folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tidegate"), bin.join("tidegate")).unwrap();
        shell.program("kubectl", IN_THE_POD);
        shell.program("helm", HELM);
        shell.program(
            "make",
            "exec /usr/bin/env -u MAKEFLAGS PATH=\"$OUTER_PATH\" make -C \"$TIDEGATE_ROOT\" -n \"$@\" >/dev/null",
        );
        // The program is built already; another build would take minutes.
        shell.program("cargo", "[ \"$*\" = 'install --locked --path .' ]");
        shell.program("crane", "printf '%s\\n' 2.0.1 2.1.0");
        for absent in ["aws", "docker"] {
            shell.program(absent, "exit 0");
        }
        std::fs::write(
            shell.folder.path().join("tidegate.yaml"),
            "repo:\n  url: ssh://git@127.0.0.1:1/fleet.git\n",
        )
        .unwrap();
        std::fs::write(shell.folder.path().join("known_hosts"), "").unwrap();
        std::fs::write(shell.folder.path().join("token"), "0123456789abcdef0123456789abcdef").unwrap();
        let fleet = shell.folder.path().join("fleet");
        copy(&root().join("config-repo-example"), &fleet);
        let prepared = shell.run(BUMP);
        assert!(prepared.is_ok(), "{prepared:?}");
        shell
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.folder.path().join("bin").join(name);
        std::fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a command line in the clone. What it printed, if it failed.
    pub fn run(&self, command: &str) -> Result<(), String> {
        let outer = std::env::var("PATH").unwrap();
        let output = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", command])
            .current_dir(self.folder.path().join("fleet"))
            .env_clear()
            .env("PATH", format!("{}:{outer}", self.folder.path().join("bin").display()))
            .env("OUTER_PATH", &outer)
            .env("HOME", self.folder.path())
            .env("TIDEGATE_SCENE", self.folder.path())
            .env("TIDEGATE_ROOT", root())
            .env("KUBECTL", Tools::get("kubectl").unwrap())
            .env("HELM", Tools::get("helm").unwrap())
            // No address of the documentation is called.
            .env("GIT_SSH_COMMAND", "false")
            .envs([("GIT_AUTHOR_NAME", "Jo"), ("GIT_AUTHOR_EMAIL", "jo@acme.example")])
            .envs([("GIT_COMMITTER_NAME", "Jo"), ("GIT_COMMITTER_EMAIL", "jo@acme.example")])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let is_remote = command.contains("git@github.com");
        match output.status.code() {
            Some(0) => Ok(()),
            // The address is not called; the command line was understood.
            Some(code) if is_remote && code != 2 => Ok(()),
            code => Err(format!(
                "exit code {code:?}\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
