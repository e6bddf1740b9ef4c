use super::*;
use crate::policy::{Platform, Platforms};

fn platforms(text: &str) -> Vec<Platform> {
    text.split_whitespace()
        .map(|text| Platform::parse(text).unwrap())
        .collect()
}

/// required, what the image is built for, why it is not taken (`-`: it is).
#[rustfmt::skip]
pub(super) const PLATFORMS: &[(&str, &str, &str)] = &[
    ("",                        "linux/amd64",                  "-"),
    ("",                        "windows/amd64 linux/arm64",    "-"),
    ("",                        "windows/amd64",                "is built for windows/amd64, and not for linux"),
    ("",                        "",                             "is built for no platform, and not for linux"),
    ("linux/amd64",             "linux/amd64 linux/arm64/v8",   "-"),
    ("linux/amd64",             "linux/arm64",                  "is built for linux/arm64, and not for linux/amd64"),
    ("linux/amd64 linux/arm64", "linux/amd64 linux/arm64/v8",   "-"),
    ("linux/amd64 linux/arm64", "linux/amd64",                  "is built for linux/amd64, and not for linux/arm64"),
    ("linux/arm/v7",            "linux/arm/v7",                 "-"),
    ("linux/arm/v7",            "linux/arm/v6",                 "is built for linux/arm/v6, and not for linux/arm/v7"),
    ("Linux/AMD64",             "linux/amd64",                  "-"),
];

#[test]
fn an_image_for_another_platform_does_not_fit() {
    for (required, built, want) in PLATFORMS {
        let unfit = Platforms::new(platforms(required)).unfit(&platforms(built));
        assert_eq!(unfit.as_deref().unwrap_or("-"), *want, "{required} {built}");
    }
}

#[test]
fn what_is_no_platform_is_refused() {
    for text in [
        "",
        "linux",
        "linux/",
        "/amd64",
        "linux/amd64/v1/x",
        "linux/amd 64",
        "linux/\u{e4}",
    ] {
        let error = Platform::parse(text).unwrap_err();
        assert!(error.to_string().contains("linux/amd64"), "{error}");
    }
}

#[test]
fn an_image_that_would_not_run_is_never_chosen() {
    let mut listing = candidates("a@1 b@2 c@3");
    listing[2].unfit = Some("is built for windows/amd64, and not for linux".to_owned());
    let selection = selection("*", "a", &listing);
    assert_eq!(chosen(&selection), "b");
    assert_eq!(selection.verdicts[0].eligibility, Eligibility::Unusable);
    assert_eq!(
        selection.verdicts[0].reason,
        "is built for windows/amd64, and not for linux"
    );
}
