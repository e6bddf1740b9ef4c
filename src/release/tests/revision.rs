//! The revisions in Helm's storage.

use super::super::*;
use super::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn a_label_that_helm_copied_to_another_revision_says_nothing() {
    let labels = |version: &str, revision: u32| {
        let label = InputLabel {
            inputs: digest("new"),
            revision,
        };
        assert!(label.to_string().len() <= 63, "{label}");
        BTreeMap::from([
            ("owner".to_owned(), "helm".to_owned()),
            ("name".to_owned(), "web".to_owned()),
            ("status".to_owned(), "deployed".to_owned()),
            ("version".to_owned(), version.to_owned()),
            ("modifiedAt".to_owned(), "1000".to_owned()),
            (LABEL.to_owned(), label.to_string()),
        ])
    };
    let (name, revision) = Revision::read(&labels("3", 3)).unwrap();
    assert_eq!((name.as_str(), revision.inputs), ("web", Some(digest("new"))));
    assert_eq!(revision.changed, Timestamp::from_second(1000).ok());
    assert_eq!(Revision::read(&labels("4", 3)).unwrap().1.inputs, None);
    assert_eq!(Revision::read(&BTreeMap::new()), None);
}

#[test]
fn a_revision_is_marked_as_failed_and_keeps_everything_else() {
    let plain = json!({"name": "web", "info": {"status": "pending-install", "first_deployed": "x"}, "manifest": "m"});
    let text = BASE64_STANDARD.encode(plain.to_string());
    let packed = mark_failed(text.as_bytes(), "cut off").unwrap();
    // Once more, from the packed form.
    let packed = mark_failed(&packed, "cut off again").unwrap();
    let bytes = BASE64_STANDARD.decode(packed).unwrap();
    let mut json = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut json).unwrap();
    let read: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        read,
        json!({"name": "web", "manifest": "m",
            "info": {"status": "failed", "description": "cut off again", "first_deployed": "x"}})
    );
    for bad in ["%%%", "AAAA", "e30="] {
        assert!(mark_failed(bad.as_bytes(), "").is_err(), "{bad}");
    }
}
