//! Groups: tables for what users read, and random groups against a slow model.

use super::*;
use crate::manifest::read;
use crate::policy::TagPart;

/// A field of the group `shop`; the tags have in common what the expression finds.
fn member(name: &str, image: &str, line: usize, policy: &str, expression: &str) -> AutomatedField {
    AutomatedField {
        groups: vec![Group {
            name: "shop".to_owned(),
            part: (!expression.is_empty()).then(|| TagPart::parse(expression).unwrap()),
        }],
        ..automated_field(name, image, line, policy)
    }
}

/// `web: Bump 2; api: Waiting`, in the order of the fields.
fn outcomes(plan: &BumpPlan) -> String {
    let shown = plan.decisions.iter().map(|decision| {
        let mut bumps = plan.bumps.iter();
        let bump = bumps.find(|bump| bump.field == decision.field);
        let to = bump.map_or(String::new(), |bump| format!(" {}", bump.to));
        format!("{}: {:?}{to}", decision.field.field, decision.outcome)
    });
    shown.collect::<Vec<_>>().join("; ")
}

#[test]
fn the_fields_of_a_group_move_together_to_tags_that_fit() {
    let versions = "^v(.*)-(web|api)$";
    let pair = |web: &str, api: &str| {
        [
            member("web", &format!("web:{web}"), 1, "*", ""),
            member("api", &format!("api:{api}"), 2, "*", ""),
        ]
    };
    let matched = |web: &str, api: &str| {
        [
            member("web", &format!("web:{web}"), 1, "*", versions),
            member("api", &format!("api:{api}"), 2, "*", ""),
        ]
    };
    #[rustfmt::skip]
    let rows = [
        (pair("a", "a"), "web: a@1 b@2",               "api: a@1 b@3",            "web: Bump b; api: Bump b",      "the group shop moves together"),
        (pair("a", "a"), "web: a@1 b@2 c@5",           "api: a@1 b@3",            "web: Bump b; api: Bump b",      "b is the newest tag that fits the group shop, after a; c waits for Deployment shop/api api (group shop): registry.example/shop/api has no tag c"),
        (pair("a", "a"), "web: a@1 b@2",               "api: a@1",                "web: Waiting; api: UpToDate",   "b waits for Deployment shop/api api (group shop): registry.example/shop/api has no tag b"),
        (pair("a", "b"), "web: a@1 b@2",               "api: a@1 b@3",            "web: Bump b; api: UpToDate",    "moves together"),
        (pair("a", "c"), "web: a@1 b@2 c@3 d@4",       "api: c@3",                "web: Bump c; api: UpToDate",    "d waits for Deployment shop/api api"),
        (pair("a", "b"), "web: a@1 c@2",               "api: c@1 b@3",            "web: Waiting; api: UpToDate",   "c was pushed before the current tag b"),
        (pair("b", "b"), "web: b@2",                   "api: b@3",                "web: UpToDate; api: UpToDate",  "nothing for glob:* is newer"),
        (matched("v1-web", "v1-api"), "web: v1-web@1 v2-web@2", "api: v1-api@1 v2-api@9", "web: Bump v2-web; api: Bump v2-api", "moves together"),
        (matched("v1-web", "v1-api"), "web: v1-web@1 v2-web@2", "api: v1-api@1",          "web: Waiting; api: UpToDate", "registry.example/shop/api has no tag in which ^v(.*)-(web|api)$ finds 2"),
        (matched("v1-web", "v1-api"), "web: v1-web@1 main@2",   "api: v1-api@1 v2-api@3", "web: Waiting; api: Waiting",  "main waits (group shop): ^v(.*)-(web|api)$ finds no part in it"),
    ];
    for (fields, web, api, expected, reason) in rows {
        let plan = decided(&fields, &listings(&[web, api]), &BTreeMap::new());
        assert_eq!(outcomes(&plan), expected, "{web} / {api}");
        assert!(
            plan.decisions[0].reason.contains(reason),
            "{:?}",
            plan.decisions[0].reason
        );
        assert!(plan.bumps.is_empty() || check(&plan) == Ok(()));
        assert!(
            plan.decisions
                .iter()
                .all(|decision| decision.group.as_deref() == Some("shop"))
        );
    }
}

#[test]
fn what_stops_one_field_stops_its_group() {
    let web = || member("web", "web:a", 1, "*", "");
    let api = |policy: &str| member("api", "api:a", 2, policy, "");
    let digest = format!("api:a@sha256:{}", "0".repeat(64));
    let both = ["web: a@1 b@2", "api: a@1 b@3"];
    #[rustfmt::skip]
    let rows = [
        (locked(api("*")),                   &both[..],  Outcome::Waiting, "b waits for Deployment shop/api api (group shop): locked by jo: release freeze"),
        (api("semver:x.y"),                  &both[..],  Outcome::Waiting, "cannot be used"),
        (member("api", &digest, 2, "*", ""), &both[..],  Outcome::Waiting, "the image is pinned"),
        (api("glob:x*"),                     &both[..],  Outcome::Waiting, "b does not match glob:x*"),
        (api("*"),                           &both[..1], Outcome::Unknown, "registry.example/shop/api has not been read yet"),
        (member("api", "api:a", 2, "*", "^(.)$"), &both[..], Outcome::Bump, "moves together"),
    ];
    for (api, listed, expected, reason) in rows {
        let plan = decided(&[web(), api], &listings(listed), &BTreeMap::new());
        let web = &plan.decisions[0];
        assert_eq!(web.outcome, expected, "{}", web.reason);
        assert!(web.reason.contains(reason), "{}", web.reason);
        assert_eq!(plan.bumps.len(), if expected == Outcome::Bump { 2 } else { 0 });
    }
}

#[test]
fn a_rollback_of_one_field_holds_its_group_until_all_may_move() {
    let fields = |web: &str, api: &str| {
        [
            member("web", &format!("web:{web}"), 1, "*", ""),
            member("api", &format!("api:{api}"), 2, "*", ""),
        ]
    };
    let holds = BTreeMap::from([(field("web"), hold("b", 9))]);
    #[rustfmt::skip]
    let rows = [
        // Both were taken back, and one of them holds.
        (fields("a", "a"), "web: a@1 b@2",      "api: a@1 b@3",      "web: Held; api: Held",     "b was taken back in 0707070 by Jo"),
        // A newer tag of one repository alone, and then of both.
        (fields("a", "b"), "web: a@1 b@2",      "api: b@3 c@20",     "web: Held; api: Held",     "shop/web has no tag c; it is held: b was taken back"),
        (fields("a", "b"), "web: a@1 b@2 c@20", "api: b@3 c@20",     "web: Bump c; api: Bump c", "moves together"),
        // The others do not catch up with a field that was taken back.
        (fields("b2", "a"), "web: b@1 b2@2",    "api: a@1 b2@3",     "web: UpToDate; api: Held", "b2 is the current tag; it is held"),
    ];
    for (fields, web, api, expected, reason) in rows {
        let plan = decided(&fields, &listings(&[web, api]), &holds);
        assert_eq!(outcomes(&plan), expected);
        assert!(
            plan.decisions[1].reason.contains(reason),
            "{}",
            plan.decisions[1].reason
        );
    }
}

#[test]
fn fields_of_one_repository_and_a_group_of_one_move_as_alone() {
    let pattern = "^v(.*)-(web|api)$";
    let fields = [
        member("web", "both:v1-web", 1, "glob:*-web", pattern),
        member("api", "both:v1-api", 2, "glob:*-api", pattern),
    ];
    let listed = listings(&["both: v1-web@1 v1-api@1 v2-web@2 v2-api@3 v3-api@4", "web: a@1 b@2"]);
    let plan = decided(&fields, &listed, &BTreeMap::new());
    assert_eq!(outcomes(&plan), "web: Bump v2-web; api: Bump v2-api");
    let plan = decided(&[member("web", "web:a", 1, "*", pattern)], &listed, &BTreeMap::new());
    assert_eq!(outcomes(&plan), "web: Bump b");
    assert_eq!(plan.bumps[0].group, None);
}

#[test]
fn a_group_needs_one_expression_or_one_for_each_field() {
    let three = |last: &str| {
        [
            member("web", "web:v1-web", 1, "*", "^v(.*)-web$"),
            member("api", "api:v1-api", 2, "*", "^v(.*)-api$"),
            member("job", "job:v1", 3, "*", last),
        ]
    };
    let listed = listings(&["web: v1-web@1 v2-web@2", "api: v1-api@1 v2-api@2", "job: v1@1 v2@2"]);
    let plan = decided(&three("^v(.*)$"), &listed, &BTreeMap::new());
    assert_eq!(outcomes(&plan), "web: Bump v2-web; api: Bump v2-api; job: Bump v2");
    let plan = decided(&three(""), &listed, &BTreeMap::new());
    assert_eq!(outcomes(&plan), "web: Waiting; api: Waiting; job: Waiting");
    assert!(
        plan.decisions[2].reason.contains("give the workload one"),
        "{}",
        plan.decisions[2].reason
    );
}

#[test]
fn a_group_is_one_commit_however_commits_are_cut() {
    let mut fields = vec![
        member("web", "web:a", 1, "*", ""),
        automated_field("alone", "web:a", 2, "*"),
        member("api", "api:a", 3, "*", ""),
    ];
    fields[2].path = RepoPath::parse("staging/api.yaml").unwrap();
    let plan = decided(&fields, &listings(&["web: a@1 b@2", "api: a@1 b@3"]), &BTreeMap::new());
    let names = |part: &BumpPlan| {
        part.bumps
            .iter()
            .map(|bump| bump.field.field.0.clone())
            .collect::<Vec<_>>()
    };
    let parts = commits(&plan, CommitPer::Workload, &Template::default());
    assert_eq!(
        parts.iter().map(names).collect::<Vec<_>>(),
        [vec!["api", "web"], vec!["alone"]]
    );
}

#[test]
fn a_bump_that_is_withheld_takes_its_group_along() {
    let fields = [
        member("web", "web:a", 1, "*", ""),
        automated_field("alone", "web:a", 2, "*"),
        member("api", "api:a", 3, "*", ""),
    ];
    let mut plan = decided(&fields, &listings(&["web: a@1 b@2", "api: a@1 b@3"]), &BTreeMap::new());
    let is_api = |bump: &PlannedBump| bump.field == field("api");
    plan.withhold(Outcome::Denied, |bump| is_api(bump).then(|| "no right".to_owned()));
    assert_eq!(outcomes(&plan), "web: Waiting; alone: Bump b; api: Denied");
    assert_eq!(
        plan.decisions[0].reason,
        "b waits for Deployment shop/api api (group shop): no right"
    );
}

#[test]
fn annotations_name_the_group_of_a_workload_or_of_a_container() {
    let path = RepoPath::parse("web.yaml").unwrap();
    let of = |annotations: &str| {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    tidegate.dev/automated: \
             \"true\"\n{annotations}spec:\n  template:\n    spec:\n      containers:\n      - {{name: web, image: 'r.example/web:1'}}\n      \
             - {{name: proxy, image: 'r.example/proxy:1'}}\n"
        );
        let reading = read(&path, text.as_bytes());
        let fields = automated(&path, &reading.documents[0]);
        let shown = fields.iter().map(|field| match (&field.policy, &*field.groups) {
            (Err(problem), _) => problem.clone(),
            (Ok(_), []) => "-".to_owned(),
            (Ok(_), groups) => groups[0].name.clone(),
        });
        (shown.collect::<Vec<_>>().join(" "), reading.findings.len())
    };
    #[rustfmt::skip]
    let rows = [
        ("    tidegate.dev/group: shop\n",                                       "shop shop", 0),
        ("    tidegate.dev/group.web: shop\n",                                   "shop -", 0),
        ("    tidegate.dev/group: shop\n    tidegate.dev/group.proxy: mesh/a\n", "shop mesh/a", 0),
        ("    tidegate.dev/group.other: shop\n",                                 "- -", 1),
        ("",                                                                     "- -", 0),
    ];
    for (annotations, expected, findings) in rows {
        assert_eq!(of(annotations), (expected.to_owned(), findings), "{annotations}");
    }
    #[rustfmt::skip]
    let broken = [
        ("    tidegate.dev/group: 7\n",                                            "web.yaml:7:25: tidegate.dev/group: is not a string"),
        ("    tidegate.dev/group: \"\"\n",                                         "is not the name of a group"),
        ("    tidegate.dev/group: a b\n",                                          "is not the name of a group"),
        ("    tidegate.dev/group: shop\n    tidegate.dev/group.match: ^v.*$\n",    "web.yaml:8:31: tidegate.dev/group.match: \"^v.*$\" cannot be used: it captures nothing"),
    ];
    for (annotations, expected) in broken {
        let (shown, _) = of(annotations);
        assert!(shown.contains(expected), "{shown}");
    }
}

/// A member as the model has it. Tags are numbers; a tag is pushed early, or after all rollbacks.
#[derive(Debug, Clone)]
struct Drawn {
    current: u8,
    listed: Vec<(u8, bool)>,
    rejected: Option<u8>,
    is_locked: bool,
    is_unknown: bool,
}

impl Drawn {
    /// The tags that the field may move to.
    fn allowed(&self) -> Vec<u8> {
        let is_free = |tag: u8, late: bool| match self.rejected.filter(|_| self.is_held()) {
            // A tag that was pushed together with the rejected one is not newer.
            Some(rejected) => late && tag != rejected && !self.listed.contains(&(rejected, true)),
            None => true,
        };
        let listed = self
            .listed
            .iter()
            .filter(|(tag, late)| *tag > self.current && is_free(*tag, *late));
        listed.map(|(tag, _)| *tag).collect()
    }

    fn is_held(&self) -> bool {
        self.rejected.is_some_and(|rejected| rejected != self.current)
    }

    fn can_have(&self, tag: u8) -> bool {
        self.allowed().contains(&tag) || self.current == tag && !self.is_held()
    }
}

/// The tag that all fields have after the move, by trying every tag.
fn model(group: &[Drawn]) -> Option<u8> {
    let is_stuck = group.iter().any(|drawn| drawn.is_locked || drawn.is_unknown);
    let tags = (0..10u8)
        .rev()
        .filter(|tag| group.iter().all(|drawn| drawn.can_have(*tag)));
    let mut moves = tags.filter(|tag| group.iter().any(|drawn| drawn.current != *tag));
    moves.next().filter(|_| !is_stuck)
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let listed = prop::collection::btree_map(0..6u8, any::<bool>(), 0..6);
    let rejected = prop::option::weighted(0.3, 0..6u8);
    (
        0..6u8,
        listed,
        rejected,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(current, listed, rejected, is_locked, is_unknown)| Drawn {
            current,
            listed: listed.into_iter().collect(),
            rejected,
            is_locked,
            is_unknown,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_moves_as_the_model_says(group in prop::collection::vec(drawn(), 2..5), by_part in any::<bool>()) {
        let name = |at: usize| format!("c{at}");
        let written = |at: usize, tag: u8| if by_part { format!("v{tag}-{at}") } else { tag.to_string() };
        let (policy, expression) = if by_part { ("numeric:^v(.*)-", "^v(.*)-") } else { ("numeric:^(.*)$", "") };
        let fields = group.iter().enumerate().map(|(at, drawn)| {
            let image = format!("{}:{}", name(at), written(at, drawn.current));
            let field = member(&name(at), &image, at + 1, policy, expression);
            if drawn.is_locked { locked(field) } else { field }
        });
        let fields: Vec<AutomatedField> = fields.collect();
        let known = group.iter().enumerate().filter(|(_, drawn)| !drawn.is_unknown);
        let lines = known.map(|(at, drawn)| {
            let tags = drawn.listed.iter().map(|(tag, late)| format!("{}@{}", written(at, *tag), if *late { 600 } else { 5 }));
            format!("{}: {}", name(at), tags.collect::<Vec<_>>().join(" "))
        });
        let lines: Vec<String> = lines.collect();
        let holds = group.iter().enumerate().filter_map(|(at, drawn)| {
            let mut hold = hold(&written(at, drawn.rejected?), 500);
            hold.rejected[0].image = format!("{HOST}/{}", name(at));
            Some((field(&name(at)), hold))
        });
        let plan = decided(&fields, &listings(&lines.iter().map(|line| &**line).collect::<Vec<_>>()), &holds.collect());
        let expected = model(&group);
        let moved: Vec<(String, String)> =
            plan.bumps.iter().map(|bump| (bump.field.field.0.clone(), bump.to.to_string())).collect();
        let model: Vec<(String, String)> = group
            .iter()
            .enumerate()
            .filter_map(|(at, drawn)| Some((name(at), written(at, expected.filter(|tag| *tag != drawn.current)?))))
            .collect();
        prop_assert_eq!(moved, model, "{:?}", outcomes(&plan));
        for (drawn, decision) in group.iter().zip(&plan.decisions) {
            let is_moved = plan.bumps.iter().any(|bump| bump.field == decision.field);
            let would = !drawn.allowed().is_empty() && !drawn.is_locked && !drawn.is_unknown;
            let waits = [Outcome::Waiting, Outcome::Held, Outcome::Unknown].contains(&decision.outcome);
            prop_assert!(is_moved || !would || waits && decision.reason.contains("waits for"), "{}", decision.reason);
        }
    }
}
