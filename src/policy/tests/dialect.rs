use super::*;

/// an expression in Go's dialect, tags that it lets in, tags that it does not; each as Go 1.26's regexp says.
#[rustfmt::skip]
pub(super) const EXPRESSIONS: &[(&str, &str, &str)] = &[
    (r"^[\w-.]+$",           "a-1.b _",     "-"),
    (r"^[\d-_]+$",           "1-_",         "a"),
    (r"^[\pL-]+$",           "a-",          "a1"),
    (r"^[\p{Lu}-]+$",        "A-",          "a-"),
    (r"^[\w.+-]+$",          "a.b-c",       "-"),
    (r"^[a-z--]+$",          "a-b",         "A a_b"),
    (r"^a[+--]$",            "a-",          "a."),
    (r"^[a&&b]$",            "a b",         "c"),
    (r"^[a~~b]$",            "a b",         "c"),
    (r"^[^-a]+$",            "b",           "b-b a"),
    (r"^a[-_.]+$",           "a-.",         "a"),
    (r"^[]a]$",              "a",           "b"),
    (r"^[[a]$",              "a",           "b"),
    (r"^[[a]b]$",            "-",           "ab"),
    (r"^[[:alpha:]-]+$",     "a-b",         "a1"),
    (r"^[[:^digit:]]+$",     "ab",          "a1"),
    (r"^a[\x2d\x{5f}]+$",    "a-_",         "a"),
    (r"^[a\-z]+$",           "a-z",         "m"),
    (r"^\Qa.b\E$",           "a.b",         "axb"),
    (r"^\Qa.b",              "a.b a.bc",    "axb"),
    (r"^v1{,3}$",            "-",           "v1 v111"),
    (r"^v{1$",               "-",           "v1 v"),
    (r"^v1{2}$",             "v11",         "v1 v111"),
    (r"^v1{2,}$",            "v11 v111",    "v1"),
    (r"^v\_1\-2\.3$",        "v_1-2.3",     "v_1-2x3"),
    (r"^(?i)MAIN$",          "main",        "mainx"),
    (r"^(?P<x>a)(?<y>b)$",   "ab",          "a"),
    (r"main",                "main x-main-2", "mai"),
    (r"^main",               "main-2",      "x-main"),
];

#[test]
fn an_expression_means_what_it_means_in_go() {
    for (expression, matching, others) in EXPRESSIONS {
        let policy = Policy::parse(&format!("regex:{expression}")).unwrap();
        assert_eq!(policy.to_string(), format!("regex:{expression}"));
        for (names, want) in [(matching, true), (others, false)] {
            for name in names.split(' ').filter(|name| *name != "-") {
                assert_eq!(policy.admits(&tag(name)).is_ok(), want, "{expression} {name}");
            }
        }
    }
    for unusable in [
        r"^[a-\d]$",
        "^[.--]$",
        "^[a",
        r"\",
        r"a\p{",
        r"[\",
        r"\x",
        "[a-",
        "(",
        "[[:",
    ] {
        let error = Policy::parse(&format!("regex:{unusable}")).expect_err(unusable);
        assert!(error.problem.contains("not a regular expression"), "{error}");
    }
}
