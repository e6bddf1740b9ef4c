use crate::manifest::kustomization::{Generated, NotEvaluated, Target};
use crate::manifest::read::patches::target;
use crate::manifest::yaml::cursor::Cursor;

/// The parts of a kustomization that may change images and that Tidegate does not evaluate.
pub(crate) fn not_evaluated(root: &Cursor<'_>) -> Vec<NotEvaluated> {
    let mut found = Vec::new();
    for key in ["transformers", "configurations"] {
        let list = root.key(key).filter(|list| !list.items().is_empty());
        found.extend(list.map(|list| NotEvaluated {
            key,
            position: list.position(),
            target: None,
        }));
    }
    found.extend(root.walk(&["openapi", "path"]).map(|path| NotEvaluated {
        key: "openapi",
        position: path.position(),
        target: None,
    }));
    for item in root.items_at("replacements") {
        replacement(&item, &mut found);
    }
    for item in root.items_at("vars") {
        let path = item.walk(&["fieldref", "fieldpath"]).and_then(|path| path.text());
        if path.is_some_and(|path| decides_about_images(&path)) {
            found.push(NotEvaluated {
                key: "vars",
                position: item.position(),
                target: item.key("objref").map(|object| plain(&object)),
            });
        }
    }
    found
}

/// The parts that add objects which Tidegate does not read.
pub(crate) fn generated(root: &Cursor<'_>) -> Vec<Generated> {
    let keys = ["helmCharts", "helmChartInflationGenerator", "generators"];
    let lists = keys.into_iter().filter_map(|key| {
        let list = root.key(key).filter(|list| !list.items().is_empty())?;
        Some(Generated {
            key,
            position: list.position(),
        })
    });
    lists.collect()
}

/// A replacement reads a field of one object and writes the value into fields of others.
fn replacement(item: &Cursor<'_>, found: &mut Vec<NotEvaluated>) {
    let mut add = |target: Option<Target>| {
        found.push(NotEvaluated {
            key: "replacements",
            position: item.position(),
            target,
        });
    };
    if item.key("path").is_some() {
        return add(None);
    }
    if let Some(source) = item.key("source") {
        let path = source.text_at("fieldPath").unwrap_or_default();
        if decides_about_images(&path) && !path.is_empty() {
            add(Some(plain(&source)));
        }
    }
    for entry in item.items_at("targets") {
        let paths = entry.items_at("fieldPaths");
        let mut paths = paths.iter().filter_map(Cursor::text);
        if paths.any(|path| decides_about_images(&path)) {
            add(entry.key("select").map(|select| target(&select)));
        }
    }
}

/// A target whose parts are taken literally.
fn plain(object: &Cursor<'_>) -> Target {
    let literal = |key: &str| object.text_at(key).map(|text| regex::escape(&text));
    Target {
        group: literal("group"),
        version: literal("version"),
        kind: literal("kind"),
        name: literal("name"),
        namespace: literal("namespace"),
        ..Target::default()
    }
}

/// Whether a field path ends at an image, at something that contains images, or at what patches select objects by.
fn decides_about_images(path: &str) -> bool {
    let last = path
        .trim_end_matches(']')
        .rsplit(['.', '/', '['])
        .next()
        .unwrap_or(path);
    let is_item = path.ends_with(']') || last == "*" || last.bytes().all(|b| b.is_ascii_digit());
    let contains_images = [
        "image",
        "reference",
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
        "spec",
        "template",
        "jobTemplate",
        "metadata",
        "labels",
        "annotations",
    ];
    let selects = [
        "metadata.name",
        "metadata.namespace",
        "metadata.labels",
        "metadata.annotations",
    ];
    is_item || contains_images.contains(&last) || selects.iter().any(|prefix| path.starts_with(prefix))
}
