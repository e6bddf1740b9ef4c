use super::{Digest, ImageRef, Tag};

/// `a{64}` in the table stands for a run of that letter.
fn written_out(text: &str) -> String {
    let Some((before, rest)) = text
        .split_once('{')
        .filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return text.to_owned();
    };
    let (count, after) = rest.split_once('}').unwrap();
    let letter = before.chars().last().unwrap();
    let more = letter.to_string().repeat(count.parse::<usize>().unwrap() - 1);
    format!("{before}{more}{}", written_out(after))
}

#[test]
fn references_are_read_as_distribution_reads_them() {
    let table = include_str!("../../tests/fixtures/model/references.tsv");
    let (mut legal, mut illegal) = (0, 0);
    for row in table.lines().filter(|row| !row.starts_with('#')) {
        let cells: Vec<String> = row.split('\t').map(written_out).collect();
        let [text, expected @ ..] = &cells[..] else {
            panic!("{row}")
        };
        match (ImageRef::parse(text), expected) {
            (Err(error), [illegal_is]) if illegal_is == "illegal" => {
                assert!(error.to_string().contains(" is not "), "{error}");
                illegal += 1;
            }
            (Ok(image), [host, path, tag, digest]) => {
                assert_eq!(image.to_string(), *text, "printed otherwise than written");
                let repository = image.repository();
                assert_eq!([&repository.host, &repository.path], [host, path], "{text}");
                assert_eq!(image.tag().map_or("-", Tag::as_str), tag, "{text}");
                assert_eq!(image.digest().map_or("-", Digest::as_str), digest, "{text}");
                legal += 1;
            }
            (found, _) => panic!("{row}: {found:?}"),
        }
    }
    assert!(legal >= 59 && illegal >= 80, "{legal} legal, {illegal} illegal");
}

/// Distribution reads this text as a path without a registry. No runtime can pull that path.
#[test]
fn a_registry_with_an_underscore_is_refused() {
    let error = ImageRef::parse("a_b.c/d").unwrap_err().to_string();
    assert!(error.contains("letters, digits and - between its dots"), "{error}");
}

#[test]
fn illegal_references_name_their_rule() {
    let hex = "a".repeat(64);
    for (text, rule) in [
        ("", "a name comes first"),
        (":1", "a name comes first"),
        ("@sha256:1", "64 lowercase hex"),
        ("Nginx", "small letters"),
        ("a//b", "empty"),
        ("/a", "empty"),
        ("a/b:", "1 to 128"),
        (&format!("a:{}", "x".repeat(129)), "1 to 128"),
        ("a/b:.x", "may not start"),
        ("a/b:-x", "may not start"),
        ("a:x y", "only letters, digits, _ . and -"),
        ("a..b/c", "between its dots"),
        ("-a.b/c", "between its dots"),
        ("x/a___b", "separators"),
        ("x/a._b", "separators"),
        ("x/-a", "start or end"),
        ("x/a_", "start or end"),
        ("host:port/a", "port is a number"),
        ("host:/a", "port is a number"),
        ("[::1/a", "closing bracket"),
        ("[]:5000/a", "hex digits and colons"),
        ("[fd00]/a", "as in [::1]:5000/app"),
        ("[]/a", "as in [::1]:5000/app"),
        ("[::1]", "as in [::1]:5000/app"),
        ("[fe80::1%eth0]/a", "hex digits and colons"),
        ("[::1]x/a", "only a port may follow"),
        (&hex, "an image's id"),
        (&"a".repeat(248), "255 characters"),
        (&format!("r.example/{}", "a".repeat(256)), "255 characters"),
        ("a@sha256:12", "64 lowercase hex"),
        ("a@sha512:12", "128 lowercase hex"),
        (&format!("a@sha256:{}", "A".repeat(64)), "64 lowercase hex"),
        (&format!("a@md5:{hex}"), "sha256, sha384 and sha512"),
        (&format!("a@{hex}"), "an algorithm and a colon"),
        ("{{ .Values.image }}", "small letters"),
    ] {
        let error = ImageRef::parse(text).unwrap_err().to_string();
        assert!(error.contains(rule), "{text}: {error}");
    }
}

#[test]
fn parts_are_as_written_and_another_tag_keeps_the_name() {
    let image = ImageRef::parse("index.docker.io/acme/app:1").unwrap();
    assert_eq!((image.host(), image.path()), (Some("index.docker.io"), "acme/app"));
    let digest = Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
    let tag = Tag::parse("2").unwrap();
    let next = image.with(Some(tag.clone()), Some(digest.clone()));
    assert_eq!(next.to_string(), format!("index.docker.io/acme/app:2@{digest}"));
    assert_eq!(next.with_tag(tag).to_string(), "index.docker.io/acme/app:2");
    assert_eq!((ImageRef::parse("nginx").unwrap().host()), None);
}
