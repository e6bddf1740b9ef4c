use super::*;

/// policy, part of the problem, part of the remedy.
#[rustfmt::skip]
pub(super) const INVALID: &[(&str, &str, &str)] = &[
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
    ("numeric:(?:a)",        "captures nothing",           "brackets"),
    ("glob:main -*",         "no tag contains ' '",        "regex:"),
    ("regex:a{3,2}",         "not a regular expression",   "as in Go"),
    ("regex:a)",             "unopened group",             "as in Go"),
    ("regex:(a)\\1",         "backreferences",             "as in Go"),
    ("semver:^",             "a version is missing",       "~1.2"),
    ("semver:latest",        "\"latest\" is not a version","~1.2"),
    ("semver:1.2 -",         "not a version",              "~1.2"),
    ("semver:- 1.2",         "not a version",              "~1.2"),
    ("semver:|| 1",          "one side of ||",             "~1.2"),
    ("digest:a:b",           "only letters, digits",       "digest:stable"),
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
