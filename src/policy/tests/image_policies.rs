use super::*;

/// the ImagePolicy's spec, current tag (and image by digest), listing, the tag moved to, part of any tag's reason.
#[rustfmt::skip]
pub(super) const IMAGE_POLICIES: &[(&str, &str, &str, &str, &str)] = &[
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
    ("policy: {semver: {range: '*'}}\ndigestReflectionPolicy: Always",                                  "1.0.0#1", "1.0.0#1 1.1.0",        "-",       "does not report its digest"),
    ("policy: {semver: {range: '*'}}\ndigestReflectionPolicy: IfNotPresent",                            "1.0.0#1", "1.0.0@1#1 1.1.0@2#2",  "1.1.0",   "comes after"),
    ("policy: {semver: {range: ^1}}",                                                                   "abc",     "abc@1 1.0.0@2",        "1.0.0",   "pushed after the current tag"),
    ("policy: {semver: {range: ^1}}",                                                                   "-",       "1.0.0 1.1.0",          "1.1.0",   "no tag yet"),
];

pub(super) fn image_policy(spec: &str) -> Result<Policy, InvalidPolicy> {
    let spec: serde_json::Value = serde_yaml::from_str(spec).unwrap();
    Policy::from_image_policy(&serde_json::json!({"metadata": {"name": "web"}, "spec": spec}))
}

#[test]
fn an_image_policy_of_flux_elects_what_it_would_there() {
    for (spec, current, listing, want, reason) in IMAGE_POLICIES {
        let selection = selection_by(&image_policy(spec).unwrap(), current, &candidates(listing));
        assert_eq!(chosen(&selection), *want, "{spec} {current} {listing}: {selection:#?}");
        let reported = selection.verdicts.iter().any(|verdict| verdict.reason.contains(reason));
        assert!(reported, "{spec} {current} {listing}: {selection:#?}");
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
            "spec.policy.semver.range is not a string",
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
            "no pattern to extract from",
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

/// The ImageRepository's spec, listing, the tag moved to from `a`, part of any tag's reason.
const REPOSITORIES: &[(&str, &str, &str, &str)] = &[
    ("image: r/a", "a b c.sig", "b", "is excluded by \"^.*\\\\.sig$\""),
    (
        "image: r/a\nexclusionList: ['-debug', '^c$']",
        "a b c b-debug-1",
        "b",
        "is excluded by \"-debug\"",
    ),
    (
        "image: r/a\nexclusionList: ['-debug', '^c$']",
        "a b c",
        "b",
        "is excluded by \"^c$\"",
    ),
    ("image: r/a\nexclusionList: ['^x']", "a b c.sig", "c.sig", "comes after"),
    ("image: r/a\nexclusionList: []", "a b c.sig", "c.sig", "comes after"),
    ("image: r/a\nexclusionList: [b]", "a b", "-", "is excluded by \"b\""),
];

fn repository(spec: &str) -> serde_json::Value {
    let spec: serde_json::Value = serde_yaml::from_str(spec).unwrap();
    serde_json::json!({"metadata": {"name": "web"}, "spec": spec})
}

#[test]
fn what_an_image_repository_excludes_is_no_candidate() {
    for (spec, listing, want, reason) in REPOSITORIES {
        let policy = image_policy("policy: {alphabetical: {}}").unwrap();
        let policy = policy.over_image_repository(&repository(spec)).unwrap();
        let selection = selection_by(&policy, "a", &candidates(listing));
        assert_eq!(chosen(&selection), *want, "{spec} {listing}: {selection:#?}");
        let reported = selection.verdicts.iter().any(|verdict| verdict.reason.contains(reason));
        assert!(reported, "{spec} {listing}: {selection:#?}");
    }
}

#[test]
fn an_exclusion_list_that_cannot_be_used_says_so() {
    let many = format!("exclusionList: [{}]", vec!["a"; 26].join(","));
    for (spec, problem) in [
        ("exclusionList: x", "is not a list"),
        ("exclusionList: [1]", "an entry that is not a string"),
        ("exclusionList: ['(']", "unclosed group"),
        ("exclusionList: ['']", "the expression is empty"),
        (&*many, "more than 25"),
    ] {
        let policy = image_policy("policy: {alphabetical: {}}").unwrap();
        let error = policy.over_image_repository(&repository(spec)).expect_err(spec);
        assert!(error.problem.contains(problem), "{spec}: {error}");
        assert_eq!(error.policy, "ImageRepository web");
    }
}
