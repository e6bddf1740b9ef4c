use super::*;

/// include globs, exclude globs, repository, tag, whether it is looked at.
#[rustfmt::skip]
pub(super) const FILTERS: &[(&str, &str, &str, &str, bool)] = &[
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
    ("",               "**",                "any/where",    "a",       false),
    ("",               "*",                 "any/where",    "a",       true),
    ("",               "*/*",               "any/where",    "a",       false),
    ("a/**/z",         "",                  "a/z",          "a",       true),
    ("a/**/z",         "",                  "a/b/c/z",      "a",       true),
    ("a/**/z",         "",                  "a/b/c/zz",     "a",       false),
    ("",               "shop/web:**",       "shop/web",     "a-b.c",   false),
    ("",               "shop/web:*.*",      "shop/web",     "1.2",     false),
    ("shop/web:*",     "shop/web:latest",   "shop/web",     "latest",  false),
    ("",               "team-?/web",        "team-a/web",   "1",       false),
    ("",               "team-[ab]/web",     "team-c/web",   "1",       true),
];

#[test]
fn filters_go_by_repository_and_tag() {
    let owned = |globs: &str| globs.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (include, exclude, repository, name, want) in FILTERS {
        let filter = Filter::new(&owned(include), &owned(exclude)).unwrap();
        let allowed = filter.tags(repository).and_then(|tags| tags.allows(&tag(name)));
        assert_eq!(allowed.is_ok(), *want, "{include:?} {exclude:?} {repository}:{name}");
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
        ("shop**", "alone between the slashes"),
        ("a/**b/c:x", "alone between the slashes"),
        ("shop/{a", "alternate"),
    ] {
        let error = Filter::new(&[glob.to_owned()], &[]).unwrap_err();
        assert!(error.problem.contains(problem), "{glob}: {error}");
    }
}
