use tidegate::history::{Bump, Resume, bumps, resumes};
use tidegate::model::{Digest, FieldId, FieldName, ImageRef, ObjectId, Position, RepoPath, Tag};
use tidegate::plan::{BumpPlan, PlannedBump, Template, message};
use tidegate::policy::Policy;

/// The input is read twice. As a commit message: what is found in it, written again, is found again. And as a plan, with
/// `|` between its parts: the message's template, then nine parts a bump (path, group, kind, namespace, name, field,
/// image, new tag, digest): the plan's message gives back the plan.
pub fn trailers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for bump in bumps(&text) {
        assert_eq!(bumps(&format!("s\n\n{}\n", bump.trailer())), [bump]);
    }
    for resume in resumes(&text) {
        assert_eq!(resumes(&format!("s\n\n{}", resume.trailer())), [resume]);
    }

    let parts: Vec<&str> = text.split('|').collect();
    let Some((template, parts)) = parts.split_first() else {
        return;
    };
    let plan = BumpPlan {
        bumps: parts.chunks(9).filter_map(bump).collect(),
        decisions: Vec::new(),
    };
    let records: Vec<Bump> = plan.bumps.iter().map(PlannedBump::record).collect();
    if records.is_empty() {
        return;
    }
    for template in Template::parse(template).ok().into_iter().chain([Template::default()]) {
        let message = message(&plan, &template);
        assert_eq!(bumps(&message), records, "{message}");
        assert_eq!(resumes(&message), [], "{message}");
        assert!(
            message.lines().next().is_some_and(|subject| !subject.trim().is_empty()),
            "{message}"
        );
        assert!(
            !message.chars().any(|c| c.is_control() && c != '\n'),
            "{message:?} has control characters"
        );
    }
    for record in &records {
        let resume = Resume::Field(record.field.clone());
        assert_eq!(resumes(&format!("s\n\n{}\n", resume.trailer())), [resume]);
    }
}

fn bump(parts: &[&str]) -> Option<PlannedBump> {
    let [path, group, kind, namespace, name, field, image, to, digest] = parts else {
        return None;
    };
    let image = ImageRef::parse(image).ok()?;
    Some(PlannedBump {
        new_name: None,
        others: Vec::new(),
        group: None,
        path: RepoPath::parse(path).ok()?,
        field: FieldId {
            object: ObjectId {
                group: (*group).to_owned(),
                kind: (*kind).to_owned(),
                namespace: (!namespace.is_empty()).then(|| (*namespace).to_owned()),
                name: (*name).to_owned(),
            },
            field: FieldName((*field).to_owned()),
        },
        position: Position { line: 1, column: 1 },
        from: image.tag().cloned(),
        image,
        to: Tag::parse(to).ok()?,
        pinned: Digest::parse(digest).is_ok(),
        digest: Digest::parse(digest).ok(),
        pushed_at: None,
        from_pushed_at: None,
        policy: Policy::default(),
        reason: String::new(),
    })
}
