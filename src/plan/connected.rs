use std::collections::BTreeMap;

/// The places of the items that have keys in common, directly or through others. Parts and places keep the order of their first
/// items.
pub(super) fn connected<K: Ord>(items: impl Iterator<Item = Vec<K>>) -> Vec<Vec<usize>> {
    let root = |part_of: &[usize], mut at: usize| {
        while part_of[at] != at {
            at = part_of[at];
        }
        at
    };
    let mut part_of: Vec<usize> = Vec::new();
    let mut first_with: BTreeMap<K, usize> = BTreeMap::new();
    for (at, keys) in items.enumerate() {
        part_of.push(at);
        for key in keys {
            let other = *first_with.entry(key).or_insert(at);
            let (one, other) = (root(&part_of, at), root(&part_of, other));
            part_of[one.max(other)] = one.min(other);
        }
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..part_of.len() {
        parts.entry(root(&part_of, at)).or_default().push(at);
    }
    parts.into_values().collect()
}
