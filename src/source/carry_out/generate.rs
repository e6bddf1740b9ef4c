//! What a Kustomization adds to its folder, as Flux does: into the folder's own `kustomization.yaml`, or into one that names all
//! manifests below the folder.

use super::spec::Spec;
use serde_json::{Map, Value, json};

/// The kustomization of the folder with what the Kustomization adds. `own`: the folder's kustomization file, if it has one;
/// `resources`: what is applied without one.
///
/// # Errors
/// Why the folder's own kustomization cannot be read.
pub(in crate::source) fn generate(spec: &Additions, own: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let mut all = match own {
        Some(bytes) => match serde_yaml::from_slice::<Value>(bytes) {
            Ok(Value::Object(map)) => map,
            Ok(Value::Null) => Map::new(),
            Ok(_) => return Err("its kustomization is no map".to_owned()),
            Err(error) => return Err(format!("its kustomization does not parse: {error}")),
        },
        None => Map::from_iter([("resources".to_owned(), json!(spec.resources))]),
    };
    for (key, value) in &spec.texts {
        all.insert((*key).to_owned(), Value::from(value.clone()));
    }
    for (key, more) in &spec.lists {
        let items = all.entry(*key).or_insert_with(|| json!([]));
        if items.is_null() {
            *items = json!([]);
        }
        let Value::Array(items) = items else {
            return Err(format!("{key} of its kustomization is no list"));
        };
        for item in more {
            let name = item.get("name").filter(|_| *key == "images");
            match items
                .iter_mut()
                .find(|known| name.is_some() && known.get("name") == name)
            {
                Some(known) => *known = item.clone(),
                None => items.push(item.clone()),
            }
        }
    }
    serde_json::to_vec(&Value::Object(all)).map_err(|error| error.to_string())
}

/// What is added to a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::source) struct Additions {
    /// The kustomization file of the folder; the one that is made, if there is none.
    pub(in crate::source) file: String,
    /// The resources, if the folder has no kustomization.
    pub(super) resources: Vec<String>,
    texts: Vec<(&'static str, String)>,
    lists: Vec<(&'static str, Vec<Value>)>,
}

impl Additions {
    pub(super) fn of(spec: &Spec, file: String, resources: Vec<String>, components: Vec<String>) -> Self {
        let texts = [
            ("namespace", &spec.target_namespace),
            ("namePrefix", &spec.name_prefix),
            ("nameSuffix", &spec.name_suffix),
        ];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key, text.clone()?)));
        let merges = spec.merges.iter().map(|patch| match patch {
            Value::String(text) => Value::from(text.clone()),
            other => Value::from(other.to_string()),
        });
        let operations = spec.operations.iter().map(|patch| {
            let mut patch = patch.clone();
            if let Some(inner) = patch.get_mut("patch").filter(|inner| !inner.is_string()) {
                *inner = Value::from(inner.to_string());
            }
            patch
        });
        let lists = [
            ("components", components.into_iter().map(Value::from).collect()),
            ("patches", spec.patches.clone()),
            ("patchesStrategicMerge", merges.collect()),
            ("patchesJson6902", operations.collect()),
            ("images", spec.images.clone()),
        ];
        Self {
            file,
            resources,
            texts: texts.filter(|(_, text)| !text.is_empty()).collect(),
            lists: lists
                .into_iter()
                .filter(|(_, items): &(_, Vec<Value>)| !items.is_empty())
                .collect(),
        }
    }

    /// Stands for the additions in the key of a rendering.
    pub(in crate::source) fn version(&self) -> String {
        format!("{self:?}").replace('\0', " ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kustomization_adds_stands_behind_what_the_folder_has() {
        let spec: Spec = serde_json::from_value(json!({
            "targetNamespace": "shop", "namePrefix": "", "patches": [{"patch": "a: b", "target": {"kind": "Deployment"}}],
            "images": [{"name": "web", "newTag": "2"}, {"name": "api", "newTag": "3"}],
        }))
        .unwrap();
        let own =
            b"resources: [a.yaml]\nnamespace: other\nimages:\n- {name: web, newTag: '1'}\npatches:\n- path: p.yaml\n";
        let additions = Additions::of(
            &spec,
            "kustomization.yaml".to_owned(),
            Vec::new(),
            vec!["../c".to_owned()],
        );
        let made: Value = serde_json::from_slice(&generate(&additions, Some(own)).unwrap()).unwrap();
        assert_eq!(
            made,
            json!({
                "resources": ["a.yaml"], "namespace": "shop", "components": ["../c"],
                "images": [{"name": "web", "newTag": "2"}, {"name": "api", "newTag": "3"}],
                "patches": [{"path": "p.yaml"}, {"patch": "a: b", "target": {"kind": "Deployment"}}],
            })
        );
        let plain = Additions::of(
            &Spec::default(),
            "kustomization.yaml".to_owned(),
            vec!["./a.yaml".to_owned()],
            Vec::new(),
        );
        let made: Value = serde_json::from_slice(&generate(&plain, None).unwrap()).unwrap();
        assert_eq!(made, json!({"resources": ["./a.yaml"]}));
        assert!(generate(&plain, Some(b"[")).is_err());
    }
}
