use super::AutomatedField;
use crate::manifest::{Document, Kustomization};
use crate::model::{FieldId, FieldName, ImageRef, RepoPath};
use std::collections::{BTreeMap, BTreeSet};

/// A kustomization, its file, and the document that has its image fields.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// Its file.
    pub path: &'a RepoPath,
    /// What it is made of.
    pub kustomization: &'a Kustomization,
    /// Its image fields, named by the image that they are for.
    pub document: &'a Document,
}

/// Overlays on overlays that are followed; real ones have three or four.
const DEEPEST: usize = 32;

/// Where the images of a base's automated fields are really said: the outermost kustomization on each way from the base's
/// file whose `images` give the image a tag or a digest (kustomize applies entries in order, each to what the one before
/// left, components before the kustomization's own); the base itself for a way on which none does.
///
/// A field of a file that no kustomization names is left out: it is a patch or nothing at all. An entry that several
/// workloads share is one field, whose policies must agree.
pub fn through_overlays(fields: Vec<AutomatedField>, overlays: &[Overlay<'_>]) -> Vec<AutomatedField> {
    let folders: BTreeMap<RepoPath, usize> = overlays
        .iter()
        .enumerate()
        .map(|(at, overlay)| (overlay.path.parent(), at))
        .collect();
    let mut above: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut naming: BTreeMap<RepoPath, Vec<usize>> = BTreeMap::new();
    for (at, overlay) in overlays.iter().enumerate() {
        for resource in &overlay.kustomization.resources {
            let Some(path) = join(&overlay.path.parent(), resource) else {
                continue;
            };
            match folders.get(&path) {
                Some(below) => above.entry(*below).or_default().push(at),
                None => naming.entry(path).or_default().push(at),
            }
        }
    }
    let mut found: BTreeMap<FieldId, AutomatedField> = BTreeMap::new();
    for field in fields {
        let mut said = BTreeSet::new();
        for start in naming.get(&field.path).into_iter().flatten() {
            let walk = Walk {
                overlays,
                folders: &folders,
                above: &above,
            };
            walk.up(*start, field.image.name().to_owned(), None, &mut Vec::new(), &mut said);
        }
        for (name, said) in said {
            let Some(field) = redirected(&field, &name, said, overlays) else {
                continue;
            };
            match found.get_mut(&field.field) {
                None => {
                    found.insert(field.field.clone(), field);
                }
                Some(other) => {
                    if other.path != field.path {
                        other.policy = Err(format!(
                            "{}:{}: the same object stands in {}, too, so that a commit could not say which is meant; give them namespaces or write the tag in each overlay's images",
                            other.path, other.position, field.path
                        ));
                    } else if other.policy != field.policy {
                        other.policy = Err(format!(
                            "{}:{}: the workloads that get their image here ask for different policies; let them agree",
                            field.path, field.position
                        ));
                    }
                    other.lock = other.lock.take().or(field.lock);
                }
            }
        }
    }
    found.into_values().collect()
}

/// The overlay and the entry of its `images` that say a tag.
type Said = Option<(usize, String)>;

struct Walk<'a> {
    overlays: &'a [Overlay<'a>],
    folders: &'a BTreeMap<RepoPath, usize>,
    above: &'a BTreeMap<usize, Vec<usize>>,
}

impl Walk<'_> {
    /// Follows an image from a kustomization to all those that nobody builds on.
    fn up(&self, at: usize, name: String, said: Said, way: &mut Vec<usize>, found: &mut BTreeSet<(String, Said)>) {
        if way.len() >= DEEPEST || way.contains(&at) || found.len() > self.overlays.len() {
            return;
        }
        let Some(overlay) = self.overlays.get(at) else { return };
        let (mut name, mut said) = (name, said);
        let folder = overlay.path.parent();
        let components = overlay.kustomization.components.iter();
        let components = components.filter_map(|path| self.folders.get(&join(&folder, path)?).copied());
        for step in components.chain([at]) {
            let entries = self.overlays.get(step).map(|overlay| &*overlay.kustomization.images);
            for entry in entries.unwrap_or_default() {
                if entry.name != name {
                    continue;
                }
                if entry.sets_tag {
                    said = Some((step, entry.name.clone()));
                }
                if let Some(new) = &entry.new_name {
                    name.clone_from(new);
                }
            }
        }
        way.push(at);
        match self.above.get(&at) {
            None => {
                found.insert((name, said));
            }
            Some(above) => {
                for next in above {
                    self.up(*next, name.clone(), said.clone(), way, found);
                }
            }
        }
        way.pop();
    }
}

fn redirected(field: &AutomatedField, name: &str, said: Said, overlays: &[Overlay<'_>]) -> Option<AutomatedField> {
    let named = |image: &ImageRef| {
        let plain = ImageRef::parse(name).ok()?;
        Some(plain.with(image.tag().cloned(), image.digest().cloned()))
    };
    let Some((at, entry)) = said else {
        return Some(AutomatedField {
            image: named(&field.image)?,
            ..field.clone()
        });
    };
    let overlay = overlays.get(at)?;
    let image = overlay.document.images.iter().find(|image| image.field.0 == entry)?;
    image.marker.is_none().then_some(())?;
    Some(AutomatedField {
        path: overlay.path.clone(),
        field: FieldId {
            object: overlay.document.object.clone(),
            field: FieldName(entry),
        },
        image: named(&image.image)?,
        position: image.position,
        policy: field.policy.clone(),
        lock: field.lock.clone(),
    })
}

/// A relative path from a folder; nothing for addresses and for what leaves the repository.
fn join(folder: &RepoPath, path: &str) -> Option<RepoPath> {
    if path.contains("://") || path.contains('?') || path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.as_str().split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    match &*parts {
        [] => Some(RepoPath::default()),
        parts => RepoPath::parse(&parts.join("/")).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Reading, read};
    use crate::plan::automated;

    const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {tidegate.dev/automated: \"true\"}}
spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}
";

    /// The fields that are bumped: file, field and image.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let readings: Vec<(RepoPath, Reading)> = files
            .iter()
            .map(|(path, text)| {
                let path = RepoPath::parse(path).unwrap();
                let reading = read(&path, text.as_bytes());
                (path, reading)
            })
            .collect();
        let overlays: Vec<Overlay<'_>> = readings
            .iter()
            .filter_map(|(path, reading)| {
                Some(Overlay {
                    path,
                    kustomization: reading.kustomization.as_ref()?,
                    document: reading.values.first()?,
                })
            })
            .collect();
        let fields = readings.iter().flat_map(|(path, reading)| {
            let documents = reading.documents.iter();
            documents
                .flat_map(|document| automated(path, document))
                .collect::<Vec<_>>()
        });
        let mut told: Vec<String> = through_overlays(fields.collect(), &overlays)
            .iter()
            .map(|field| match &field.policy {
                Ok(_) => format!("{} {} {}", field.path, field.field.field, field.image),
                Err(reason) => format!("{} {reason}", field.path),
            })
            .collect();
        told.sort();
        told
    }

    #[test]
    fn an_image_is_bumped_in_the_overlay_that_sets_it() {
        let files = [
            ("base/web.yaml", WEB),
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            (
                "prod/kustomization.yaml",
                "resources: [../base]\nimages: [{name: web, newName: r.example/web, newTag: \"3\"}]\n",
            ),
        ];
        assert_eq!(found(&files), ["prod/kustomization.yaml web r.example/web:3"]);
    }

    #[test]
    fn every_way_to_a_cluster_has_its_own_place() {
        let files = [
            ("base/web.yaml", WEB),
            ("base/kustomization.yaml", "resources: [./web.yaml]\n"),
            ("dev/kustomization.yaml", "bases: [../base/]\n"),
            (
                "prod/kustomization.yaml",
                "resources: [../base, https://git.example/more]\nimages: [{name: web, newTag: v3}]\n",
            ),
            (
                "prod-b/kustomization.yaml",
                "resources: [../prod]\nimages: [{name: web, newName: r.example/web}, {name: r.example/web, newTag: v4}]\n",
            ),
        ];
        let told = found(&files);
        assert_eq!(
            told,
            [
                "base/web.yaml web web:1",
                "prod-b/kustomization.yaml r.example/web r.example/web:v4"
            ]
        );
    }

    #[test]
    fn an_entry_without_a_tag_leaves_the_tag_to_the_base_and_names_the_image() {
        let files = [
            ("app/web.yaml", WEB),
            (
                "app/kustomization.yaml",
                "resources: [web.yaml]\nimages: [{name: web, newName: r.example/web}]\n",
            ),
        ];
        assert_eq!(found(&files), ["app/web.yaml web r.example/web:1"]);
    }

    #[test]
    fn a_components_entry_counts_and_the_kustomizations_own_comes_after() {
        let component = (
            "tags/kustomization.yaml",
            "kind: Component\nimages: [{name: web, newTag: v5}]\n",
        );
        let app = "resources: [web.yaml]\ncomponents: [../tags]\n";
        let files = [("app/web.yaml", WEB), component, ("app/kustomization.yaml", app)];
        assert_eq!(found(&files), ["tags/kustomization.yaml web web:v5"]);
        let app = format!("{app}images: [{{name: web, newTag: v6}}]\n");
        let files = [("app/web.yaml", WEB), component, ("app/kustomization.yaml", &*app)];
        assert_eq!(found(&files), ["app/kustomization.yaml web web:v6"]);
    }

    #[test]
    fn patches_are_nobodys_and_circles_end() {
        let files = [
            ("app/patch.yaml", WEB),
            (
                "app/kustomization.yaml",
                "resources: [../other]\npatches: [{path: patch.yaml}]\n",
            ),
            ("other/kustomization.yaml", "resources: [../app, web.yaml]\n"),
            ("other/web.yaml", WEB),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn one_object_in_two_files_is_not_bumped_but_told() {
        let files = [
            ("dev/web.yaml", WEB),
            ("dev/kustomization.yaml", "resources: [web.yaml]\n"),
            ("prod/web.yaml", WEB),
            ("prod/kustomization.yaml", "resources: [web.yaml]\n"),
        ];
        let told = found(&files);
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("the same object stands in prod/web.yaml, too"),
            "{}",
            told[0]
        );
    }
}
