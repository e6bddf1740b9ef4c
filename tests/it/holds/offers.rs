//! The tags that may be chosen while a field is held: for histories of the real git program and answers of a registry.

use super::script::{Script, minutes};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate::automation::HistoryReader;
use tidegate::git::Local;
use tidegate::model::{CommitId, FieldId, FieldName, HoldUntil, ImageRef, ObjectId, Position, RepoPath, Tag};
use tidegate::plan::{AutomatedField, Decision, Observed, Tags, decide};
use tidegate::policy::{Candidate, Policy};
use tidegate_stack::GitServer;

/// What the case is; the history, whose lines are a minute apart; the registry's tags with the minutes of their push, in which
/// `now` is the time of the decision; what is decided, and words of its reason.
type Case = (&'static str, &'static str, &'static str, &'static str);

const REVERTED: &str = "bump web b; say so; say on; revert --no-edit HEAD~2";
const AHEAD: &str = "bump web b; clock 3600; revert --no-edit HEAD";
const BEHIND: &str = "say so; bump web b; clock -31536000; revert --no-edit HEAD";

#[rustfmt::skip]
const NEWER: &[Case] = &[
    ("nothing newer than what was taken back", REVERTED, "a:-9 b:0 now:9",          "held b was taken back in"),
    ("pushed before the revert",               REVERTED, "a:-9 b:0 c:3 now:9",      "held not after"),
    ("pushed in the revert's very moment",     REVERTED, "a:-9 b:0 c:4 now:9",      "held not after"),
    ("pushed after the revert",                REVERTED, "a:-9 b:0 c:5 now:9",      "c"),
    ("one before and one after",               REVERTED, "a:-9 b:0 c:3 d:5 now:9",  "d"),
    ("what was taken back is pushed again",    REVERTED, "a:-9 b:8 now:9",          "held b was taken back in"),
    ("and another after it",                   REVERTED, "a:-9 b:6 c:7 now:9",      "c"),
    ("and another before it",                  REVERTED, "a:-9 b:7 c:6 now:9",      "held b was taken back in"),
    ("an older image tagged after the revert", REVERTED, "a:-9 b:0 c:2 now:9",      "held (a new tag on an image keeps the time of its first push)"),
    ("what was taken back is gone",            REVERTED, "a:-9 c:5 now:9",          "c"),
    ("gone, and pushed before the revert",     REVERTED, "a:-9 c:3 now:9",          "held not after"),
    ("the reverter's clock is ahead",          AHEAD,    "a:-9 b:0 c:9 now:10",     "held not after"),
    ("and what it said has come",              AHEAD,    "a:-9 b:0 c:64 now:70",    "c"),
    ("the reverter's clock is behind",         BEHIND,   "a:-9 b:0 c:1 now:10",     "held not after"),
    ("behind, and pushed after the bump",      BEHIND,   "a:-9 b:0 c:5 now:10",     "c"),
    ("a revert of the revert",                 "bump web b; revert --no-edit HEAD; revert --no-edit HEAD", "a:-9 b:0 c:1 now:9", "c"),
    ("a resume",                               "bump web b; revert --no-edit HEAD; resume web", "a:-9 b:0 now:9", "b"),
    ("a bump after the revert, reverted too",  "bump web b; revert --no-edit HEAD; bump web c; revert --no-edit HEAD", "a:-9 b:0 c:2 d:3 now:9", "held not after"),
    ("and something newer than both",          "bump web b; revert --no-edit HEAD; bump web c; revert --no-edit HEAD", "a:-9 b:0 c:2 d:5 now:9", "d"),
];

#[rustfmt::skip]
const RESUMED: &[Case] = &[
    ("pushed after the revert",    REVERTED, "a:-9 b:0 c:5 now:9", "held until resumed"),
    ("a resume",                   "bump web b; edit web a; resume web", "a:-9 b:0 c:5 now:9", "c"),
    ("a revert of the revert",     "bump web b; revert --no-edit HEAD; revert --no-edit HEAD", "a:-9 b:0 c:5 now:9", "c"),
    ("somebody else's newer pin",  "bump web b; edit web a; edit web c", "a:-9 b:0 c:5 d:7 now:9", "held until resumed"),
];

async fn decided(script: &Script, registry: &str, until: HoldUntil) -> Decision {
    let tip = CommitId::parse(&script.copy.head().unwrap()).unwrap();
    let local = Local::open(script.copy.path(), None).unwrap();
    let mut history_reader = HistoryReader::default();
    let past = history_reader.read(&local, tip).await.unwrap();
    let text = script.copy.read("web.yaml").unwrap();
    let image = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("image: "))
        .unwrap();
    let field = AutomatedField {
        new_name: None,
        others: Vec::new(),
        path: RepoPath::parse("web.yaml").unwrap(),
        field: FieldId {
            object: ObjectId::new("apps/v1", "Deployment", Some("shop"), "web"),
            field: FieldName("main".to_owned()),
        },
        image: ImageRef::parse(image).unwrap(),
        position: Position { line: 1, column: 1 },
        policy: Ok(Policy::default()),
        lock: None,
        hold: None,
        revert_on_failure: None,
        groups: Vec::new(),
    };
    let times: Vec<(&str, i64)> = registry
        .split(' ')
        .map(|word| word.split_once(':').unwrap())
        .map(|(name, minute)| (name, minute.parse().unwrap()))
        .collect();
    let candidates = times
        .iter()
        .filter(|(name, _)| *name != "now")
        .map(|(name, minute)| Candidate {
            tag: Tag::parse(name).unwrap(),
            digest: None,
            pushed_at: Some(minutes(*minute)),
            media_type: None,
            pullable: true,
            unfit: None,
        });
    let tags = BTreeMap::from([(field.image.repository(), Tags::Listed(candidates.collect()))]);
    let now = times.iter().find(|(name, _)| *name == "now").unwrap().1;
    let observed = Observed {
        tags: &tags,
        holds: &past.holds,
        since: &BTreeMap::new(),
        included: &|_| Box::new(|_| Ok(())),
        now: minutes(now),
        until,
    };
    let mut plan = decide(&[field], &observed);
    let mut decision = Arc::unwrap_or_clone(plan.decisions.remove(0));
    if let Some(bump) = plan.bumps.first() {
        decision.reason = bump.to.to_string();
    }
    decision
}

async fn all(cases: &[Case], until: HoldUntil) {
    let server = GitServer::start().unwrap();
    let mut wrong = Vec::new();
    for (index, (what, lines, registry, want)) in cases.iter().enumerate() {
        let bare = server.create_repo(&format!("offer-{index}")).unwrap();
        let mut script = Script::begin(&bare);
        lines.split(';').for_each(|line| script.run(line.trim()));
        let decision = decided(&script, registry, until).await;
        let right = match want.strip_prefix("held ") {
            None => decision.reason == *want,
            Some(words) => decision.reason.contains("held") && decision.reason.contains(words),
        };
        if !right {
            wrong.push(format!(
                "{what}: {:?}: {}, not {want}",
                decision.outcome, decision.reason
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn while_a_tag_is_held_only_a_later_push_passes() {
    all(NEWER, HoldUntil::Newer).await;
}

#[tokio::test]
async fn where_holds_end_by_peoples_word_no_push_passes() {
    all(RESUMED, HoldUntil::Resumed).await;
}
