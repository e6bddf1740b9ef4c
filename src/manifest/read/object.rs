use super::{NotOurs, Object, Reader};
use crate::manifest::document::Document;
use crate::manifest::markers::apply;
use crate::manifest::read::identity::{Head, complete, identity};
use crate::manifest::read::images::{self, Images, Trouble};
use crate::manifest::read::{annotations, helm};
use crate::manifest::yaml::cursor::{Place, Repeated};
use crate::model::{Position, Severity};
use crate::resource::{self, Origin};
use std::sync::Arc;

impl Reader<'_> {
    pub(crate) fn head(&self, root: &Place<'_>) -> Result<Head, NotOurs> {
        let not_ours = |what: &str| Err(NotOurs::Because(Severity::Notice, format!("is {what}; passed over")));
        match self.path.file_name() {
            "Chart.yaml" => return not_ours("the description of a Helm chart"),
            "kustomization.yaml" | "kustomization.yml" | "Kustomization" => return Err(NotOurs::Kustomization),
            _ => {}
        }
        let text = |key: &str| {
            root.key(key)
                .and_then(|place| place.text())
                .filter(|text| !text.is_empty())
        };
        let api_version = text("apiVersion");
        if api_version
            .as_deref()
            .is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"))
        {
            return Err(NotOurs::Kustomization);
        }
        match (api_version, text("kind")) {
            (Some(api_version), Some(kind)) => Ok(Head { api_version, kind }),
            (None, None) => {
                let named = root.walk(&["metadata", "name"]).is_some();
                if named && ["spec", "data"].iter().any(|key| root.key(key).is_some()) {
                    Err(NotOurs::Because(
                        Severity::Error,
                        "has a metadata.name, but neither apiVersion nor kind; add them".to_owned(),
                    ))
                } else {
                    not_ours("not a Kubernetes object (neither apiVersion nor kind)")
                }
            }
            (None, Some(_)) => Err(NotOurs::Because(
                Severity::Error,
                "has a kind, but no apiVersion; add it as text".to_owned(),
            )),
            (Some(_), None) => Err(NotOurs::Because(
                Severity::Error,
                "has an apiVersion, but no kind; add it as text".to_owned(),
            )),
        }
    }

    pub(crate) fn origin(&self, position: Position) -> Origin {
        Origin::File {
            path: self.path.clone(),
            position,
        }
    }

    pub(crate) fn object(&mut self, index: usize, place: &Place<'_>, head: &Head) {
        let object = match identity(place, head) {
            Ok(object) => object,
            Err((position, message)) => return self.find(Severity::Error, Some(position), None, message),
        };
        if !self.seen.insert(object.clone()) {
            self.file.doubled.insert(object.clone());
            let message = "is in this file a second time, and the second is not used; remove one of the two".to_owned();
            return self.find(Severity::Error, Some(place.position()), Some(&object), message);
        }
        let mut repeated = Vec::new();
        let value = match place.json(&mut repeated) {
            Ok(value) => complete(value, head),
            Err(broken) => return self.find(Severity::Error, broken.position, Some(&object), broken.reason),
        };
        for Repeated { position, key } in repeated {
            let message =
                format!("the key {key} is in this map a second time, and the last one is used; remove one of the two");
            self.find(Severity::Warning, Some(position), Some(&object), message);
        }
        let annotations = annotations::of(place);
        let images = match &*head.kind {
            "HelmRelease" => helm::of_release(place, &annotations, &self.tokens),
            kind => images::pod_spec(place, kind)
                .map(|spec| images::of_pod(&spec, &self.tokens))
                .unwrap_or_default(),
        };
        let mut images = images;
        apply::apply(place, &self.tokens, &mut self.comments, &mut images);
        let (intent, automation, mut troubles) = annotations::intent(&annotations, &images);
        let Images {
            sites,
            names,
            troubles: if_automated,
            unreadable,
            mistakes,
        } = images;
        let all: Vec<Trouble> = if_automated
            .iter()
            .chain(&unreadable)
            .chain(&mistakes)
            .cloned()
            .collect();
        troubles.extend(mistakes);
        troubles.extend(annotations::misshapen(place));
        if automation.automated {
            troubles.extend(if_automated);
        }
        let warnings = troubles.into_iter().map(|trouble| (Severity::Warning, trouble));
        let unreadable = unreadable.into_iter().map(|trouble| {
            let filled_in_later =
                !automation.automated && ["{{", "${", "$("].iter().any(|sign| trouble.message.contains(sign));
            (
                if filled_in_later {
                    Severity::Notice
                } else {
                    Severity::Warning
                },
                trouble,
            )
        });
        let mut troubles: Vec<(Severity, Trouble)> = warnings.chain(unreadable).collect();
        troubles.sort_by_key(|(_, trouble)| trouble.position);
        for (severity, Trouble { position, message }) in troubles {
            self.find(severity, Some(position), Some(&object), message);
        }
        self.file.objects.push(Object {
            document: Document {
                object: Arc::new(resource::Object {
                    id: object,
                    api_version: head.api_version.clone(),
                    value,
                    intent,
                    origin: self.origin(place.position()),
                }),
                position: place.position(),
                images: sites.iter().map(|site| site.field.clone()).collect(),
                automation,
            },
            tree: index,
            sites,
            names,
            troubles: all,
            path: place.path().clone(),
            applied: true,
        });
    }
}
