//! The bytes of a tree object: its entries, and the same tree with other ids in some entries.
//!
//! Everything else in a tree stays as it is, bit by bit: modes of old tools, names that are not UTF-8 or collide where case is
//! ignored, symlinks, submodules, an order or a spelling that git itself would not write.

use git2::{ObjectType, Odb, Oid};
use std::ops::Range;

/// The length of an id in a tree's bytes.
const ID: usize = 20;
const KIND: u32 = 0o170_000;

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The mode in octal digits.
    pub mode: &'a [u8],
    pub name: &'a [u8],
    pub id: Oid,
    /// The position of the id in the tree's bytes.
    at: Range<usize>,
}

impl Entry<'_> {
    pub(crate) fn is_folder(&self) -> bool {
        self.kind() == Some(0o040_000)
    }

    /// Modes 100644 and 100755, and 100664 from very old tools.
    pub(crate) fn is_regular(&self) -> bool {
        self.kind() == Some(0o100_000)
    }

    fn kind(&self) -> Option<u32> {
        let digits = std::str::from_utf8(self.mode).ok()?;
        u32::from_str_radix(digits, 8).ok().map(|mode| mode & KIND)
    }

    /// Whether both entries have the same mode and name, digit by digit.
    pub(crate) fn is_namesake(&self, other: &Entry<'_>) -> bool {
        (self.mode, self.name) == (other.mode, other.name)
    }
}

/// The bytes of a tree.
pub(crate) fn read(odb: &Odb<'_>, tree: Oid) -> Result<Vec<u8>, git2::Error> {
    let object = odb.read(tree)?;
    if object.kind() != ObjectType::Tree {
        return Err(git2::Error::from_str("it is not a tree"));
    }
    Ok(object.data().to_vec())
}

/// The entries in the order of the tree.
pub(crate) fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, git2::Error> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (entry, next) = entry(bytes, at).ok_or_else(|| git2::Error::from_str("a tree is malformed"))?;
        found.push(entry);
        at = next;
    }
    Ok(found)
}

fn entry(bytes: &[u8], start: usize) -> Option<(Entry<'_>, usize)> {
    let find = |from: usize, byte: u8| {
        let rest = bytes.get(from..)?;
        Some(from + rest.iter().position(|other| *other == byte)?)
    };
    let space = find(start, b' ')?;
    let end = find(space + 1, 0)?;
    let at = end + 1..end + 1 + ID;
    let entry = Entry {
        mode: bytes.get(start..space)?,
        name: bytes.get(space + 1..end)?,
        id: Oid::from_bytes(bytes.get(at.clone())?).ok()?,
        at: at.clone(),
    };
    Some((entry, at.end))
}

/// Copies the bytes of a tree, and replaces the ids of these entries.
pub(crate) fn with_ids(bytes: &[u8], changes: &[(Entry<'_>, Oid)]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for (entry, id) in changes {
        let old = changed.get_mut(entry.at.clone()).into_iter().flatten();
        old.zip(id.as_bytes()).for_each(|(to, from)| *to = *from);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &[u8], u8)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(&[*id; ID]);
        }
        bytes
    }

    #[test]
    fn one_id_changes_and_everything_else_stays_as_git_would_not_have_written_it() {
        let odd: [(&str, &[u8], u8); 6] = [
            ("040000", b"padded mode", 1),
            ("100664", b"web.yaml", 2),
            ("100644", b"Web.yaml", 3),
            ("160000", b"\xff\xfe", 4),
            ("120000", b"a", 5),
            ("100644", b"a", 6),
        ];
        let bytes = tree(&odd);
        let entries = entries(&bytes).unwrap();
        assert_eq!(entries.len(), 6);
        assert!(entries[0].is_folder() && entries[1].is_regular() && !entries[3].is_regular());
        let mut expected = odd;
        expected[1].2 = 9;
        let new = Oid::from_bytes(&[9; ID]).unwrap();
        assert_eq!(with_ids(&bytes, &[(entries[1].clone(), new)]), tree(&expected));
    }

    #[test]
    fn bytes_that_are_no_tree_are_refused() {
        let whole = tree(&[("100644", b"a", 1)]);
        for cut in 1..whole.len() {
            assert!(entries(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(entries(&[]).unwrap().is_empty());
    }
}
