//! Looks at the archive of a chart before helm reads it.

use flate2::read::GzDecoder;
use std::io::Read;

/// The most bytes that an archive unpacks to. Helm keeps a chart in a Secret of 1 MiB; tests and documentation are larger.
const UNPACKED: u64 = 64 << 20;
/// The most entries of an archive.
const ENTRIES: usize = 10_000;
/// The size of a block of a tar archive.
const BLOCK: usize = 512;
const UNREADABLE: &str = "the archive cannot be unpacked";

/// Why an archive is refused, if so.
pub(super) fn problem(archive: &[u8]) -> Option<String> {
    let mut unpacked = GzDecoder::new(archive).take(UNPACKED + 1);
    let mut read = 0_u64;
    for _ in 0..ENTRIES {
        let mut header = Vec::with_capacity(BLOCK);
        match unpacked.by_ref().take(BLOCK as u64).read_to_end(&mut header) {
            Ok(0) => return None,
            Ok(BLOCK) => {}
            Ok(_) | Err(_) => return Some(UNREADABLE.to_owned()),
        }
        if header.iter().all(|byte| *byte == 0) {
            return None;
        }
        if let Some(problem) = entry_problem(&header) {
            return Some(problem);
        }
        let Some(size) = number(header.get(124..136).unwrap_or_default()) else {
            return Some("the archive has an entry without a size".to_owned());
        };
        let padded = size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64);
        read = read.saturating_add(padded).saturating_add(BLOCK as u64);
        if read > UNPACKED {
            return Some(format!("the archive unpacks to more than {UNPACKED} bytes"));
        }
        let skipped = std::io::copy(&mut unpacked.by_ref().take(padded), &mut std::io::sink());
        if skipped.is_ok_and(|skipped| skipped == padded) {
            continue;
        }
        return Some(UNREADABLE.to_owned());
    }
    Some(format!("the archive has more than {ENTRIES} entries"))
}

/// An entry that leads out of the chart, or that is no file.
fn entry_problem(header: &[u8]) -> Option<String> {
    let text = |from: usize, to: usize| {
        let field = header.get(from..to).unwrap_or_default();
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
    };
    let name = format!("{}/{}", text(345, 500), text(0, 100)).replace('\\', "/");
    if text(0, 100).starts_with('/') || name.split('/').any(|part| part == "..") {
        return Some("the archive has a path that leads out of the chart".to_owned());
    }
    matches!(header.get(156), Some(b'1'..=b'6')).then(|| "the archive has an entry that is no regular file".to_owned())
}

/// An octal number, or one of GNU tar's.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let rest = field.get(field.len().checked_sub(8)?..)?;
        return Some(rest.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(|c: char| c == '\0' || c == ' '), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn archive(entries: &[(&str, u8, u64)]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        for (name, kind, size) in entries {
            let mut header = [0; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
            header[156] = *kind;
            packed.write_all(&header).unwrap();
            let zeros = vec![0; BLOCK * usize::try_from(size.div_ceil(512)).unwrap()];
            packed.write_all(&zeros).unwrap();
        }
        packed.write_all(&[0; 1024]).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn archives_that_lead_out_of_the_chart_or_never_end_are_refused() {
        for (entries, part) in [
            (vec![("web/Chart.yaml", b'0', 10), ("web/values.yaml", b'0', 600)], None),
            (vec![("web/../../x", b'0', 1)], Some("leads out")),
            (vec![("/etc/x", b'0', 1)], Some("leads out")),
            (vec![("web\\..\\x", b'0', 1)], Some("leads out")),
            (vec![("web/link", b'2', 0)], Some("no regular file")),
            (
                vec![("web/a", b'0', 40 << 20), ("web/b", b'0', 40 << 20)],
                Some("unpacks to more than"),
            ),
        ] {
            let found = problem(&archive(&entries));
            assert_eq!(found.is_some(), part.is_some(), "{entries:?}: {found:?}");
            assert!(
                found.unwrap_or_default().contains(part.unwrap_or_default()),
                "{entries:?}"
            );
        }
        assert!(problem(b"no gzip").is_some());
        let whole = archive(&[("web/Chart.yaml", b'0', 600)]);
        assert!(
            problem(&whole[..whole.len() - 20]).is_some(),
            "an archive that is cut off"
        );
        let many = vec![("web/a", b'0', 0); ENTRIES + 1];
        assert!(problem(&archive(&many)).unwrap().contains("entries"));
    }
}
