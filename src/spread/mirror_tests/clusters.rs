//! Other clusters, lost sources, and what is copied beside the entries.

use super::scene::{DATA, Scene, Texts, annotated, at, copy, facts, live, map, plain_source, rule};
use crate::model::{TargetId, Wildcard};
use crate::spread::*;
use std::slice::from_ref;

#[test]
fn a_deleted_source_takes_its_copies_along_at_home_and_leaves_them_in_other_clusters() {
    let source = at("z", "tls");
    let copies = [copy(&at("z", "tls"), &source, DATA)];
    let named = rule(MirrorSource::Object(source.clone()), "");
    let asking = rule(annotated(vec![Wildcard::new("*")]), "");
    let delete = |rule: &MirrorRule| MirrorRule {
        deletion: Some(DeletionPolicy::Delete),
        ..rule.clone()
    };
    let retain = |rule: &MirrorRule| MirrorRule {
        deletion: Some(DeletionPolicy::Retain),
        ..rule.clone()
    };
    let rows = [
        ("b", named.clone(), Lookup::Gone, false),
        ("b", delete(&named), Lookup::Gone, true),
        ("here", named.clone(), Lookup::Gone, true),
        ("here", retain(&named), Lookup::Gone, false),
        // The watch lags.
        ("here", named.clone(), Lookup::Asks, false),
        ("here", named.clone(), Lookup::AsksNothing, false),
        ("b", asking.clone(), Lookup::Gone, false),
        // Its annotation was taken away.
        ("b", asking.clone(), Lookup::AsksNothing, true),
        ("b", asking.clone(), Lookup::Asks, false),
        ("b", delete(&asking), Lookup::Gone, true),
        ("here", asking.clone(), Lookup::Gone, true),
        ("here", retain(&asking), Lookup::Gone, false),
        ("here", retain(&asking), Lookup::AsksNothing, true),
    ];
    for (target, rule, lookup, goes) in rows {
        let scene = || Scene::of(from_ref(&rule), &[], &copies).in_cluster(target);
        assert!(
            scene().plan().0.is_empty(),
            "nothing goes before a reading: {target} {rule:?}"
        );
        let expected: &[&str] = if goes { &["remove z/tls"] } else { &[] };
        assert_eq!(
            scene().knowing(&source, lookup).plan().0,
            expected,
            "{target} {rule:?} {lookup:?}"
        );
    }
}

#[test]
fn a_source_that_cannot_be_read_freezes_its_copies_and_no_others() {
    let (first, second) = (at("z", "tls"), at("z", "other"));
    let rules = [first.clone(), second.clone()].map(|source| rule(MirrorSource::Object(source), "team=shop"));
    let copies = [copy(&at("a", "other"), &second, DATA)];
    let mut scene = Scene::of(&rules, &[plain_source()], &copies);
    scene.unread.insert(second, "no right".to_owned());
    let (found, problems) = scene.plan();
    assert_eq!(found, ["write a/tls", "write b/tls"]);
    assert_eq!(problems["Secret z/other"], "no right");
}

#[test]
fn a_source_that_asks_by_annotation_has_its_copy_in_another_cluster_in_the_namespace_of_its_own_name() {
    let rows: [(Texts<'_>, &[&str]); 5] = [
        (&[("kubed.appscode.com/sync-contexts", "b")], &["write z/tls"]),
        (&[("kubed.appscode.com/sync-contexts", "c, b")], &["write z/tls"]),
        (&[(MIRROR_TARGETS_ANNOTATION, "b")], &["write z/tls"]),
        (&[("kubed.appscode.com/sync-contexts", "c")], &[]),
        (&[("kubed.appscode.com/sync", "")], &[]),
    ];
    for (annotations, expected) in rows {
        let source = facts(&at("z", "tls"), &live("Opaque", DATA, &[], annotations));
        let mut asking = rule(annotated(vec![Wildcard::new("z")]), "");
        asking.targets = [TargetId::here(), TargetId::new("b")].into();
        let mut scene = Scene::of(&[asking.clone()], from_ref(&source), &[]).in_cluster("b");
        assert_eq!(scene.plan().0, expected, "{annotations:?}");
        // A target that no rule names is said, once.
        let (_, problems) = Scene::of(&[asking], &[source], &[]).plan();
        let names_c = annotations[0].1.contains('c');
        assert_eq!(problems.len(), usize::from(names_c), "{problems:?}");
    }
}

#[test]
fn chosen_labels_are_copied_and_put_right_and_others_are_not() {
    let source = facts(
        &at("z", "tls"),
        &live("Opaque", DATA, &[("team", "x"), ("owner", "y")], &[]),
    );
    let mut named = rule(MirrorSource::Object(at("z", "tls")), "team=shop");
    named.labels = ["team".to_owned()].into();
    let (place, mut current) = copy(&at("a", "tls"), &at("z", "tls"), DATA);
    current.labels = map(&[("team", "x"), ("more", "kept")]);
    let (other, stale) = copy(&at("b", "tls"), &at("z", "tls"), DATA);
    let mut scene = Scene::of(&[named], &[source], &[(place, current), (other, stale)]);
    assert_eq!(scene.plan().0, ["write b/tls"]);
}

#[test]
fn a_copy_without_the_entries_of_its_type_is_opaque() {
    let tls: Texts<'_> = &[("tls.crt", "Zm9v"), ("tls.key", "Zm9v")];
    let source = live("kubernetes.io/tls", tls, &[], &[]).content;
    let rows: [(Texts<'_>, &str); 4] = [
        (&[], "kubernetes.io/tls"),
        (&[("tls.crt", "ca.crt")], "Opaque"),
        (&[("tls.crt", "tls.crt")], "Opaque"),
        (&[("tls.crt", "tls.crt"), ("tls.key", "tls.key")], "kubernetes.io/tls"),
    ];
    for (keys, expected) in rows {
        assert_eq!(
            source.chosen(&map(keys)).type_name.as_deref(),
            Some(expected),
            "{keys:?}"
        );
    }
}

#[test]
fn an_entry_that_the_source_has_not_freezes_the_copies() {
    let source = at("z", "tls");
    let mut named = rule(MirrorSource::Object(source.clone()), "team=shop");
    named.keys = map(&[("tls.key", "key")]);
    let copies = [copy(&at("a", "tls"), &source, &[("key", "YmFy")])];
    let (found, problems) = Scene::of(&[named], &[plain_source()], &copies).plan();
    assert!(found.is_empty(), "{found:?}");
    assert!(problems["Secret z/tls"].contains("no entry tls.key"), "{problems:?}");
}

#[test]
fn kubed_s_copies_are_known_by_its_labels_and_its_annotation_together() {
    let labels: Texts<'_> = &[
        ("kubed.appscode.com/origin.name", "tls"),
        ("kubed.appscode.com/origin.namespace", "z"),
        ("kubed.appscode.com/origin.cluster", "one"),
    ];
    let origin = r#"{"namespace":"z","name":"tls","uid":"1","resourceVersion":"7"}"#;
    let rows: [(Texts<'_>, Texts<'_>, bool); 4] = [
        (labels, &[("kubed.appscode.com/origin", origin)], true),
        (labels, &[], false),
        (&[], &[("kubed.appscode.com/origin", origin)], false),
        (
            labels,
            &[("kubed.appscode.com/origin", r#"{"namespace":"y","name":"tls"}"#)],
            false,
        ),
    ];
    for (labels, annotations, expected) in rows {
        let place = at("a", "tls");
        let (_, copy) = facts(&place, &live("Opaque", DATA, labels, annotations));
        assert_eq!(copy.is_kubed_copy_of(&at("z", "tls")), expected, "{annotations:?}");
        assert!(!copy.is_kubed_copy_of(&at("z", "other")));
    }
}
