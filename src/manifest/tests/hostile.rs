use super::path;
use crate::manifest::{ImageChange, MAX_FILE_BYTES, Reading, read, set_images};
use crate::model::{ImageRef, Severity};

/// Reads with a quarter of the smallest stack that any thread of Tidegate has.
fn read_in_little_stack(bytes: Vec<u8>) -> Reading {
    std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(move || read(&path("in.yaml"), &bytes))
        .unwrap()
        .join()
        .unwrap()
}

fn refused(name: &str, bytes: impl Into<Vec<u8>>, expected: &str) {
    let reading = read_in_little_stack(bytes.into());
    assert!(!reading.is_complete(), "{name} is reported as complete");
    assert!(reading.documents.is_empty(), "{name} has objects");
    let messages: Vec<String> = reading.findings.iter().map(ToString::to_string).collect();
    assert!(
        messages.len() == 1 && messages[0].contains(expected),
        "{name} should report {expected:?}: {messages:?}"
    );
}

fn chain(levels: usize, item: impl Fn(usize) -> String) -> String {
    let lines = (1..levels).map(|level| format!("a{level}: &a{level} {}\n", item(level - 1)));
    std::iter::once("a0: &a0 {x: 1}\n".to_owned()).chain(lines).collect()
}

#[test]
fn hostile_files_give_one_error() {
    let stairs: String = (0..2000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    for (name, text) in [
        ("flow lists", "[".repeat(20_000)),
        ("flow maps", "{a: ".repeat(20_000)),
        ("lists in one line", "- ".repeat(20_000)),
        ("keys in one line", "? ".repeat(20_000)),
        ("stairs", stairs),
        ("colons", ": ".repeat(20_000)),
        ("aliases in a chain", chain(5000, |level| format!("[*a{level}]"))),
    ] {
        refused(name, text, "nests deeper than 100 levels");
    }
    for (name, text) in [
        (
            "alias bomb",
            chain(10, |level| format!("[{}]", vec![format!("*a{level}"); 10].join(","))),
        ),
        (
            "merge bomb",
            chain(60, |level| format!("{{<<: [*a{level}, *a{level}]}}")),
        ),
        ("values", format!("[{}]", "a,".repeat(500_001))),
    ] {
        refused(name, text, "more than 500000 values");
    }
    refused("documents", "---\n".repeat(10_001), "more than 10000 documents");
    refused(
        "bytes",
        vec![b'#'; MAX_FILE_BYTES + 1],
        "more than the limit of 4194304",
    );
}

#[test]
fn files_that_no_yaml_reader_accepts_are_refused_as_a_whole() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";
    refused(
        "NUL",
        format!("{pod}---\n\0\n{pod}"),
        "5:1: has the control character U+0000",
    );
    refused(
        "escape",
        format!("{pod}# \u{1b}[2J\n"),
        "4:3: has the control character U+001B",
    );
    refused(
        "latin-1",
        [pod.as_bytes(), b"# caf\xe9\n"].concat(),
        "4:6: is not UTF-8",
    );
    refused("utf-16", b"\xff\xfea\0:\0".as_slice(), "1:1: is not UTF-8");
    refused(
        "alias within itself",
        format!("{pod}spec: &s {{again: *s}}\n"),
        "inside the very value",
    );
}

#[test]
fn hundreds_of_mistakes_are_reported_in_one_hundred_findings_and_still_count_as_errors() {
    let text = format!("{}kind: Pod\n", "a: 1\n---\n".repeat(500));
    let reading = read_in_little_stack(text.into_bytes());
    assert_eq!(reading.findings.len(), 101);
    let last = reading.findings.last().unwrap();
    assert_eq!(last.severity, Severity::Error);
    assert!(last.message.contains("401 more"), "{}", last.message);
}

#[test]
fn names_with_control_characters_reach_no_message_and_no_object() {
    let text =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\e[31m\\n\", annotations: {\"tidegate.dev/\\e[31m\": x}}\n";
    let reading = read_in_little_stack(text.as_bytes().to_vec());
    assert!(reading.documents.is_empty());
    assert_eq!(reading.findings.len(), 1);
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {\"tidegate.dev/\\e[31m\": x}}\n";
    let reading = read_in_little_stack(text.as_bytes().to_vec());
    let message = reading.findings[0].to_string();
    assert!(
        message.contains("\\u{1b}[31m") && !message.contains('\u{1b}'),
        "{message}"
    );
}

/// Runs work that takes seconds if its cost grows with the input, and many minutes if it grows with the square. The clock
/// counts the processor's time of this thread alone, so that other programs on the machine do not count.
fn in_time<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let clock = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_sec;
    let measured = std::thread::spawn(move || {
        let begin = clock();
        (work(), clock() - begin)
    });
    let (result, seconds) = measured.join().unwrap();
    assert!(seconds < 40, "{name} takes {seconds} s of one processor");
    result
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

fn release(aliases: usize, values: usize) -> String {
    format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: p\n  annotations:\n    a: b\n{}spec:\n  values:\n{}",
        lines(aliases, |n| format!("    tidegate.dev/image.x{n}: a{n}.image\n")),
        lines(values, |n| format!("    a{n}: {{image: \"r:1\"}}\n")),
    )
}

#[test]
fn tens_of_thousands_of_images_markers_and_policies_are_read_in_seconds() {
    let policy = |n| {
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {{name: p{n}, namespace: a}}\nspec:\n  image: r:1 # {{\"$imagepolicy\": \"a:p{n}\"}}\n---\n"
        )
    };
    let marker = "# tidegate.dev/image: glob:*";
    for (name, text, expected) in [
        ("aliases with their values", release(20_000, 20_000), 20_000),
        ("values by their shape", release(0, 40_000), 40_000),
        (
            "aliases of nothing",
            release(20_000, 0).replace("  values:\n", "  values: {}\n"),
            0,
        ),
        (
            "markers in one map",
            lines(40_000, |n| format!("k{n}: r:1 {marker}\n")),
            40_000,
        ),
        (
            "tags in one map with a name",
            format!(
                "repository: r\n{}",
                lines(40_000, |n| format!("k{n}Tag: \"1\" {marker}\n"))
            ),
            40_000,
        ),
        (
            "markers in a list",
            format!("all:\n{}", lines(40_000, |n| format!("- image: r:{n} {marker}\n"))),
            40_000,
        ),
        ("image policies with markers", lines(9_000, policy), 9_000),
    ] {
        let reading = in_time(name, move || read_in_little_stack(text.into_bytes()));
        let documents = reading.documents.iter().chain(&reading.values);
        let images: usize = documents.map(|document| document.images.len()).sum();
        assert_eq!(images, expected, "{name}: {:?}", reading.findings.first());
        assert!(reading.findings.len() <= 101, "{name}");
    }
}

#[test]
fn a_key_of_a_megabyte_is_not_copied_for_each_value_below_it() {
    let key = "k".repeat(1_000_000);
    let below = |indent: &str, line: &str| {
        format!(
            "{indent}? {key}\n{indent}:\n{}",
            lines(40_000, |n| format!("{indent}  x{n}: {line}\n"))
        )
    };
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: p}\nspec:\n  values:\n";
    for (name, text) in [
        ("values", format!("{release}{}", below("    ", "{a: b}"))),
        ("markers", below("", "r:1 # tidegate.dev/image: glob:*")),
    ] {
        let reading = in_time(name, move || read_in_little_stack(text.into_bytes()));
        assert!(reading.findings.len() <= 101, "{name}");
        let images = reading
            .documents
            .iter()
            .chain(&reading.values)
            .map(|document| document.images.len());
        assert_eq!(images.sum::<usize>(), 0, "{name}");
    }
}

#[test]
fn tens_of_thousands_of_images_are_set_in_seconds() {
    let containers = lines(40_000, |n| format!("  - {{name: c{n}, image: \"r:1\"}}\n"));
    let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n{containers}");
    let edited = in_time("containers", move || {
        let reading = read(&path("in.yaml"), text.as_bytes());
        let changes: Vec<ImageChange> = reading.documents[0]
            .images
            .iter()
            .map(|image| ImageChange {
                object: reading.documents[0].object.id.clone(),
                field: image.field.clone(),
                image: ImageRef::parse("r:2").unwrap(),
            })
            .collect();
        set_images(&path("in.yaml"), text.as_bytes(), &changes).unwrap()
    });
    let edited = String::from_utf8(edited).unwrap();
    assert_eq!(edited.matches("\"r:2\"").count(), 40_000);
}
