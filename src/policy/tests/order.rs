use super::*;

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
        ("numeric:n(-?[0-9.]+)", "n-2 n-10 n1 n0 n-0.5", "n1 n0 n-0.5 n-2 n-10"),
        ("regexp: ^b", "a@9 b1@1 b2@2", "a b2 b1"),
        (" numeric : b(\\d+)", "b2@9 b10@1", "b10 b2"),
        ("glob: b*", "a@9 b1@1 b2@2", "a b2 b1"),
        ("alphabetical: b(.*)", "ba bb", "bb ba"),
        ("semver: ~1", "1.0.0 1.0.1", "1.0.1 1.0.0"),
        ("alphabetical:b(.*)", "bb ba x bc", "bc bb ba x"),
    ] {
        let selection = selection(policy, "-", &candidates(listing));
        let got: Vec<&str> = selection.verdicts.iter().map(|v| v.tag.as_str()).collect();
        assert_eq!(got.join(" "), order, "{policy}");
        let first = selection.verdicts.iter().find(|v| v.eligible).map(|v| &v.tag);
        assert_eq!(first, selection.selected.as_ref().map(|choice| &choice.tag));
    }
}
