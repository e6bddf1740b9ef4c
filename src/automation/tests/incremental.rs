//! Random sequences of events: after each event the decisions that are kept from pass to pass are those that an agent makes
//! that starts from nothing.

use super::scene::Scene;
use crate::automation::decision_cache::DecisionCache;
use crate::automation::history_reader::HistoryReader;
use crate::automation::inputs::Inputs;
use crate::driver::Pass as _;
use crate::history::Resume;
use crate::model::{Digest, FieldId, FieldName, ObjectId, Repository, Tag};
use crate::plan::{BumpPlan, Outcome as Decided};
use crate::policy::{INDEX_MEDIA_TYPES, Platform};
use crate::port::{ListFailure, Listing, PlatformAnswer, Scan, ScanState, TaggedImage};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const REPOSITORIES: [&str; 2] = ["shop/web", "shop/api"];
const TAGS: [&str; 8] = [
    "1.0.0", "1.1.0", "1.2.0", "2.0.0", "main-1", "main-2", "latest", "stable",
];
const POLICIES: [&str; 6] = [
    "semver:*",
    "semver:~1",
    "glob:*",
    "glob:main-*",
    "numeric:(\\d+)$",
    "digest:stable",
];
const FILES: [&str; 3] = ["web.yaml", "api.yaml", "job.yaml"];

/// What happens, and three numbers that say to what.
type Event = (u8, u8, u8, u8);

/// A workload with a container for each repository.
#[derive(Clone, Default)]
struct Workload {
    tags: [usize; 2],
    policy: usize,
    digest: Option<u8>,
    is_locked: bool,
    /// The group that the workload is in, if any.
    group: usize,
    /// Lines above the images, so that their positions change.
    lines: usize,
}

fn repository(index: usize) -> Repository {
    Repository {
        host: "registry.example".to_owned(),
        path: REPOSITORIES[index].to_owned(),
    }
}

impl Workload {
    fn text(&self, name: &str) -> String {
        let lines = "# a line\n".repeat(self.lines);
        let locked = if self.is_locked {
            ", tidegate.dev/locked: \"true\""
        } else {
            ""
        };
        let group = [
            String::new(),
            ", tidegate.dev/group: shop".to_owned(),
            ", tidegate.dev/group.web: shop".to_owned(),
        ];
        let group = &group[self.group];
        let pinned = self.digest.map_or(String::new(), |number| {
            format!("@{}", Digest::numbered(usize::from(number)))
        });
        let image = |index: usize| {
            format!(
                "registry.example/{}:{}{pinned}",
                REPOSITORIES[index], TAGS[self.tags[index]]
            )
        };
        format!(
            "{lines}apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: shop\n  annotations: \
             {{tidegate.dev/automated: \"true\", tidegate.dev/policy: '{}'{locked}{group}}}\nspec:\n  template:\n    spec:\n      \
             containers:\n      - name: web\n        image: {}\n      - name: api\n        image: {}\n",
            POLICIES[self.policy],
            image(0),
            image(1),
        )
    }
}

struct World {
    scene: Scene,
    workloads: [Workload; 3],
    listed: [BTreeMap<usize, TaggedImage>; 2],
    /// What the last scan of each repository found: tags, or a failure.
    scanned: [Option<Option<&'static str>>; 2],
    /// How often a decision waited for digests that had been left out.
    waited: usize,
    hour: i64,
}

impl World {
    async fn new() -> Self {
        let workloads = <[Workload; 3]>::default();
        let scene = Scene::with(&workloads[0].text("web"), None).await;
        let mut world = Self {
            scene,
            workloads,
            listed: Default::default(),
            scanned: [None; 2],
            waited: 0,
            hour: 0,
        };
        for file in 1..FILES.len() {
            world.commit(file, "Add").await;
        }
        world.kept().await;
        world
    }

    async fn commit(&mut self, file: usize, message: &str) {
        let name = FILES[file].trim_end_matches(".yaml");
        let text = self.workloads[file].text(name);
        self.scene.repo.person_commits(message, &[(FILES[file], &text)]);
        self.scene.fetch().await;
    }

    /// The registry lists what it has now, or fails.
    fn scan(&mut self, of: usize, failure: Option<&'static str>) {
        self.scanned[of] = Some(failure);
        self.record(of, &self.scene.scan_state);
    }

    /// Records what the last scan found.
    fn record(&self, of: usize, scan_state: &ScanState) {
        let Some(failure) = self.scanned[of] else { return };
        let listing = || Listing {
            repository: repository(of),
            images: self.listed[of].values().cloned().collect(),
            requests: 1,
        };
        let failed = |message: &str| ListFailure::Failed {
            message: message.to_owned(),
        };
        let scan = Scan {
            result: failure.map_or_else(|| Ok(Arc::new(listing())), |message| Err(failed(message))),
        };
        scan_state.record(&repository(of), scan);
    }

    /// What the scans found, with all digests.
    fn whole_state(&self) -> ScanState {
        let (whole, known) = (ScanState::default(), &self.scene.scan_state);
        whole.set_repositories(known.repositories());
        for of in 0..REPOSITORIES.len() {
            self.record(of, &whole);
            for (digest, answer) in known.platforms(&repository(of)) {
                whole.record_platforms(&(repository(of), digest), answer);
            }
        }
        whole
    }

    fn push(&mut self, of: usize, name: usize, number: u8) {
        self.hour += 1;
        let image = TaggedImage {
            tag: Tag::parse(TAGS[name]).unwrap(),
            // Few images, so that tags often share one.
            digest: Some(Digest::numbered(usize::from(number % 6))),
            pushed_at: (!number.is_multiple_of(5))
                .then(|| Timestamp::from_second(1_750_000_000 + 3600 * self.hour).unwrap()),
            media_type: number.is_multiple_of(3).then(|| INDEX_MEDIA_TYPES[0].to_owned()),
            pullable: !number.is_multiple_of(7),
        };
        self.listed[of].insert(name, image);
        self.scan(of, None);
    }

    /// The registry answers about the platforms of the images that a bump waits for.
    fn answer(&self, number: u8) {
        let linux = |architecture| Platform::parse(&format!("linux/{architecture}")).unwrap();
        for image in self.scene.scan_state.unread_images(true) {
            let answer = match number % 4 {
                0 => PlatformAnswer::Known(vec![Platform::parse("windows/amd64").unwrap()]),
                1 => PlatformAnswer::Known(vec![linux("amd64")]),
                2 => PlatformAnswer::Unavailable(None),
                _ => PlatformAnswer::Failed(format!("no answer {number}")),
            };
            self.scene.scan_state.record_platforms(&image, answer);
        }
    }

    async fn happen(&mut self, (kind, which, what, number): Event) {
        let (of, name, file) = (
            usize::from(which) % 2,
            usize::from(what) % TAGS.len(),
            usize::from(which) % 3,
        );
        let workload = &mut self.workloads[file];
        match kind % 14 {
            0..4 => self.push(of, name, number),
            4 => {
                self.listed[of].remove(&name);
                self.scan(of, None);
            }
            5 => self.scan(of, Some(["throttled", "no route"][usize::from(number) % 2])),
            6 => self.scan(of, None),
            7 => self.answer(number),
            8 => {
                workload.tags[usize::from(number) % 2] = name;
                self.commit(file, "Set a tag by hand").await;
            }
            9 => {
                workload.policy = usize::from(what) % POLICIES.len();
                workload.digest = (number % 3 == 0).then_some(number % 4);
                self.commit(file, "Change the policy").await;
            }
            10 => {
                workload.is_locked = number % 2 == 0;
                workload.lines = usize::from(what) % 3;
                workload.group = usize::from(what / 3) % 3;
                self.commit(file, "Lock").await;
            }
            11 => {
                let field = FieldId {
                    object: ObjectId::new(
                        "apps/v1",
                        "Deployment",
                        Some("shop"),
                        FILES[file].trim_end_matches(".yaml"),
                    ),
                    field: FieldName(["web", "api"][of].to_owned()),
                };
                let resume = Resume::Field(field).trailer();
                self.commit(file, &format!("Resume\n\n{resume}\n")).await;
            }
            // The loop commits its bumps. A person who writes a file later takes them back.
            _ => drop(self.scene.automation.pass().await),
        }
    }

    /// The plan of the loop.
    async fn kept(&mut self) -> BumpPlan {
        let head = self.scene.automation.deps.branch.head().unwrap();
        let plan = self.scene.automation.decide(head).await.unwrap().1;
        let requested = self.scene.scan_state.take_requested();
        if requested.is_empty() {
            return plan;
        }
        self.waited += 1;
        for of in 0..REPOSITORIES.len() {
            if requested.contains(&repository(of)) {
                assert_eq!(self.scene.scan_state.listing_before(&repository(of)), None);
                self.record(of, &self.scene.scan_state);
            }
        }
        let plan = self.scene.automation.decide(head).await.unwrap().1;
        assert!(
            self.scene.scan_state.take_requested().is_empty(),
            "digests are requested once"
        );
        plan
    }

    /// The plan of a loop that starts from nothing.
    async fn anew(&mut self) -> BumpPlan {
        let scan_state = self.whole_state();
        let deps = &self.scene.automation.deps;
        let head = deps.branch.head().unwrap();
        let inputs = Inputs {
            scan_state: &scan_state,
            rules: &deps.rules,
            healths: &deps.healths,
            until: deps.until,
        };
        let mut cache = DecisionCache::default();
        cache.set_declared(&deps.declared.at(head).await.unwrap(), &deps.rules);
        let decided = cache
            .decide(&inputs, &*deps.repo, head, &mut HistoryReader::default())
            .await;
        decided.unwrap().0
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.min(64),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_decisions_that_are_kept_are_those_of_an_agent_that_starts_from_nothing(
        events in prop::collection::vec(any::<Event>(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for event in events {
                world.happen(event).await;
                let kept = world.kept().await;
                let anew = world.anew().await;
                prop_assert_eq!(kept.bumps, anew.bumps, "after {:?}", event);
                for (kept, anew) in kept.decisions.iter().zip(&anew.decisions) {
                    prop_assert_eq!((&kept.field, kept.position), (&anew.field, anew.position));
                    prop_assert_eq!((kept.outcome, &kept.reason, &kept.newest), (anew.outcome, &anew.reason, &anew.newest));
                    if matches!(kept.outcome, Decided::Bump | Decided::Held) {
                        prop_assert_eq!(&kept.hold, &anew.hold);
                    }
                }
                prop_assert_eq!(kept.decisions.len(), anew.decisions.len());
            }
            Ok(())
        })?;
    }
}
