//! Rules, sources and copies, and what a plan makes of them.

use crate::model::{Secret, TargetId, Wildcard};
use crate::resource::ResourceVersion;
use crate::spread::*;
use std::collections::{BTreeMap, BTreeSet};

/// An object, and what is known of it.
pub(super) type Known = (ObjectPlace, MirrorFacts);

pub(super) type Texts<'a> = &'a [(&'a str, &'a str)];

pub(super) fn map(texts: Texts<'_>) -> BTreeMap<String, String> {
    texts
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(super) fn at(namespace: &str, name: &str) -> ObjectPlace {
    ObjectPlace {
        kind: MirrorKind::Secret,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

pub(super) fn live(type_name: &str, entries: Texts<'_>, labels: Texts<'_>, annotations: Texts<'_>) -> LiveObject {
    let entry = |value: &str| MirrorEntry {
        field: EntryField::Data,
        value: Secret::new(value),
    };
    LiveObject {
        uid: "1".to_owned(),
        version: ResourceVersion::new("1".to_owned()),
        labels: map(labels),
        annotations: map(annotations),
        is_immutable: false,
        is_owned: false,
        is_ending: false,
        content: MirrorContent {
            type_name: Some(type_name.to_owned()),
            entries: entries
                .iter()
                .map(|(key, value)| ((*key).to_owned(), entry(value)))
                .collect(),
        },
    }
}

pub(super) fn facts(place: &ObjectPlace, live: &LiveObject) -> Known {
    (place.clone(), MirrorFacts::read("set", place, live))
}

pub(super) fn copy(place: &ObjectPlace, source: &ObjectPlace, entries: Texts<'_>) -> Known {
    let mark = MirrorMark::new("set", place, source).text();
    let live = live(
        "Opaque",
        entries,
        &[(MIRROR_LABEL, "set")],
        &[(MIRROR_ANNOTATION, &mark)],
    );
    facts(place, &live)
}

pub(super) fn annotated(namespaces: Vec<Wildcard>) -> MirrorSource {
    MirrorSource::Annotated(MirrorKind::ALL.into(), namespaces)
}

pub(super) fn rule(from: MirrorSource, selector: &str) -> MirrorRule {
    MirrorRule {
        from,
        to: NamespaceRule {
            names: Vec::new(),
            except: Vec::new(),
            selector: match selector {
                "" => LabelSelector::default(),
                text => LabelSelector::parse(text).unwrap(),
            },
        },
        targets: [TargetId::here()].into(),
        name: None,
        keys: BTreeMap::new(),
        labels: BTreeSet::new(),
        adopts: false,
        deletion: None,
    }
}

/// The namespaces `a` and `b`, both with the label `team=shop`, and `z` without labels, which has the sources.
pub(super) fn namespaces() -> BTreeMap<String, NamespaceFacts> {
    let facts = |labels| NamespaceFacts {
        labels: map(labels),
        is_ending: false,
    };
    let shop: Texts<'_> = &[("team", "shop")];
    [("a", facts(shop)), ("b", facts(shop)), ("z", facts(&[]))]
        .map(|(name, facts)| (name.to_owned(), facts))
        .into()
}

pub(super) struct Scene {
    pub(super) rules: Vec<MirrorRule>,
    pub(super) namespaces: BTreeMap<String, NamespaceFacts>,
    pub(super) sources: Vec<Known>,
    pub(super) copies: Vec<Known>,
    /// `here`, or the name of another cluster.
    pub(super) target: TargetId,
    pub(super) looked_up: BTreeMap<ObjectPlace, Lookup>,
    pub(super) unread: BTreeMap<ObjectPlace, String>,
    pub(super) doubts: Vec<String>,
}

impl Scene {
    pub(in crate::spread) fn of(rules: &[MirrorRule], sources: &[Known], copies: &[Known]) -> Self {
        Self {
            rules: rules.to_vec(),
            namespaces: namespaces(),
            sources: sources.to_vec(),
            copies: copies.to_vec(),
            target: TargetId::here(),
            looked_up: BTreeMap::new(),
            unread: BTreeMap::new(),
            doubts: Vec::new(),
        }
    }

    pub(in crate::spread) fn in_cluster(mut self, target: &str) -> Self {
        self.target = TargetId::new(target);
        self
    }

    /// A reading says this of the source.
    pub(in crate::spread) fn knowing(mut self, source: &ObjectPlace, lookup: Lookup) -> Self {
        self.looked_up.insert(source.clone(), lookup);
        self
    }

    /// `write a/tls` or `remove a/tls`, and the problems.
    pub(in crate::spread) fn plan(&mut self) -> (Vec<String>, BTreeMap<String, String>) {
        let plan = mirror_plan(MirrorWorld {
            target: &self.target,
            is_home: self.target == TargetId::here(),
            all_targets: &[TargetId::here(), TargetId::new("b")].into(),
            unread: &self.unread,
            looked_up: &self.looked_up,
            rules: &self.rules,
            namespaces: &self.namespaces,
            sources: &self.sources.iter().cloned().collect(),
            copies: &self.copies.iter().cloned().collect(),
        });
        let words = plan.actions.iter().map(|action| {
            let verb = match action {
                MirrorAction::Write(_) => "write",
                MirrorAction::Remove { .. } => "remove",
            };
            format!("{verb} {}/{}", action.place().namespace, action.place().name)
        });
        self.doubts = plan.doubts.iter().map(ToString::to_string).collect();
        (words.collect(), plan.problems)
    }
}

pub(super) const DATA: Texts<'static> = &[("tls.crt", "Zm9v")];

pub(super) fn plain_source() -> Known {
    facts(&at("z", "tls"), &live("Opaque", DATA, &[], &[]))
}
