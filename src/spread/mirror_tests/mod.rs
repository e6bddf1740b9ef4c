mod clusters;
mod scene;

use super::mirror_mark::proved;
use super::*;
use crate::model::Wildcard;
use scene::{DATA, Known, Scene, Texts, annotated, at, copy, facts, live, map, plain_source, rule};
use std::slice::from_ref;

#[test]
fn missing_edited_and_left_over_copies_are_put_right_and_the_others_are_left_alone() {
    let source = at("z", "tls");
    let named = rule(MirrorSource::Object(source.clone()), "team=shop");
    let rows: [(&[Known], &[&str]); 5] = [
        (&[], &["write a/tls", "write b/tls"]),
        (&[copy(&at("a", "tls"), &source, DATA)], &["write b/tls"]),
        (
            &[
                copy(&at("a", "tls"), &source, &[("tls.crt", "YmFy")]),
                copy(&at("b", "tls"), &source, DATA),
            ],
            &["write a/tls"],
        ),
        (
            &[
                copy(&at("a", "tls"), &source, &[("tls.crt", "Zm9v"), ("more", "Zm9v")]),
                copy(&at("b", "tls"), &source, DATA),
                copy(&at("z", "other"), &source, DATA),
            ],
            &["write a/tls", "remove z/other"],
        ),
        (
            &[
                copy(&at("a", "tls"), &source, DATA),
                copy(&at("b", "tls"), &source, DATA),
            ],
            &[],
        ),
    ];
    for (copies, expected) in rows {
        let (found, problems) = Scene::of(from_ref(&named), &[plain_source()], copies).plan();
        assert_eq!(found, expected);
        assert!(problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn a_copy_goes_with_its_rule_and_with_its_source_and_a_broken_source_freezes_its_copies() {
    let source = at("z", "tls");
    let copies = [copy(&at("a", "tls"), &source, DATA)];
    let named = rule(MirrorSource::Object(source.clone()), "team=shop");
    assert_eq!(Scene::of(&[], &[plain_source()], &copies).plan().0, ["remove a/tls"]);
    let mut sourceless = Scene::of(from_ref(&named), &[], &copies);
    assert_eq!(
        (sourceless.plan().0.len(), &*sourceless.doubts),
        (0, &["Secret z/tls".to_owned()][..])
    );
    assert_eq!(sourceless.knowing(&source, Lookup::Gone).plan().0, ["remove a/tls"]);
    let broken = facts(
        &source,
        &live("Opaque", DATA, &[], &[(MIRROR_TO_ANNOTATION, "team in (")]),
    );
    let (found, problems) = Scene::of(&[rule(annotated(vec![Wildcard::new("*")]), "")], &[broken], &copies).plan();
    assert!(found.is_empty(), "{found:?}");
    assert!(problems["Secret z/tls"].contains("its copies stay"), "{problems:?}");
}

#[test]
fn what_the_agent_did_not_make_is_never_removed() {
    let source = at("z", "tls");
    let (place, mut marked) = copy(&at("a", "tls"), &source, DATA);
    // Somebody copied the copy, with its label and annotation, to another namespace.
    let mark = marked.mark.clone().unwrap().text();
    let stolen = live("Opaque", DATA, &[(MIRROR_LABEL, "set")], &[(MIRROR_ANNOTATION, &mark)]);
    let (found, problems) = Scene::of(&[], &[], &[facts(&at("b", "tls"), &stolen)]).plan();
    assert!(found.is_empty(), "{found:?}");
    assert!(problems["Secret b/tls"].contains("did not make it"), "{problems:?}");
    // Another agent has the same name of a label, and another set.
    let foreign = live(
        "Opaque",
        DATA,
        &[(MIRROR_LABEL, "other")],
        &[(MIRROR_ANNOTATION, &mark)],
    );
    assert!(proved("set", &place, &foreign.labels, &foreign.annotations).is_none());
    marked.is_owned = true;
    let (found, problems) = Scene::of(&[], &[], &[(place, marked)]).plan();
    assert!(found.is_empty() && problems.len() == 1, "{found:?} {problems:?}");
}

#[test]
fn copies_are_no_sources_and_bound_secrets_are_not_copied() {
    let asking = rule(annotated(vec![Wildcard::new("*")]), "");
    let kubed = live(
        "Opaque",
        DATA,
        &[("kubed.appscode.com/origin.name", "tls")],
        &[("kubed.appscode.com/sync", "")],
    );
    let (found, problems) = Scene::of(&[asking], &[facts(&at("a", "tls"), &kubed)], &[]).plan();
    assert!(found.is_empty() && problems.is_empty(), "{found:?} {problems:?}");
    let source = at("z", "tls");
    let chained = rule(MirrorSource::Object(at("a", "tls")), "");
    let (found, problems) = Scene::of(&[chained], &[copy(&at("a", "tls"), &source, DATA)], &[]).plan();
    assert!(found.is_empty(), "{found:?}");
    assert!(problems["Secret a/tls"].contains("is a copy itself"), "{problems:?}");
    let token = facts(&source, &live("kubernetes.io/service-account-token", DATA, &[], &[]));
    let (found, problems) = Scene::of(&[rule(MirrorSource::Object(source), "")], &[token], &[]).plan();
    assert!(found.is_empty() && problems.len() == 1, "{found:?} {problems:?}");
}

#[test]
fn annotations_of_kubed_have_their_meaning() {
    let rows: [(Texts<'_>, &[&str]); 6] = [
        (&[("kubed.appscode.com/sync", "")], &["write a/tls", "write b/tls"]),
        (&[("kubed.appscode.com/sync", "true")], &["write a/tls", "write b/tls"]),
        (
            &[("kubed.appscode.com/sync", "team=shop")],
            &["write a/tls", "write b/tls"],
        ),
        (&[("kubed.appscode.com/sync", "false")], &[]),
        (&[("kubed.appscode.com/sync-contexts", "b")], &[]),
        (&[], &[]),
    ];
    for (annotations, expected) in rows {
        let source = facts(&at("z", "tls"), &live("Opaque", DATA, &[], annotations));
        let asking = rule(annotated(vec![Wildcard::new("z")]), "");
        let (found, problems) = Scene::of(&[asking], from_ref(&source), &[]).plan();
        assert_eq!(found, expected, "{annotations:?}");
        assert!(problems.is_empty(), "{problems:?}");
        // A source in another namespace may ask for nothing.
        let elsewhere = rule(annotated(vec![Wildcard::new("y")]), "");
        assert!(Scene::of(&[elsewhere], &[source], &[]).plan().0.is_empty());
    }
}

#[test]
fn two_sources_of_one_copy_are_reported_and_a_source_is_not_written_over() {
    let (first, second) = (at("z", "tls"), at("a", "other"));
    let sources = [plain_source(), facts(&second, &live("Opaque", DATA, &[], &[]))];
    let mut renamed = rule(MirrorSource::Object(second), "team=shop");
    renamed.name = Some("tls".to_owned());
    let named = rule(MirrorSource::Object(first.clone()), "team=shop");
    let (found, problems) = Scene::of(&[named.clone(), renamed.clone()], &sources, &[]).plan();
    assert_eq!(found, ["write a/tls", "write b/tls"]);
    assert!(problems["Secret a/other"].contains("the same name"), "{problems:?}");
    renamed.to.selector = LabelSelector::default();
    let (_, problems) = Scene::of(&[named, renamed], &sources, &[]).plan();
    assert!(problems["Secret z/tls"].contains("over it"), "{problems:?}");
}

#[test]
fn more_than_a_hundred_deletions_of_most_copies_are_left_to_a_person() {
    let source = at("z", "tls");
    let names: Vec<String> = (0..101).map(|index| format!("n{index}")).collect();
    let mut scene = Scene::of(&[], &[], &[]);
    for name in &names {
        scene.namespaces.insert(name.clone(), NamespaceFacts::default());
        scene.copies.push(copy(&at(name, "tls"), &source, DATA));
    }
    let (found, problems) = scene.plan();
    assert!(found.is_empty(), "{found:?}");
    assert!(problems["copies"].contains("101 of the 101"), "{problems:?}");
    scene.copies.pop();
    assert_eq!(scene.plan().0.len(), 100);
}

#[test]
fn chosen_entries_have_their_new_keys() {
    let source = at("z", "tls");
    let mut named = rule(MirrorSource::Object(source.clone()), "team=shop");
    named.keys = map(&[("tls.crt", "ca.crt")]);
    let copies = [
        copy(&at("a", "tls"), &source, &[("ca.crt", "Zm9v")]),
        copy(&at("b", "tls"), &source, DATA),
    ];
    assert_eq!(
        Scene::of(&[named], &[plain_source()], &copies).plan().0,
        ["write b/tls"]
    );
}
