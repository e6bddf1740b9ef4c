use super::*;

/// policy, current tag, the registry's listing, the tag moved to (`-`: none).
#[rustfmt::skip]
pub(super) const CHOICES: &[(&str, &str, &str, &str)] = &[
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
    ("*",                "-",        "1.0.0 1.1.0",                              "1.1.0"),
    ("*",                "-",        "a@1 1.1.0",                                "a"),
    ("*",                "-",        "latest@1",                                 "-"),
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
    ("semver:^0.0.x",    "0.0.1",    "0.0.1 0.0.9 0.1.0",                        "0.0.9"),
    ("semver:^0.0",      "0.0.1",    "0.0.1 0.0.9 0.1.0",                        "0.0.9"),
    ("semver:^0",        "0.0.1",    "0.0.1 0.9.0 1.0.0",                        "0.9.0"),
    ("semver:^0.x",      "0.0.1",    "0.0.1 0.9.0 1.0.0",                        "0.9.0"),
    ("semver:^1.x",      "1.0.0",    "1.0.0 1.9.0 2.0.0",                        "1.9.0"),
    ("semver:^v1.2",     "1.2.0",    "1.2.0 v1.3.0 2.0.0",                       "v1.3.0"),
    ("semver:~0",        "0.1.0",    "0.1.0 0.9.0 1.0.0",                        "0.9.0"),
    ("semver:~0.1",      "0.1.0",    "0.1.0 0.1.7 0.2.0",                        "0.1.7"),
    ("semver:~1.x",      "1.0.0",    "1.0.0 1.9.0 2.0.0",                        "1.9.0"),
    ("semver:~>1.2",     "1.2.0",    "1.2.0 1.2.9 1.3.0",                        "1.2.9"),
    ("semver:x",         "1.0.0",    "1.0.0 3.0.0",                              "3.0.0"),
    ("semver:X.x",       "1.0.0",    "1.0.0 3.0.0",                              "3.0.0"),
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
    ("semver:1.2.3 - 1.2.5",  "1.2.3", "1.2.3 1.2.5 1.2.6",                      "1.2.5"),
    ("semver:v1.2 - v1.4",    "1.2.0", "1.2.0 1.4.7 1.5.0",                      "1.4.7"),
    ("semver:1 - 2",          "1.0.0", "1.0.0 2.9.9 3.0.0",                      "2.9.9"),
    ("semver:1.2.x || 2.x || 4.0.0", "1.2.0", "1.2.0 2.7.0 3.0.0 4.0.1",         "2.7.0"),
    ("semver:~1.2||^3",       "1.2.0", "1.2.0 2.0.0 3.4.0 4.0.0",                "3.4.0"),
    ("semver: ^1.2 , != 1.3.0 ", "1.2.0", "1.2.0 1.3.0",                         "-"),
    ("semver:=>1.2 =<1.3",    "1.2.0", "1.2.0 1.3.5 1.4.0",                      "1.3.5"),
    ("semver:> 1.2.0",        "1.2.0", "1.2.0 1.2.1",                            "1.2.1"),
    ("semver:!=1.3.0",   "1.2.0",    "1.2.0 1.3.0",                              "-"),
    ("semver:!=1.x",     "1.2.0",    "1.2.0 1.3.0 2.0.0",                        "2.0.0"),
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
    ("semver:>=1.0.0-rc.2", "1.0.0-rc.2", "1.0.0-rc.2 1.0.0-rc.1 1.0.0-rc.3",    "1.0.0-rc.3"),
    ("semver:>=1.0.0-rc.1 <1.1", "1.0.0-rc.1", "1.0.0-rc.1 1.0.9 1.1.0-rc.1",    "1.1.0-rc.1"),
    ("semver:^1.2.0-beta.1", "1.2.0-beta.1", "1.2.0-beta.1 1.2.0-alpha.9 1.2.0-beta.2 2.0.0-beta.1", "1.2.0-beta.2"),
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
    ("numeric:^(?P<run>\\d+)$", "9", "9 10 x10",                                 "10"),
    // several groups: the first one that differs decides; one that took no part is the least
    ("numeric:^(\\d+)-(\\d+)$", "9-10", "9-10 10-2 9-11 9-x",                   "10-2"),
    ("numeric:^(\\d+)-(\\d+)$", "9-10", "9-10 8-99 9-11",                       "9-11"),
    ("numeric:^(\\d+)(?:-(\\d+))?$", "1", "1 1-2 1-10",                         "1-10"),
    ("numeric:^(\\d+)(?:-(\\d+))?$", "1-2", "1 1-2",                            "-"),
    // alphabetical
    ("alphabetical:^(\\d{4}-\\d\\d-\\d\\d)", "2024-01-02", "2024-01-02 2024-02-01-x 2023-12-31", "2024-02-01-x"),
    ("alphabetical:^RELEASE\\.(.*)$", "RELEASE.2024-01", "RELEASE.2024-01 RELEASE.2024-03 RELEASE.2024-02", "RELEASE.2024-03"),
    ("alphabetical:^RELEASE\\.(.*)$", "RELEASE.b", "RELEASE.b RELEASE.a",        "-"),
    ("alphabetical:^(\\d{4})-[a-z]+-(\\d\\d)$", "2024-may-02", "2024-may-02 2024-apr-03 2023-jun-30", "2024-apr-03"),
    ("alphabetical:^([A-Z])", "B1", "B1 A9 Z0 a1",                               "Z0"),
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
                "{policy} {current} {listing:?}: expected {want}, found {selection:#?}"
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

/// what happened, policy, current tag, listing, the tag moved to: tags on one digest share their push time.
#[rustfmt::skip]
pub(super) const ONE_DIGEST: &[(&str, &str, &str, &str, &str)] = &[
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
