//! The cost of reading and editing a large config repo, without a cluster, a registry and a disk, as one table.
//!
//! The files are generated in memory, the same in each run. Each row shows the time, the megabytes per second, the number of
//! parsed files, and the ratio to serde_yaml for the same bytes: a ratio does not depend on the machine. Nothing is asserted.
//!
//! Results of one run, on one thread of a virtual machine with two cores, for 50,000 files of 39.9 MB in total:
//!
//! | | ms | MB/s | parsed | × serde_yaml |
//! | --- | --- | --- | --- | --- |
//! | serde_yaml reads every file into a tree | 810.9 | 49.2 | 50,000 | 1.00 |
//! | every image field of every file (20,000) | 1,809.3 | 22.0 | 50,000 | 0.45 |
//! | the same, after the prefilter for image fields | 1,167.2 | 34.2 | 20,000 | 0.69 |
//! | fields of 1 repository, after a scan for its name | 9.5 | 4,190.4 | 4 | 85.23 |
//! | fields of 50 repositories | 22.8 | 1,746.8 | 200 | 35.53 |
//! | fields of 500 repositories | 160.8 | 247.9 | 2,000 | 5.04 |
//! | a tag written into 1 file, proved by both parsers | 0.4 | 1.9 | 1 | 0.04 |
//! | a tag written into each of 500 files | 116.7 | 3.7 | 500 | 0.08 |

mod files;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::time::{Duration, Instant};
use tidegate::manifest::{TagChange, can_skip_for_images, may_hold_images, read, set_tags};
use tidegate::model::Tag;

const FILES: usize = 50_000;
const EDITS: usize = 500;

fn main() -> Result<()> {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing is measured but by `cargo bench`");
        return Ok(());
    }
    let begin = Instant::now();
    let files = files::generate(FILES)?;
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    println!("{FILES} files, {:.1} MB, one thread", megabytes(bytes));
    println!(
        "  {:<62} {:>9} {:>9} {:>8} {:>12}",
        "", "ms", "MB/s", "parsed", "serde_yaml x"
    );

    let (time, documents) = timed(|| files.iter().map(|file| by_serde_yaml(&file.text)).sum::<usize>());
    ensure!(documents >= FILES, "serde_yaml read {documents} documents only");
    let peer = Row {
        time,
        bytes,
        parsed: FILES,
    };
    peer.print("serde_yaml reads every file into a tree", &peer);

    let (time, fields) = timed(|| files.iter().map(images).sum::<usize>());
    let whole = Row {
        time,
        bytes,
        parsed: FILES,
    };
    whole.print(&format!("every image field of every file ({fields})"), &peer);

    for (what, passes) in PREFILTERS {
        let (time, (parsed, found)) = timed(|| {
            let passed: Vec<&files::File> = files.iter().filter(|file| passes(file)).collect();
            (passed.len(), passed.iter().map(|file| images(file)).sum::<usize>())
        });
        ensure!(found == fields, "{found} image fields after the scan, not {fields}");
        Row { time, bytes, parsed }.print(what, &peer);
    }

    let scan = |names: &[String]| -> Result<Row> {
        let pattern = regex::bytes::RegexBuilder::new(
            &names
                .iter()
                .map(|name| regex::escape(name))
                .collect::<Vec<_>>()
                .join("|"),
        )
        .size_limit(64 << 20)
        .build()
        .context("names are a regular expression when escaped")?;
        let (time, parsed) = timed(|| {
            let named = files.iter().filter(|file| pattern.is_match(file.text.as_bytes()));
            named.map(|file| images(file).min(1)).sum::<usize>()
        });
        Ok(Row { time, bytes, parsed })
    };
    for count in [1, 50, EDITS] {
        let names: Vec<String> = files::repositories().take(count).collect();
        scan(&names)?.print(
            &format!("fields of {count} repositories, after a scan for their names"),
            &peer,
        );
    }

    let automated: Vec<&files::File> = files.iter().filter(|file| file.editable).take(EDITS).collect();
    ensure!(automated.len() == EDITS, "too few files have an image");
    for count in [1, EDITS] {
        let (time, edited) = timed(|| {
            automated
                .iter()
                .take(count)
                .map(|file| edit(file))
                .collect::<Result<Vec<_>>>()
        });
        let bytes = edited?.iter().sum();
        // An edit reads the file, and both parsers read it once before and once after the edit.
        Row {
            time,
            bytes,
            parsed: count,
        }
        .print(
            &format!("a tag written into each of {count} files, proved by both parsers"),
            &peer,
        );
    }
    println!("measured in {:.0} s", begin.elapsed().as_secs_f64());
    Ok(())
}

type Prefilter = (&'static str, fn(&files::File) -> bool);

/// The prefilters before a reading of every image field: the one of the history of holds, then the one of `tidegate images`,
/// which also reports findings.
const PREFILTERS: [Prefilter; 2] = [
    ("the same, after the prefilter for image fields", |file| {
        may_hold_images(&file.path, file.text.as_bytes())
    }),
    ("the same, after the prefilter for image fields and findings", |file| {
        !can_skip_for_images(&file.path, file.text.as_bytes())
    }),
];

struct Row {
    time: Duration,
    bytes: usize,
    parsed: usize,
}

impl Row {
    fn speed(&self) -> f64 {
        megabytes(self.bytes) / self.time.as_secs_f64()
    }

    fn print(&self, what: &str, peer: &Self) {
        println!(
            "  {what:<62} {:>9.1} {:>9.1} {:>8} {:>12.2}",
            self.time.as_secs_f64() * 1000.0,
            self.speed(),
            self.parsed,
            self.speed() / peer.speed()
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a table shows four digits")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

fn by_serde_yaml(text: &str) -> usize {
    serde_yaml::Deserializer::from_str(text)
        .map(serde_yaml::Value::deserialize)
        .filter(Result::is_ok)
        .count()
}

fn images(file: &files::File) -> usize {
    let reading = read(&file.path, file.text.as_bytes());
    reading.documents.iter().map(|document| document.images.len()).sum()
}

/// Writes a new tag into the file's first image field. Returns the size of the file.
fn edit(file: &files::File) -> Result<usize> {
    let reading = read(&file.path, file.text.as_bytes());
    let document = reading.documents.iter().find(|document| !document.images.is_empty());
    let document = document.context("the file has an image")?;
    let change = TagChange {
        object: document.object.id.clone(),
        field: document
            .images
            .first()
            .context("the object has an image")?
            .field
            .clone(),
        name: None,
        tag: Tag::parse("0123456")?,
        digest: None,
    };
    let edited = set_tags(&file.path, file.text.as_bytes(), &[change])?;
    ensure!(edited != file.text.as_bytes(), "{} is as it was", file.path);
    Ok(file.text.len())
}
