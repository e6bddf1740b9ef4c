use super::{Candidate, Digests, Filter, InvalidPolicy, Policy, Question, Selection, Standing, select};
use crate::model::{Digest, Tag};
use jiff::Timestamp;
use proptest::prelude::*;

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

/// `name`, `name@minute` or `name@minute#image`: tags of one image share a digest.
fn candidate(text: &str) -> Candidate {
    let (text, image) = text
        .split_once('#')
        .map_or((text, None), |(text, image)| (text, Some(image)));
    let (name, minute) = text
        .split_once('@')
        .map_or((text, None), |(name, minute)| (name, Some(minute)));
    Candidate {
        tag: tag(name),
        digest: image.map(self::image),
        pushed_at: minute.map(|minute| Timestamp::from_second(minute.parse::<i64>().unwrap() * 60).unwrap()),
        media_type: None,
        pullable: true,
    }
}

fn candidates(listing: &str) -> Vec<Candidate> {
    listing.split_whitespace().map(candidate).collect()
}

fn image(text: &str) -> Digest {
    Digest::parse(&format!("sha256:{text:0>64}")).unwrap()
}

fn selection(policy: &str, current: &str, listing: &[Candidate]) -> Selection {
    selection_by(&Policy::parse(policy).unwrap(), current, listing)
}

/// `current` is `tag`, `tag#image` with that image's digest behind it in the file, `#image` or `-`.
fn selection_by(policy: &Policy, current: &str, listing: &[Candidate]) -> Selection {
    let (name, digest) = match current.split_once('#') {
        Some((name, at)) => (name, Some(image(at))),
        None => (current, None),
    };
    let current = (!["-", ""].contains(&name)).then(|| tag(name));
    select(&Question {
        digest: digest.as_ref(),
        ..Question::new(policy, current.as_ref(), listing)
    })
}

fn chosen(selection: &Selection) -> &str {
    selection.selected.as_ref().map_or("-", |choice| choice.tag.as_str())
}

/// policy, current tag, the registry's listing, the tag moved to (`-`: none).
#[rustfmt::skip]
const CHOICES: &[(&str, &str, &str, &str)] = &[
    // push time
    ("*",                "a",        "a@1 b@2 c@3",                              "c"),
    ("*",                "c",        "a@1 b@2 c@3",                              "-"),
    ("*",                "b",        "c@3 a@1 b@2",                              "c"),
    ("glob:*",           "a",        "a@1 b@2",                                  "b"),
    ("glob:**",          "a",        "a@1 b@2",                                  "b"),
    ("glob:main-*",      "main-1",   "main-1@1 main-2@2 dev-3@3",                "main-2"),
    ("main-*",           "main-1",   "main-1@1 main-2@2 dev-3@3",                "main-2"),
    ("glob:*-prod",      "a-prod",   "a-prod@1 b-prod@2 c-prodx@3",              "b-prod"),
    ("glob:v?",          "v1",       "v1@1 v2@2 v10@3",                          "v2"),
    ("glob:a*b*c",       "abc",      "abc@1 axxbyyc@2 acb@3",                    "axxbyyc"),
    ("glob:*-*-*",       "a-b-c",    "a-b-c@1 a-b-d@2 a-b@3",                    "a-b-d"),
    ("glob:main-2",      "main-1",   "main-1@1 main-2@2 main-22@3",              "main-2"),
    ("*",                "abc1234",  "abc1234@1 latest@2 def5678@2",             "def5678"),
    ("*",                "abc1234",  "abc1234@1 LATEST@2",                       "-"),
    ("*",                "abc1234",  "abc1234@1 latest-arm@2",                   "latest-arm"),
    ("glob:latest",      "abc1234",  "abc1234@1 latest@2",                       "latest"),
    ("latest",           "abc1234",  "abc1234@1 latest@2",                       "latest"),
    ("glob:l*",          "l1",       "l1@1 latest@2",                            "-"),
    ("regex:^latest$",   "abc1234",  "abc1234@1 latest@2",                       "latest"),
    ("regex:.*",         "abc1234",  "abc1234@1 latest@2",                       "-"),
    ("*",                "latest",   "latest@1 abc1234@2",                       "abc1234"),
    ("*",                "latest",   "latest@1#1 abc1234@1#1",                   "-"),
    // a hand-set tag outside the pattern moves only forward
    ("glob:main-*",      "dev-9",    "main-1@1 main-2@2 dev-9@3",                "-"),
    ("glob:main-*",      "dev-9",    "main-1@1 main-2@4 dev-9@3",                "main-2"),
    // one instant, one digest
    ("*",                "a",        "a@1 b@2 c@2",                              "c"),
    ("*",                "a",        "a@1 1.9.0@2 1.10.0@2",                     "1.10.0"),
    ("*",                "a",        "a@1 zzz@2 1.0.0@2",                        "1.0.0"),
    ("*",                "a",        "a@1 v1.2@2 v1.2.0@2",                      "v1.2.0"),
    ("*",                "a",        "a@1 v1.2.0@2 1.2.0@2",                     "1.2.0"),
    ("*",                "b",        "b@1#1 c@1#1",                              "-"),
    ("*",                "b",        "b@1#1 c@2#1",                              "-"),
    ("*",                "stg-1",    "stg-1@1#1 prd-1@1#1",                      "-"),
    ("glob:prd-*",       "prd-1",    "stg-1@1#1 prd-1@1#1 stg-2@2#2 prd-2@2#2",  "prd-2"),
    ("*",                "0a1b2c3",  "0a1b2c3@1 4d5e6f7@2#2 latest@2#2",         "4d5e6f7"),
    // unknown push times, current tag gone
    ("*",                "a",        "b@2 c@3",                                  "-"),
    ("*",                "a",        "a b c",                                    "-"),
    ("*",                "a",        "a@1 b",                                    "-"),
    ("*",                "a",        "a@1 b c@2",                                "c"),
    ("*",                "a",        "a b@2",                                    "-"),
    ("*",                "1.0.0",    "1.1.0@2 1.2.0@1",                          "1.1.0"),
    ("*",                "1.5.0",    "1.1.0@2 1.2.0@1",                          "-"),
    ("*",                "1.0.0",    "1.0.0 1.1.0",                              "1.1.0"),
    // no tag in the file
    ("*",                "-",        "a@1 b@2",                                  "b"),
    ("*",                "-",        "a b",                                      "-"),
    ("semver:*",         "-",        "1.0.0 1.1.0",                              "1.1.0"),
    ("numeric:^b(\\d+)$", "-",       "b9 b10",                                   "b10"),
    // regex
    ("regex:main",       "main-1",   "main-1@1 x-main-2@2",                      "x-main-2"),
    ("regex:^main",      "main-1",   "main-1@1 x-main-2@2",                      "-"),
    ("regexp:^main-[0-9a-f]{7}$", "main-0000001", "main-0000001@1 main-00000022@3 main-0000002@2", "main-0000002"),
    ("regex:^(a|b)$",    "a",        "a@1 b@2 c@3",                              "b"),
    // semver
    ("semver:*",         "1.0.0",    "1.0.0@3 1.1.0@2 2.0.0@1",                  "2.0.0"),
    ("semver:~1.2",      "1.2.0",    "1.2.0 1.2.9 1.2.10 1.3.0",                 "1.2.10"),
    ("semver:~1.2.3",    "1.2.3",    "1.2.3 1.2.4 1.3.0",                        "1.2.4"),
    ("semver:~1",        "1.0.0",    "1.0.0 1.9.0 2.0.0",                        "1.9.0"),
    ("semver:^1.2",      "1.2.0",    "1.2.0 1.9.9 2.0.0",                        "1.9.9"),
    ("semver:^0.2.3",    "0.2.3",    "0.2.3 0.2.9 0.3.0",                        "0.2.9"),
    ("semver:^0.0.3",    "0.0.2",    "0.0.2 0.0.3 0.0.4",                        "0.0.3"),
    ("semver:1.x",       "1.0.0",    "1.0.0 1.5.0 2.0.0",                        "1.5.0"),
    ("semver:1.2.*",     "1.2.0",    "1.2.0 1.2.5 1.3.0",                        "1.2.5"),
    ("semver:1",         "1.0.0",    "1.0.0 1.5.0 2.0.0",                        "1.5.0"),
    ("semver:1.2.3",     "1.0.0",    "1.0.0 1.2.3 1.2.4",                        "1.2.3"),
    ("semver:=1.2.3",    "1.0.0",    "1.0.0 1.2.3 1.2.4",                        "1.2.3"),
    ("semver:>=1.2 <1.4",  "1.2.0",  "1.2.0 1.3.9 1.4.0",                        "1.3.9"),
    ("semver:>=1.2, <1.4", "1.2.0",  "1.2.0 1.3.9 1.4.0",                        "1.3.9"),
    ("semver:>= 1.2,< 1.4","1.2.0",  "1.2.0 1.3.9 1.4.0",                        "1.3.9"),
    ("semver:1.2 - 1.4", "1.2.0",    "1.2.0 1.4.7 1.5.0",                        "1.4.7"),
    ("semver:1.2.0 - 1.4.0", "1.2.0","1.2.0 1.4.0 1.4.7",                        "1.4.0"),
    ("semver:<1 || >2",  "0.1.0",    "0.1.0 1.5.0 2.5.0 3.1.0",                  "3.1.0"),
    ("semver:!=1.3.0",   "1.2.0",    "1.2.0 1.3.0",                              "-"),
    ("semver:>1",        "1.0.0",    "1.0.0 1.9.0",                              "-"),
    ("semver:<=1.2",     "1.0.0",    "1.0.0 1.2.9 1.3.0",                        "1.2.9"),
    ("semver:v1.2.x",    "v1.2.0",   "v1.2.0 v1.2.1",                            "v1.2.1"),
    ("semver:^1",        "v1.0.0",   "v1.0.0 1.1.0",                             "1.1.0"),
    ("semver:*",         "1.0",      "1.0 1.1 1.1.0",                            "1.1.0"),
    ("semver:*",         "1.0.0",    "1.0.0 1.1.0 v1.1.0",                       "1.1.0"),
    ("semver:*",         "1.1",      "1.1 1.1.0 v1.1.0",                         "-"),
    ("semver:*",         "1.0.0",    "1.0.0 1.1.0-rc.1",                         "-"),
    ("semver:>=1.0-0",   "1.0.0",    "1.0.0 1.1.0-rc.1",                         "1.1.0-rc.1"),
    ("semver:>=1.0-0",   "1.1.0-rc.2", "1.1.0-rc.2 1.1.0-rc.10",                 "1.1.0-rc.10"),
    ("semver:>=1.0-0",   "1.1.0-rc.2", "1.1.0-rc.2 1.1.0",                       "1.1.0"),
    ("semver:*-0",       "1.0.0",    "1.0.0 1.1.0-beta",                         "1.1.0-beta"),
    ("semver:~1.2-0 || ^3", "1.2.0", "1.2.0 1.2.1-a 3.0.0-a",                    "1.2.1-a"),
    ("semver:*",         "1.0.0",    "1.0.0 1234567 12e4567 20240115",           "-"),
    ("semver:*",         "1.0.0",    "1.0.0 1234567-amd64",                      "-"),
    ("semver:*",         "5",        "5 123456",                                 "123456"),
    ("semver:*",         "v5",       "v5 v20240115",                             "v20240115"),
    ("semver:*",         "2024.1.9", "2024.1.9 2024.01.15",                      "2024.01.15"),
    ("semver:*",         "1.9.0",    "1.9.0@1 1.8.7@9",                          "-"),
    ("semver:~1.2",      "1.3.0",    "1.3.0 1.2.9",                              "-"),
    ("semver:*",         "1.0.0",    "latest x.y.z 1.0.0",                       "-"),
    ("semver:*",         "1.0.0",    "2.0.0",                                    "2.0.0"),
    ("semver:*",         "abc1234",  "abc1234@1 1.0.0@2",                        "1.0.0"),
    ("semver:*",         "abc1234",  "abc1234@3 1.0.0@2",                        "-"),
    ("semver:*",         "abc1234",  "1.0.0@2",                                  "-"),
    // promotion by a second tag on one digest: the version decides
    ("semver:*",         "1.0.0-rc1","1.0.0-rc1@1#1 1.0.0@1#1",                  "1.0.0"),
    // numeric
    ("numeric:^main-(\\d+)$", "main-9", "main-9@9 main-10@1 main-x@99",          "main-10"),
    ("numeric:-(\\d+)$", "a-007",    "a-007 b-7 c-8",                            "c-8"),
    ("numeric:-(\\d+)$", "a-007",    "a-007@1 b-7@2",                            "-"),
    ("numeric:^([0-9.]+)$", "1.5",   "1.5 1.50 1.6 1.10",                        "1.6"),
    ("numeric:(\\d+)",   "b1",       "b1 b99999999999999999999999999 b2",        "b99999999999999999999999999"),
    ("numeric:^b(\\d+)-(?:amd|arm)64$", "b1-amd64", "b1-amd64 b2-arm64 b3",      "b2-arm64"),
    // alphabetical
    ("alphabetical:^(\\d{4}-\\d\\d-\\d\\d)", "2024-01-02", "2024-01-02 2024-02-01-x 2023-12-31", "2024-02-01-x"),
    ("alphabetical:^RELEASE\\.(.*)$", "RELEASE.2024-01", "RELEASE.2024-01 RELEASE.2024-03 RELEASE.2024-02", "RELEASE.2024-03"),
    ("alphabetical:^RELEASE\\.(.*)$", "RELEASE.b", "RELEASE.b RELEASE.a",        "-"),
    // artefacts
    ("*",                "a",        "a@1 sha256-0000000000000000000000000000000000000000000000000000000000000000.sig@2", "-"),
    ("*",                "a",        "a@1 sha256-0000000000000000000000000000000000000000000000000000000000000000.att@2", "-"),
    ("*",                "a",        "a@1 sha256-0000000000000000000000000000000000000000000000000000000000000000.sbom@2", "-"),
    ("*",                "a",        "a@1 sha256-0000000000000000000000000000000000000000000000000000000000000000@2", "-"),
    ("*",                "a",        "a@1 sha256-00ff@2",                        "sha256-00ff"),
    ("*",                "a",        "",                                         "-"),
];

#[test]
fn each_row_chooses_the_tag_a_person_would() {
    assert!(CHOICES.len() >= 100, "{} rows", CHOICES.len());
    let mut wrong = Vec::new();
    for (policy, current, listing, want) in CHOICES {
        let listing = candidates(listing);
        let mut backwards = listing.clone();
        backwards.reverse();
        let selection = selection(policy, current, &listing);
        let again = self::selection(policy, current, &backwards);
        if chosen(&selection) != *want || selection != again {
            wrong.push(format!(
                "{policy} {current} {listing:?}: wanted {want}, got {selection:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_push_after_the_current_tag_was_written_is_newer_where_the_registry_does_not_know_that_tag() {
    #[rustfmt::skip]
    let rows = [
        ("*",        "gone",  "a@1 b@2 c@3",    Some(2), "c"),
        ("*",        "gone",  "a@1 b@2",        Some(2), "-"),
        ("*",        "gone",  "a@1 b@2 c@3",    None,    "-"),
        ("*",        "b",     "a@1 b@2 c@3",    Some(9), "c"),
        ("*",        "1.5.0", "1.4.9@9",        Some(2), "-"),
        ("semver:*", "gone",  "1.0.0@1 1.1.0@3", Some(2), "1.1.0"),
    ];
    for (policy, current, listing, since, want) in rows {
        let (policy, current) = (Policy::parse(policy).unwrap(), tag(current));
        let listing = candidates(listing);
        let question = Question {
            current_since: since.map(|minute: i64| Timestamp::from_second(minute * 60).unwrap()),
            ..Question::new(&policy, Some(&current), &listing)
        };
        assert_eq!(chosen(&select(&question)), want, "{policy} {current} {listing:?}");
    }
}

/// policy, current tag (and image by digest), listing, the tag moved to, part of its reason or of the outcome.
#[rustfmt::skip]
const DIGESTS: &[(&str, &str, &str, &str, &str)] = &[
    ("digest:stable", "stable",   "stable@1#1 b@2#2",            "stable", "its digest is not in the file yet"),
    ("digest:stable", "stable#1", "stable@1#1 b@2#2",            "-",      "points to the digest in the file"),
    ("digest:stable", "stable#1", "stable@2#2 a@1#1",            "stable", "points to another image than the file"),
    ("digest:stable", "stable#1", "stable@2#2",                  "stable", "points to another image than the file"),
    ("digest:stable", "stable#1", "stable#2 a#1",                "stable", "points to another image than the file"),
    ("digest:stable", "stable#2", "stable@1#1 b@2#2",            "-",      "pushed before the one in the file"),
    ("digest:stable", "stable#1", "stable",                      "-",      "the registry does not tell its digest"),
    ("digest:stable", "stable#1", "a@9#9",                       "-",      "does not match digest:stable"),
    ("digest:stable", "1.0.0",    "1.0.0@1#1 stable@2#2",        "stable", "pushed after the current tag 1.0.0"),
    ("digest:stable", "1.0.0",    "1.0.0@1#1 stable@1#1",        "-",      "is the same image as the current tag"),
    ("digest:stable", "1.0.0",    "1.0.0@3#1 stable@2#2",        "-",      "pushed before the current tag"),
    ("digest:stable", "1.0.0#1",  "1.0.0@9#3 a@1#1 stable@2#2",  "stable", "pushed after the current tag 1.0.0"),
    ("digest:stable", "-",        "stable@1#1",                  "stable", "the field has no tag yet"),
    ("digest:stable", "#1",       "stable@1#1",                  "-",      "is the image in the file"),
    ("digest:stable", "#1",       "stable@2#2",                  "stable", "the field has no tag yet"),
    ("digest:latest", "latest#1", "latest@2#2 a@1#1",            "latest", "points to another image than the file"),
    ("glob:*",        "a",        "a@1#1",                       "-",      "is the current tag"),
];

#[test]
fn a_tag_is_followed_by_digest() {
    for (policy, current, listing, want, reason) in DIGESTS {
        let selection = selection(policy, current, &candidates(listing));
        assert_eq!(
            chosen(&selection),
            *want,
            "{policy} {current} {listing}: {selection:#?}"
        );
        let told = selection.verdicts.iter().any(|verdict| verdict.reason.contains(reason));
        assert!(told, "{policy} {current} {listing}: {selection:#?}");
    }
    let selection = selection("digest:stable", "stable#1", &candidates("stable@2#2 a@1#1"));
    assert_eq!(selection.selected.unwrap().digest, Some(image("2")));
    assert_eq!(selection.reason, format!("stable points to {} now", image("2")));
}

/// the ImagePolicy's spec, current tag (and image by digest), listing, the tag moved to, part of any tag's reason.
#[rustfmt::skip]
const IMAGE_POLICIES: &[(&str, &str, &str, &str, &str)] = &[
    ("policy: {semver: {range: ^1.2}}",        "1.2.0",     "1.2.0 1.9.0 2.0.0",             "1.9.0",   "outside the range ^1.2"),
    ("policy: {semver: {range: '>=1.0.0'}}",   "v1.0.0",    "v1.0.0 v1.0.1",                 "v1.0.1",  "comes after"),
    ("policy: {semver: {range: '*'}}",         "1.0.0",     "1.0.0 1.1 2",                   "-",       "three numbers"),
    ("policy: {semver: {range: '*'}}",         "1.0.0",     "1.0.0 1.1.0-rc1",               "-",       "pre-release"),
    ("policy: {semver: {range: '>=1.0.0-0'}}", "1.0.0",     "1.0.0 1.1.0-rc1",               "1.1.0-rc1", "comes after"),
    ("policy: {semver: {range: 1.x}}",         "1.2.0",     "1.2.0@9 1.1.0@99",              "-",       "does not come after"),
    ("policy: {numerical: {order: asc}}",      "9",         "9 10 2",                        "10",      "comes after"),
    ("policy: {numerical: {}}",                "9",         "9 10",                          "10",      "comes after"),
    ("policy: {numerical: {order: desc}}",     "9",         "9 10 2",                        "2",       "comes after"),
    ("policy: {numerical: {order: asc}}",      "9",         "9 10 x",                        "10",      "\"x\", the part to order by, is not a number"),
    ("policy: {alphabetical: {order: asc}}",   "b",         "a b c",                         "c",       "does not come after"),
    ("policy: {alphabetical: {}}",             "b",         "a b c",                         "c",       "comes after"),
    ("policy: {alphabetical: {order: desc}}",  "b",         "a b c",                         "a",       "comes after"),
    ("policy: {alphabetical: {order: asc}}",   "a",         "a latest",                      "-",       "only if the policy names it"),
    ("filterTags: {pattern: '^main-'}\npolicy: {alphabetical: {}}",                                     "main-a", "main-a main-b x",       "main-b",  "does not match the filter"),
    ("filterTags: {pattern: '^main-[a-f0-9]+-(?P<ts>[0-9]+)', extract: '$ts'}\npolicy: {numerical: {}}", "main-ff-9", "main-ff-9 main-00-10 main-ee-2", "main-00-10", "comes after"),
    ("filterTags: {pattern: '^v(.*)-alpine$', extract: '$1'}\npolicy: {semver: {range: ~1.2}}",          "v1.2.0-alpine", "v1.2.0-alpine v1.2.3-alpine v1.2.9", "v1.2.3-alpine", "does not match the filter"),
    ("filterTags: {pattern: '^(\\d+)-(\\d+)$', extract: '${2}${1}'}\npolicy: {numerical: {}}",           "9-10",   "9-10 1-11 2-08",        "1-11",    "comes after"),
    ("filterTags: {pattern: '^RELEASE\\.(?P<t>.*)Z$', extract: '$t'}\npolicy: {alphabetical: {}}",       "RELEASE.2024-01Z", "RELEASE.2024-01Z RELEASE.2024-03Z RELEASE.2024-02Z", "RELEASE.2024-03Z", "comes after"),
    ("filterTags: {pattern: ^latest$}\npolicy: {alphabetical: {}}",                                     "latest", "latest@2#2 a@1#1",      "-",       "is the current tag"),
    ("filterTags: {pattern: ^latest$}\npolicy: {alphabetical: {}}\ndigestReflectionPolicy: Always",      "latest#1", "latest@2#2 a@1#1",    "latest",  "points to another image"),
    ("filterTags: {pattern: ^latest$}\npolicy: {alphabetical: {}}\ndigestReflectionPolicy: IfNotPresent", "latest#1", "latest@2#2 a@1#1",   "-",       "has a digest"),
    ("filterTags: {pattern: ^latest$}\npolicy: {alphabetical: {}}\ndigestReflectionPolicy: IfNotPresent", "latest",   "latest@2#2 a@1#1",   "latest",  "not in the file yet"),
    ("filterTags: {pattern: ^latest$}\npolicy: {alphabetical: {}}\ndigestReflectionPolicy: Never",       "latest",   "latest@2#2 a@1#1",    "-",       "is the current tag"),
    ("policy: {semver: {range: '*'}}\ndigestReflectionPolicy: Always",                                  "1.0.0#1", "1.0.0@1#1 1.1.0@2#2",  "1.1.0",   "comes after"),
    ("policy: {semver: {range: '*'}}\ndigestReflectionPolicy: Always",                                  "1.1.0#1", "1.0.0@1#1 1.1.0@2#2",  "1.1.0",   "points to another image"),
    ("policy: {semver: {range: '*'}}\ndigestReflectionPolicy: Always",                                  "1.0.0#1", "1.0.0#1 1.1.0",        "-",       "does not tell its digest"),
    ("policy: {semver: {range: '*'}}\ndigestReflectionPolicy: IfNotPresent",                            "1.0.0#1", "1.0.0@1#1 1.1.0@2#2",  "1.1.0",   "comes after"),
    ("policy: {semver: {range: ^1}}",                                                                   "abc",     "abc@1 1.0.0@2",        "1.0.0",   "pushed after the current tag"),
    ("policy: {semver: {range: ^1}}",                                                                   "-",       "1.0.0 1.1.0",          "1.1.0",   "no tag yet"),
];

fn image_policy(spec: &str) -> Result<Policy, InvalidPolicy> {
    let spec: serde_json::Value = serde_yaml::from_str(spec).unwrap();
    Policy::from_image_policy(&serde_json::json!({"metadata": {"name": "web"}, "spec": spec}))
}

#[test]
fn an_image_policy_of_flux_elects_what_it_would_there() {
    for (spec, current, listing, want, reason) in IMAGE_POLICIES {
        let selection = selection_by(&image_policy(spec).unwrap(), current, &candidates(listing));
        assert_eq!(chosen(&selection), *want, "{spec} {current} {listing}: {selection:#?}");
        let told = selection.verdicts.iter().any(|verdict| verdict.reason.contains(reason));
        assert!(told, "{spec} {current} {listing}: {selection:#?}");
    }
    let shown = image_policy("filterTags: {pattern: '^v(.*)$', extract: $1}\npolicy: {semver: {range: ^1}}").unwrap();
    assert_eq!(shown.to_string(), "semver ^1 of $1 in ^v(.*)$");
}

#[test]
fn an_unusable_image_policy_says_what_is_wrong_and_what_to_write() {
    for (spec, problem, remedy) in [
        ("policy: {}", "names 0 orders", "exactly one of semver"),
        (
            "policy: {semver: {range: ^1}, numerical: {}}",
            "names 2 orders",
            "exactly one of semver",
        ),
        ("policy: {semver: {range: banana}}", "not a version", "~1.2"),
        ("policy: {semver: {}}", "empty", "~1.2"),
        (
            "policy: {semver: {range: 1.2}}",
            "spec.policy.semver.range is not text",
            "quotes",
        ),
        (
            "policy: {numerical: {order: up}}",
            "\"up\" is not an order",
            "asc or desc",
        ),
        (
            "policy: {numerical: {}}\nfilterTags: {pattern: '('}",
            "unclosed group",
            "as in Go",
        ),
        (
            "policy: {numerical: {}}\nfilterTags: {extract: $1}",
            "without a pattern",
            "spec.filterTags.pattern",
        ),
        (
            "policy: {numerical: {}}\ndigestReflectionPolicy: Sometimes",
            "\"Sometimes\"",
            "IfNotPresent",
        ),
        ("policy: {numerical: {}}\nsuspend: true", "suspended", "spec.suspend"),
    ] {
        let error = image_policy(spec).expect_err(spec);
        assert!(error.problem.contains(problem), "{spec}: {error}");
        assert!(error.remedy.contains(remedy), "{spec}: {error}");
        assert_eq!(error.policy, "ImagePolicy web");
    }
}

/// what happened, policy, current tag, listing, the tag moved to: tags on one digest share their push time.
#[rustfmt::skip]
const ONE_DIGEST: &[(&str, &str, &str, &str, &str)] = &[
    ("a short SHA and latest are pushed together",         "*",          "0a1b2c3",  "0a1b2c3@1#1 4d5e6f7@2#2 latest@2#2",               "4d5e6f7"),
    ("a short SHA, a branch and latest",                   "glob:main-*","main-1",   "main-1@1#1 main-2@2#2 4d5e6f7@2#2 latest@2#2",     "main-2"),
    ("a version and a short SHA",                          "*",          "0a1b2c3",  "0a1b2c3@1#1 4d5e6f7@2#2 1.4.0@2#2",                "1.4.0"),
    ("two short SHAs (a build of an unchanged tree)",      "*",          "0a1b2c3",  "0a1b2c3@1#1 4d5e6f7@2#2 9f8e7d6@2#2",              "9f8e7d6"),
    ("the current tag's image gets a second name",         "*",          "0a1b2c3",  "0a1b2c3@1#1 9f8e7d6@1#1",                          "-"),
    ("promotion by re-tag, from staging to production",    "glob:prd-*", "prd-1",    "stg-1@1#1 prd-1@1#1 stg-2@2#2 prd-2@2#2",          "prd-2"),
    ("promotion of an older build than the one running",   "glob:prd-*", "prd-2",    "stg-1@1#1 prd-3@1#1 stg-2@2#2 prd-2@2#2",          "-"),
    ("promotion by version on one digest",                 "semver:>=1-0","1.0.0-rc1","1.0.0-rc1@1#1 1.0.0@1#1",                         "1.0.0"),
    ("the floating tags of a version",                     "*",          "1.3.9",    "1.3.9@1#1 1.4.0@2#2 1.4@2#2 1@2#2",                "1.4.0"),
    ("a floating tag moved on to the newest image",        "digest:1",   "1#1",      "1.3.9@1#1 1.4.0@2#2 1@2#2",                        "1"),
    ("numbers on one digest",                              "numeric:^b(\\d+)$","b1","b1@1#1 b2@1#1",                                    "b2"),
];

#[test]
fn tags_on_one_digest_are_one_image() {
    for (what, policy, current, listing, want) in ONE_DIGEST {
        let mut listing = candidates(listing);
        let selection = selection(policy, current, &listing);
        assert_eq!(chosen(&selection), *want, "{what}: {selection:#?}");
        listing.reverse();
        assert_eq!(self::selection(policy, current, &listing), selection, "{what}");
    }
}

#[test]
fn the_tables_have_two_hundred_rows() {
    let rows = CHOICES.len() + DIGESTS.len() + IMAGE_POLICIES.len() + ONE_DIGEST.len() + INVALID.len() + REASONS.len();
    assert!(rows >= 200, "{rows} rows");
}

/// policy, part of the problem, part of the remedy.
#[rustfmt::skip]
const INVALID: &[(&str, &str, &str)] = &[
    ("",                     "empty",                      "write * for every tag"),
    ("glob:",                "empty",                      "write *"),
    ("glob:a b",             "no tag contains ' '",        "regex:"),
    ("glob:[ab]",            "no tag contains '['",        "regex:"),
    ("main/*",               "no tag contains '/'",        "regex:"),
    ("semver:",              "empty",                      "~1.2"),
    ("semver:banana",        "\"banana\" is not a version","~1.2"),
    ("semver:1.2.3.4",       "not a version",              "~1.2"),
    ("semver:>1 ||",         "one side of ||",             "~1.2"),
    ("semver:>",             "a version is missing",       "~1.2"),
    ("semver:~=1",           "\"~=\" is not an operator",  "~1.2"),
    ("semver:1,,2",          "missing",                    "~1.2"),
    ("semver:1,",            "missing",                    "~1.2"),
    ("semver:>=1.2<2",       "not a version",              "~1.2"),
    ("semver:>1 - 2",        "not a version",              "~1.2"),
    ("semver:1.2.3-01",      "not a version",              "~1.2"),
    ("regex:(",              "unclosed group",             "as in Go"),
    ("regex:(?=x)",          "look-around",                "as in Go"),
    ("regex:",               "empty",                      "write *"),
    ("regex:(a{1000}){1000}","memory",                     "smaller"),
    ("numeric:^main-",       "captures nothing",           "brackets"),
    ("numeric:(a)(b)",       "more than one",              "(?:"),
    ("alphabetical:x",       "captures nothing",           "brackets"),
    ("digest:",              "1 to 128 characters",        "digest:stable"),
    ("digest:v*",            "only letters, digits",       "digest:stable"),
    ("newest:main-*",        "\"newest\" is not a kind",   "glob:, semver:"),
    ("Semver:1",             "\"Semver\" is not a kind",   "semver:"),
];

#[test]
fn an_unusable_policy_says_what_is_wrong_and_what_to_write() {
    for (policy, problem, remedy) in INVALID {
        let error = Policy::parse(policy).expect_err(policy);
        assert!(error.problem.contains(problem), "{policy}: {error}");
        assert!(error.remedy.contains(remedy), "{policy}: {error}");
        assert!(error.to_string().contains(&format!("{policy:?}")), "{error}");
    }
    let long = format!("glob:{}", "a".repeat(300));
    assert!(Policy::parse(&long).is_err());
    assert!(Policy::parse(&format!("regex:{}", "a".repeat(600))).is_err());
    assert!(Policy::parse(&format!("semver:{}", "1 || ".repeat(100))).is_err());
}

/// policy, current, listing, tag, its standing, part of its reason.
#[rustfmt::skip]
const REASONS: &[(&str, &str, &str, &str, Standing, &str)] = &[
    ("*",           "a",     "a@1 b@2",         "b",       Standing::Eligible,  "pushed after the current tag a"),
    ("*",           "a",     "a@1 b@2",         "a",       Standing::Current,   "is the current tag"),
    ("*",           "b",     "a@1 b@2",         "a",       Standing::NotNewer,  "pushed before the current tag b"),
    ("*",           "b",     "a@2 b@2",         "a",       Standing::NotNewer,  "pushed together with"),
    ("*",           "b",     "a@2#1 b@2#1",     "a",       Standing::NotNewer,  "the same image"),
    ("*",           "x",     "a@1",             "a",       Standing::Unordered, "no longer in the registry"),
    ("*",           "b",     "a b",             "a",       Standing::Unordered, "does not tell push times"),
    ("*",           "-",     "a",               "a",       Standing::Unordered, "push time is not known"),
    ("*",           "a",     "a@1 latest@2",    "latest",  Standing::Unmatched, "only if the policy names it"),
    ("glob:m-*",    "m-1",   "m-1@1 d-1@2",     "d-1",     Standing::Unmatched, "does not match glob:m-*"),
    ("semver:*",    "1.0.0", "1.0.0 abc",       "abc",     Standing::Unmatched, "is not a version"),
    ("semver:*",    "1.0.0", "1.0.0 1234567",   "1234567", Standing::Unmatched, "taken for a commit id"),
    ("semver:^1",   "1.0.0", "1.0.0 2.0.0",     "2.0.0",   Standing::Unmatched, "outside the range ^1"),
    ("semver:^1",   "1.0.0", "1.0.0 1.1.0-rc1", "1.1.0-rc1", Standing::Unmatched, "pre-release"),
    ("semver:*",    "1.2.0", "1.2.0 1.1.0",     "1.1.0",   Standing::NotNewer,  "does not come after the current tag 1.2.0"),
    ("semver:*",    "1.1.0", "1.2.0 1.1.0",     "1.2.0",   Standing::Eligible,  "comes after the current tag 1.1.0"),
    ("numeric:b(.+)", "b1",  "b1 bx",           "bx",      Standing::Unmatched, "\"x\", the part to order by, is not a number"),
];

#[test]
fn every_tag_is_told_why() {
    for (policy, current, listing, name, standing, reason) in REASONS {
        let listing = candidates(listing);
        let selection = selection(policy, current, &listing);
        let verdict = selection.verdicts.iter().find(|v| v.tag == tag(name)).unwrap();
        assert_eq!(verdict.standing, *standing, "{policy} {name}: {verdict:?}");
        assert!(verdict.reason.contains(reason), "{policy} {name}: {verdict:?}");
        assert_eq!(verdict.eligible, *standing == Standing::Eligible);
    }
}

#[test]
fn what_is_not_an_image_or_cannot_be_pulled_is_never_chosen() {
    for media_type in [
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.in-toto+json",
        "application/vnd.cncf.notary.signature",
        "application/spdx+json",
        "application/vnd.cyclonedx+json",
        "application/vnd.cncf.helm.config.v1+json",
        "application/vnd.wasm.config.v0+json",
        "application/vnd.docker.plugin.v1+json",
        "application/vnd.cncf.flux.config.v1+json",
        "application/vnd.unknown.config.v1+json",
    ] {
        let mut listing = candidates("a@1 b@2");
        listing[1].media_type = Some(media_type.to_owned());
        let selection = selection("*", "a", &listing);
        assert_eq!(chosen(&selection), "-", "{media_type}");
        assert_eq!(selection.newest, Some(tag("a")), "{media_type}");
    }
    let mut listing = candidates("a@1 b@2");
    listing[1].media_type = Some("application/vnd.oci.image.index.v1+json".to_owned());
    assert_eq!(chosen(&selection("*", "a", &listing)), "b");
    listing[1].pullable = false;
    assert_eq!(chosen(&selection("*", "a", &listing)), "-");
}

#[test]
fn the_order_is_newest_first_and_the_first_eligible_tag_is_chosen() {
    for (policy, listing, order) in [
        ("*", "a@1 b@3 c@2 d", "b c a d"),
        ("*", "z@1 1.9.0@1 1.10.0@1 1.10@1 a@1", "1.10.0 1.10 1.9.0 z a"),
        (
            "semver:^1",
            "a 1.0 v1.0.0 1.0.0 2.0.0 1.0.0-rc1 b",
            "2.0.0 1.0.0 v1.0.0 1.0 1.0.0-rc1 b a",
        ),
        ("numeric:b(\\d+)", "b2@9 b10@1 x@99 b2-1@1", "b10 b2 b2-1 x"),
        ("alphabetical:b(.*)", "bb ba x bc", "bc bb ba x"),
    ] {
        let selection = selection(policy, "-", &candidates(listing));
        let got: Vec<&str> = selection.verdicts.iter().map(|v| v.tag.as_str()).collect();
        assert_eq!(got.join(" "), order, "{policy}");
        let first = selection.verdicts.iter().find(|v| v.eligible).map(|v| &v.tag);
        assert_eq!(first, selection.selected.as_ref().map(|choice| &choice.tag));
    }
}

#[test]
fn the_outcome_is_one_sentence() {
    for (policy, current, listing, want) in [
        (
            "semver:^1",
            "1.0.0",
            "1.0.0 1.2.0",
            "1.2.0 is the newest tag for semver:^1, after 1.0.0",
        ),
        (
            "*",
            "a",
            "a@1 b@2",
            "b, pushed 1970-01-01T00:02:00Z, is the newest push for glob:*, after a",
        ),
        ("*", "b", "a@1 b@2", "nothing for glob:* is newer than b"),
        ("x*", "b", "a@1 b@2", "none of 2 tags can be used with glob:x*"),
        ("*", "b", "", "the repository has no tags"),
    ] {
        let selection = selection(policy, current, &candidates(listing));
        assert_eq!(selection.reason, want);
    }
}

#[test]
fn a_policy_prints_as_text_that_reads_back() {
    for text in [
        "*",
        "main-*",
        "glob:a?",
        "semver: ~1.2 ",
        "regexp:^a$",
        "numeric:(1)",
        "alphabetical:(a)",
        "digest:stable",
    ] {
        let policy = Policy::parse(text).unwrap();
        assert_eq!(Policy::parse(&policy.to_string()), Ok(policy));
    }
    assert_eq!(Policy::default(), Policy::parse("*").unwrap());
    assert_eq!(Policy::parse(" glob:* "), Policy::parse("*"));
}

#[test]
fn filters_go_by_repository_and_tag() {
    #[rustfmt::skip]
    let rows: &[(&str, &str, &str, &str, bool)] = &[
        ("",               "",                  "shop/web",     "a",       true),
        ("shop/**",        "",                  "shop/web",     "a",       true),
        ("shop/**",        "",                  "shop/a/b",     "a",       true),
        ("shop/*",         "",                  "shop/a/b",     "a",       false),
        ("shop/**",        "",                  "other",        "a",       false),
        ("shop/web",       "",                  "shop/web2",    "a",       false),
        ("",               "**/cache",          "shop/cache",   "a",       false),
        ("",               "**/cache",          "a/b/cache",    "a",       false),
        ("",               "**/cache",          "cache",        "a",       false),
        ("",               "**/cache",          "shop/cached",  "a",       true),
        ("",               "shop/*:*-debug",    "shop/web",     "1-debug", false),
        ("",               "shop/*:*-debug",    "shop/web",     "1",       true),
        ("",               "shop/*:*-debug",    "shop/a/b",     "1-debug", true),
        ("shop/**",        "shop/web",          "shop/web",     "a",       false),
        ("shop/*:main-*",  "",                  "shop/web",     "main-1",  true),
        ("shop/*:main-*",  "",                  "shop/web",     "dev-1",   false),
        ("a:x **",         "",                  "a",            "y",       true),
        ("",               "**:{dev,test}-*",   "any/where",    "test-1",  false),
    ];
    let owned = |globs: &str| globs.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (include, exclude, repository, name, want) in rows {
        let filter = Filter::new(&owned(include), &owned(exclude)).unwrap();
        assert_eq!(
            filter.tag(repository, &tag(name)).is_ok(),
            *want,
            "{include:?} {exclude:?} {repository}:{name}"
        );
    }
    let filter = Filter::new(&[], &owned("**/cache")).unwrap();
    assert_eq!(
        filter.repository("shop/cache").unwrap_err(),
        r#"shop/cache is excluded by "**/cache""#
    );
    for (glob, problem) in [
        ("", "empty"),
        ("shop/", "neither starts nor ends"),
        ("host:5000/shop", "without the registry's host"),
        ("shop:", "empty"),
        ("shop/[a", "unclosed"),
        ("shop/{a", "alternate"),
    ] {
        let error = Filter::new(&[glob.to_owned()], &[]).unwrap_err();
        assert!(error.problem.contains(problem), "{glob}: {error}");
    }
}

fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        "v?[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-(rc|0)\\.?[1-9]?)?",
        "[0-9a-f]{7}",
        "(main|dev)-[0-9]{1,3}",
        Just("latest".to_owned()),
        "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,10}",
    ]
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    (any_tag(), proptest::option::of(0i64..4), proptest::option::of(0u8..4)).prop_map(|(name, minute, image)| {
        Candidate {
            tag: tag(&name),
            digest: image.map(|image| Digest::parse(&format!("sha256:{image:064}")).unwrap()),
            pushed_at: minute.map(|minute| Timestamp::from_second(minute * 60).unwrap()),
            media_type: None,
            pullable: true,
        }
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop::sample::select(vec![
        "*",
        "main-*",
        "regex:[0-9]",
        "semver:*",
        "semver:>=1-0",
        "numeric:(\\d+)",
        "alphabetical:^(..)",
        "digest:latest",
        "policy: {semver: {range: '*'}}",
        "policy: {numerical: {order: desc}}\nfilterTags: {pattern: '(\\d+)', extract: $1}",
        "policy: {alphabetical: {order: desc}}\ndigestReflectionPolicy: Always",
    ])
    .prop_map(|text| Policy::parse(text).or_else(|_| image_policy(text)).unwrap())
}

fn any_listing() -> impl Strategy<Value = Vec<Candidate>> {
    prop::collection::vec(any_candidate(), 0..12).prop_map(|mut listing| {
        listing.sort_by(|a, b| a.tag.cmp(&b.tag));
        listing.dedup_by(|a, b| a.tag == b.tag);
        listing
    })
}

proptest! {
    #[test]
    fn the_order_is_total(policy in any_policy(), listing in any_listing()) {
        use super::order::Ranked;
        let ranked: Vec<Ranked<'_>> = listing.iter().map(|c| Ranked::new(&policy, c)).collect();
        for a in &ranked {
            for b in &ranked {
                prop_assert_eq!(a.order(b), b.order(a).reverse());
                prop_assert_eq!(a.order(b).is_eq(), a.candidate.tag == b.candidate.tag);
                for c in &ranked {
                    if a.order(b).is_lt() && b.order(c).is_lt() {
                        prop_assert!(a.order(c).is_lt());
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_listing_does_not_matter(
        policy in any_policy(),
        (listing, shuffled) in any_listing().prop_flat_map(|l| (Just(l.clone()), Just(l).prop_shuffle())),
        current in any_tag(),
    ) {
        let current = tag(&current);
        let ask = |listing: &[Candidate]| select(&Question::new(&policy, Some(&current), listing));
        prop_assert_eq!(ask(&listing), ask(&shuffled));
    }

    #[test]
    fn moving_never_leads_back(policy in any_policy(), listing in any_listing(), start in any::<prop::sample::Index>()) {
        prop_assume!(!listing.is_empty());
        let first = start.get(&listing).tag.clone();
        let once = select(&Question::new(&policy, Some(&first), &listing));
        if let Some(choice) = once.selected {
            let digest = choice.digest.as_ref().filter(|_| policy.digests() != Digests::Never);
            let twice = select(&Question { digest, ..Question::new(&policy, Some(&choice.tag), &listing) });
            prop_assert!(twice.verdicts.iter().all(|v| !(v.eligible && v.tag == first)), "{} -> {}", first, choice.tag);
        }
    }

    #[test]
    fn a_tag_that_is_kept_out_never_changes_the_choice(
        policy in any_policy(), listing in any_listing(), extra in any_candidate(), current in any_tag(),
    ) {
        prop_assume!(listing.iter().all(|c| c.tag != extra.tag) && extra.tag.as_str() != current);
        let current = tag(&current);
        let without = select(&Question::new(&policy, Some(&current), &listing));
        let mut with = listing.clone();
        with.push(extra.clone());
        let included = |tag: &Tag| if *tag == extra.tag { Err("kept out".to_owned()) } else { Ok(()) };
        let with = select(&Question { included: &included, ..Question::new(&policy, Some(&current), &with) });
        prop_assert_eq!(without.selected, with.selected);
    }

    #[test]
    fn any_text_is_a_policy_or_a_refusal(text in "\\PC{0,40}", name in any_tag()) {
        if let Ok(policy) = Policy::parse(&text) {
            let _ = policy.admits(&tag(&name));
            prop_assert_eq!(Policy::parse(&policy.to_string()), Ok(policy));
        }
    }

    #[test]
    fn a_glob_agrees_with_the_same_regex(glob in "[ab*?]{1,8}", name in "[ab]{1,10}") {
        let regex = format!("^{}$", glob.replace('*', ".*").replace('?', "."));
        let by_regex = regex::Regex::new(&regex).unwrap().is_match(&name);
        prop_assert_eq!(super::glob::TagGlob::parse(&glob).unwrap().matches(&name), by_regex);
    }
}
