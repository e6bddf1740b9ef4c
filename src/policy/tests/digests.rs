use super::*;

/// policy, current tag (and image by digest), listing, the tag moved to, part of its reason or of the outcome.
#[rustfmt::skip]
pub(super) const DIGESTS: &[(&str, &str, &str, &str, &str)] = &[
    ("digest:stable", "stable",   "stable@1#1 b@2#2",            "stable", "its digest is not in the file yet"),
    ("digest:stable", "stable#1", "stable@1#1 b@2#2",            "-",      "points to the digest in the file"),
    ("digest:stable", "stable#1", "stable@2#2 a@1#1",            "stable", "points to another image than the file"),
    ("digest:stable", "stable#1", "stable@2#2",                  "stable", "points to another image than the file"),
    ("digest:stable", "stable#1", "stable#2 a#1",                "stable", "points to another image than the file"),
    ("digest:stable", "stable#2", "stable@1#1 b@2#2",            "-",      "pushed before the one in the file"),
    ("digest:stable", "stable#1", "stable",                      "-",      "the registry does not report its digest"),
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
        let reported = selection.verdicts.iter().any(|verdict| verdict.reason.contains(reason));
        assert!(reported, "{policy} {current} {listing}: {selection:#?}");
    }
    let selection = selection("digest:stable", "stable#1", &candidates("stable@2#2 a@1#1"));
    assert_eq!(selection.selected.unwrap().digest, Some(image("2")));
    assert_eq!(selection.reason, format!("stable points to {} now", image("2")));
}
