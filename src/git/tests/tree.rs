use crate::git::budget::Budget;
use crate::git::objects::ids::blob_id;
use crate::git::objects::{listing, tree};
use crate::model::{BlobId, RepoPath};
use crate::port::{UnreadEntry, UnreadKind};
use git2::{Oid, Repository};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Path to content and mode.
type Files = BTreeMap<String, (u8, i32)>;

const FILE: i32 = 0o100_644;
const PROGRAM: i32 = 0o100_755;
const SYMLINK: i32 = 0o120_000;

fn write(repo: &Repository, files: &Files) -> Oid {
    let mut folders: BTreeMap<&str, Files> = BTreeMap::new();
    let mut builder = repo.treebuilder(None).unwrap();
    for (path, (content, mode)) in files {
        match path.split_once('/') {
            Some((folder, rest)) => {
                folders
                    .entry(folder)
                    .or_default()
                    .insert(rest.to_owned(), (*content, *mode));
            }
            None => {
                let blob = repo.blob(&[*content]).unwrap();
                builder.insert(path, blob, *mode).unwrap();
            }
        }
    }
    for (folder, files) in folders {
        builder.insert(folder, write(repo, &files), 0o040_000).unwrap();
    }
    builder.write().unwrap()
}

fn files(list: &[(&str, u8, i32)]) -> Files {
    list.iter()
        .map(|(path, content, mode)| ((*path).to_owned(), (*content, *mode)))
        .collect()
}

fn budget() -> Budget {
    Budget::of(std::time::Duration::from_secs(3600))
}

fn repository() -> (tempfile::TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repository::init_bare(folder.path()).unwrap();
    (folder, repo)
}

fn regular(files: &Files) -> BTreeMap<RepoPath, BlobId> {
    let blob = |content: u8| blob_id(Oid::hash_object(git2::ObjectType::Blob, &[content]).unwrap());
    files
        .iter()
        .filter(|(_, (_, mode))| *mode != SYMLINK)
        .map(|(path, (content, _))| (RepoPath::parse(path).unwrap(), blob(*content)))
        .collect()
}

fn changed(repo: &Repository, ours: &Files, parents: &[Files]) -> Vec<(String, bool, bool)> {
    let parents: Vec<Oid> = parents.iter().map(|files| write(repo, files)).collect();
    tree::changes(repo, write(repo, ours), &parents, tree::Selection::ALL, &budget())
        .unwrap()
        .into_iter()
        .map(|change| (change.path.to_string(), change.before.is_some(), change.after.is_some()))
        .collect()
}

#[test]
fn a_merge_has_only_what_it_changed_itself() {
    let (_folder, repo) = repository();
    let left = files(&[("a", 1, FILE), ("b", 0, FILE), ("c", 5, FILE)]);
    let right = files(&[("a", 0, FILE), ("b", 1, FILE), ("c", 6, FILE)]);
    let merged = files(&[("a", 1, FILE), ("b", 1, FILE), ("c", 7, FILE)]);
    assert_eq!(changed(&repo, &merged, &[left, right]), [("c".to_owned(), true, true)]);
}

#[test]
fn modes_symlinks_and_folders_that_replace_a_file_are_not_mixed_up() {
    let (_folder, repo) = repository();
    let before = files(&[
        ("mode", 1, FILE),
        ("link", 2, SYMLINK),
        ("node", 3, FILE),
        ("node.d", 4, FILE),
    ]);
    let after = files(&[
        ("mode", 1, PROGRAM),
        ("link", 2, FILE),
        ("node/inner", 3, FILE),
        ("node.d", 4, FILE),
    ]);
    assert_eq!(
        changed(&repo, &after, std::slice::from_ref(&before)),
        [
            ("link".to_owned(), false, true),
            ("node".to_owned(), true, false),
            ("node/inner".to_owned(), false, true)
        ]
    );
    assert_eq!(
        changed(&repo, &before, &[]).len(),
        3,
        "a root commit has all its files, without the symlink"
    );
}

#[test]
fn files_are_listed_below_whole_names_only() {
    let (_folder, repo) = repository();
    let all = files(&[
        ("apps/web", 1, FILE),
        ("apps2/web", 2, FILE),
        ("apps/link", 3, SYMLINK),
        ("top", 4, PROGRAM),
    ]);
    let tree = write(&repo, &all);
    let below = |paths: &[&str]| -> Vec<String> {
        let paths: Vec<RepoPath> = paths.iter().map(|path| RepoPath::parse(path).unwrap()).collect();
        listing::list(&repo, tree, &paths, 100, &budget())
            .unwrap()
            .files
            .into_iter()
            .map(|file| file.path.to_string())
            .collect()
    };
    let few = listing::list(&repo, tree, &[], 2, &budget()).unwrap();
    assert_eq!(
        few.unread.last().map(|entry| &entry.kind),
        Some(&UnreadKind::TooMany(2))
    );
    assert_eq!(below(&[]), ["apps/web", "apps2/web", "top"]);
    assert_eq!(below(&["apps"]), ["apps/web"]);
    assert_eq!(below(&["top", "apps2/web", "gone"]), ["apps2/web", "top"]);
}

fn some_files() -> impl Strategy<Value = Files> {
    let path = prop::sample::select(vec!["a", "a.b", "d/x", "d/y/z", "d.e", "d/y.z", "f/g", "f0", "h"]);
    let mode = prop::sample::select(vec![FILE, PROGRAM, SYMLINK]);
    prop::collection::btree_map(path.prop_map(str::to_owned), (0..4_u8, mode), 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changes_are_those_of_comparing_every_file(ours in some_files(), parents in prop::collection::vec(some_files(), 1..4)) {
        let (_folder, repo) = repository();
        let trees: Vec<Oid> = parents.iter().map(|files| write(&repo, files)).collect();
        let found = tree::changes(&repo, write(&repo, &ours), &trees, tree::Selection::ALL, &budget()).unwrap();
        let (mine, theirs): (_, Vec<_>) = (regular(&ours), parents.iter().map(regular).collect());
        let mut paths: Vec<&RepoPath> = mine.keys().chain(theirs.iter().flat_map(BTreeMap::keys)).collect();
        paths.sort();
        paths.dedup();
        let expected: Vec<_> = paths
            .into_iter()
            .filter(|path| theirs.iter().all(|parent| parent.get(path) != mine.get(path)))
            .map(|path| (path.clone(), theirs[0].get(path).copied(), mine.get(path).copied()))
            .collect();
        let found: Vec<_> = found.into_iter().map(|change| (change.path, change.before, change.after)).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_comparison_says_when_more_than_files_differs() {
    let (_folder, repo) = repository();
    let before = files(&[("a", 1, FILE), ("link", 2, SYMLINK)]);
    let compared = |after: &Files| {
        let (after, before) = (write(&repo, after), write(&repo, &before));
        tree::changes_of_files_only(&repo, after, before, &budget())
            .unwrap()
            .map(|changes| changes.len())
    };
    assert_eq!(compared(&files(&[("a", 3, FILE), ("link", 2, SYMLINK)])), Some(1));
    for after in [
        files(&[("a", 1, SYMLINK), ("link", 2, SYMLINK)]),
        files(&[("a", 1, FILE), ("link", 3, SYMLINK)]),
        files(&[("a", 1, FILE)]),
        files(&[("a", 1, FILE), ("b/deep/link", 2, SYMLINK), ("link", 2, SYMLINK)]),
        files(&[("a", 1, FILE), ("link", 2, SYMLINK), (&"n".repeat(5000), 1, FILE)]),
    ] {
        assert_eq!(compared(&after), None, "{after:?}");
    }
}

#[test]
fn links_and_names_that_are_too_long_are_listed_as_unread() {
    let (_folder, repo) = repository();
    let mut root = repo.treebuilder(None).unwrap();
    let inner = write(&repo, &files(&[("file.yaml", 1, FILE)]));
    root.insert("shop", inner, 0o040_000).unwrap();
    let folder_of = |links: &[(&str, &str)]| {
        let mut folder = repo.treebuilder(None).unwrap();
        for (name, target) in links {
            folder
                .insert(name, repo.blob(target.as_bytes()).unwrap(), SYMLINK)
                .unwrap();
        }
        folder.write().unwrap()
    };
    let links = [
        ("absolute", "/shop/file.yaml"),
        ("dangling", "gone"),
        ("file", "../shop/./file.yaml"),
        ("folder", "../shop"),
        ("outside", "../../shop/file.yaml"),
        ("twice", "file"),
    ];
    root.insert("links", folder_of(&links), 0o040_000).unwrap();
    let long = format!("{}.yaml", "n".repeat(5000));
    root.insert(&long, repo.blob(b"kind: X").unwrap(), FILE).unwrap();
    let listing = listing::list(&repo, root.write().unwrap(), &[], 100, &budget()).unwrap();
    assert_eq!(listing.files.len(), 1);
    let to_file = |entry: &UnreadEntry| match &entry.kind {
        UnreadKind::Link { to_file } => Some((entry.path.file_name().to_owned(), *to_file)),
        _ => None,
    };
    let found: Vec<(String, bool)> = listing.unread.iter().filter_map(to_file).collect();
    let expected = links.map(|(name, _)| (name.to_owned(), name == "file"));
    assert_eq!(found, expected);
    let odd = &listing.unread[0];
    assert_eq!(odd.path, RepoPath::default());
    assert!(
        matches!(&odd.kind, UnreadKind::Name { name, is_folder: false } if name.ends_with("n.yaml") && name.len() < 200),
        "{odd:?}"
    );
}

#[test]
fn walks_end_at_their_deadline() {
    let (_folder, repo) = repository();
    let names: Vec<String> = (0..200).map(|number| format!("{number}.yaml")).collect();
    let list: Vec<(&str, u8, i32)> = names.iter().map(|name| (name.as_str(), 1, FILE)).collect();
    let tree = write(&repo, &files(&list));
    let over = Budget::of(std::time::Duration::ZERO);
    let listed = listing::list(&repo, tree, &[], 1000, &over).unwrap_err();
    let compared = tree::changes(&repo, tree, &[], tree::Selection::ALL, &over).unwrap_err();
    for error in [listed, compared] {
        assert!(error.to_string().contains("took more than"), "{error}");
    }
}

/// Folders that hold the next one ten times each: a listing of all files has no end.
fn nested(repo: &Repository) -> Oid {
    let mut tree = write(repo, &files(&[("a.yaml", 1, FILE)]));
    for _ in 0..12 {
        let mut builder = repo.treebuilder(None).unwrap();
        for name in 0..10 {
            builder.insert(name.to_string(), tree, 0o040_000).unwrap();
        }
        tree = builder.write().unwrap();
    }
    tree
}

#[test]
fn folders_that_hold_each_other_end_with_a_finding_and_are_not_walked_where_nothing_is_read() {
    let (_folder, repo) = repository();
    let mut builder = repo.treebuilder(None).unwrap();
    builder.insert("deep", nested(&repo), 0o040_000).unwrap();
    let apps = write(&repo, &files(&[("web.yaml", 2, FILE)]));
    builder.insert("apps", apps, 0o040_000).unwrap();
    let tree = builder.write().unwrap();
    let empty = repo.treebuilder(None).unwrap().write().unwrap();

    let listing = listing::list(&repo, tree, &[], 1000, &budget()).unwrap();
    assert!(listing.files.len() <= 1000);
    assert_eq!(
        listing.unread.last().map(|entry| &entry.kind),
        Some(&UnreadKind::TooMany(1000))
    );
    assert_eq!(
        tree::changes_of_files_only(&repo, tree, empty, &budget()).unwrap(),
        None
    );
    assert!(
        !tree::changes(&repo, tree, &[], tree::Selection::ALL, &budget())
            .unwrap()
            .is_empty()
    );

    let paths = [RepoPath::parse("apps").unwrap()];
    let listing = listing::list(&repo, tree, &paths, 1000, &budget()).unwrap();
    assert_eq!((listing.files.len(), listing.unread.len()), (1, 0));
    let changes = tree::changes(&repo, tree, &[empty], tree::Selection(&paths), &budget()).unwrap();
    assert_eq!(
        changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
        ["apps/web.yaml"]
    );
}
