//! Trees with entries besides plain files: a bump keeps every bit of these entries.

use crate::git::{FILE, Scene, bump, content};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tidegate::model::{BlobId, RepoPath};
use tidegate::port::{ConfigRepo, PushOutcome, UnreadKind};

fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("git")
        .current_dir(folder)
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).trim_end().to_owned()
}

fn blob(bare: &Path, bytes: &[u8]) -> String {
    git(bare, &["hash-object", "-w", "--stdin"], bytes)
}

/// Writes a tree with these entries (mode, name, id) in this order, which may differ from git's order.
fn tree(bare: &Path, entries: &[(&str, &[u8], &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend(hex::decode(id).unwrap());
    }
    git(
        bare,
        &["hash-object", "-w", "-t", "tree", "--literally", "--stdin"],
        &bytes,
    )
}

/// What fsck says, without the ids of the objects that it says it of.
fn fsck(bare: &Path) -> Vec<String> {
    let said = git(bare, &["fsck", "--strict", "--no-dangling"], b"");
    let mut kinds: Vec<String> = said
        .lines()
        .filter(|line| !line.starts_with("Checking") && !line.starts_with("notice"))
        .map(|line| line.split(':').skip(1).collect())
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn a_bump_in_a_tree_of_odd_entries_changes_the_planned_entry_alone() {
    let scene = Scene::start();
    let bare = scene.bare.path();
    let canary = scene.folder.path().join("canary");
    let manifest = blob(bare, b"kind: Deployment\nimage: shop/web:1.0.0\nreplicas: 2\n");
    let other = blob(bare, b"kind: Deployment\nimage: shop/other:1\n");
    let pointer = blob(
        bare,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4665a5ea423c2713d436b5ee50593a9640e0018c1550b5a0002f74190d6caea8\nsize 12\n",
    );
    let attributes = blob(
        bare,
        b"*.bin filter=lfs diff=lfs merge=lfs -text\n*.yaml text eol=crlf filter=evil\n",
    );
    let link = blob(bare, format!("../../{}", canary.display()).as_bytes());
    let inside = blob(bare, b"web.yaml");
    let modules = format!(
        "[submodule \"lib\"]\n\tpath = apps/lib\n\turl = file://{}\n",
        canary.display()
    );
    let modules = blob(bare, modules.as_bytes());
    let elsewhere = "1234567890123456789012345678901234567890";
    let shop = tree(
        bare,
        &[
            ("120000", b"Link.yaml", &link),
            ("100644", b"WEB.yaml", &other),
            ("100644", b"caf\xe9.yaml", &other),
            ("120000", b"current.yaml", &inside),
            ("100644", b"data.bin", &pointer),
            ("100755", b"run.yaml", &other),
            ("100664", b"web.yaml", &manifest),
        ],
    );
    let odd = tree(
        bare,
        &[("100664", b"old.yaml", &other), ("100644", b"\xff\xfe", &other)],
    );
    let apps = tree(
        bare,
        &[
            ("160000", b"lib", elsewhere),
            ("40000", b"odd", &odd),
            ("40000", b"shop", &shop),
        ],
    );
    let root = tree(
        bare,
        &[
            ("100644", b".gitattributes", &attributes),
            ("100644", b".gitmodules", &modules),
            ("40000", b"Apps", &odd),
            ("40000", b"apps", &apps),
        ],
    );
    let parent = scene.bare.tip().unwrap().unwrap();
    let person = "A <a@example.com> 1700000000 +0000";
    let text = format!("tree {root}\nparent {parent}\nauthor {person}\ncommitter {person}\n\nodd\n");
    let commit = git(bare, &["hash-object", "-w", "-t", "commit", "--stdin"], text.as_bytes());
    scene.bare.git(&["update-ref", "refs/heads/main", &commit]).unwrap();
    let before = fsck(bare);

    let repo = scene.open();
    let tip = repo.fetch().await.unwrap();
    assert_eq!(tip.to_string(), commit);
    let files = repo.files(tip, Vec::new()).await.unwrap();
    let names: Vec<&str> = files.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        names,
        [
            ".gitattributes",
            ".gitmodules",
            "Apps/old.yaml",
            "apps/odd/old.yaml",
            "apps/shop/WEB.yaml",
            "apps/shop/data.bin",
            "apps/shop/run.yaml",
            "apps/shop/web.yaml",
        ],
        "symlinks, submodules and names that are not UTF-8 are not read"
    );
    let unread: Vec<(&str, &UnreadKind)> = files
        .unread
        .iter()
        .map(|entry| (entry.path.as_str(), &entry.kind))
        .collect();
    let odd = |name: &str| UnreadKind::Name {
        name: name.to_owned(),
        is_folder: false,
    };
    assert_eq!(
        unread,
        [
            ("Apps", &odd("\u{fffd}\u{fffd}")),
            ("apps/lib", &UnreadKind::Submodule),
            ("apps/odd", &odd("\u{fffd}\u{fffd}")),
            ("apps/shop", &odd("caf\u{fffd}.yaml")),
            ("apps/shop/Link.yaml", &UnreadKind::Link { to_file: false }),
            ("apps/shop/current.yaml", &UnreadKind::Link { to_file: true }),
        ],
        "and each of them is listed as not read"
    );
    let plan = bump(&repo, tip, "1.1.0").await;
    let PushOutcome::Landed(ours) = repo.commit_and_push(vec![plan]).await.unwrap() else {
        panic!("it was to land")
    };
    let raw = scene
        .bare
        .git(&[
            "diff",
            "--raw",
            "--no-renames",
            "--abbrev=7",
            &commit,
            &ours.to_string(),
        ])
        .unwrap();
    assert_eq!(raw.lines().count(), 1, "{raw}");
    assert!(raw.ends_with("M\tapps/shop/web.yaml"), "{raw}");
    let listed = |commit: &str, folder: &str| scene.bare.git(&["ls-tree", commit, folder]).unwrap();
    for folder in ["Apps/", "apps/odd/", "apps/lib"] {
        assert_eq!(listed(&commit, folder), listed(&ours.to_string(), folder));
    }
    let size = |rev: &str| git(bare, &["cat-file", "-s", &format!("{rev}:apps/shop")], b"");
    assert_eq!(size(&commit), size(&ours.to_string()), "modes are spelt as before");
    let shop = git(bare, &["cat-file", "tree", &format!("{ours}:apps/shop")], b"");
    assert!(shop.contains("100664 web.yaml"), "{shop}");
    assert_eq!(
        content(&repo, ours, FILE).await.1,
        "kind: Deployment\nimage: shop/web:1.1.0\nreplicas: 2\n"
    );
    assert_eq!(fsck(bare), before);

    // Nor is anything written through them.
    let good = bump(&repo, ours, "1.2.0").await;
    for (path, id, says) in [
        (
            "apps/shop/current.yaml",
            &inside,
            "apps/shop/current.yaml is no regular file",
        ),
        ("apps/shop/Link.yaml", &link, "apps/shop/Link.yaml is no regular file"),
        ("apps/shop/Link.yaml/web.yaml", &manifest, "no folder \"Link.yaml\""),
        ("apps/lib/web.yaml", &manifest, "no folder \"lib\""),
        ("apps/lib", &manifest, "apps/lib is no regular file"),
        ("Apps/shop/web.yaml", &manifest, "no folder \"shop\""),
    ] {
        let mut through = good.clone();
        through.edits[0].path = RepoPath::parse(path).unwrap();
        let id: [u8; 20] = hex::decode(id).unwrap().try_into().unwrap();
        through.edits[0].from = BlobId::from_bytes(id);
        let refused = crate::git::failure(repo.commit_and_push(vec![through]).await);
        let said = refused.message;
        assert!(
            said.starts_with("the commit was not made") && said.contains(says),
            "{path}: {said}"
        );
    }
    assert_eq!(scene.bare.tip().unwrap().unwrap(), ours.to_string());
    assert!(!canary.exists());
}

/// Not even git itself would write such a tree; a hosting server that does not check lets it in.
#[tokio::test]
async fn a_tree_with_one_name_twice_is_read_but_that_name_is_not_written() {
    let scene = Scene::start();
    scene.bare.unchecked("its tree is broken from the beginning");
    let bare = scene.bare.path();
    let web = blob(bare, b"image: shop/web:1.0.0\n");
    let other = blob(bare, b"image: shop/web:0.9.0\n");
    let shop = tree(bare, &[("100644", b"web.yaml", &web), ("100644", b"web.yaml", &other)]);
    let apps = tree(bare, &[("40000", b"shop", &shop)]);
    let root = tree(bare, &[("40000", b"apps", &apps)]);
    let person = "A <a@example.com> 1700000000 +0000";
    let text = format!("tree {root}\nauthor {person}\ncommitter {person}\n\nodd\n");
    let commit = git(bare, &["hash-object", "-w", "-t", "commit", "--stdin"], text.as_bytes());
    scene.bare.git(&["update-ref", "refs/heads/main", &commit]).unwrap();
    let repo = scene.open();
    let tip = repo.fetch().await.unwrap();
    let plan = bump(&repo, tip, "1.1.0").await;
    let refused = crate::git::failure(repo.commit_and_push(vec![plan]).await);
    assert!(
        refused.message.contains("apps/shop/web.yaml is no regular file"),
        "{}",
        refused.message
    );
    assert_eq!(scene.bare.tip().unwrap().unwrap(), commit);
}
