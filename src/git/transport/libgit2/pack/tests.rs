use super::*;
use git2::{ObjectType, Oid};
use std::io::Write as _;

const COMMIT: u8 = 1;

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn size(mut size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while size > 0x7f {
        bytes.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes
}

/// An object of a pack: kind, size of the inflated bytes, base, inflated bytes.
fn object(kind: u8, base: &[u8], inflated: &[u8]) -> Vec<u8> {
    let mut rest = inflated.len() >> 4;
    let mut bytes = vec![kind << 4 | (inflated.len() & 15) as u8];
    while rest > 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push((rest & 0x7f) as u8);
        rest >>= 7;
    }
    [&bytes, base, &deflated(inflated)].concat()
}

/// A delta that copies the beginning of a base of zeros as often as needed.
fn delta(base: u64, result: u64) -> Vec<u8> {
    let mut bytes = [size(base), size(result)].concat();
    let mut left = result;
    while left > 0 {
        let part = left.min(0xff_ffff).min(base);
        bytes.push(0b1111_0000);
        bytes.extend(part.to_le_bytes().iter().take(3));
        left -= part;
    }
    bytes
}

fn pack(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"PACK\0\0\0\x02".to_vec();
    bytes.extend((objects.len() as u32).to_be_bytes());
    bytes.extend(objects.concat());
    let hash = Sha1::digest(&bytes);
    bytes.extend_from_slice(hash.as_slice());
    bytes
}

/// The pack behind the filter, fed in pieces, and how many objects were left out.
fn filtered(pack: &[u8], piece: usize) -> Result<(Vec<u8>, usize), TooLarge> {
    let (mut filter, mut out) = (PackFilter::new(), Vec::new());
    for piece in pack.chunks(piece) {
        filter.feed(piece, &mut out)?;
    }
    Ok((out, filter.left_out()))
}

/// A repository that has indexed the pack.
fn indexed(pack: &[u8]) -> (tempfile::TempDir, git2::Repository) {
    let folder = tempfile::tempdir().unwrap();
    let repo = git2::Repository::init_bare(folder.path()).unwrap();
    index(&repo, pack);
    (folder, repo)
}

fn index(repo: &git2::Repository, pack: &[u8]) {
    let odb = repo.odb().unwrap();
    let mut writer = odb.packwriter().unwrap();
    writer.write_all(pack).unwrap();
    writer.commit().unwrap();
}

#[test]
fn a_pack_of_ordinary_objects_stays_as_it_is() {
    let text = b"kind: ConfigMap\n".repeat(10_000);
    let longer = [text.as_slice(), b"more"].concat();
    let whole = object(BLOB, &[], &text);
    let base = [u8::try_from(whole.len()).unwrap_or(0x7f)];
    let of_text = [size(text.len() as u64), size(4), b"\x04more".to_vec()].concat();
    let objects = [
        whole.clone(),
        object(OFFSET_DELTA, &base, &of_text),
        object(
            ID_DELTA,
            Oid::hash_object(ObjectType::Blob, &text).unwrap().as_bytes(),
            &of_text,
        ),
        object(BLOB, &[], &longer),
        object(BLOB, &[], b""),
    ];
    let pack = pack(&objects);
    for piece in [1, 7, 1000, pack.len()] {
        assert_eq!(filtered(&pack, piece), Ok((pack.clone(), 0)), "{piece}");
    }
}

#[test]
fn deltas_of_huge_objects_are_left_out_and_the_others_are_indexed() {
    let huge = LARGEST + 1;
    let base = [7; 20];
    let small = b"kind: ConfigMap\n";
    let first = object(ID_DELTA, &base, &delta(huge, huge));
    // The result of a huge base is small, and the base of another delta.
    let second = object(ID_DELTA, &base, &delta(huge, 100));
    let third = object(OFFSET_DELTA, &[u8::try_from(second.len()).unwrap()], &delta(100, 100));
    let objects = [first, second, third, object(BLOB, &[], small)];
    let pack = pack(&objects);
    for piece in [1, 13, pack.len()] {
        let (out, left_out) = filtered(&pack, piece).unwrap();
        assert_eq!((out.len(), left_out), (pack.len(), 3), "{piece}");
        let (_folder, repo) = indexed(&out);
        let id = Oid::hash_object(ObjectType::Blob, small).unwrap();
        assert_eq!(repo.find_blob(id).unwrap().content(), small);
    }
}

#[test]
fn a_stand_in_has_every_length() {
    let shortest = (0..100).find(|length| stand_in(*length, 1).is_some()).unwrap();
    assert!(shortest < 16, "{shortest}");
    let long = [65_540, 65_550, 65_551, 131_090, 300_000];
    let folder = tempfile::tempdir().unwrap();
    let repo = git2::Repository::init_bare(folder.path()).unwrap();
    for length in (shortest..400).step_by(3).chain(long).chain(65_530..65_560) {
        let bytes = stand_in(length, 1).unwrap_or_else(|| panic!("{length}"));
        let head = Head::parse(&bytes, 0).unwrap();
        index(&repo, &pack(std::slice::from_ref(&bytes)));
        assert_eq!((bytes.len(), head.kind), (length, BLOB));
    }
}

#[test]
fn a_commit_that_is_too_large_to_be_read_is_refused_before_its_bytes_arrive() {
    let mut bytes = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
    bytes.push(COMMIT << 4 | 0x80);
    bytes.extend(size(LARGEST_READ >> 3));
    assert_eq!(filtered(&bytes, bytes.len()).unwrap_err(), TooLarge);
}

#[test]
fn damage_reaches_libgit2_as_it_is() {
    let good = pack(&[
        object(BLOB, &[], b"kind: ConfigMap\n"),
        object(ID_DELTA, &[7; 20], &delta(LARGEST + 1, 1)),
    ]);
    for at in 12..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        if let Ok((out, _)) = filtered(&bad, 5) {
            let folder = tempfile::tempdir().unwrap();
            let repo = git2::Repository::init_bare(folder.path()).unwrap();
            let odb = repo.odb().unwrap();
            let mut writer = odb.packwriter().unwrap();
            let is_whole = writer.write_all(&out).is_ok() && writer.commit().is_ok();
            assert!(!is_whole, "byte {at}");
        }
    }
    let garbage = b"no pack at all".repeat(20);
    assert_eq!(filtered(&garbage, 3), Ok((garbage.clone(), 0)));
}
