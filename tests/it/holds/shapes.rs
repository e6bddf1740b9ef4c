use super::script::Script;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tidegate::agent::holds_of_clone;
use tidegate::automation::HistoryReader;
use tidegate::git::{DeployKey, HostKeys, KnownHosts, Limits, Local, Repo, RepoUrl, Settings};
use tidegate::history::Hold;
use tidegate::model::{Author, BranchName, CommitId, FieldId};
use tidegate::port::ConfigRepo;
use tidegate_stack::GitServer;
use tidegate_stack::git::{Access, Repo as BareRepo};

/// What the history is; its lines ([`Script`]), parted by `;`; what is held at its end, `object:tags`.
type Shape = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const ONE_LINE: &[Shape] = &[
    ("nothing happened",                   "say hello", ""),
    ("a bump stands",                      "bump web b", ""),
    ("a revert",                           "bump web b; revert --no-edit HEAD", "web:b"),
    ("a revert after other commits",       "bump web b; edit api c; revert --no-edit HEAD~1", "web:b"),
    ("a bump of many, reverted whole",     "bump web b api b; revert --no-edit HEAD", "api:b web:b"),
    ("one file of a bump of many",         "bump web b api b; checkout -q HEAD~1 -- web.yaml; commit -q -m back", "web:b"),
    ("a hand edit back",                   "bump web b; edit web a", "web:b"),
    ("a hand edit to a third tag",         "bump web b; edit web c", "web:b"),
    ("a hand edit of one of many",         "bump web b api b; edit api a", "api:b"),
    ("a revert of the revert",             "bump web b; revert --no-edit HEAD; revert --no-edit HEAD", ""),
    ("reverted three times",               "bump web b; revert --no-edit HEAD; revert --no-edit HEAD; revert --no-edit HEAD", "web:b"),
    ("taken up again by hand",             "bump web b; edit web a; edit web b", ""),
    ("people's own changes",               "edit web b; edit web a", ""),
    ("a bump follows a bump",              "bump web b; bump web c", ""),
    ("the newer of two reverted",          "bump web b; bump web c; revert --no-edit HEAD", "web:c"),
    ("both reverted one by one",           "bump web b; bump web c; revert --no-edit HEAD; revert --no-edit HEAD~2", "web:c,b"),
    ("both reverted at once",              "bump web b; bump web c; edit web a", "web:c"),
    ("both reverted in one commit",        "bump web b; bump web c; revert --no-commit HEAD HEAD~1; commit -q -m back", "web:c"),
    ("a bump after a revert",              "bump web b; revert --no-edit HEAD; bump web c", ""),
    ("and that one reverted too",          "bump web b; revert --no-edit HEAD; bump web c; revert --no-edit HEAD", "web:b,c"),
    ("a resume of the field",              "bump web b; edit web a; resume web", ""),
    ("a resume of another field",          "bump web b; edit web a; resume api", "web:b"),
    ("a resume of all",                    "bump web b api b; edit web a api a; resume all", ""),
    ("a resume before the revert",         "bump web b; resume all; edit web a", "web:b"),
    ("bumped and reverted after a resume", "bump web b; edit web a; resume web; bump web b; revert --no-edit HEAD", "web:b"),
    ("a word that is no trailer",          "bump web b; edit web a; say Tidegate-Resume: all", "web:b"),
    ("clocks an hour ahead",               "bump web b; clock 3600; revert --no-edit HEAD", "web:b"),
    ("clocks a year behind",               "bump web b; clock -31536000; revert --no-edit HEAD", "web:b"),
    ("a bump's clock a year ahead",        "clock 31536000; bump web b; clock 0; revert --no-edit HEAD", "web:b"),
    ("a revert of the revert, long ago",   "bump web b; edit web a; clock -31536000; revert --no-edit HEAD", ""),
    ("trailers lost by an amend",          "bump web b; commit -q --amend -m lost; edit web a", ""),
    ("a bump signed off",                  "bump web b; commit -q --amend --no-edit --signoff; edit web a", "web:b"),
    ("the revert of the newer reverted",   "bump web b; bump web c; revert --no-edit HEAD; revert --no-edit HEAD", ""),
    ("both reverted, the older taken up",  "bump web b; bump web c; revert --no-edit HEAD; revert --no-edit HEAD~2; revert --no-edit HEAD", "web:c"),
    ("both reverted, both taken up",       "bump web b; bump web c; revert --no-edit HEAD; revert --no-edit HEAD~2; revert --no-edit HEAD; revert --no-edit HEAD~2", ""),
    ("both reverted, the newer taken up",  "bump web b; bump web c; revert --no-edit HEAD; revert --no-edit HEAD~2; edit web c", "web:b"),
    ("back over two, taken up by hand",    "bump web b; bump web c; edit web a; edit web c", ""),
    ("back to a tag that is held",         "bump web b; edit web a; bump web c; edit web b", "web:c"),
    ("back by hand to an older bump",      "bump web b; bump web c; edit web b", "web:c"),
    ("back by hand over three bumps",      "bump web b; bump web c; bump web d; edit web b", "web:d"),
    ("down step by step by hand",          "bump web b; bump web c; bump web d; edit web c; edit web b; edit web a", "web:d,c,b"),
    ("forward by hand, then back",         "bump web b; edit web c; edit web b", ""),
    ("a range reverted",                   "bump web b; bump web c; revert --no-edit HEAD~2..HEAD", "web:c,b"),
    ("a whole file from long ago",         "bump web b; bump web c; edit api z; checkout -q HEAD~3 -- web.yaml; commit -q -m old", "web:c"),
    ("reverted with a file of its own",    "bump web b; revert --no-commit HEAD; mv web.yaml old.yaml; commit -q -m back", "web:b"),
    ("a revert amended",                   "bump web b; revert --no-edit HEAD; commit -q --amend -m reworded", "web:b"),
    ("reverted and edited on",             "bump web b; revert --no-commit HEAD; edit web 0", "web:b"),
    ("two agents, one taken back",         "as east; bump web b; as west; bump api b; as Jo; revert --no-edit HEAD~1", "web:b"),
    ("two agents, both taken back",        "as east; bump web b; as west; bump api b; as Jo; revert --no-edit HEAD HEAD~1", "api:b web:b"),
    ("an agent follows another's bump",    "as east; bump web b; as west; bump web c; as Jo; say hello", ""),
    ("and that is taken back",             "as east; bump web b; as west; bump web c; as Jo; edit web a", "web:c"),
    ("an agent moves another's bump back", "as east; bump web b; as west; bump web a", ""),
    ("what one set another's revert holds", "as east; bump web b; as Jo; revert --no-edit HEAD; as west; bump api b", "web:b"),
    ("a person with the agent's name",     "as tidegate; bump web b; edit web a", "web:b"),
    ("a file that was broken for a while", "bump web b; break web; mend web", ""),
    ("broken, then mended older",          "bump web b; break web; mend web; edit web a", "web:b"),
    ("held, broken and mended",            "bump web b; edit web a; break web; mend web", "web:b"),
    ("everything gone for a while",        "bump web b; edit web a; rm -q -r .; commit -q -m gone; revert --no-edit HEAD", "web:b"),
    ("a bump squashed with git's words",   "checkout -q -b pr; bump web b; edit api c; checkout -q main; merge -q --squash pr; commit -q --no-edit; edit web a", "web:b"),
    ("two bumps squashed with git's words", "checkout -q -b pr; bump web b; bump web c; checkout -q main; merge -q --squash pr; commit -q --no-edit; edit web a", "web:c"),
    ("a bump and its revert squashed",     "checkout -q -b pr; bump web b; edit web a; edit api c; checkout -q main; merge -q --squash pr; commit -q --no-edit", ""),
    ("the image named anew, then back",    "bump web b; retag web shop/new; edit web a", "web:b"),
    ("named anew and tagged at once",      "bump web b; fresh web shop/new 1", ""),
    ("named anew, tagged, and all undone", "bump web b; fresh web shop/new 1; revert --no-edit HEAD", ""),
    ("another change put into our bump",   "bump web b; edit api b; reset -q --soft HEAD~1; commit -q --amend --no-edit; edit web a api a", "web:b"),
    ("the image of a held field changes",  "bump web b; edit web a; retag web shop/other", ""),
    ("and comes back",                     "bump web b; edit web a; retag web shop/other; retag web shop/web", "web:b"),
];

#[rustfmt::skip]
const MOVED: &[Shape] = &[
    ("the file renamed before the revert", "bump web b; mv web.yaml new.yaml; commit -q -m mv; revert --no-edit HEAD~1", "web:b"),
    ("the file renamed after the revert",  "bump web b; revert --no-edit HEAD; mv web.yaml new.yaml; commit -q -m mv", "web:b"),
    ("the file renamed, bump stands",      "bump web b; mv web.yaml new.yaml; commit -q -m mv", ""),
    ("renamed with the hand edit",         "bump web b; mv web.yaml new.yaml; edit web a", "web:b"),
    ("renamed away and back",              "bump web b; edit web a; mv web.yaml n.yaml; commit -q -m mv; mv n.yaml web.yaml; commit -q -m mv", "web:b"),
    ("the object into another file",       "bump web b; edit web a; into web api.yaml", "web:b"),
    ("the object moved, then edited back", "bump web b; into web api.yaml; edit web a", "web:b"),
    ("moved to a file, bump stands",       "bump web b; into web api.yaml", ""),
    ("moved twice",                        "bump web b; into web api.yaml; edit web a; into web more.yaml", "web:b"),
    ("the container renamed, bump stands", "bump web b; name web app", ""),
    ("renamed after the revert",           "bump web b; edit web a; name web app", "web/app:b"),
    ("renamed before the revert",          "bump web b; name web app; edit web a", "web/app:b"),
    ("renamed and the rename reverted",    "bump web b; edit web a; name web app; revert --no-edit HEAD", "web:b"),
    ("renamed, taken up again",            "bump web b; edit web a; name web app; edit web b", ""),
    ("into another folder",                "bump web b; into web apps/web.yaml; edit web a", "web:b"),
    ("into another folder, held",          "bump web b; edit web a; into web apps/web.yaml", "web:b"),
    ("another ending of the name",         "bump web b; mv web.yaml web.yml; commit -q -m mv; edit web a", "web:b"),
    ("away from manifests and back",       "bump web b; edit web a; mv web.yaml web.txt; commit -q -m mv; mv web.txt web.yaml; commit -q -m mv", "web:b"),
    ("two files swap their names",         "bump web b; edit web a; mv web.yaml x; mv api.yaml web.yaml; mv x api.yaml; commit -q -m swap", "web:b"),
    ("moved with the revert",              "bump web b; revert --no-commit HEAD; into web api.yaml", "web:b"),
    ("renamed in the revert itself",       "bump web b; revert --no-commit HEAD; name web app", "web/app:b"),
    ("renamed in a hand edit",             "bump web b; both web app a", "web/app:b"),
    ("renamed and bumped, both undone",    "bump web b; name web app; revert --no-edit HEAD; revert --no-edit HEAD~2", "web:b"),
    ("renamed twice",                      "bump web b; edit web a; name web app; name web front", "web/front:b"),
    ("the workload removed",               "bump web b; edit web a; drop web", ""),
    ("removed and added again as it was",  "bump web b; drop web; add web b", ""),
    ("removed and added again older",      "bump web b; drop web; add web a", "web:b"),
    ("held, removed and added again",      "bump web b; edit web a; drop web; add web a", "web:b"),
    ("the removal reverted",               "bump web b; drop web; revert --no-edit HEAD", ""),
    ("a file that cannot be read between", "bump web b; edit web a; rm -q api.yaml; commit -q -m rm; add api a", "web:b"),
];

#[rustfmt::skip]
const BRANCHES: &[Shape] = &[
    ("a branch that still has the bump",   "bump web b; checkout -q -b pr; edit api c; checkout -q main; edit web a; merge -q --no-ff -m m pr", "web:b"),
    ("and main merged into it",            "bump web b; checkout -q -b pr; edit api c; checkout -q main; edit web a; checkout -q pr; merge -q -m m main; checkout -q main; merge -q --ff-only pr", "web:b"),
    ("reverted on both sides",             "bump web b; checkout -q -b pr; edit web a; checkout -q main; edit web a; merge -q --no-ff -m m pr", "web:b"),
    ("reverted here, taken up there",      "bump web b; checkout -q -b pr; edit web a; checkout -q main; edit web a; edit web b; merge -q --no-ff -m m pr", "web:b"),
    ("a bump by merge, the merge reverted", "checkout -q -b pr; bump web b; checkout -q main; edit api c; merge -q --no-ff -m m pr; revert --no-edit -m 1 HEAD", "web:b"),
    ("a bump by merge, taken back by hand", "checkout -q -b pr; bump web b; checkout -q main; edit api c; merge -q --no-ff -m m pr; edit web a", "web:b"),
    ("a bump by rebase, reverted",         "checkout -q -b pr; bump web b; checkout -q main; edit api c; checkout -q pr; rebase -q main; checkout -q main; merge -q --ff-only pr; revert --no-edit HEAD", "web:b"),
    ("a bump by squash, its trailers kept", "checkout -q -b pr; bump web b; checkout -q main; merge -q --squash pr; commit -q -C pr; revert --no-edit HEAD", "web:b"),
    ("a merge that drops a branch's bump", "checkout -q -b pr; bump web b; checkout -q main; edit api c; merge -q -s ours -m m pr", "web:b"),
    ("a revert of many by merge",          "bump web b api b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; say on; merge -q --no-ff -m m pr", "api:b web:b"),
    ("one of many by squash",              "bump web b api b; checkout -q -b pr; edit web a; checkout -q main; say on; merge -q --squash pr; commit -q -m s", "web:b"),
    ("the revert of the newer by merge, undone by merge", "bump web b; bump web c; checkout -q -b p1; revert --no-edit HEAD; checkout -q main; merge -q --no-ff -m m p1; checkout -q -b p2; edit web c; checkout -q main; merge -q --no-ff -m m p2", ""),
    ("a revert picked from another branch", "bump web b; checkout -q -b rel; revert --no-edit HEAD; checkout -q main; cherry-pick rel", "web:b"),
    ("a held branch becomes main",         "bump web b; checkout -q -b rel; edit web a; checkout -q main; edit api c; checkout -q -B main rel", "web:b"),
    ("main rewritten without the bump",    "bump web b; edit api c; edit web a; rebase -q --onto HEAD~3 HEAD~2 main -X theirs", ""),
    ("a revert by merge",                  "bump web b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; merge -q --no-ff -m m pr", "web:b"),
    ("by merge, main went on",             "bump web b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; bump api b; merge -q --no-ff -m m pr", "web:b"),
    ("by squash",                          "bump web b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; merge -q --squash pr; commit -q -m s", "web:b"),
    ("by squash with git's own message",   "bump web b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; merge -q --squash pr; commit -q --no-edit", "web:b"),
    ("by rebase",                          "bump web b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; bump api b; checkout -q pr; rebase -q main; checkout -q main; merge -q --ff-only pr", "web:b"),
    ("by fast forward",                    "bump web b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; merge -q --ff-only pr", "web:b"),
    ("the merged revert reverted",         "bump web b; checkout -q -b pr; revert --no-edit HEAD; checkout -q main; merge -q --no-ff -m m pr; revert --no-edit -m 1 HEAD", ""),
    ("a merge that brings nothing",        "bump web b; checkout -q -b pr; edit api c; checkout -q main; merge -q --no-ff -m m pr", ""),
    ("an old branch merged",               "checkout -q -b pr; edit api c; checkout -q main; bump web b; merge -q --no-ff -m m pr", ""),
    ("main merged into an old branch",     "checkout -q -b pr; edit api c; checkout -q main; bump web b; checkout -q pr; merge -q -m m main; checkout -q main; merge -q --ff-only pr", ""),
    ("and then reverted",                  "checkout -q -b pr; edit api c; checkout -q main; bump web b; checkout -q pr; merge -q -m m main; checkout -q main; merge -q --ff-only pr; edit web a", "web:b"),
    ("a merge resolved to an older pin",   "checkout -q -b pr; edit web c; checkout -q main; bump web b; merge -q -X theirs -m m pr", "web:b"),
    ("a pin that overrules from its branch", "checkout -q -b pr; edit web c; checkout -q main; bump web b; checkout -q pr; merge -q -X ours -m m main; checkout -q main; merge -q --no-ff -m m pr", "web:b"),
    ("a merge resolved to our bump",       "checkout -q -b pr; edit web c; checkout -q main; bump web b; merge -q -X ours -m m pr", ""),
    ("a merge that throws our bump away",  "checkout -q -b pr; edit api c; checkout -q main; bump web b; checkout -q pr; merge -q -s ours -m m main; checkout -q main; merge -q --ff-only pr", "web:b"),
    ("a stale branch of an overtaken bump", "bump web b; checkout -q -b pr; edit api c; checkout -q main; bump web c; merge -q --no-ff -m m pr", ""),
    ("from the branch's side",             "bump web b; checkout -q -b pr; edit api c; checkout -q main; bump web c; checkout -q pr; merge -q -m m main; checkout -q main; merge -q --ff-only pr", ""),
    ("a branch from within the hold",      "bump web b; revert --no-edit HEAD; checkout -q -b pr; edit api c; checkout -q main; revert --no-edit HEAD; merge -q --no-ff -m m pr", ""),
    ("within the hold, then a newer bump", "bump web b; revert --no-edit HEAD; checkout -q -b pr; edit api c; checkout -q main; revert --no-edit HEAD; bump web c; merge -q --no-ff -m m pr", ""),
    ("a resume on a branch",               "bump web b; edit web a; checkout -q -b pr; resume web; checkout -q main; edit api c; merge -q --no-ff -m m pr", ""),
    ("a resume beside the revert",         "bump web b; checkout -q -b pr; resume all; checkout -q main; edit web a; merge -q --no-ff -m m pr", "web:b"),
    ("a bump picked to another branch",    "checkout -q -b rel; checkout -q main; bump web b; checkout -q rel; cherry-pick main; checkout -q -B main; edit web a", "web:b"),
    ("picked with -x",                     "checkout -q -b rel; checkout -q main; bump web b; checkout -q rel; cherry-pick -x main; checkout -q -B main; edit web a", "web:b"),
    ("picked onto another old tag",        "checkout -q -b rel; edit web 0; checkout -q main; bump web b; checkout -q rel; cherry-pick -X theirs main; checkout -q -B main; edit web 0", "web:b"),
    ("picked to a branch, main reverted",  "checkout -q -b rel; checkout -q main; bump web b; checkout -q rel; cherry-pick main; checkout -q main; edit web a; checkout -q -B main rel", ""),
    ("a bump picked, and taken back by merge", "checkout -q -b rel; checkout -q main; bump web b; checkout -q rel; cherry-pick main; checkout -q -b pr; revert --no-edit HEAD; checkout -q rel; merge -q --no-ff -m m pr; checkout -q -B main", "web:b"),
    ("one file of many by merge",          "bump web b api b; checkout -q -b pr; checkout -q HEAD~1 -- web.yaml; commit -q -m back; checkout -q main; say on; merge -q --no-ff -m m pr", "web:b"),
    ("one file of many by rebase",         "bump web b api b; checkout -q -b pr; edit web a; checkout -q main; say on; checkout -q pr; rebase -q main; checkout -q main; merge -q --ff-only pr", "web:b"),
    ("two agents on lines beside each other", "checkout -q -b pr; as east; bump web b; checkout -q main; as west; bump api b; merge -q --no-ff -m m pr; as Jo; edit web a api a", "api:b web:b"),
    ("reset to before, then on from there", "bump web b; edit web a; edit api c; reset -q --hard HEAD~3; edit api d", ""),
    ("reset to before the bump",           "bump web b; edit web a; reset -q --hard HEAD~2", ""),
    ("reset to the bump",                  "bump web b; edit web a; reset -q --hard HEAD~1", ""),
    ("reset, then bumped and reverted",    "bump web b; reset -q --hard HEAD~1; bump web c; edit web a", "web:c"),
    ("trailers lost by a squash",          "checkout -q -b pr; bump web b; checkout -q main; merge -q --squash pr; commit -q -m s; edit web a", ""),
    ("three lines merged at once",         "bump web b; checkout -q -b p1; edit web a; checkout -q -b p2 main; edit api c; checkout -q main; merge -q --no-ff -m m p1 p2", "web:b"),
    ("a history without a common root",    "bump web b; edit web a; checkout -q --orphan o; commit -q -m o; checkout -q main; merge -q --allow-unrelated-histories -s ours -m m o", "web:b"),
];

struct Scene {
    server: GitServer,
    key: Arc<DeployKey>,
}

type Holds = BTreeMap<FieldId, Hold>;

async fn from_nothing(repo: &impl ConfigRepo, tip: CommitId) -> Holds {
    let mut history_reader = HistoryReader::default();
    history_reader.read(repo, tip).await.unwrap().holds.clone()
}

impl Scene {
    fn start() -> Self {
        let server = GitServer::start().unwrap();
        let key = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
        server
            .authorize(&key.public_line("tidegate"), Access::ReadOnly)
            .unwrap();
        Self { server, key }
    }

    fn open(&self, bare: &BareRepo, folder: &tempfile::TempDir) -> Repo {
        let settings = Settings {
            url: RepoUrl::parse(bare.url()).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            mirror_dir: folder.path().to_owned(),
            paths: Vec::new(),
            key: Arc::clone(&self.key),
            host_keys: HostKeys::Given(KnownHosts::parse(&self.server.known_hosts_lines().join("\n")).unwrap()),
            author: Author::parse("Tidegate <tidegate@acme.example>").unwrap(),
            http: Default::default(),
            timeout: Duration::from_secs(20),
            limits: Limits::default(),
        };
        Repo::open(settings).unwrap()
    }

    /// Plays a history. At each commit of `main` on the way, an agent that has watched from the beginning and one that
    /// starts from nothing must know the same; at the end also over SSH, and in the answer to the user.
    async fn play(&self, index: usize, (what, lines, want): Shape) -> Option<String> {
        let bare = self.server.create_repo(&format!("shape-{index}")).unwrap();
        let mut script = Script::begin(&bare);
        let local = Local::open(script.copy.path(), Some("main")).unwrap();
        let mut watching = HistoryReader::default();
        for line in lines.split(';').map(str::trim) {
            script.run(line);
            let Some(tip) = script.on_main() else { continue };
            let tip = CommitId::parse(&tip).unwrap();
            let watched = watching.read(&local, tip).await.unwrap().holds.clone();
            assert_eq!(watched, from_nothing(&local, tip).await, "{what}, after {line}");
        }
        script.copy.git(&["push", "-q", "--force", "origin", "main"]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let remote = self.open(&bare, &folder);
        let tip = remote.fetch().await.unwrap();
        assert_eq!(
            from_nothing(&remote, tip).await,
            from_nothing(&local, tip).await,
            "{what}"
        );
        let held = holds_of_clone(bare.path(), Some("main")).await.unwrap();
        let shown: Vec<String> = held
            .holds
            .iter()
            .map(|held| {
                let container = if held.field == "main" {
                    String::new()
                } else {
                    format!("/{}", held.field)
                };
                let tags: Vec<&str> = held.rejected.iter().map(|tag| tag.as_str()).collect();
                format!("{}{container}:{}", held.object.name, tags.join(","))
            })
            .collect();
        let got = shown.join(" ");
        (got != want).then(|| format!("{what}: {got:?}, not {want:?}"))
    }

    async fn play_all(shapes: &[Shape]) {
        println!(
            "{} of {} histories",
            shapes.len(),
            ONE_LINE.len() + MOVED.len() + BRANCHES.len()
        );
        let scene = Self::start();
        let mut wrong = Vec::new();
        for (index, shape) in shapes.iter().enumerate() {
            wrong.extend(scene.play(index, *shape).await);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[tokio::test]
async fn what_people_took_back_on_one_line_is_held() {
    Scene::play_all(ONE_LINE).await;
}

#[tokio::test]
async fn what_people_took_back_is_held_wherever_the_object_went() {
    Scene::play_all(MOVED).await;
}

#[tokio::test]
async fn what_people_took_back_is_held_through_branches_and_merges() {
    Scene::play_all(BRANCHES).await;
}
