use super::*;
use crate::model::{CommitId, Digest, FieldId, FieldName, HoldUntil, ImageRef, ObjectId, Tag};
use jiff::Timestamp;
use proptest::prelude::*;

const IMAGE: &str = "registry.example/shop/web";

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn field(name: &str) -> FieldId {
    FieldId {
        object: ObjectId::new("apps/v1", "Deployment", Some("shop"), name),
        field: FieldName("web".to_owned()),
    }
}

fn bump(field: FieldId, old: &str, new: &str) -> Bump {
    let (old, new) = (version(old), version(new));
    Bump {
        field,
        image: IMAGE.to_owned(),
        new_image: None,
        old: old.tag,
        new: new.tag.unwrap(),
        pinned: new.digest.is_some(),
        digest: new.digest,
        old_digest: old.digest,
    }
}

fn digest(text: &str) -> Digest {
    Digest::parse(&format!("sha256:{text:0>64}")).unwrap()
}

/// `tag`, `tag@digest`, `-` for nothing.
fn version(text: &str) -> ImageVersion {
    let (name, at) = text.split_once('@').map_or((text, None), |(name, at)| (name, Some(at)));
    ImageVersion {
        tag: (name != "-").then(|| tag(name)),
        digest: at.map(digest),
    }
}

/// The image at a version.
fn image(text: &str) -> ImageRef {
    let ImageVersion { tag, digest } = version(text);
    ImageRef::parse(IMAGE).unwrap().with(tag, digest)
}

fn commit(index: usize) -> CommitId {
    CommitId::from_bytes([u8::try_from(index).unwrap() + 1; 20])
}

/// A commit of a history that is written as text: `<minute> <bump|edit|resume> [field:]old>new …`, `-` for no tag. `alone` is
/// a bump in a file that says the digest only.
fn step(index: usize, line: &str) -> Commit {
    let mut words = line.split_whitespace();
    let at = minute(words.next().unwrap().parse().unwrap());
    let kind = words.next().unwrap();
    let mut step = Commit {
        commit: commit(index),
        author: "Jo <jo@acme.example>".to_owned(),
        committed_at: at,
        ours: Vec::new(),
        resumes: Vec::new(),
        changes: Vec::new(),
        parents: Vec::from_iter(index.checked_sub(1).map(commit)),
        merged: Vec::new(),
    };
    if kind == "resume" {
        let lifted = words.map(|word| match word.split_once(':') {
            _ if word == "all" => Resume::All,
            None => Resume::Field(field(word)),
            Some((name, only)) => Resume::Tag(field(name), tag(only)),
        });
        step.resumes.extend(lifted);
        return step;
    }
    for word in words {
        let (name, change) = word.split_once(':').unwrap_or(("web", word));
        let (from, to) = change.split_once('>').unwrap();
        step.changes.push(FieldChange {
            field: field(name),
            from: version(from),
            to: version(to),
            image_from: IMAGE.to_owned(),
            image_to: IMAGE.to_owned(),
            was: None,
        });
        if kind == "alone" {
            let written = step.changes.last_mut().unwrap();
            (written.from.tag, written.to.tag) = (None, None);
        }
        if kind == "bump" || kind == "alone" {
            step.ours.push(bump(field(name), from, to));
        }
    }
    step
}

fn history(lines: &[&str]) -> Vec<Commit> {
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| step(index, line))
        .collect()
}

/// As [`version`] reads it.
fn shown(version: &ImageVersion) -> String {
    let tag = version.tag.as_ref().map_or("-", Tag::as_str);
    match &version.digest {
        Some(digest) => format!(
            "{tag}@{}",
            digest.as_str().trim_start_matches("sha256:").trim_start_matches('0')
        ),
        None => tag.to_owned(),
    }
}

fn rejected(lines: &[&str]) -> String {
    let held: Vec<String> = holds(&history(lines))
        .into_iter()
        .map(|(id, hold)| {
            let versions: Vec<String> = hold.rejected.iter().map(|r| shown(&r.version())).collect();
            format!("{}:{}", id.object.name, versions.join(","))
        })
        .collect();
    held.join(" ")
}

/// What the history is, its commits oldest first, what is held at its end.
#[rustfmt::skip]
const HISTORIES: &[(&str, &[&str], &str)] = &[
    ("nothing happened",                &[], ""),
    ("a bump stands",                   &["1 bump a>b"], ""),
    ("a bump is reverted",              &["1 bump a>b", "2 edit b>a"], "web:b"),
    ("a revert is reverted",            &["1 bump a>b", "2 edit b>a", "3 edit a>b"], ""),
    ("reverted three times",            &["1 bump a>b", "2 edit b>a", "3 edit a>b", "4 edit b>a"], "web:b"),
    ("moved by hand to a third tag",    &["1 bump a>b", "2 edit b>c"], "web:b"),
    ("people's own tags are not ours",  &["1 edit a>b", "2 edit b>a"], ""),
    ("a bump follows a bump",           &["1 bump a>b", "2 bump b>c"], ""),
    ("two bumps undone at once",        &["1 bump a>b", "2 bump b>c", "3 edit c>a"], "web:c"),
    ("two bumps undone one by one",     &["1 bump a>b", "2 bump b>c", "3 edit c>b", "4 edit b>a"], "web:c,b"),
    ("a later bump lifts nothing",      &["1 bump a>b", "2 edit b>a", "3 bump a>c"], "web:b"),
    ("two rejections side by side",     &["1 bump a>b", "2 edit b>a", "3 bump a>c", "4 edit c>a"], "web:b,c"),
    ("one of two is taken up again",    &["1 bump a>b", "2 edit b>a", "3 bump a>c", "4 edit c>b"], "web:c"),
    ("part of a bump of many",          &["1 bump a:1>2 b:1>2", "2 edit a:2>1"], "a:2"),
    ("all of a bump of many",           &["1 bump a:1>2 b:1>2", "2 edit a:2>1 b:2>1"], "a:2 b:2"),
    ("a resume of the field",           &["1 bump a>b", "2 edit b>a", "3 resume web"], ""),
    ("a resume of one tag of two",      &["1 bump a>b", "2 edit b>a", "3 bump a>c", "4 edit c>a", "5 resume web:b"], "web:c"),
    ("a resume of a tag not held",      &["1 bump a>b", "2 edit b>a", "3 resume web:c"], "web:b"),
    ("a resume of a tag's digests",     &["1 bump s@a>s@b", "2 edit s@b>s@a", "3 resume web:s"], ""),
    ("a resume of another field",       &["1 bump a>b", "2 edit b>a", "3 resume api"], "web:b"),
    ("a resume of everything",          &["1 bump a:1>2 b:1>2", "2 edit a:2>1 b:2>1", "3 resume all"], ""),
    ("reverted again after a resume",   &["1 bump a>b", "2 edit b>a", "3 resume web", "4 bump a>b", "5 edit b>a"], "web:b"),
    ("a digest alone",                 &["1 alone s@a>s@b", "2 edit -@b>-@a"], "web:s@b"),
    ("a digest alone, taken up again", &["1 alone s@a>s@b", "2 edit -@b>-@a", "3 edit -@a>-@b"], ""),
    ("a digest alone, overtaken",      &["1 alone s@a>s@b", "2 alone s@b>s@c", "3 edit -@c>-@b"], "web:s@c"),
    ("a digest alone, back to the first", &["1 alone s@a>s@b", "2 alone s@b>s@c", "3 edit -@c>-@a"], "web:s@c"),
    ("a digest alone gains its tag",   &["1 alone s@a>s@b", "2 edit -@b>s@b"], ""),
    ("a pinned tag loses its tag",     &["1 bump s@a>s@b", "2 edit s@b>-@b"], ""),
    ("a digest alone by a person",     &["1 alone s@a>s@b", "2 edit -@b>-@d", "3 edit -@d>-@e"], "web:s@b"),
    ("removed and put back as it was",  &["1 bump a>b", "2 edit b>-", "3 edit ->b"], ""),
    ("removed and put back older",      &["1 bump a>b", "2 edit b>-", "3 edit ->a"], "web:b"),
    ("moved to another file",           &["1 bump a>b", "2 edit b>- ->b"], ""),
    ("moved, the addition read first",  &["1 bump a>b", "2 edit ->b b>-"], ""),
    ("the first tag is written by us",  &["1 bump ->b", "2 edit b>a"], "web:b"),
    ("other fields are left alone",     &["1 bump a:1>2 b:1>2", "2 edit a:2>1", "3 bump b:2>3"], "a:2"),
    // with digests
    ("a digest is taken back",          &["1 bump s@a>s@b", "2 edit s@b>s@a"], "web:s@b"),
    ("the digest comes back",           &["1 bump s@a>s@b", "2 edit s@b>s@a", "3 edit s@a>s@b"], ""),
    ("the tag's next digest lifts not", &["1 bump s@a>s@b", "2 edit s@b>s@a", "3 bump s@a>s@c"], "web:s@b"),
    ("the first digest is taken back",  &["1 bump s>s@b", "2 edit s@b>s"], "web:s@b"),
    ("a tag of ours gets its digest",   &["1 bump a>b", "2 edit b>b@f"], ""),
    ("and then goes",                   &["1 bump a>b", "2 edit b>b@f", "3 edit b@f>a"], "web:b"),
    ("a digest is swapped for a tag",   &["1 bump s@a>s@b", "2 edit s@b>1.0"], "web:s@b"),
    ("digest and tag are two things",   &["1 bump s@a>s@b", "2 edit s@b>s@a", "3 edit s@a>s@c", "4 edit s@c>s@b"], ""),
];

#[test]
fn each_history_holds_what_people_took_back() {
    for (what, lines, want) in HISTORIES {
        assert_eq!(rejected(lines), *want, "{what}");
    }
}

/// Files as `web=a,api=b->web=c`: fields before and after, `-` for no tag; the field_changes as `web:a>c`.
#[test]
fn a_field_is_followed_within_its_file_and_from_file_to_file() {
    let fields = |text: &str| -> Vec<(FieldId, FieldValue)> {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        let said = |at| FieldValue {
            image: IMAGE.to_owned(),
            version: version(at),
        };
        pairs.map(|(name, at)| (field(name), said(at))).collect()
    };
    for (what, files, want) in [
        ("nothing", "web=a->web=a", ""),
        ("a bump", "web=a->web=b", "web:a>b"),
        ("two fields", "web=a,api=a->web=b,api=c", "api:a>c web:a>b"),
        ("a new file", "->web=a", "web:->a"),
        ("a removed file", "web=a->", "web:a>-"),
        ("a renamed file", "web=a-> ->web=a", ""),
        ("a renamed file, the new one first", "->web=a web=a->", ""),
        ("renamed and changed", "web=a-> ->web=b", "web:a>b"),
        (
            "the same object in two folders",
            "web=a->web=b web=b->web=c",
            "web:a>b web:b>c",
        ),
        ("one of two folders", "web=a->web=b web=a->web=a", "web:a>b"),
        ("twice in one file", "web=a,web=b->web=b,web=c", "web:a>c"),
        ("a tag is written", "web=-->web=a", "web:->a"),
        ("a digest is written", "web=a->web=a@1", "web:a>a@1"),
        ("a digest changes", "web=a@1->web=a@2", "web:a@1>a@2"),
        ("a digest stays", "web=a@1->web=a@1", ""),
        ("a field without a tag goes", "web=-->", ""),
    ] {
        let files = files
            .split(' ')
            .filter_map(|file| file.rsplit_once("->"))
            .map(|(before, after)| FileFields {
                before: fields(before),
                after: fields(after),
            });
        let got: Vec<String> = field_changes(files)
            .iter()
            .map(|t| format!("{}:{}>{}", t.field.object.name, shown(&t.from), shown(&t.to)))
            .collect();
        assert_eq!(got.join(" "), want, "{what}");
    }
}

#[test]
fn a_field_stands_since_it_was_last_written() {
    let mut index = HoldIndex::default();
    let steps = history(&["1 bump web:a>b api:a>b", "2 edit b>a", "3 resume web"]);
    steps.into_iter().for_each(|step| index.push(step));
    let since = index.written();
    assert_eq!(since[&field("web")], minute(2));
    assert_eq!(since[&field("api")], minute(1));
}

#[test]
fn a_commit_is_ours_only_for_the_change_that_its_trailer_names() {
    let mut steps = history(&["1 bump a>b", "2 edit b>a"]);
    steps[1].ours.push(bump(field("web"), "a", "c"));
    assert_eq!(holds(&steps).len(), 1);
}

fn allowed(
    lines: &[&str],
    now: i64,
    name: &str,
    pushed: Option<i64>,
    rejected_pushed: Option<i64>,
) -> Result<(), String> {
    let holds = holds(&history(lines));
    holds[&field("web")].allows(&HoldCheck {
        tag: &tag(name),
        digest: None,
        pushed_at: pushed.map(minute),
        pushed_at_of: &|_| rejected_pushed.map(minute),
        comes_after: &|other| tag(name) > *other,
        now: minute(now),
        remedy: remedy(&field("web")),
    })
}

fn remedy(field: &FieldId) -> Remedy<'_> {
    Remedy {
        field,
        until: HoldUntil::Newer,
        repo_args: "",
    }
}

#[test]
fn only_a_tag_pushed_after_the_rollback_passes() {
    let reverted = ["10 bump a>b", "20 edit b>a"];
    #[rustfmt::skip]
    let rows: &[(&str, Option<i64>, Option<i64>, bool)] = &[
        ("b", Some(9),  Some(9),  false),
        ("b", Some(99), Some(99), false),
        ("c", Some(15), Some(9),  false),
        ("c", Some(20), Some(9),  false),
        ("c", Some(21), Some(9),  true),
        ("c", Some(21), None,     true),
        ("c", Some(25), Some(30), false),
        ("c", None,     Some(9),  true),
        ("a", None,     Some(9),  false),
    ];
    for (name, pushed, rejected_pushed, want) in rows {
        let got = allowed(&reverted, 100, name, *pushed, *rejected_pushed);
        assert_eq!(got.is_ok(), *want, "{name} {pushed:?} {rejected_pushed:?}: {got:?}");
    }
}

#[test]
fn a_clock_that_lies_is_bounded() {
    let ahead = ["10 bump a>b", "9999 edit b>a"];
    assert!(allowed(&ahead, 50, "c", Some(49), Some(9)).is_err());
    assert!(allowed(&ahead, 50, "c", Some(51), Some(9)).is_ok());
    let behind = ["10 bump a>b", "0 edit b>a"];
    assert!(
        allowed(&behind, 50, "c", Some(10), Some(9)).is_err(),
        "pushed before our own bump"
    );
    assert!(allowed(&behind, 50, "c", Some(11), Some(9)).is_ok());
}

#[test]
fn a_hold_says_who_took_what_back_and_what_lifts_it() {
    let reason = allowed(&["10 bump a>b", "20 edit b>a"], 100, "b", Some(9), Some(9)).unwrap_err();
    assert_eq!(
        reason,
        "held: b was taken back in 0202020 by Jo <jo@acme.example>; a tag pushed later, a revert of 0202020 or \
         `tidegate resume deployment/web -n shop --field web` lifts it"
    );
    let holds = holds(&history(&["1 bump a>b", "2 edit b>a", "3 bump a>c", "4 edit c>a"]));
    assert_eq!(
        holds[&field("web")].reason(remedy(&field("web"))),
        "c was taken back in 0404040 by Jo <jo@acme.example> (and before it b); \
         a tag pushed later, a revert of 0404040 or `tidegate resume deployment/web -n shop --field web` lifts it"
    );
}

#[test]
fn the_command_that_lifts_a_hold_can_be_copied_into_a_shell() {
    for (kind, namespace, name, container, want) in [
        (
            "Deployment",
            Some("shop"),
            "web",
            "web",
            "deployment/web -n shop --field web",
        ),
        (
            "HelmRelease",
            None,
            "web",
            "chart-image",
            "helmrelease/web --field chart-image",
        ),
        (
            "Deployment",
            Some("shop"),
            "it's $(odd)\u{1b}",
            "--all",
            "'deployment/it'\\''s $(odd)' -n shop --field '--all'",
        ),
    ] {
        let field = FieldId {
            object: ObjectId::new("apps/v1", kind, namespace, name),
            field: FieldName(container.to_owned()),
        };
        let remedy = Remedy {
            repo_args: " --repo .",
            ..remedy(&field)
        };
        assert_eq!(remedy.command(), format!("tidegate resume {want} --repo ."));
    }
}

#[test]
fn a_rejection_concerns_neither_another_image_nor_the_tag_that_stands() {
    let holds = holds(&history(&["1 bump a>b", "2 edit b>a"]));
    let hold = &holds[&field("web")];
    assert!(hold.concerning(IMAGE, &image("a")).is_some());
    assert!(hold.concerning("registry.example/other", &image("a")).is_none());
    assert!(hold.concerning(IMAGE, &image("b")).is_none());
}

#[test]
fn a_digest_is_held_and_the_tag_with_a_later_one_passes() {
    let lines = ["10 bump s@a>s@b", "20 edit s@b>s@a"];
    let held = holds(&history(&lines));
    let allowed = |at: &str, pushed: i64| {
        held[&field("web")].allows(&HoldCheck {
            tag: &tag("s"),
            digest: Some(&digest(at)),
            pushed_at: Some(minute(pushed)),
            pushed_at_of: &|rejected| (rejected.digest == Some(digest("b"))).then(|| minute(9)),
            comes_after: &|_| false,
            now: minute(100),
            remedy: remedy(&field("web")),
        })
    };
    let reason = allowed("b", 99).unwrap_err();
    assert!(
        reason.starts_with("held: s@sha256:000000000000 was taken back in 0202020"),
        "{reason}"
    );
    assert!(allowed("c", 15).is_err());
    assert!(allowed("c", 21).is_ok());
}

#[test]
fn a_trailer_is_one_readable_line() {
    let bump = Bump {
        digest: Some(digest("0")),
        ..bump(field("web"), "1.2.3", "1.2.4")
    };
    assert_eq!(
        bump.trailer(),
        format!(
            "Tidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web \
             image=registry.example/shop/web old=1.2.3 new=1.2.4 digest=sha256:{}",
            "0".repeat(64)
        )
    );
}

#[test]
fn trailers_are_read_from_the_last_paragraph_as_git_reads_them() {
    let trailer = bump(field("web"), "a", "b").trailer();
    #[rustfmt::skip]
    let rows = [
        (format!("Subject\n\n{trailer}\n"), 1),
        (format!("Subject\n\n{trailer}"), 1),
        (format!("Subject\r\n\r\n{trailer}\r\n"), 1),
        (format!("Subject\n\nbody\n\n{trailer}\n\n\n"), 1),
        (format!("Subject\n\n{trailer}\nSigned-off-by: Jo <jo@acme.example>\n"), 1),
        (format!("Subject\n\n{trailer}\n(cherry picked from commit 0123)\n"), 1),
        (format!("Subject\n\n{}\n", trailer.replace(" field=", "\n field=")), 1),
        (format!("Subject\n\n{}\n", trailer.replace("Tidegate-Bump", "tidegate-bump")), 1),
        (format!("Subject\n\n{trailer}\n{trailer}\n"), 2),
        (format!("Subject\n\na line of prose\n{trailer}\n"), 1),
        (format!("Subject\n\n1\n2\n3\n4\n{trailer}\n"), 1),
        (trailer.clone(), 0),
        (format!("Subject\n{trailer}\n"), 0),
        (format!("Subject\n\n{trailer}\n\nprose after it\n"), 1),
        (format!("Squash\n\n* Bump\n\n{trailer}\n\n* Other\n\nCo-authored-by: Jo <jo@acme.example>\n"), 1),
        (format!("Squashed commit of the following:\n\ncommit 0123\n\n    Bump\n\n    {trailer}\n"), 1),
        (format!("Squash\n\n{trailer}\n\n{trailer}\n"), 2),
        ("Revert \"Bump web\"\n\nThis reverts commit 0123.\n".to_owned(), 0),
        (format!("Subject\n\n{}\n", trailer.replace("new=b", "new=..")), 0),
        (format!("Subject\n\n{}\n", trailer.replace("new=b", "old=b")), 0),
        (format!("Subject\n\n{} extra\n", trailer), 0),
        (format!("Subject\n\n{} later=thing\n", trailer), 1),
        (String::new(), 0),
        ("\n\n\n".to_owned(), 0),
    ];
    for (message, want) in rows {
        assert_eq!(bumps(&message).len(), want, "{message:?}");
    }
}

#[test]
fn a_resume_reads_back() {
    let field = field("web");
    let message = format!(
        "Resume\n\n{}\n{}\n{}\n",
        Resume::All.trailer(),
        Resume::Field(field.clone()).trailer(),
        Resume::Tag(field.clone(), tag("b")).trailer()
    );
    let only = Resume::Tag(field.clone(), tag("b"));
    assert_eq!(resumes(&message), [Resume::All, Resume::Field(field), only]);
}

#[test]
fn the_end_of_an_endless_message_is_read() {
    let trailer = bump(field("web"), "a", "b").trailer();
    let message = format!("Subject\n\n{}\n\n{trailer}\n", "ä".repeat(LONGEST_MESSAGE));
    assert_eq!(bumps(&message).len(), 1);
}

fn any_digest() -> impl Strategy<Value = Digest> {
    "[0-9a-f]{64}".prop_map(|hex| Digest::parse(&format!("sha256:{hex}")).unwrap())
}

fn any_bump() -> impl Strategy<Value = Bump> {
    let text = || prop_oneof![any::<String>(), "[a-z-]{1,20}"];
    let any_tag = || "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}".prop_map(|text| Tag::parse(&text).unwrap());
    (
        (text(), text(), proptest::option::of(text()), text(), text()),
        (text(), proptest::option::of(text())),
        proptest::option::of(any_tag()),
        any_tag(),
        proptest::option::of(any_digest()),
        any::<bool>(),
        proptest::option::of(any_digest()),
    )
        .prop_map(
            |((group, kind, namespace, name, field), (image, new_image), old, new, digest, pinned, old_digest)| Bump {
                field: FieldId {
                    object: ObjectId {
                        group,
                        kind,
                        namespace,
                        name,
                    },
                    field: FieldName(field),
                },
                image,
                new_image,
                old,
                new,
                digest,
                pinned,
                old_digest,
            },
        )
}

proptest! {
    #[test]
    fn trailers_read_back_as_written(written in prop::collection::vec(any_bump(), 1..5)) {
        let lines: Vec<String> = written.iter().map(Bump::trailer).collect();
        for line in &lines {
            prop_assert!(line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{line:?}");
        }
        prop_assert_eq!(bumps(&format!("Subject\n\nbody\n\n{}\n", lines.join("\n"))), written);
    }

    #[test]
    fn any_message_is_read_without_harm(message in any::<String>()) {
        let _ = bumps(&message);
        let _ = resumes(&format!("x\n\nTidegate-Resume: {message}"));
    }
}

#[test]
fn a_field_that_a_later_bump_moved_on_is_not_held_by_what_was_taken_back_before() {
    #[rustfmt::skip]
    let rows: [(&[&str], &str, &str); 8] = [
        (&["1 bump a>b", "2 edit b>a"],                                              "a", "b"),
        (&["1 bump a>b", "2 edit b>a", "3 bump a>c"],                                "c", ""),
        (&["1 bump a>b", "2 edit b>a", "3 bump a>c", "4 edit c>a"],                  "a", "b c"),
        (&["1 bump a>b", "2 edit b>a", "3 bump a>c", "4 edit c>d"],                  "d", "b c"),
        (&["1 bump a>b", "2 edit b>a", "3 bump a>c", "4 bump c>d"],                  "d", ""),
        (&["1 bump a>b", "2 edit b>a", "3 edit a>c"],                                "c", "b"),
        (&["1 bump a>b", "2 edit b>a", "3 bump a>c@2"],                              "c@2", ""),
        (&["1 bump a>b", "2 bump b>c", "3 edit c>b"],                                "b", "c"),
    ];
    for (lines, current, expected) in rows {
        let held = holds(&history(lines));
        let hold = held
            .get(&field("web"))
            .and_then(|hold| hold.active(IMAGE, &image(current)));
        let tags = hold.map_or(String::new(), |hold| {
            let tags: Vec<String> = hold.rejected.iter().map(|rejected| rejected.tag.to_string()).collect();
            tags.join(" ")
        });
        assert_eq!(tags, expected, "{lines:?}");
    }
}
