//! Edits of generated YAML in the forms that people write. Every byte is known before and after each edit.

use super::path;
use crate::manifest::yaml::retyped::is_retyped;
use crate::manifest::{TagChange, read, set_tags};
use crate::model::{FieldName, ObjectId, Tag};
use std::time::Instant;

const EDITS: usize = 100_000;

/// Xorshift (Marsaglia, 2003): the same files at each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    fn tag(&mut self) -> String {
        let (a, b, c) = (self.roll(30), self.roll(100), self.roll(1 << 24));
        match self.roll(8) {
            0 => format!("{a}.{b}"),
            1 => format!("v{a}.{b}.{c}"),
            2 => format!("{c:07}"),
            3 => format!("{c:07x}"),
            4 => format!("{a}e{b}"),
            5 => format!("main-{c:x}-{b}"),
            6 => format!("20{:02}-{:02}-{:02}", a + 1, b % 12 + 1, a % 28 + 1),
            _ => format!("{a}_{b}"),
        }
    }
}

/// A tag in a file: its quotes, and the part of its scalar before the tag.
struct Slot {
    object: ObjectId,
    field: String,
    quote: &'static str,
    name: String,
    json: bool,
    tag: String,
}

/// A file: text, a slot, text, a slot, …, text.
struct Generated {
    texts: Vec<String>,
    slots: Vec<Slot>,
    line_end: &'static str,
}

impl Generated {
    fn text(&mut self, text: &str) {
        self.texts.last_mut().unwrap().push_str(text);
    }

    fn slot(&mut self, slot: Slot) {
        self.slots.push(slot);
        self.texts.push(String::new());
    }

    /// The bytes with these tags, and how many of them are outside every slot.
    fn render(&self, tags: &[String], edited: &[bool]) -> (Vec<u8>, usize) {
        let mut all = String::new();
        let mut outside = 0;
        for (at, text) in self.texts.iter().enumerate() {
            let text = text.replace('\n', self.line_end);
            outside += text.len();
            all.push_str(&text);
            if let Some(slot) = self.slots.get(at) {
                let scalar = format!("{}{}", slot.name, tags[at]);
                let retyped = edited[at] && slot.quote.is_empty() && is_retyped(&scalar);
                let quote = if retyped { "\"" } else { slot.quote };
                all.push_str(&format!("{quote}{scalar}{quote}"));
            }
        }
        (all.into_bytes(), outside)
    }
}

fn comment(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "",
        "",
        "",
        " # as agreed",
        "   # 漢字: {\"x\"}",
        "  ",
        " # image: not/this:1",
        "\t# tab",
    ])
}

fn head(dice: &mut Dice, file: &mut Generated, object: &ObjectId, step: &str) {
    let between = dice.pick(&["", "", "# — a note\n", "\n\n", "  # odd indent\n"]);
    let group = if object.kind == "HelmRelease" {
        "helm.fluxcd.io/v1"
    } else {
        "apps/v1"
    };
    let name = match dice.roll(3) {
        0 => format!("'{}'", object.name),
        1 => format!("\"{}\"", object.name),
        _ => object.name.clone(),
    };
    file.text(&format!(
        "apiVersion: {group}{}\n{between}kind: {}\n",
        comment(dice),
        object.kind
    ));
    file.text(&match dice.roll(3) {
        0 => format!("metadata: {{name: {name}, namespace: shop, labels: {{app: &{0} {0}}}}}\n", object.name),
        1 => format!(
            "metadata:\n{step}name: {name}\n{step}annotations:\n{step}{step}note: |{}\n{step}{step}  image: no/no:1\n\n{step}{step}  — end\n{step}namespace: shop\n",
            dice.pick(&["", "-", "+", "2-"])
        ),
        _ => format!("metadata:\n{step}namespace: shop\n{step}name: {name}{}\n", comment(dice)),
    });
}

fn quote(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "", "'", "\""])
}

fn workload(dice: &mut Dice, file: &mut Generated, number: usize) {
    let step = dice.pick(&["  ", "  ", "    ", "   "]);
    let kind = dice.pick(&["Deployment", "StatefulSet", "DaemonSet"]);
    let object = ObjectId::new("apps/v1", kind, Some("shop"), &format!("app-{number}"));
    head(dice, file, &object, step);
    let deep = step.repeat(3);
    let item = format!("{deep}{}", dice.pick(&["", step]));
    let dash = dice.pick(&["- ", "-   "]);
    let under = format!("{item}{}", " ".repeat(dash.len()));
    file.text(&format!(
        "spec:\n{step}template:\n{step}{step}spec:\n{deep}containers:{}\n",
        comment(dice)
    ));
    for container in 0..2 + dice.roll(5) {
        let name = format!("c{container}");
        let slot = Slot {
            object: object.clone(),
            field: name.clone(),
            quote: quote(dice),
            name: format!(
                "{}/shop/{name}:",
                dice.pick(&["r.example", "r.example:5000", "[fd00::1]:5000"])
            ),
            json: false,
            tag: dice.tag(),
        };
        let slot = if slot.name.starts_with('[') {
            Slot { quote: "'", ..slot }
        } else {
            slot
        };
        match dice.roll(4) {
            0 => {
                file.text(&format!("{item}{dash}{{ name: {name},image: "));
                file.slot(slot);
                file.text(&format!(" , args: [ a,\"b\" ]}}{}\n", comment(dice)));
            }
            1 => {
                let anchor = dice.pick(&["", "&image ", "!!str "]);
                file.text(&format!("{item}{dash}image:  {anchor}"));
                file.slot(slot);
                file.text(&format!("{}\n{under}name: {name}\n", comment(dice)));
            }
            _ => {
                file.text(&format!("{item}{dash}name: {name}\n{under}image: "));
                file.slot(slot);
                let block = dice.pick(&[">", "|", "|-", ">+"]);
                file.text(&format!(
                    "{}\n{under}command:\n{under}- sh\n{under}- {block}\n{under}    echo 'image: x/y:1' # no\n\n{under}     more\n",
                    comment(dice)
                ));
            }
        }
    }
}

fn release(dice: &mut Dice, file: &mut Generated, number: usize) {
    let step = dice.pick(&["  ", "    "]);
    let object = ObjectId::new(
        "helm.fluxcd.io/v1",
        "HelmRelease",
        Some("shop"),
        &format!("rel-{number}"),
    );
    head(dice, file, &object, step);
    file.text(&format!("spec:\n{step}releaseName: x\n{step}values:\n"));
    let deep = step.repeat(2);
    for part in 0..2 + dice.roll(5) {
        let field = format!("part{part}");
        file.text(&format!(
            "{deep}{field}:\n{deep}{step}text: \"folded\n{deep}{step}  over lines: {part}\"\n"
        ));
        file.text(&format!(
            "{deep}{step}image:\n{deep}{step}{step}repository: r.example/{field}{}\n{deep}{step}{step}tag:{}",
            comment(dice),
            dice.pick(&[" ", "   "])
        ));
        file.slot(Slot {
            object: object.clone(),
            field,
            quote: quote(dice),
            name: String::new(),
            json: false,
            tag: dice.tag(),
        });
        file.text(&format!("{}\n{}", comment(dice), dice.pick(&["", "\n", "# between\n"])));
    }
}

fn json(dice: &mut Dice, file: &mut Generated, number: usize) {
    let object = ObjectId::new("apps/v1", "Deployment", Some("shop"), &format!("json-{number}"));
    let (line, space) = if dice.roll(2) == 0 { ("\n  ", " ") } else { ("", "") };
    file.text(&format!(
        "{{{line}\"apiVersion\":{space}\"apps/v1\",{line}\"kind\":\"Deployment\",\"metadata\":{{\"name\":\"{}\",\"namespace\":\"shop\"}},{line}\"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{line}{{\"name\":\"main\",\"image\":{space}",
        object.name
    ));
    file.slot(Slot {
        object,
        field: "main".to_owned(),
        quote: "\"",
        name: "r.example:5000/main:".to_owned(),
        json: true,
        tag: dice.tag(),
    });
    file.text("}]}}}}\n");
}

fn file(dice: &mut Dice) -> Generated {
    let mut file = Generated {
        texts: vec![
            dice.pick(&["", "", "\u{feff}", "# head\n", "# head — é\n\n---\n"])
                .to_owned(),
        ],
        slots: Vec::new(),
        line_end: dice.pick(&["\n", "\n", "\r\n"]),
    };
    for number in 0..4 + dice.roll(8) {
        if number > 0 {
            file.text(dice.pick(&["---\n", "--- # next\n", "...\n---\n", "---\n# nothing\n---\n"]));
        }
        match dice.roll(7) {
            0 => json(dice, &mut file, number),
            1 | 2 => release(dice, &mut file, number),
            _ => workload(dice, &mut file, number),
        }
    }
    file.text(dice.pick(&["", "", "\n\n", "# end\n", "...\n", "---\n# end"]));
    file
}

#[derive(Debug, Default)]
struct Done {
    edits: usize,
    calls: usize,
    files: usize,
    bytes: usize,
}

fn edit_files(mut dice: Dice, edits: usize) -> Done {
    let mut done = Done::default();
    while done.edits < edits {
        let file = file(&mut dice);
        assert!(file.slots.iter().all(|slot| !slot.json || slot.quote == "\""));
        let mut tags: Vec<String> = file.slots.iter().map(|slot| slot.tag.clone()).collect();
        let mut edited = vec![false; tags.len()];
        let (mut text, _) = file.render(&tags, &edited);
        let name = path("in.yaml");
        if done.files % 50 == 0 {
            let reading = read(&name, &text);
            let found: usize = reading.documents.iter().map(|document| document.images.len()).sum();
            assert_eq!(found, tags.len(), "{}", String::from_utf8_lossy(&text));
        }
        let first = if done.files % 10 == 0 { dice.roll(tags.len()) } else { 0 };
        for range in [0..first, first..tags.len()] {
            let mut changes = Vec::new();
            for at in range {
                let new = dice.tag();
                edited[at] |= new != tags[at];
                changes.push(TagChange {
                    object: file.slots[at].object.clone(),
                    field: FieldName(file.slots[at].field.clone()),
                    name: None,
                    tag: Tag::parse(&new).unwrap(),
                    digest: None,
                });
                tags[at] = new;
            }
            if changes.is_empty() {
                continue;
            }
            let found = set_tags(&name, &text, &changes)
                .unwrap_or_else(|refused| panic!("{refused}\n{}", String::from_utf8_lossy(&text)));
            let (expected, outside) = file.render(&tags, &edited);
            assert!(
                found == expected,
                "edited otherwise than planned; found:\n{}\nplanned:\n{}",
                String::from_utf8_lossy(&found),
                String::from_utf8_lossy(&expected)
            );
            done.edits += changes.len();
            done.calls += 1;
            done.bytes += outside;
            text = found;
        }
        done.files += 1;
    }
    done
}

#[test]
fn a_hundred_thousand_edits_change_no_byte_outside_their_spans() {
    let started = Instant::now();
    let halves = [0x2545_f491_4f6c_dd1d, 0x9e37_79b9_7f4a_7c15]
        .map(|seed| std::thread::spawn(move || edit_files(Dice(seed), EDITS / 2)))
        .map(|half| half.join().unwrap());
    let seconds = started.elapsed().as_secs_f64();
    let sum = |of: fn(&Done) -> usize| halves.iter().map(of).sum::<usize>();
    let edits = sum(|done| done.edits);
    assert!(edits >= EDITS);
    println!(
        "{edits} edits in {} calls over {} generated files: 0 of {} bytes changed outside the spans; {:.0} edits/s",
        sum(|done| done.calls),
        sum(|done| done.files),
        sum(|done| done.bytes),
        edits as f64 / seconds
    );
}
