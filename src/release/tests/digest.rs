//! What a revision is made of.

use super::super::*;
use crate::model::BlobId;
use serde_json::{Value, json};

#[test]
fn the_digest_sees_files_texts_and_values() {
    let one = BlobId::from_bytes([1; 20]);
    let two = BlobId::from_bytes([2; 20]);
    let chart = |path, blob| ChartDigest::of([(path, blob)]);
    let of = |chart: ChartDigest, texts: &[&str], values: Value| {
        InputDigest::of(&chart, texts.iter().map(|text| text.as_bytes()), &values)
    };
    let base = of(chart("a", &one), &["x", "y"], json!({"k": 1, "l": 2}));
    assert_eq!(base, of(chart("a", &one), &["x", "y"], json!({"l": 2, "k": 1})));
    for other in [
        of(chart("b", &one), &["x", "y"], json!({"k": 1, "l": 2})),
        of(chart("a", &two), &["x", "y"], json!({"k": 1, "l": 2})),
        of(chart("a", &one), &["y", "x"], json!({"k": 1, "l": 2})),
        of(chart("a", &one), &["xy"], json!({"k": 1, "l": 2})),
        of(chart("a", &one), &["x", "y"], json!({"k": 1, "l": "2"})),
    ] {
        assert_ne!(base, other);
    }
    assert_eq!(InputDigest::parse(&base.to_string()), Some(base));
}
