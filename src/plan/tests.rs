use super::*;
use crate::history::{self, Hold, Rejected};
use crate::manifest::{AutomationIntent, Document, ImageField, Lock, PolicyText, Slot, Style};
use crate::model::HoldUntil;
use crate::model::{CommitId, Digest, FieldId, FieldName, ImageRef, ObjectId, Position, RepoPath, Repository, Tag};
use crate::policy::{Candidate, Policy};
use crate::resource::{Intent, Object, Origin};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

mod followed;
mod groups;
mod rollouts;

const HOST: &str = "registry.example/shop";

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn object(name: &str) -> ObjectId {
    ObjectId::new("apps/v1", "Deployment", Some("shop"), name)
}

fn field(name: &str) -> FieldId {
    FieldId {
        object: object(name),
        field: FieldName(name.to_owned()),
    }
}

fn automated_field(name: &str, image: &str, line: usize, policy: &str) -> AutomatedField {
    AutomatedField {
        new_name: None,
        others: Vec::new(),
        path: RepoPath::parse("workloads/shop.yaml").unwrap(),
        field: field(name),
        image: ImageRef::parse(&format!("{HOST}/{image}")).unwrap(),
        position: Position { line, column: 16 },
        policy: Policy::parse(policy).map_err(|error| error.to_string()),
        lock: None,
        hold: None,
        revert_on_failure: None,
        groups: Vec::new(),
    }
}

/// `image: tag@minute tag@minute`, one repository each.
fn listings(lines: &[&str]) -> BTreeMap<Repository, Tags> {
    let listing = |line: &&str| {
        let (image, tags) = line.split_once(": ").unwrap();
        let candidates = tags.split_whitespace().map(|text| {
            let (name, at) = text.split_once('@').unwrap();
            Candidate {
                tag: tag(name),
                digest: Some(Digest::parse(&format!("sha256:{:0>64}", hex::encode(name))).unwrap()),
                pushed_at: Some(minute(at.parse().unwrap())),
                media_type: None,
                pullable: true,
                unfit: None,
            }
        });
        let repository = ImageRef::parse(&format!("{HOST}/{image}")).unwrap().repository();
        (repository, Tags::Listed(candidates.collect()))
    };
    lines.iter().map(listing).collect()
}

fn decided(fields: &[AutomatedField], tags: &BTreeMap<Repository, Tags>, holds: &BTreeMap<FieldId, Hold>) -> BumpPlan {
    decide(
        fields,
        &Observed {
            tags,
            holds,
            since: &[(field("old"), minute(2))].into(),
            included: &|repository| {
                let repository = repository.clone();
                Box::new(move |tag| {
                    let kept_out = tag.as_str().ends_with("-debug");
                    if kept_out {
                        Err(format!("{repository}:{tag} is excluded"))
                    } else {
                        Ok(())
                    }
                })
            },
            now: minute(1000),
            until: HoldUntil::Newer,
        },
    )
}

fn hold(tag_: &str, at: i64) -> Hold {
    Hold {
        rejected: vec![Rejected {
            tag: tag(tag_),
            digest: None,
            image: format!("{HOST}/web"),
            commit: CommitId::from_bytes([7; 20]),
            author: "Jo <jo@acme.example>".to_owned(),
            at: minute(at),
            with_name: false,
            passed_by: Vec::new(),
        }],
    }
}

fn locked(mut field: AutomatedField) -> AutomatedField {
    field.lock = Some(Lock {
        by: Some("jo".to_owned()),
        reason: Some("release freeze".to_owned()),
    });
    field
}

#[test]
fn each_field_is_decided_with_its_reason() {
    let digest = format!("web:a@sha256:{}", "0".repeat(64));
    #[rustfmt::skip]
    let rows = [
        (automated_field("web", "web:a", 1, "*"),              "web: a@1 b@2",         None,                 Outcome::Bump,          "b, pushed 1970-01-01T00:02:00Z"),
        (automated_field("web", "web:b", 1, "*"),              "web: a@1 b@2",         None,                 Outcome::UpToDate,      "nothing for glob:* is newer than b"),
        (automated_field("web", "web:a", 1, "*"),              "web: a@1 b@2 b-debug@3", None,               Outcome::Bump,          "b, pushed"),
        (automated_field("web", "web:a", 1, "*"),              "web: a@1 b@2",         Some(hold("b", 9)),   Outcome::Held,          "b is held: b was taken back in 0707070 by Jo"),
        (automated_field("web", "web:a", 1, "*"),              "web: a@1 b@2 c@5",     Some(hold("b", 9)),   Outcome::Held,          "c is held: its image was pushed"),
        (automated_field("web", "web:a", 1, "*"),              "web: a@1 b@2 c@10",    Some(hold("b", 9)),   Outcome::Bump,          "c, pushed"),
        (automated_field("web", "web:b", 1, "*"),              "web: a@1 b@2",         Some(hold("b", 9)),   Outcome::UpToDate,      "nothing"),
        (locked(automated_field("web", "web:a", 1, "*")),      "web: a@1 b@2",         None,                 Outcome::Locked,        "locked by jo: release freeze"),
        (automated_field("web", "web:a", 1, "glob:x*"),        "web: a@1 b@2",         None,                 Outcome::NoCandidate,   "none of 2 tags"),
        (automated_field("web", "web:z", 1, "*"),              "web: a@1 b@2",         None,                 Outcome::NoCandidate,   "no longer in the registry"),
        (automated_field("old", "web:z", 1, "*"),              "web: a@1 b@2",         None,                 Outcome::UpToDate,      "nothing"),
        (automated_field("old", "web:z", 1, "*"),              "web: a@1 b@3",         None,                 Outcome::Bump,          "b, pushed"),
        (automated_field("web", "web:a", 1, "semver:x.y"),     "web: a@1 b@2",         None,                 Outcome::InvalidPolicy, "cannot be used"),
        (automated_field("web", &digest, 1, "*"),              "web: a@1 b@2",         None,                 Outcome::Pinned,        "remove the digest"),
        (automated_field("web", "web:a", 1, "*"),              "other: a@1",           None,                 Outcome::Unknown,       "has not been read yet"),
        (automated_field("web", "web", 1, "*"),                "web: a@1 b@2",         None,                 Outcome::Bump,          "b, pushed"),
    ];
    for (field, listing, hold, outcome, reason) in rows {
        let holds = hold.into_iter().map(|hold| (field.field.clone(), hold)).collect();
        let plan = decided(std::slice::from_ref(&field), &listings(&[listing]), &holds);
        let [decision] = plan.decisions.as_slice() else {
            panic!("one field, one decision: {plan:?}")
        };
        assert_eq!(decision.outcome, outcome, "{listing}: {decision:?}");
        assert!(decision.reason.contains(reason), "{listing}: {}", decision.reason);
        assert_eq!(plan.bumps.len(), usize::from(outcome == Outcome::Bump), "{listing}");
        assert_eq!(
            check(&plan).is_ok(),
            outcome == Outcome::Bump,
            "{listing}: {:?}",
            check(&plan)
        );
    }
}

#[test]
fn a_repository_that_was_not_read_whole_moves_nothing() {
    let field = automated_field("web", "web:a", 1, "*");
    let tags = [(
        field.image.repository(),
        Tags::Unknown("access denied to shop/web".to_owned()),
    )]
    .into();
    let plan = decided(&[field], &tags, &BTreeMap::new());
    assert!(plan.bumps.is_empty());
    assert_eq!(plan.decisions[0].reason, "access denied to shop/web");
}

#[test]
fn a_hold_is_shown_with_the_field_whatever_is_decided() {
    let field = automated_field("web", "web:a", 1, "*");
    let holds = [(field.field.clone(), hold("b", 9))].into();
    let plan = decided(&[locked(field)], &listings(&["web: a@1 b@2"]), &holds);
    assert_eq!(plan.decisions[0].outcome, Outcome::Locked);
    assert_eq!(plan.decisions[0].newest, Some(tag("b")));
    assert_eq!(plan.decisions[0].hold, Some(hold("b", 9)));
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["decisions"][0]["outcome"], "locked");
    assert_eq!(json["decisions"][0]["image"], format!("{HOST}/web:a"));
    assert_eq!(json["decisions"][0]["hold"]["rejected"][0]["tag"], "b");
}

#[test]
fn a_digest_is_written_with_the_tag_where_the_policy_says_so() {
    let at = |name: &str| format!("sha256:{:0>64}", hex::encode(name));
    let (a, b) = (at("a"), at("b"));
    #[rustfmt::skip]
    let rows = [
        ("web:b",                "digest:b",     Outcome::Bump,     "b points to"),
        (&*format!("web:b@{b}"), "digest:b",     Outcome::UpToDate, "nothing"),
        (&*format!("web:b@{a}"), "digest:b",     Outcome::Bump,     "b points to"),
        (&*format!("web@{a}"),   "digest:b",     Outcome::Bump,     "b is the newest tag"),
        (&*format!("web:a@{b}"), "digest:a",     Outcome::UpToDate, "nothing"),
        (&*format!("web:a@{a}"), "semver:*",     Outcome::Pinned,   "or follow a tag by digest with digest:<tag>"),
    ];
    let tags = listings(&["web: a@1 b@2"]);
    for (image, policy, outcome, reason) in rows {
        let plan = decided(&[automated_field("web", image, 1, policy)], &tags, &BTreeMap::new());
        let decision = &plan.decisions[0];
        assert_eq!(decision.outcome, outcome, "{image} {policy}: {decision:?}");
        assert!(
            decision.reason.contains(reason),
            "{image} {policy}: {}",
            decision.reason
        );
        if outcome == Outcome::Bump {
            assert_eq!(check(&plan), Ok(()));
            assert_eq!(plan.bumps[0].record().after().digest, Some(Digest::parse(&b).unwrap()));
            let text = message(&plan, &Template::default());
            assert_eq!(text.lines().next(), Some("Bump shop/web to b@sha256:000000000000"));
            assert_eq!(history::bumps(&text), [plan.bumps[0].record()]);
        }
    }
    let taken_back = Hold {
        rejected: vec![Rejected {
            digest: Some(Digest::parse(&b).unwrap()),
            ..hold("b", 9).rejected[0].clone()
        }],
    };
    let field = automated_field("web", &format!("web:b@{a}"), 1, "digest:b");
    let plan = decided(&[field], &tags, &[(self::field("web"), taken_back)].into());
    assert_eq!(plan.decisions[0].outcome, Outcome::Held, "{plan:?}");
}

#[test]
fn a_plan_does_not_depend_on_the_order_of_the_fields() {
    let fields = [
        automated_field("web", "web:a", 9, "*"),
        automated_field("api", "api:a", 3, "*"),
        automated_field("job", "job:a", 5, "*"),
    ];
    let mut backwards = fields.clone();
    backwards.reverse();
    let tags = listings(&["web: a@1 b@2", "api: a@1 c@3", "job: a@1"]);
    let plan = decided(&fields, &tags, &BTreeMap::new());
    assert_eq!(plan, decided(&backwards, &tags, &BTreeMap::new()));
    let lines: Vec<usize> = plan.bumps.iter().map(|bump| bump.position.line).collect();
    assert_eq!(lines, [3, 9]);
}

#[test]
fn two_containers_of_one_workload_go_into_one_commit() {
    let mut sidecar = automated_field("web", "api:a", 9, "*");
    sidecar.field.field = FieldName("sidecar".to_owned());
    let fields = [automated_field("web", "web:a", 3, "*"), sidecar];
    let plan = decided(&fields, &listings(&["web: a@1 b@2", "api: a@1 c@3"]), &BTreeMap::new());
    assert_eq!(check(&plan), Ok(()));
    assert_eq!(
        message(&plan, &Template::default()),
        format!(
            "Bump 2 images\n\n\
             - Deployment shop/web web: {HOST}/web a -> b\n\
             - Deployment shop/web sidecar: {HOST}/api a -> c\n\n\
             Tidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web image={HOST}/web old=a new=b \
             digest=sha256:{:0>64}\n\
             Tidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=sidecar image={HOST}/api old=a new=c \
             digest=sha256:{:0>64}\n",
            "62", "63"
        )
    );
}

#[test]
fn the_subject_names_the_image_or_counts_them() {
    let tags = listings(&["web: a@1 b@2", "api: a@1 b@2"]);
    let other = |name: &str, image: &str, line: usize| automated_field(name, image, line, "*");
    #[rustfmt::skip]
    let rows = [
        (vec![other("web", "web:a", 1)],                                "{summary}",            "Bump shop/web to b"),
        (vec![other("web", "web:a", 1), other("w2", "web:a", 2)],       "{summary}",            "Bump shop/web to b"),
        (vec![other("web", "web:a", 1), other("api", "api:a", 2)],      "{summary}",            "Bump 2 images"),
        (vec![other("web", "web:a", 1)],                                "{summary} [skip ci]",  "Bump shop/web to b [skip ci]"),
        (vec![other("web", "web:a", 1), other("api", "api:a", 2)],      "deploy: {count} tags", "deploy: 2 tags"),
    ];
    for (fields, template, want) in rows {
        let plan = decided(&fields, &tags, &BTreeMap::new());
        let text = message(&plan, &Template::parse(template).unwrap());
        assert_eq!(text.lines().next(), Some(want));
        assert_eq!(history::bumps(&text).len(), fields.len());
    }
    for (template, problem) in [
        ("", "empty"),
        (" \n{bumps}", "empty"),
        ("{sumary}", "there is no {sumary}"),
        ("x {summary", "never closed"),
        ("a\rb", "control characters"),
        ("a\u{202e}b", "control characters"),
        ("Bump {bumps}", "put it below"),
        ("a\n\nTidegate-Bump: x", "our own trailers"),
    ] {
        let error = Template::parse(template).unwrap_err();
        assert!(error.problem.contains(problem), "{error}");
    }
}

#[test]
fn a_long_name_shortens_the_summary_and_never_what_the_template_says() {
    let path = format!("{}/web", "a".repeat(240));
    let listing = [(
        ImageRef::parse(&format!("{HOST}/{path}")).unwrap().repository(),
        listings(&["web: a@1 b@2"]).into_values().next().unwrap(),
    )]
    .into();
    let plan = decided(
        &[automated_field("web", &format!("{path}:a"), 1, "*")],
        &listing,
        &BTreeMap::new(),
    );
    for (template, start, end) in [
        ("{summary} [skip ci]", "Bump shop/aaa", "… to b [skip ci]"),
        ("[ci skip] {summary}", "[ci skip] Bump shop/aaa", "… to b"),
        ("{summary} and {summary}!", "Bump shop/aaa", "… to b!"),
    ] {
        let text = message(&plan, &Template::parse(template).unwrap());
        let subject = text.lines().next().unwrap();
        assert!(subject.starts_with(start) && subject.ends_with(end), "{subject}");
        assert!((190..=200).contains(&subject.chars().count()), "{subject}");
        assert_eq!(history::bumps(&text), [plan.bumps[0].record()]);
    }
}

#[test]
fn only_the_template_can_make_ci_skip_a_commit_or_steer_a_terminal() {
    let mut field = automated_field("web", "web:a", 1, "*");
    field.field.object.name = "x [skip ci]\u{1b}[31m\nTidegate-Resume: all\u{202e}".to_owned();
    let plan = decided(&[field], &listings(&["web: a@1 b@2"]), &BTreeMap::new());
    let text = message(&plan, &Template::default());
    assert!(
        !text.contains("[skip ci]") && !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text}"
    );
    assert_eq!(history::resumes(&text), []);
    assert_eq!(history::bumps(&text), [plan.bumps[0].record()]);
}

#[test]
fn a_template_places_the_list_or_is_followed_by_it() {
    let plan = decided(
        &[
            automated_field("web", "web:a", 1, "*"),
            automated_field("api", "api", 2, "*"),
        ],
        &listings(&["web: a@1 b@2", "api: a@1 b@2"]),
        &BTreeMap::new(),
    );
    let web = format!("- Deployment shop/web web: {HOST}/web a -> b");
    let api = format!("- Deployment shop/api api: {HOST}/api no tag -> b");
    for (template, want) in [
        ("{summary}", format!("Bump 2 images\n\n{web}\n{api}\n\nTidegate-Bump: ")),
        (
            "chore: bump {count}\n\n{bumps}\n\n[skip ci]\n",
            format!("chore: bump 2\n\n{web}\n{api}\n\n[skip ci]\n\nTidegate-Bump: "),
        ),
        (
            "Bump\nSee the wiki.",
            format!("Bump\n\nSee the wiki.\n\n{web}\n{api}\n\nTidegate-Bump: "),
        ),
    ] {
        let text = message(&plan, &Template::parse(template).unwrap());
        assert!(text.starts_with(&want), "{template:?}: {text}");
        assert_eq!(history::bumps(&text).len(), 2, "{text}");
    }
}

#[test]
fn a_commit_is_as_old_as_its_newest_image() {
    let fields = [
        automated_field("web", "web:a", 1, "*"),
        automated_field("api", "api:a", 2, "*"),
    ];
    let plan = decided(
        &fields,
        &listings(&["web: a@1 b@20", "api: a@1 b@30"]),
        &BTreeMap::new(),
    );
    assert_eq!(commit_time(&plan), minute(30));
    assert_eq!(commit_time(&BumpPlan::default()), jiff::Timestamp::UNIX_EPOCH);
}

#[test]
fn a_plan_is_cut_by_workload_in_the_order_of_its_files_and_each_part_passes_the_checker() {
    let of = |object: &str, container: &str, line: usize| {
        let mut automated_field = automated_field(container, &format!("{container}:a"), line, "*");
        automated_field.field.object = self::object(object);
        automated_field
    };
    let fields = [
        of("web", "web", 9),
        of("api", "api", 3),
        of("web", "proxy", 12),
        of("jobs", "jobs", 15),
    ];
    let tags = listings(&["web: a@1 b@2", "api: a@1 b@2", "proxy: a@1 b@2", "jobs: a@1"]);
    let plan = decided(&fields, &tags, &BTreeMap::new());
    let shape = |per| {
        let parts = commits(&plan, per, &Template::default());
        assert!(parts.iter().all(|part| check(part) == Ok(())));
        let names = |part: &BumpPlan| part.bumps.iter().map(|bump| bump.field.field.0.clone()).collect();
        parts.iter().map(names).collect::<Vec<Vec<String>>>()
    };
    assert_eq!(shape(CommitPer::Pass), [["api", "web", "proxy"]]);
    assert_eq!(shape(CommitPer::Workload), [vec!["api"], vec!["web", "proxy"]]);
    assert!(commits(&BumpPlan::default(), CommitPer::Pass, &Template::default()).is_empty());

    let mut shared = plan.clone();
    shared.bumps[1].position = shared.bumps[0].position;
    let parts = commits(&shared, CommitPer::Workload, &Template::default());
    let wrong = parts.iter().filter_map(|part| check(part).err()).flatten();
    assert!(wrong.collect::<String>().contains("more than one bump"));
}

#[test]
fn a_commit_whose_message_would_not_be_read_back_is_cut() {
    let long = "a".repeat(200);
    let fields: Vec<AutomatedField> = (0..12_000)
        .map(|number| {
            let mut automated_field = automated_field(&format!("c{number}"), "web:a", number + 1, "*");
            automated_field.field.object = object(&long);
            automated_field
        })
        .collect();
    let plan = decided(&fields, &listings(&["web: a@1 b@2"]), &BTreeMap::new());
    let parts = commits(&plan, CommitPer::Pass, &Template::default());
    assert!(parts.len() > 1, "{}", parts.len());
    assert!(parts.iter().all(|part| check(part) == Ok(())));
    let bumps: Vec<&PlannedBump> = parts.iter().flat_map(|part| &part.bumps).collect();
    assert_eq!(bumps, plan.bumps.iter().collect::<Vec<_>>());
}

#[test]
fn the_checker_refuses_what_no_plan_may_contain() {
    let good = decided(
        &[
            automated_field("web", "web:a", 1, "*"),
            automated_field("api", "api:a", 2, "*"),
        ],
        &listings(&["web: a@1 b@2", "api: a@1 b@2"]),
        &BTreeMap::new(),
    );
    assert_eq!(check(&good), Ok(()));
    let spoilt = |spoil: &dyn Fn(&mut BumpPlan)| {
        let mut plan = good.clone();
        spoil(&mut plan);
        check(&plan).unwrap_err().join("; ")
    };
    assert!(spoilt(&|plan| plan.bumps.clear()).contains("changes nothing"));
    assert!(spoilt(&|plan| plan.bumps[0].to = tag("a")).contains("changes nothing"));
    assert!(spoilt(&|plan| plan.bumps[0].position = plan.bumps[1].position).contains("more than one bump"));
    let mut shared = good.clone();
    shared.bumps[0].position = shared.bumps[1].position;
    shared.bumps[0].image = shared.bumps[1].image.clone();
    assert_eq!(check(&shared), Ok(()));
    assert!(spoilt(&|plan| plan.bumps[0].field = plan.bumps[1].field.clone()).contains("bumped twice"));
    assert!(spoilt(&|plan| plan.bumps[0].from = Some(tag("x"))).contains("not what the bump starts from"));
    assert!(spoilt(&|plan| plan.decisions.clear()).contains("no decision"));
    assert!(spoilt(&|plan| plan.bumps[0].pushed_at = Some(minute(0))).contains("b is older than"));
    let down = |plan: &mut BumpPlan| {
        plan.bumps[0].policy = Policy::parse("semver:*").unwrap();
        plan.bumps[0].image = plan.bumps[0].image.with_tag(tag("1.2.0"));
        plan.bumps[0].from = Some(tag("1.2.0"));
        plan.bumps[0].to = tag("1.1.9");
    };
    assert!(spoilt(&down).contains("1.1.9 is older than"));
    let pin = |plan: &mut BumpPlan| (plan.bumps[0].pinned, plan.bumps[0].digest) = (true, None);
    assert!(spoilt(&pin).contains("not known"));
}

#[test]
fn a_document_gives_its_automated_fields() {
    let image = |name: &str| ImageField {
        field: FieldName(name.to_owned()),
        image: ImageRef::parse("registry.example/shop/web:a").unwrap(),
        has_repository: true,
        position: Position { line: 9, column: 1 },
        pointer: "/spec/template/spec/containers/0/image".to_owned(),
        slot: Slot {
            span: 0..1,
            style: Style::Plain,
            content: crate::manifest::SlotContent::Reference,
        },
        marker: None,
    };
    let policy = |text: &str| PolicyText {
        is_text: true,
        text: text.to_owned(),
        annotation: "tidegate.dev/policy.web".to_owned(),
        position: Position { line: 5, column: 30 },
    };
    let path = RepoPath::parse("a.yaml").unwrap();
    let position = Position { line: 1, column: 1 };
    let mut document = Document {
        object: Arc::new(Object {
            id: object("web"),
            api_version: "apps/v1".to_owned(),
            value: crate::resource::Packed::of(&serde_json::Value::Null),
            intent: Intent::default(),
            origin: Origin::File {
                path: path.clone(),
                position,
            },
        }),
        position,
        images: vec![image("web"), image("sidecar")],
        automation: AutomationIntent::default(),
    };
    assert!(automated(&path, &document).is_empty());
    document.automation.automated = true;
    document
        .automation
        .policies
        .insert(Some(FieldName("web".to_owned())), policy("semver:banana"));
    let fields = automated(&path, &document);
    assert_eq!(fields[1].policy, Ok(Policy::default()));
    let error = fields[0].policy.as_ref().unwrap_err();
    assert!(
        error.starts_with("a.yaml:5:30: tidegate.dev/policy.web: policy \"semver:banana\" cannot be used"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn the_commit_message_gives_the_plan_back(names in prop::collection::vec(any::<String>(), 1..6), template in "(\\PC|\\n|\\{summary\\}|\\{bumps\\}){0,20}") {
        let fields: Vec<AutomatedField> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let mut field = automated_field("web", "web:a", index + 1, "*");
                field.field.object.name.clone_from(name);
                field.field.field = FieldName(format!("{index}"));
                field
            })
            .collect();
        let plan = decided(&fields, &listings(&["web: a@1 b@2"]), &BTreeMap::new());
        prop_assert_eq!(check(&plan), Ok(()));
        let template = Template::parse(&template).unwrap_or_default();
        let text = message(&plan, &template);
        let records: Vec<_> = plan.bumps.iter().map(PlannedBump::record).collect();
        prop_assert_eq!(history::bumps(&text), records);
        prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
}

#[test]
fn a_tag_of_several_repositories_must_be_chosen_in_each_of_them() {
    let with = |policy: &str, lines: &[&str]| {
        let mut web = automated_field("web", "web:1.0.0", 1, policy);
        web.others = vec![ImageRef::parse(&format!("{HOST}/eu")).unwrap()];
        let plan = decided(&[web], &listings(lines), &BTreeMap::new());
        let decision = plan.decisions[0].clone();
        let to = plan.bumps.first().map(|bump| bump.to.to_string());
        (decision.outcome, to, decision.reason.clone())
    };
    let (outcome, to, _) = with("*", &["web: 1.0.0@1 2.0.0@2 3.0.0@3", "eu: 1.0.0@1 2.0.0@2"]);
    assert_eq!((outcome, to.as_deref()), (Outcome::Bump, Some("2.0.0")));
    let (outcome, to, _) = with("semver:*", &["web: 1.0.0@1 3.0.0@3", "eu: 1.0.0@1 2.0.0@2"]);
    assert_eq!((outcome, to), (Outcome::UpToDate, None));
    let (outcome, _, reason) = with("*", &["web: 1.0.0@1 2.0.0@2 3.0.0@3", "eu: 1.0.0@1 2.0.0@5 3.0.0@4"]);
    assert_eq!(outcome, Outcome::NoCandidate);
    assert!(
        reason.contains("where the policy chooses 2.0.0 and not 3.0.0"),
        "{reason}"
    );
    let (outcome, _, reason) = with("*", &["web: 1.0.0@1 2.0.0@2"]);
    assert_eq!(outcome, Outcome::Unknown);
    assert!(reason.contains("/eu has not been read yet"), "{reason}");
}

/// A field whose marker asks for the name `new`.
fn renamed(image: &str, policy: &str) -> AutomatedField {
    AutomatedField {
        new_name: Some(ImageRef::parse(&format!("{HOST}/new")).unwrap()),
        ..automated_field("web", image, 1, policy)
    }
}

#[test]
fn a_new_name_is_written_with_a_tag_that_is_chosen_in_the_new_repository() {
    let at = |name: &str| format!("sha256:{:0>64}", hex::encode(name));
    let pinned = format!("web:1.0.0@{}", at("1.0.0"));
    #[rustfmt::skip]
    let rows = [
        (renamed("web:1.0.0", "semver:1"),            "new: 1.0.0@1 1.1.0@2",         Outcome::Bump,        Some("1.1.0"), "1.1.0 is the newest tag"),
        (renamed("web:1.1.0", "semver:1"),            "new: 1.0.0@1 1.1.0@2",         Outcome::Bump,        Some("1.1.0"), "1.1.0 is the newest tag"),
        (renamed("web:1.2.0", "semver:1"),            "new: 1.0.0@1 1.1.0@2",         Outcome::UpToDate,    None,          "nothing"),
        (renamed("web:1.0.0", "semver:1"),            "new: 2.0.0@1",                 Outcome::NoCandidate, None,          "the only tag"),
        (renamed("web:1.0.0", "semver:1"),            "web: 1.1.0@1",                 Outcome::Unknown,     None,          "shop/new has not been read yet"),
        (renamed("web:b", "glob:*"),                  "new: a@1 b@2",                 Outcome::Bump,        Some("b"),     "b, pushed"),
        (renamed("web:b", "glob:*"),                  "new: a@3 b@2",                 Outcome::Bump,        Some("a"),     "after b"),
        (renamed("web:gone", "glob:*"),               "new: a@1 b@2",                 Outcome::NoCandidate, None,          "nothing says which tag is newer"),
        (renamed("web:b", "glob:b-*"),                "new: a@1 b@2",                 Outcome::NoCandidate, None,          "none of 2 tags"),
        (renamed("web", "glob:*"),                    "new: a@1 b@2",                 Outcome::Bump,        Some("b"),     "b, pushed"),
        (renamed("web:b", "digest:b"),                "new: a@1 b@2",                 Outcome::Bump,        Some("b"),     "b is the newest tag"),
        (renamed(&format!("web:b@{}", at("b")), "digest:b"), "new: a@1 b@2",          Outcome::Bump,        Some("b"),     "b is the newest tag"),
        (renamed(&format!("web@{}", at("b")), "digest:b"),   "new: a@1 b@2",          Outcome::Bump,        Some("b"),     "b is the newest tag"),
        (renamed(&pinned, "semver:1"),                "new: 1.0.0@1",                 Outcome::Pinned,      None,          "remove the digest"),
        (locked(renamed("web:1.0.0", "semver:1")),    "new: 1.1.0@1",                 Outcome::Locked,      None,          "locked by jo"),
    ];
    for (field, listing, outcome, to, reason) in rows {
        let plan = decided(std::slice::from_ref(&field), &listings(&[listing]), &BTreeMap::new());
        let decision = &plan.decisions[0];
        assert_eq!(decision.outcome, outcome, "{} {listing}: {decision:?}", field.image);
        assert!(
            decision.reason.contains(reason),
            "{} {listing}: {}",
            field.image,
            decision.reason
        );
        assert_eq!(plan.bumps.first().map(|bump| bump.to.as_str()), to, "{listing}");
        let Some(bump) = plan.bumps.first() else { continue };
        assert_eq!(check(&plan), Ok(()), "{} {listing}", field.image);
        let text = message(&plan, &Template::default());
        assert_eq!(history::bumps(&text), [bump.record()]);
        assert!(text.starts_with("Bump shop/new to "), "{text}");
        assert!(
            text.contains(&format!("-> {HOST}/new {}", bump.record().after())),
            "{text}"
        );
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(json["bumps"][0]["newName"], format!("{HOST}/new"));
        assert_eq!(json["decisions"][0]["newName"], format!("{HOST}/new"));
    }
    let plain = decided(
        &[automated_field("web", "web:a", 1, "*")],
        &listings(&["web: a@1 b@2"]),
        &BTreeMap::new(),
    );
    assert!(!serde_json::to_string(&plain).unwrap().contains("newName"));
}

#[test]
fn a_digest_that_flux_would_remove_stays_and_the_field_says_so() {
    let policy = |reflection: &str| {
        let spec = format!("{{policy: {{semver: {{range: '*'}}}}, digestReflectionPolicy: {reflection}}}");
        let object: serde_json::Value = serde_yaml::from_str(&format!(
            "{{apiVersion: image.toolkit.fluxcd.io/v1, kind: ImagePolicy, metadata: {{name: web, namespace: flux-system}}, spec: \
             {spec}}}"
        ))
        .unwrap();
        Policy::from_image_policy(&object).map_err(|error| error.to_string())
    };
    let tags = listings(&["web: 1.0.0@1 1.1.0@2"]);
    let decided = |image: &str, reflection: &str| {
        let field = AutomatedField {
            policy: policy(reflection),
            ..automated_field("web", image, 1, "*")
        };
        decided(&[field], &tags, &BTreeMap::new())
    };
    let digest = format!("sha256:{:0>64}", hex::encode("1.0.0"));
    for image in [format!("web:1.0.0@{digest}"), format!("web@{digest}")] {
        let plan = decided(&image, "Never");
        let decision = &plan.decisions[0];
        assert!(
            plan.bumps.is_empty() && decision.outcome == Outcome::Pinned,
            "{decision:?}"
        );
        let said = decision
            .reason
            .contains("Flux would remove the digest, Tidegate keeps it");
        assert!(
            said && decision.reason.contains("digestReflectionPolicy"),
            "{}",
            decision.reason
        );
        let plan = decided(&image, "Always");
        assert_eq!(plan.bumps.len(), 1, "{plan:?}");
        assert!(plan.bumps[0].pinned);
    }
    let plan = decided("web:1.0.0", "Never");
    assert!(plan.bumps.len() == 1 && !plan.bumps[0].pinned, "{plan:?}");
}
