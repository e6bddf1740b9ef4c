//! What was read of a branch's history, in memory and as the bytes of a checkpoint.

use crate::history::{Bytes, Form, HoldIndex};
use crate::model::CommitId;
use jiff::Timestamp;

/// What was read up to a commit.
#[derive(Debug, Default)]
pub(super) struct KnownHistory {
    /// The commit; `None` if nothing is known, or not all of what was to be read.
    pub(super) head: Option<CommitId>,
    pub(super) head_time: Timestamp,
    /// The time of the oldest commit in the index.
    pub(super) oldest: Option<Timestamp>,
    pub(super) index: HoldIndex,
}

/// Raise this number when a commit is read otherwise than before, or is written otherwise: the test below notices the first.
const READING: u32 = 1;

impl KnownHistory {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut form = Form::default();
        form.number(READING);
        form.option(self.head, |form, head| form.bytes(head.as_bytes()));
        form.time(self.head_time);
        form.option(self.oldest, Form::time);
        self.index.write(&mut form);
        form.into_bytes()
    }

    /// `None` for bytes of another reading, and for bytes that are damaged.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::of(bytes);
        if bytes.number()? != READING {
            return None;
        }
        let known = Self {
            head: bytes.option(|bytes| bytes.array().map(CommitId::from_bytes))?,
            head_time: bytes.time()?,
            oldest: bytes.option(Bytes::time)?,
            index: HoldIndex::read(&mut bytes)?,
        };
        bytes.is_at_end().then_some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automation::file_versions::fields;
    use crate::history::{bumps, resumes};
    use crate::model::RepoPath;
    use sha2::{Digest, Sha256};

    const FILES: [(&str, &str); 7] = [
        (
            "web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  template:\n    spec:\n      initContainers: [{name: init, image: acme/init}]\n      containers: [{name: web, image: \"acme/web:1\"}, {name: side, image: \"acme/side@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]\n",
        ),
        (
            "two.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: batch/v1\n  kind: CronJob\n  metadata: {name: a}\n  spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: b, image: \"b:2\"}]}\n",
        ),
        (
            "release.yaml",
            "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: r, namespace: shop}\nspec:\n  values:\n    image: {repository: acme/web, tag: \"1\"}\n    side: {image: \"acme/side:2\"}\n",
        ),
        (
            "base/kustomization.yaml",
            "resources: [web.yaml]\nimages:\n- {name: acme/web, newTag: \"3\"}\n- {name: acme/side, newName: acme/other, digest: \"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"}\n",
        ),
        (
            "values.yaml",
            "image: \"acme/web:1\" # {\"$imagepolicy\": \"flux-system:web\"}\n",
        ),
        (
            "web.json",
            "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"j\"}, \"spec\": {\"containers\": [{\"name\": \"j\", \"image\": \"j:1\"}]}}",
        ),
        (
            "broken.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: x, image: \"x:1\"}]}\n---\n[\n",
        ),
    ];

    const MESSAGES: [&str; 3] = [
        "Bump\n\nTidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web image=acme/web old=1 new=2\n",
        "Squash\n\n* Tidegate-Bump: kind=Pod name=p field=b image=b new=3\n\nTidegate-Resume: all\n",
        "Release\n\nTidegate-Resume: group=apps kind=Deployment name=web field=web tag=2\nSigned-off-by: Jo <jo@acme.example>\n",
    ];

    /// A checkpoint of an older program holds what that program read.
    #[test]
    fn commits_are_read_as_the_number_of_the_reading_says() {
        let files = FILES.map(|(path, text)| fields(&RepoPath::parse(path).unwrap(), text.as_bytes()));
        let read = format!(
            "{files:?} {:?}",
            MESSAGES.map(|message| (bumps(message), resumes(message)))
        );
        let hash = hex::encode(Sha256::digest(&read));
        assert_eq!(
            (READING, &hash[..16]),
            (1, "293609d40cee06c3"),
            "commits are read otherwise than before: raise READING, and write both down here\n{read}"
        );
    }
}
