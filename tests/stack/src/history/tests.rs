//! Each sort of fault, in a history made up for it.

use super::*;
use crate::GitServer;
use crate::git::Repo;
use std::collections::BTreeSet;

const IMAGE: &str = "registry.example/shop/web";
const PERSON: &str = "Jo <jo@acme.example>";

/// Commits one after the other; the clock is the number of the commit, times ten.
#[derive(Default)]
struct Made(History);

impl Made {
    fn commit(mut self, author: &str, message: &str, trailers: &[String], changes: Vec<Change>) -> Self {
        let number = self.0.commits.len();
        self.0.commits.push(Entry {
            id: format!("{number:040}"),
            parents: number
                .checked_sub(1)
                .map(|parent| format!("{parent:040}"))
                .into_iter()
                .collect(),
            author: author.to_owned(),
            committer: author.to_owned(),
            committed: i64::try_from(number).unwrap() * 10,
            message: format!("{message}\n\n{}", trailers.join("\n")),
            trailers: trailers.to_vec(),
            changes,
        });
        self
    }

    fn begin() -> Self {
        Self::default().commit(PERSON, "Import", &[], Vec::new())
    }

    fn bump(self, old: &str, new: &str) -> Self {
        self.commit(AGENT, "Bump", &[trailer(old, new)], vec![line(old, new)])
    }

    fn by_hand(self, old: &str, new: &str) -> Self {
        self.commit(PERSON, "By hand", &[], vec![line(old, new)])
    }

    /// The tip has this tag, and these were pushed, at 1, 2, ...
    fn judged(mut self, standing: &str, pushed: &[&str]) -> Verdict {
        self.0.standing = vec![Line {
            path: "web.yaml".into(),
            text: image(standing),
        }];
        self.0.judge(AGENT, &tags(pushed))
    }
}

fn tags(pushed: &[&str]) -> Vec<Pushed> {
    pushed
        .iter()
        .zip(1..)
        .map(|(tag, at)| Pushed {
            image: IMAGE.into(),
            tag: (*tag).to_owned(),
            at,
        })
        .collect()
}

fn image(tag: &str) -> String {
    format!("        image: {IMAGE}:{tag}  # by CI")
}

fn trailer(old: &str, new: &str) -> String {
    format!(
        "Tidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web image={IMAGE} old={old} new={new}"
    )
}

fn hunk(removed: &[String], added: &[String]) -> Vec<Hunk> {
    vec![Hunk {
        removed: removed.to_vec(),
        added: added.to_vec(),
    }]
}

fn line(old: &str, new: &str) -> Change {
    Change {
        path: "web.yaml".into(),
        hunks: hunk(&[image(old)], &[image(new)]),
        others: Vec::new(),
    }
}

fn kinds(verdict: &Verdict) -> Vec<Kind> {
    verdict.faults.iter().map(|fault| fault.kind).collect()
}

fn fates(verdict: &Verdict) -> Vec<&Fate> {
    verdict.fates.iter().map(|(_, fate)| fate).collect()
}

#[test]
fn tags_that_landed_once_each_are_clean() {
    let verdict = Made::begin()
        .bump("a", "b")
        .bump("b", "c")
        .judged("c", &["a", "b", "c"]);
    assert!(
        verdict.to_string().ends_with(
            "3 commits, 2 of the agent; 3 tags: 2 landed, 1 superseded, 0 held, 0 by hand; 0 lost, 0 doubled, 0 stale, 0 malformed"
        ),
        "{verdict}"
    );
    assert!(verdict.clean().is_ok());
}

#[test]
fn a_tag_that_nobody_set_is_superseded_by_a_newer_one_or_lost() {
    let overtaken = Made::begin().bump("a", "c").judged("c", &["b", "c"]);
    assert_eq!(kinds(&overtaken), []);
    assert_eq!(fates(&overtaken)[0], &Fate::Superseded("c".into()));
    let missing = Made::begin().bump("a", "b").judged("b", &["b", "c"]);
    assert_eq!(kinds(&missing), [Kind::Lost]);
    assert!(missing.clean().unwrap_err().to_string().contains("1 lost"));
    let nowhere = History::default().judge(AGENT, &tags(&["b"]));
    assert_eq!(kinds(&nowhere), [Kind::Lost]);
}

#[test]
fn a_tag_that_was_there_from_the_beginning_needs_no_commit() {
    let verdict = Made::begin().judged("a", &["a"]);
    assert_eq!(fates(&verdict), [&Fate::ByHand("the beginning".into())]);
}

#[test]
fn a_bump_made_twice_is_doubled() {
    let verdict = Made::begin().bump("a", "b").bump("a", "b").judged("b", &["b"]);
    assert_eq!(kinds(&verdict), [Kind::Doubled]);
}

#[test]
fn a_value_that_moves_down_or_was_never_pushed_is_stale() {
    let down = Made::begin()
        .bump("a", "c")
        .bump("c", "b")
        .judged("b", &["a", "b", "c"]);
    assert_eq!(kinds(&down), [Kind::Stale]);
    let unknown = Made::begin().bump("a", "x").judged("x", &["a"]);
    assert!(kinds(&unknown).contains(&Kind::Stale), "{:?}", unknown.faults);
}

#[test]
fn a_person_s_revert_holds_what_was_pushed_before_and_nothing_that_came_after() {
    let held = Made::begin()
        .bump("a", "b")
        .by_hand("b", "a")
        .judged("a", &["a", "b", "c"]);
    assert_eq!(kinds(&held), []);
    assert_eq!(fates(&held)[2], &Fate::Held(format!("{:010}", 0)));
    let mut overruled = Made::begin().bump("a", "b").by_hand("b", "a").bump("a", "c");
    overruled.0.standing = vec![Line {
        path: "web.yaml".into(),
        text: image("c"),
    }];
    let early = overruled.0.judge(AGENT, &tags(&["a", "b", "c"]));
    assert_eq!(kinds(&early), [Kind::Stale], "c was there before the revert");
    let mut pushed = tags(&["a", "b", "c"]);
    pushed[2].at = 25;
    assert_eq!(kinds(&overruled.0.judge(AGENT, &pushed)), [], "c came after the revert");
    pushed.pop();
    let again = Made::begin()
        .bump("a", "b")
        .by_hand("b", "a")
        .bump("a", "b")
        .judged("b", &["a", "b"]);
    assert_eq!(kinds(&again), [Kind::Doubled, Kind::Stale]);
}

#[test]
fn what_a_person_sets_is_by_hand_and_a_resumed_tag_may_land_again() {
    let by_hand = Made::begin().bump("a", "b").by_hand("b", "c").judged("c", &["b", "c"]);
    assert_eq!(kinds(&by_hand), []);
    assert!(matches!(fates(&by_hand)[1], Fate::ByHand(_)));
    let resumed = Made::begin()
        .bump("a", "b")
        .by_hand("b", "a")
        .commit(PERSON, "Resume", &["Tidegate-Resume: all".into()], Vec::new())
        .bump("a", "b")
        .judged("b", &["b"]);
    assert_eq!(kinds(&resumed), []);
}

#[test]
fn a_commit_of_the_agent_has_one_parent_a_change_and_its_own_committer() {
    for spoil in [
        |entry: &mut Entry| entry.parents.push("f".repeat(40)),
        |entry: &mut Entry| entry.parents.clear(),
        |entry: &mut Entry| entry.committer = PERSON.into(),
    ] {
        let mut made = Made::begin().bump("a", "b");
        spoil(made.0.commits.last_mut().unwrap());
        assert_eq!(kinds(&made.judged("b", &["b"])), [Kind::Malformed]);
    }
    let empty = Made::begin().commit(AGENT, "Bump", &[], Vec::new()).judged("a", &["a"]);
    assert!(empty.faults[0].text.contains("empty"), "{:?}", empty.faults);
}

#[test]
fn a_byte_besides_the_planned_ones_is_found() {
    let unplanned = [
        Change {
            path: "notes.txt".into(),
            hunks: hunk(&[], &["more".into()]),
            others: Vec::new(),
        },
        Change {
            path: "api.yaml".into(),
            hunks: hunk(&[image("a")], &[image("b")]),
            others: Vec::new(),
        },
        Change {
            path: "run.sh".into(),
            hunks: Vec::new(),
            others: vec!["old mode 100644".into(), "new mode 100755".into()],
        },
    ];
    for other in unplanned {
        let verdict = Made::begin()
            .commit(AGENT, "Bump", &[trailer("a", "b")], vec![line("a", "b"), other])
            .judged("b", &["b"]);
        assert!(verdict.count(Kind::Malformed) > 0);
    }
    for odd in [
        image("b").replace("# by CI", "# by  CI"),
        image("bb"),
        format!("{} ", image("b")),
    ] {
        let mut change = line("a", "b");
        change.hunks[0].added = vec![odd];
        let verdict = Made::begin()
            .commit(AGENT, "Bump", &[trailer("a", "b")], vec![change])
            .judged("b", &["b"]);
        assert!(verdict.count(Kind::Malformed) > 0);
    }
}

#[test]
fn trailers_record_exactly_what_was_changed() {
    let cases: [(&[String], Vec<Change>); 4] = [
        (&[], vec![line("a", "b")]),
        (&[trailer("a", "b"), trailer("x", "y")], vec![line("a", "b")]),
        (&[trailer("a", "c")], vec![line("a", "b")]),
        (
            &["Tidegate-Bump: kind=Deployment name=web new".into()],
            vec![line("a", "b")],
        ),
    ];
    for (trailers, changes) in cases {
        let verdict = Made::begin()
            .commit(AGENT, "Bump", trailers, changes)
            .judged("b", &["b"]);
        assert!(verdict.count(Kind::Malformed) > 0, "{trailers:?}");
    }
    let mut unread = Made::begin().bump("a", "b");
    unread.0.commits[1].trailers.clear();
    assert!(unread.judged("b", &["b"]).count(Kind::Malformed) > 0);
}

#[test]
fn a_tag_is_read_to_its_end() {
    let of = |line: &str| super::bump::tag_in(line, IMAGE);
    assert_eq!(of(&image("1.2.3")).as_deref(), Some("1.2.3"));
    assert_eq!(
        of(&format!("image: \"{IMAGE}:v1_x-y@sha256:00\"")).as_deref(),
        Some("v1_x-y")
    );
    assert_eq!(of(&format!("image: {IMAGE}")), None);
}

/// The same by the real git program, from commits to verdict.
#[test]
fn a_branch_is_read_as_git_has_it() {
    let server = GitServer::start().unwrap();
    let repo = server.create_repo("fleet").unwrap();
    let file = |tag: &str| format!("kind: Deployment\n{}\nlast line without an end", image(tag));
    repo.seed(&[("web.yaml", &file("a")), ("odd \"name\"", "-- x\n")])
        .unwrap();
    let copy = repo.work_copy().unwrap();
    let agent = |message: &str| {
        copy.git(&["add", "--all"]).unwrap();
        let person = ["-c", "user.name=x", "-c", "user.email=x"];
        copy.git(
            &[
                &person[..],
                &["commit", "-q", "--allow-empty", "--author", AGENT, "-m", message],
            ]
            .concat(),
        )
        .unwrap();
    };
    copy.write("web.yaml", &file("b")).unwrap();
    agent(&format!("Bump\n\n- a -> b\n\n{}", trailer("a", "b")));
    copy.write("odd \"name\"", "++ y\n-- x\n").unwrap();
    copy.commit("By a person").unwrap();
    copy.write("web.yaml", &(file("c") + "\n")).unwrap();
    agent(&format!("Bump\n\n{}\n\nA last paragraph.", trailer("b", "c")));
    copy.push().unwrap();

    let history = read(&repo);
    let shape: Vec<(usize, usize)> = history
        .commits
        .iter()
        .map(|commit| (commit.trailers.len(), commit.changes.len()))
        .collect();
    assert_eq!(shape, [(0, 0), (1, 1), (0, 1), (0, 1)]);
    assert_eq!(history.commits[1].changes, [line("a", "b")]);
    assert_eq!(history.commits[2].changes[0].hunks, hunk(&[], &["++ y".to_owned()]));
    assert_eq!(history.standing.len(), 1);
    let verdict = history.judge(AGENT, &tags(&["b", "c"]));
    let texts: Vec<&str> = verdict.faults.iter().map(|fault| fault.text.as_str()).collect();
    for part in [
        "committer is Operator",
        "git reads 0 trailers of bumps, the message has 1",
        "No newline at end of file",
        "no trailer records",
    ] {
        assert!(
            texts.iter().any(|text| text.contains(part)),
            "{part} is not in {texts:#?}"
        );
    }
}

fn read(repo: &Repo) -> History {
    History::read(repo, &BTreeSet::from([IMAGE])).unwrap()
}
