use super::document::path;
use super::editor::libyaml_agrees_but_for;
use std::collections::BTreeMap;
use tidegate::manifest::{
    Document, ImageChange, ImageField, Reading, SlotContent, TagChange, read, set_images, set_tags,
};
use tidegate::model::{Digest, ImageRef, ObjectId, RepoPath};

/// The first line of the input has the changes, `<number of an image field>=<reference>` separated by blanks; the rest is
/// a manifest. Properties of an edit that is not refused: the edited file reads back with exactly these images; a second
/// edit changes nothing; libyaml agrees.
pub fn images(data: &[u8]) {
    edit(&path("in.yaml"), data);
}

/// The same properties for the images of a kustomization.
pub fn kustomization(data: &[u8]) {
    edit(&path("kustomization.yaml"), data);
}

type Field<'a> = (&'a Document, &'a ImageField);

fn edit(path: &RepoPath, data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (plan, file) = (String::from_utf8_lossy(&data[..end]), &data[end + 1..]);
    plan.split(['@', ' ']).for_each(digests_print_as_they_read);
    let reading = read(path, file);
    let fields = fields(&reading);
    if fields.is_empty() {
        return;
    }
    let planned: BTreeMap<usize, ImageRef> = plan
        .split_ascii_whitespace()
        .filter_map(|word| {
            let (number, image) = word.split_once('=')?;
            Some((
                number.parse::<usize>().ok()? % fields.len(),
                ImageRef::parse(image).ok()?,
            ))
        })
        .collect();
    as_images(path, file, &reading, &planned);
    as_tags(path, file, &reading, &planned);
}

fn digests_print_as_they_read(text: &str) {
    if let Ok(digest) = Digest::parse(text) {
        assert_eq!(digest.as_str(), text);
        assert_eq!(Digest::parse(digest.as_str()), Ok(digest));
    }
}

fn fields(reading: &Reading) -> Vec<Field<'_>> {
    let documents = reading.documents.iter().chain(&reading.values);
    documents
        .flat_map(|document| document.images.iter().map(move |image| (document, image)))
        .collect()
}

fn as_images(path: &RepoPath, file: &[u8], reading: &Reading, planned: &BTreeMap<usize, ImageRef>) {
    let fields = fields(reading);
    let changes: Vec<ImageChange> = planned
        .iter()
        .map(|(number, image)| ImageChange {
            object: fields[*number].0.object.id.clone(),
            field: fields[*number].1.field.clone(),
            image: image.clone(),
        })
        .collect();
    let Ok(edited) = set_images(path, file, &changes) else {
        return;
    };
    let expected = |number: usize, old: &ImageRef| planned.get(&number).unwrap_or(old).clone();
    read_back(path, reading, &edited, &expected);
    assert_eq!(
        set_images(path, &edited, &changes).as_ref(),
        Ok(&edited),
        "a second edit changes the file"
    );
    libyaml_agrees_but_for(file, &edited, &|text| {
        text.is_empty() || planned.values().any(|image| part_of(image, text))
    });
}

/// Sets only the tags and digests of the planned images, and keeps the names.
fn as_tags(path: &RepoPath, file: &[u8], reading: &Reading, planned: &BTreeMap<usize, ImageRef>) {
    let fields = fields(reading);
    let changes: BTreeMap<usize, TagChange> = planned
        .iter()
        .filter_map(|(number, image)| {
            let change = TagChange {
                object: fields[*number].0.object.id.clone(),
                field: fields[*number].1.field.clone(),
                name: None,
                tag: image.tag()?.clone(),
                digest: image.digest().cloned(),
            };
            Some((*number, change))
        })
        .collect();
    let list: Vec<TagChange> = changes.values().cloned().collect();
    let Ok(edited) = set_tags(path, file, &list) else {
        return;
    };
    let expected = |number: usize, old: &ImageRef| match changes.get(&number) {
        None => old.clone(),
        Some(change) => {
            let tagged = old.with_tag(change.tag.clone());
            let text = match &change.digest {
                Some(digest) => format!("{tagged}@{digest}"),
                None => tagged.to_string(),
            };
            ImageRef::parse(&text).expect("a name with a tag and a digest is a reference")
        }
    };
    read_back(path, reading, &edited, &expected);
    assert_eq!(
        set_tags(path, &edited, &list).as_ref(),
        Ok(&edited),
        "a second edit changes the file"
    );
    libyaml_agrees_but_for(file, &edited, &|text| {
        let tag_or_digest = |change: &TagChange| {
            text.ends_with(change.tag.as_str())
                || change
                    .digest
                    .as_ref()
                    .is_some_and(|digest| text.ends_with(digest.as_str()))
        };
        changes.values().any(tag_or_digest)
    });
}

/// The edited file has the same objects in the same order, and each image has the expected repository, tag and digest. A
/// field with a digest alone has no scalar for the tag, and needs none.
fn read_back(path: &RepoPath, old: &Reading, edited: &[u8], expected: &dyn Fn(usize, &ImageRef) -> ImageRef) {
    let new = read(path, edited);
    let names = |reading: &Reading| -> Vec<ObjectId> {
        let documents = reading.documents.iter().chain(&reading.values);
        documents.map(|document| document.object.id.clone()).collect()
    };
    assert_eq!(names(old), names(&new));
    assert_eq!(old.is_complete(), new.is_complete());
    let (before, after) = (fields(old), fields(&new));
    assert_eq!(before.len(), after.len());
    for (number, ((_, before), (_, after))) in before.iter().zip(&after).enumerate() {
        let expected = expected(number, &before.image);
        let tagless = before.slot.content == SlotContent::Digest && expected.digest().is_some();
        let essence = |image: &ImageRef| {
            let tag = image.tag().filter(|_| !tagless).cloned();
            (image.repository(), tag, image.digest().cloned())
        };
        assert_eq!(before.field, after.field);
        assert_eq!(essence(&after.image), essence(&expected), "field {number}");
    }
}

/// Whether a text can be a part of the image in a scalar: as written, or with its canonical name.
fn part_of(image: &ImageRef, text: &str) -> bool {
    let canonical = image.repository();
    image.to_string().contains(text) || canonical.to_string().contains(text) || {
        let (tag, digest) = (image.tag(), image.digest());
        let tail = [
            tag.map(|tag| format!(":{tag}")),
            digest.map(|digest| format!("@{digest}")),
        ];
        let tail: String = tail.into_iter().flatten().collect();
        format!("{canonical}{tail}").contains(text)
    }
}
