//! Commits of some kilobytes that are made to cost much memory or time: the agent stays within its memory, names what it does not
//! read, applies and bumps everything else, and goes on after the revert.

use super::scene::{AUTOMATED, Scene, config_map, logged, workload};
use std::fmt::Write as _;
use tidegate_stack::agent::Agent;
use tidegate_stack::git::Repo;
use tidegate_stack::process::memory_kib;
use tidegate_stack::{ControlPlane, agent::Options};

/// The memory limit of the chart.
const MEMORY: u64 = 512 << 20;

/// The most memory that the agent has had so far.
fn peak(agent: &mut Agent) -> u64 {
    let pid = agent.process().unwrap().pid();
    memory_kib(pid, "VmHWM").unwrap() << 10
}

/// Commits what a stream of `git fast-import` says, on top of the branch.
fn import(repo: &Repo, changes: &[u8]) {
    let mut stream = b"commit refs/heads/main\ncommitter Mallory <m@example.com> 1700000000 +0000\ndata 1\nx\n\
                       from refs/heads/main^0\n"
        .to_vec();
    stream.extend_from_slice(changes);
    repo.git_bytes(&["fast-import", "--quiet"], &stream).unwrap();
}

fn blob(repo: &Repo, content: &[u8]) -> String {
    let id = repo.git_bytes(&["hash-object", "-w", "--stdin"], content).unwrap();
    String::from_utf8(id).unwrap().trim().to_owned()
}

/// Folders that hold the next one ten times each: ten to the power of nine files.
fn nested(repo: &Repo, folder: &str) {
    let file = blob(repo, b"# nothing\n");
    let mut entries = format!("100644 blob {file}\ta.yaml\n");
    for _ in 0..10 {
        let tree = repo.git_bytes(&["mktree"], entries.as_bytes()).unwrap();
        let tree = String::from_utf8(tree).unwrap();
        entries = String::new();
        for name in 0..10 {
            writeln!(entries, "040000 tree {}\t{name}", tree.trim()).unwrap();
        }
    }
    let tree = repo.git_bytes(&["mktree"], entries.as_bytes()).unwrap();
    let tree = String::from_utf8(tree).unwrap();
    import(repo, format!("M 040000 {} {folder}/deep\n", tree.trim()).as_bytes());
}

/// Forty names for one file with an annotation of a quarter of a megabyte, which is a list of paths: nine megabytes of memory each.
fn many_paths(repo: &Repo, folder: &str) {
    let paths = "/a,".repeat(87_000);
    let file = format!(
        "{{apiVersion: example.com/v1, kind: Large, metadata: {{name: large, annotations: {{tidegate.dev/ignore-fields: \"{paths}\"}}}}}}\n"
    );
    let file = blob(repo, file.as_bytes());
    let changes: String = (0..40)
        .map(|name| format!("M 100644 {file} {folder}/paths/{name}.yaml\n"))
        .collect();
    import(repo, changes.as_bytes());
}

/// Twelve names for one file of half a megabyte, which is all small maps: forty megabytes of memory each.
fn many_names(repo: &Repo, folder: &str) {
    names_of(repo, folder, "{a: 1}, ");
}

/// The same names for another file, so that nothing of the commit before can be kept.
fn other_names(repo: &Repo, folder: &str) {
    names_of(repo, folder, "{b: 2}, ");
}

fn names_of(repo: &Repo, folder: &str, map: &str) {
    let maps = map.repeat(60_000);
    let file = format!("{{apiVersion: example.com/v1, kind: Large, metadata: {{name: large}}, spec: [{maps}]}}\n");
    let file = blob(repo, file.as_bytes());
    let changes: String = (0..12)
        .map(|name| format!("M 100644 {file} {folder}/many/{name}.yaml\n"))
        .collect();
    import(repo, changes.as_bytes());
}

/// Thirty kustomizations, each of which builds on the one before and changes a large object and an automated workload.
fn chain(repo: &Repo, folder: &str) {
    let maps = "{a: 1}, ".repeat(60_000);
    let large = format!("{{apiVersion: example.com/v1, kind: Large, metadata: {{name: large}}, spec: [{maps}]}}\n");
    let large = blob(repo, large.as_bytes());
    let web = blob(
        repo,
        workload("chain", "web", "shop/web:1.0.0", &[AUTOMATED]).as_bytes(),
    );
    let mut changes =
        format!("M 100644 {large} {folder}/chain/0/large.yaml\nM 100644 {web} {folder}/chain/0/web.yaml\n");
    for level in 0..=30 {
        let text = match level {
            0 => "resources: [large.yaml, web.yaml]\n".to_owned(),
            _ => format!("resources: [../{}]\nnamespace: n{level}\n", level - 1),
        };
        let file = blob(repo, text.as_bytes());
        writeln!(changes, "M 100644 {file} {folder}/chain/{level}/kustomization.yaml").unwrap();
    }
    import(repo, changes.as_bytes());
}

/// Two versions of a file of zeros that has 300 MB, so that one is a delta of the other.
fn zeros(repo: &Repo, folder: &str) {
    let mut content = vec![0; 300 << 20];
    for last in [1, 2] {
        *content.last_mut().unwrap() = last;
        let file = blob(repo, &content);
        import(repo, format!("M 100644 {file} {folder}/zeros.yaml\n").as_bytes());
    }
    repo.git(&["repack", "-q", "-a", "-d", "-f"]).unwrap();
}

/// Four hundred commits with messages of 300 kB each.
fn long_messages(repo: &Repo, _: &str) {
    let message = "m".repeat(300_000);
    let mut stream = String::new();
    for number in 0..400 {
        let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
        write!(
            stream,
            "commit refs/heads/main\ncommitter Mallory <m@example.com> {} +0000\ndata {}\n{message}\n{from}",
            1_700_000_000 + number,
            message.len()
        )
        .unwrap();
    }
    repo.git_bytes(&["fast-import", "--quiet"], stream.as_bytes()).unwrap();
}

/// A case: its name, what it commits one after the other, and a part of the finding if the folder is read.
type Case = (&'static str, &'static [fn(&Repo, &str)], &'static str);

const CASES: [Case; 6] = [
    ("nested", &[nested], "more than 100000 files and folders"),
    ("names", &[many_names, other_names, many_names], ""),
    ("paths", &[many_paths], "takes too much memory"),
    ("chain", &[chain], "more objects than fit into memory"),
    ("zeros", &[zeros], "larger than 4 MiB"),
    ("messages", &[long_messages], ""),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_made_to_be_large_costs_a_finding_and_the_agent_goes_on() {
    let name = "bad-large";
    let cluster = ControlPlane::shared().await.unwrap();
    let files = [
        ("apps/web.yaml", workload(name, "web", "shop/web:1.0.0", &[AUTOMATED])),
        ("apps/some.yaml", config_map(name, "some", "start")),
    ];
    let scene = Scene::set(&cluster, name, &files).await;
    scene.repo.unchecked("its objects are large on purpose");
    scene.pushed("shop/web", "1.0.0");
    let options = Options {
        repo_more: "  paths: [namespace.yaml, apps]\n".into(),
        ..scene.options()
    };
    let mut agent = scene.agent(options, tidegate_stack::git::Access::ReadWrite).await;
    agent.run().await.unwrap();
    scene.applied("some", "start").await;
    let mut bumps = 0;
    for (case, commits, finding) in CASES {
        for folder in ["other", "apps"] {
            let before = scene.repo.tip().unwrap().unwrap();
            for (number, commit) in commits.iter().enumerate() {
                commit(&scene.repo, folder);
                // Everything else goes on.
                let value = format!("{case} in {folder}, {number}");
                let map = config_map(name, "some", &value);
                let change = format!("M 100644 inline apps/some.yaml\ndata {}\n{map}\n", map.len());
                import(&scene.repo, change.as_bytes());
                scene.applied("some", &value).await;
            }
            if folder == "apps" && !finding.is_empty() {
                logged(&mut agent, &["WARN", "apps/", finding]).await;
            }
            // The revert: the tree from before, in a new commit.
            let tip = scene.repo.tip().unwrap().unwrap();
            let tree = format!("{before}^{{tree}}");
            let reverted = scene
                .repo
                .git(&["commit-tree", &tree, "-p", &tip, "-m", "Revert"])
                .unwrap();
            scene
                .repo
                .git(&["update-ref", "refs/heads/main", reverted.trim(), &tip])
                .unwrap();
            bumps += 1;
            let tag = format!("1.0.{bumps}");
            scene.pushed("shop/web", &tag);
            scene.committed("apps/web.yaml", &format!("shop/web:{tag}")).await;
            scene.runs("web", &tag).await;
            let peak = peak(&mut agent);
            println!("{case} in {folder}: at most {} MiB", peak >> 20);
            assert!(peak < MEMORY, "{case} in {folder}: {} MiB", peak >> 20);
        }
    }
}
