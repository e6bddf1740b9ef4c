//! Five others commit to the branch while tags appear: every tag lands once or is superseded, and none of their commits is
//! harmed. How soon is printed and not asserted, since that depends on what else the machine does: see `make rivals`.
//!
//! Together they make five commits a second inside the server's repository, as a forge does and as in the measurements of
//! others: on the way of a push they would lose to the agent more often than not. Three of four write a file of their
//! own, the fourth changes another line of a file that the agent bumps.

use super::random::number;
use super::scene::{SOON, Scene, file, image, workload};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tidegate_stack::git::Repo;

const WRITERS: u32 = 5;
/// Between two commits of one writer: five of them make five a second.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two tags.
const TAG_EVERY: Duration = Duration::from_millis(250);
const WORKLOADS: usize = 20;
/// As in the measurements of others: 2,000 folders of ten.
const FOLDERS: usize = 2_000;
/// `make rivals` makes 200 tags appear.
const TAGS: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn tags_land_once_while_five_others_push_to_a_small_repository() {
    raced(0, "Flux v2: 4 of 10 pushes lost, policy -> commit p50 1.3 s, max 3.5 s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_land_once_while_five_others_push_to_a_repository_of_twenty_thousand_files() {
    let flux = "Flux v2: 7 of 7 pushes lost in 90 s at 1.65 commits/s; landed 35 s after the others had stopped";
    raced(FOLDERS, flux).await;
}

async fn raced(folders: usize, flux: &str) {
    let tags = number("TAGS").unwrap_or(TAGS);
    let names: Vec<String> = (0..WORKLOADS).map(|number| format!("app-{number:02}")).collect();
    let mut scene = Scene::with(|repo| seed(repo, &names, folders), |_| {}).await;
    for name in &names {
        scene.push(name, "before");
    }
    let begin = Instant::now();
    scene.agent.run().await.unwrap();
    scene.agent.post("/v1/scan", "{}", SOON).await.unwrap();
    scene.landed(&names[0], "before").await;
    println!("first reading and first bump: {:.1} s", begin.elapsed().as_secs_f64());

    let (enough, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let landings = watch(scene.repo.clone(), Arc::clone(&over));
    let rivals: Vec<_> = (0..WRITERS)
        .map(|number| rival(number, &scene.repo, &names, Arc::clone(&enough)))
        .collect();
    let mut appeared = BTreeMap::new();
    let before = pushes(&scene).await;
    let begin = Instant::now();
    for number in 0..tags {
        let name = &names[usize::try_from(number).unwrap() % WORKLOADS];
        let tag = format!("tag-{number:04}");
        appeared.insert(format!("{}:{tag}", image(name)), Instant::now());
        scene.push(name, &tag);
        let asking = format!("{{\"repository\": \"{}\"}}", image(name));
        let agent = scene.agent.caller();
        tokio::spawn(async move {
            // The sender of a webhook sends it again if too many are waiting.
            while agent
                .post("/v1/scan", &asking, SOON)
                .await
                .is_ok_and(|(status, _)| status == 429)
            {
                tokio::time::sleep(TAG_EVERY).await;
            }
        });
        tokio::time::sleep(TAG_EVERY).await;
    }
    // A machine that is busy with other work may win no race at all, so the last tags may land after the others' end.
    let took = begin.elapsed();
    enough.store(true, Ordering::SeqCst);
    let theirs: Vec<Theirs> = rivals.into_iter().map(|rival| rival.join().unwrap()).collect();
    for number in tags.saturating_sub(WORKLOADS as u64)..tags {
        let name = &names[usize::try_from(number).unwrap() % WORKLOADS];
        scene.landed(name, &format!("tag-{number:04}")).await;
    }
    over.store(true, Ordering::SeqCst);
    let landings = landings.join().unwrap();
    let after = pushes(&scene).await;

    let verdict = scene.judged();
    // On a slow machine a tag may be superseded before its pass; the last tag of each workload was waited for above.
    assert!(verdict.landed() >= WORKLOADS, "{verdict}");
    let history: BTreeSet<String> = scene.repo.log().unwrap().into_iter().map(|commit| commit.id).collect();
    let commits: Vec<&String> = theirs.iter().flat_map(|theirs| &theirs.commits).collect();
    assert!(commits.iter().all(|commit| history.contains(*commit)));

    let waited = |(what, at): (&String, &Instant)| Some(*landings.get(what)? - *at);
    let mut waits: Vec<Duration> = appeared.iter().filter_map(waited).collect();
    waits.sort();
    let at = |share: usize| waits[(waits.len() * share / 100).min(waits.len() - 1)];
    let (landed, lost) = (after.0 - before.0, after.1 - before.1);
    println!(
        "{} files: {tags} tags in {:.0} s beside {} commits of {WRITERS} others ({:.1} a second; they lost {} races): landed after p50 {:.2}, \
         p99 {:.2} (goal 2), max {:.2} s; {:.2} pushes for a commit ({landed} landed, {lost} lost)\n  {verdict}\n  {flux}",
        folders * 10 + WORKLOADS,
        took.as_secs_f64(),
        commits.len(),
        per_second(commits.len(), took),
        theirs.iter().map(|theirs| theirs.lost).sum::<usize>(),
        at(50).as_secs_f64(),
        at(99).as_secs_f64(),
        at(100).as_secs_f64(),
        (landed + lost) / landed,
    );
}

fn per_second(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64()
}

fn seed(repo: &Repo, names: &[String], folders: usize) {
    let workloads = names.iter().map(|name| (file(name), workload(name, "old")));
    let others = (0..folders * 10).map(|number| {
        let name = format!("settings-{number:05}");
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\ndata:\n  value: \"{number}\"\n"
        );
        (format!("teams/team-{:04}/{name}.yaml", number / 10), text)
    });
    let files: Vec<(String, String)> = workloads.chain(others).collect();
    repo.import(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
        .unwrap();
}

/// What a rival did.
#[derive(Default)]
struct Theirs {
    commits: Vec<String>,
    lost: usize,
}

fn rival(number: u32, repo: &Repo, names: &[String], enough: Arc<AtomicBool>) -> std::thread::JoinHandle<Theirs> {
    let (repo, names) = (repo.clone(), names.to_vec());
    std::thread::spawn(move || {
        let mut theirs = Theirs::default();
        let mut next = Instant::now() + PAUSE / WRITERS * number;
        while !enough.load(Ordering::SeqCst) {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            next += PAUSE;
            let count = theirs.commits.len();
            loop {
                if let Some(commit) = commit(&repo, number, count, &names) {
                    theirs.commits.push(commit);
                    break;
                }
                theirs.lost += 1;
            }
        }
        theirs
    })
}

fn commit(repo: &Repo, number: u32, count: usize, names: &[String]) -> Option<String> {
    let base = repo.tip_now().unwrap();
    let (who, message) = (format!("rival-{number}"), format!("Rival {number}, commit {count}"));
    let (path, text) = if count % 4 == 3 {
        let path = file(&names[count % names.len()]);
        let text = repo.file_at(&base, &path).unwrap();
        let line = text.lines().find(|line| line.contains("replicas:")).unwrap();
        let text = text.replace(line, &format!("  replicas: {number}{count:03}"));
        (path, text)
    } else {
        (format!("notes/rival-{number}.txt"), format!("{count}\n"))
    };
    repo.advance(&who, &base, &message, &[(&path, &text)]).unwrap()
}

/// Watches the branch, and returns when each `image:tag` landed.
fn watch(repo: Repo, over: Arc<AtomicBool>) -> std::thread::JoinHandle<BTreeMap<String, Instant>> {
    std::thread::spawn(move || {
        let mut landings = BTreeMap::new();
        let mut known = repo.tip().unwrap().unwrap();
        loop {
            let last = over.load(Ordering::SeqCst);
            let tip = repo.tip_now().unwrap();
            let seen = Instant::now();
            if tip != known {
                let messages = repo.git(&["log", "--format=%B", &format!("{known}..{tip}")]).unwrap();
                for line in messages.lines().filter(|line| line.starts_with("Tidegate-Bump: ")) {
                    let word = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)).unwrap();
                    let what = format!("{}:{}", word("image="), word("new="));
                    landings.entry(what).or_insert(seen);
                }
                known = tip;
            }
            if last {
                return landings;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}

/// The agent's pushes so far: landed and lost.
async fn pushes(scene: &Scene) -> (f64, f64) {
    let (_, text) = scene.agent.get("/metrics").await.unwrap();
    let count = |outcome: &str| {
        let name = format!("tidegate_git_push_total{{outcome=\"{outcome}\"}}");
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(&name)?.trim().parse().ok());
        value.unwrap_or(0.0)
    };
    (count("landed"), count("lost"))
}
