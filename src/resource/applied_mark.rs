use super::desired::DesiredHash;
use super::fingerprint::Fingerprint;
use super::member_key::MemberKey;
use super::observed::ObservedObject;
use super::version::ResourceVersion;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What the agent knows of its last apply of one object, in 24 bytes: which manifest it applied, which object and ownership
/// fingerprint that left, and which generation.
///
/// A later process that finds the object exactly so need not apply it again. A mark is true whoever kept it: what it says was so
/// once. A mark that is old, or that another process wrote, fits no object that was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedMark {
    desired: [u8; 8],
    live: [u8; 8],
    state: [u8; 8],
}

/// The marks of a set, each under the key of its object's identity.
pub type AppliedMarks = BTreeMap<MemberKey, AppliedMark>;

impl AppliedMark {
    /// The mark of an apply. `None` where the server keeps no entry of the agent: nothing would show a change.
    pub fn of(
        manifest: DesiredHash,
        uid: &str,
        fingerprint: Option<Fingerprint>,
        generation: Option<i64>,
        version: &ResourceVersion,
    ) -> Option<Self> {
        let fingerprint = fingerprint?;
        Some(Self {
            desired: short(manifest.to_string().as_bytes()),
            live: short(format!("{uid} {fingerprint:?}").as_bytes()),
            state: match generation {
                Some(generation) => generation.to_be_bytes(),
                // An object without a generation must not have been written at all: an edit of the order changes no entry.
                None => short(version.as_str().as_bytes()),
            },
        })
    }

    /// Whether the live object is as this apply of this manifest left it.
    pub fn fits(&self, manifest: DesiredHash, live: &ObservedObject) -> bool {
        let found = Self::of(manifest, &live.uid, live.fingerprint, live.generation, &live.version);
        found == Some(*self) && !live.is_terminating && !live.is_copy
    }
}

fn short(bytes: &[u8]) -> [u8; 8] {
    let mut short = [0; 8];
    for (to, from) in short.iter_mut().zip(Sha256::digest(bytes)) {
        *to = from;
    }
    short
}

/// Changes when the form of the marks changes, or when the same manifest is sent otherwise than before.
const FORM: &[u8; 8] = b"tgmark 1";
const ENTRY: usize = 32;

/// The marks as they are stored: a head, 32 bytes for each object, a checksum.
pub fn encode_marks<'a>(marks: impl IntoIterator<Item = (&'a MemberKey, &'a AppliedMark)>) -> Vec<u8> {
    let mut bytes = FORM.to_vec();
    for (key, mark) in marks {
        bytes.extend(key.bytes());
        bytes.extend([mark.desired, mark.live, mark.state].as_flattened());
    }
    let sum = short(&bytes);
    bytes.extend(sum);
    bytes
}

/// Reads stored marks. Nothing if somebody edited them, or if a version of the agent stored them that sends manifests otherwise:
/// then each object is applied once.
pub fn decode_marks(bytes: &[u8]) -> AppliedMarks {
    let Some((head, sum)) = bytes.split_last_chunk::<8>() else {
        return AppliedMarks::new();
    };
    let Some(entries) = head.strip_prefix(FORM).filter(|_| short(head) == *sum) else {
        return AppliedMarks::new();
    };
    let (entries, _) = entries.as_chunks::<ENTRY>();
    let read = |entry: &[u8; ENTRY]| {
        let (parts, _) = entry.as_chunks::<8>();
        let [key, desired, live, state] = parts else {
            return None;
        };
        let mark = AppliedMark {
            desired: *desired,
            live: *live,
            state: *state,
        };
        Some((MemberKey::from_bytes(*key), mark))
    };
    entries.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectId;
    use serde_json::json;

    fn live(generation: Option<i64>) -> ObservedObject {
        ObservedObject {
            fingerprint: Some(Fingerprint::of_agent("a")),
            generation,
            ..ObservedObject::plain("u1", ResourceVersion::new("7"))
        }
    }

    fn mark(manifest: DesiredHash, live: &ObservedObject) -> AppliedMark {
        AppliedMark::of(manifest, &live.uid, live.fingerprint, live.generation, &live.version).unwrap()
    }

    #[test]
    fn a_mark_fits_the_very_object_that_the_apply_left_and_no_other() {
        let manifest = DesiredHash::of(&json!({"k": "v"}));
        let with = live(Some(3));
        let known = mark(manifest, &with);
        let newer = ResourceVersion::new("9");
        let changed = |change: &dyn Fn(&mut ObservedObject)| {
            let mut object = with.clone();
            change(&mut object);
            object
        };
        assert!(known.fits(manifest, &with));
        assert!(
            known.fits(manifest, &changed(&|o| o.version = newer.clone())),
            "a status is no change"
        );
        let others = [
            changed(&|o| o.uid = "u2".into()),
            changed(&|o| o.fingerprint = Some(Fingerprint::of_agent("b"))),
            changed(&|o| o.fingerprint = None),
            changed(&|o| o.generation = Some(4)),
            changed(&|o| o.generation = None),
            changed(&|o| o.is_terminating = true),
            changed(&|o| o.is_copy = true),
        ];
        for other in others {
            assert!(!known.fits(manifest, &other), "{other:?}");
        }
        assert!(!known.fits(DesiredHash::of(&json!({"k": "w"})), &with));

        let without = live(None);
        let known = mark(manifest, &without);
        assert!(known.fits(manifest, &without));
        let written = ObservedObject {
            version: newer,
            ..without
        };
        assert!(
            !known.fits(manifest, &written),
            "any write of an object without a generation counts"
        );
    }

    #[test]
    fn marks_read_back_and_edited_ones_do_not() {
        let key = |name: &str| MemberKey::of_identity(&ObjectId::new("v1", "ConfigMap", Some("shop"), name));
        let manifest = DesiredHash::of(&json!({}));
        let marks = AppliedMarks::from([
            (key("a"), mark(manifest, &live(Some(1)))),
            (key("b"), mark(manifest, &live(None))),
        ]);
        let stored = encode_marks(&marks);
        assert_eq!(stored.len(), 8 + 2 * 32 + 8);
        assert_eq!(decode_marks(&stored), marks);
        for at in 0..stored.len() {
            let mut edited = stored.clone();
            edited[at] ^= 1;
            assert!(decode_marks(&edited).is_empty());
            assert!(decode_marks(&stored[..at]).is_empty());
        }
    }
}
