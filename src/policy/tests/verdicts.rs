use super::*;

/// policy, current, listing, tag, its eligibility, part of its reason.
#[rustfmt::skip]
pub(super) const REASONS: &[(&str, &str, &str, &str, Eligibility, &str)] = &[
    ("*",           "a",     "a@1 b@2",         "b",       Eligibility::Eligible,  "pushed after the current tag a"),
    ("*",           "a",     "a@1 b@2",         "a",       Eligibility::Current,   "is the current tag"),
    ("*",           "b",     "a@1 b@2",         "a",       Eligibility::NotNewer,  "pushed before the current tag b"),
    ("*",           "b",     "a@2 b@2",         "a",       Eligibility::NotNewer,  "pushed together with"),
    ("*",           "b",     "a@2#1 b@2#1",     "a",       Eligibility::NotNewer,  "the same image"),
    ("*",           "x",     "a@1",             "a",       Eligibility::Unordered, "no longer in the registry"),
    ("*",           "b",     "a b",             "a",       Eligibility::Unordered, "does not report push times"),
    ("*",           "-",     "a",               "a",       Eligibility::Unordered, "push time is not known"),
    ("*",           "a",     "a@1 latest@2",    "latest",  Eligibility::Unmatched, "only if the policy names it"),
    ("glob:m-*",    "m-1",   "m-1@1 d-1@2",     "d-1",     Eligibility::Unmatched, "does not match glob:m-*"),
    ("semver:*",    "1.0.0", "1.0.0 abc",       "abc",     Eligibility::Unmatched, "is not a version"),
    ("semver:*",    "1.0.0", "1.0.0 1234567",   "1234567", Eligibility::Unmatched, "taken for a commit id"),
    ("semver:^1",   "1.0.0", "1.0.0 2.0.0",     "2.0.0",   Eligibility::Unmatched, "outside the range ^1"),
    ("semver:^1",   "1.0.0", "1.0.0 1.1.0-rc1", "1.1.0-rc1", Eligibility::Unmatched, "pre-release"),
    ("semver:*",    "1.2.0", "1.2.0 1.1.0",     "1.1.0",   Eligibility::NotNewer,  "does not come after the current tag 1.2.0"),
    ("semver:*",    "1.1.0", "1.2.0 1.1.0",     "1.2.0",   Eligibility::Eligible,  "comes after the current tag 1.1.0"),
    ("semver:*",    "latest", "1.1.0@1 latest@2", "1.1.0", Eligibility::NotNewer,  "pushed before the current tag latest, and semver:* cannot order latest: write a version into the file once"),
    ("semver:*",    "latest", "1.1.0@2#1 latest@2#1", "1.1.0", Eligibility::NotNewer, "the same image as the current tag latest, and semver:* cannot order latest: write a version"),
    ("glob:m-*",    "latest", "m-1@1 latest@2", "m-1",    Eligibility::NotNewer,  "pushed before the current tag latest, and glob:m-* does not take latest: write a tag that the policy takes into the file once"),
    ("glob:m-*",    "latest", "m-1@2#1 latest@2#1", "m-1", Eligibility::NotNewer, "the same image as the current tag latest, and glob:m-* does not take latest"),
    ("*",           "latest", "m-1@1 latest@2", "m-1",    Eligibility::NotNewer,  "and glob:* does not take latest: write a tag"),
    ("numeric:b(.+)", "stable", "b1@1 stable@2", "b1",     Eligibility::NotNewer,  "cannot order stable: write a tag that the policy orders into the file once"),
    ("numeric:b(.+)", "b1",  "b1 bx",           "bx",      Eligibility::Unmatched, "\"x\", the part to order by, is not a number"),
    ("numeric:b(.+)", "b1",  "b1 b0",           "b0",      Eligibility::NotNewer,  "does not come after the current tag b1"),
    ("numeric:b(.+)", "b1",  "b1 c2",           "c2",      Eligibility::Unmatched, "does not match numeric:b(.+)"),
    ("numeric:(.)-(.)", "1-1", "1-1 2-x",       "2-x",     Eligibility::Unmatched, "\"x\", the part to order by, is not a number"),
    ("alphabetical:b(.+)", "b1", "b1 c2",       "c2",      Eligibility::Unmatched, "does not match alphabetical:b(.+)"),
    ("alphabetical:b(.+)", "b1", "b1 b1.0",     "b1.0",    Eligibility::Eligible,  "comes after the current tag b1"),
    ("digest:stable", "stable#1", "stable@1#1 v1@9#2", "v1", Eligibility::Unmatched, "does not match digest:stable"),
    ("*",           "-",     "1.0.0",           "1.0.0",   Eligibility::Eligible,  "so its version counts"),
    ("*",           "1.0",   "1.1@5",           "1.1",     Eligibility::Eligible,  "is a higher version; the current tag 1.0 is no longer in the registry"),
    ("*",           "1.0",   "0.9@5",           "0.9",     Eligibility::NotNewer,  "is not a higher version"),
];

#[test]
fn every_tag_has_a_reason() {
    for (policy, current, listing, name, eligibility, reason) in REASONS {
        let listing = candidates(listing);
        let selection = selection(policy, current, &listing);
        let verdict = selection.verdicts.iter().find(|v| v.tag == tag(name)).unwrap();
        assert_eq!(verdict.eligibility, *eligibility, "{policy} {name}: {verdict:?}");
        assert!(verdict.reason.contains(reason), "{policy} {name}: {verdict:?}");
        assert_eq!(verdict.eligible, *eligibility == Eligibility::Eligible);
    }
}

/// policy, current tag (and image by digest), listing, the outcome's one sentence.
#[rustfmt::skip]
pub(super) const OUTCOMES: &[(&str, &str, &str, &str)] = &[
    ("semver:^1",      "1.0.0",    "1.0.0 1.2.0",       "1.2.0 is the newest tag for semver:^1, after 1.0.0"),
    ("semver:^1",      "-",        "1.0.0 1.2.0",       "1.2.0 is the newest tag for semver:^1"),
    ("semver:^1",      "1.2.0",    "1.0.0 1.2.0 2.0.0", "nothing for semver:^1 is newer than 1.2.0"),
    ("semver:^1",      "2.0.0",    "2.0.0 3.0.0",       "none of 2 tags can be used with semver:^1"),
    ("numeric:b(.*)",  "b1",       "b1 b10 b9",         "b10 is the newest tag for numeric:b(.*), after b1"),
    ("*",              "a",        "a@1 b@2",           "b, pushed 1970-01-01T00:02:00Z, is the newest push for glob:*, after a"),
    ("*",              "1.0.0",    "1.0.0 1.1.0",       "1.1.0 is the first tag for glob:* by version and name, as its push time is not known, after 1.0.0"),
    ("*",              "b",        "a@1 b@2",           "nothing for glob:* is newer than b"),
    ("semver:*",       "latest",   "1.0.0@1 latest@2",  "nothing for semver:* is newer than latest; semver:* cannot order latest: write a version into the file once"),
    ("*",              "b",        "b@1 c",             "nothing is chosen: c: the registry does not report push times, so nothing says which tag is newer; write the tag that you want into the file once"),
    ("x*",             "b",        "a@1 b@2",           "none of 2 tags can be used with glob:x*"),
    ("x*",             "b",        "b@1",               "b, the only tag, cannot be used with glob:x*: is the current tag"),
    ("*",              "-",        "latest@1",          "latest, the only tag, cannot be used with glob:*: latest is a candidate only if the policy names it (glob:latest)"),
    ("*",              "b",        "",                  "the repository has no tags"),
    ("digest:stable",  "stable#1", "stable@2#1",        "nothing for digest:stable is newer than stable"),
    ("digest:stable",  "stable#1", "stable@2#2",        "stable points to sha256:0000000000000000000000000000000000000000000000000000000000000002 now"),
];

#[test]
fn the_outcome_is_one_sentence() {
    for (policy, current, listing, want) in OUTCOMES {
        assert_eq!(selection(policy, current, &candidates(listing)).reason, *want);
    }
}

/// policy, current tag, names as a person types them, the tag moved to, part of its or the current tag's reason.
#[rustfmt::skip]
pub(super) const TYPED: &[(&str, &str, &str, &str, &str)] = &[
    ("glob:main-*",    "-",        "main-1 main-2 dev-3",   "main-2", "its push time, which would order it, is not given"),
    ("regex:^main",    "-",        "main-1 xmain-2",        "main-1", "is not given"),
    ("glob:main-*",    "-",        "main-1@1 main-2",       "main-1", "the field has no tag yet"),
    ("glob:main-*",    "main-1",   "main-1 main-2",         "-",      "nothing says which tag is newer"),
    ("digest:stable",  "-",        "stable b",              "stable", "the field has no tag yet"),
    ("digest:stable",  "stable",   "stable b",              "-",      "would show whether it moved"),
    ("digest:stable",  "stable#1", "stable b",              "-",      "would show whether it moved"),
    ("digest:stable",  "1.0",      "stable@2 1.0@1",        "stable", "was pushed after the current tag 1.0"),
];

#[test]
fn what_a_person_leaves_out_is_not_held_against_a_tag() {
    for (policy, current, listing, want, reason) in TYPED {
        let policy = Policy::parse(policy).unwrap();
        let (name, digest) = current
            .split_once('#')
            .map_or((*current, None), |(name, at)| (name, Some(image(at))));
        let current = (name != "-").then(|| tag(name));
        let listing = candidates(listing);
        let selection = select(&Question {
            typed: true,
            digest: digest.as_ref(),
            ..Question::new(&policy, current.as_ref(), &listing)
        });
        assert_eq!(chosen(&selection), *want, "{policy} {name}: {selection:#?}");
        let reported = selection.verdicts.iter().any(|verdict| verdict.reason.contains(reason));
        assert!(reported, "{policy} {name}: {selection:#?}");
    }
}
