//! README and `docs/` as a reader uses them: every command is run, every YAML and JSON block is read, every link leads
//! somewhere.
//!
//! Commands run in a clone with a bump and its revert. `tidegate`, `git`, `make -n`, `helm template` and `kubectl` are the
//! real programs. AWS, a container engine and a running cluster cannot be had here: for `aws`, `docker` and `crane` only
//! the shell's reading is checked, and what runs in the pod must get as far as the missing cluster.

mod blocks;
mod policies;
mod shell;

use blocks::{Block, blocks, headings, links, pages};
use shell::Shell;
use std::path::Path;
use std::process::Command;
use tidegate_stack::Tools;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn of_language(language: &str) -> Vec<Block> {
    let all = pages().into_iter().flat_map(|page| blocks(&page));
    all.filter(|block| block.language == language).collect()
}

#[test]
fn every_command_runs() {
    let mut failed = Vec::new();
    let mut run = 0;
    for page in pages() {
        let blocks = blocks(&page).into_iter().filter(|block| block.language == "console");
        let commands: Vec<(usize, String)> = blocks.flat_map(|block| block.commands()).collect();
        run += commands.len();
        let shell = Shell::new();
        for (line, command) in commands {
            if let Err(output) = shell.run(&command) {
                failed.push(format!("{page}:{line}: {command}\n{output}"));
            }
        }
    }
    assert!(run > 20, "only {run} commands were found");
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn every_manifest_is_read_without_a_finding_and_has_an_image() {
    let manifests = of_language("yaml manifest");
    assert!(!manifests.is_empty());
    for block in manifests {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("manifest.yaml"), &block.text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["images", "-R", ".", "-o", "json"])
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success() && err.is_empty(),
            "{}:{}: {err}",
            block.page,
            block.line
        );
        assert!(
            out.contains("amazonaws.com/shop/"),
            "{}:{}: no image in {out}",
            block.page,
            block.line
        );
    }
}

#[test]
fn the_chart_takes_every_values_block() {
    let values = of_language("yaml values");
    assert!(!values.is_empty());
    for block in values {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &block.text).unwrap();
        let output = Command::new(Tools::get("helm").unwrap())
            .args(["template", "tidegate"])
            .arg(root().join("charts/tidegate"))
            .arg("--values")
            .arg(file.path())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:{}: {err}", block.page, block.line);
    }
}

#[test]
fn every_json_block_is_json() {
    for block in of_language("json") {
        let read: Result<serde_json::Value, _> = serde_json::from_str(&block.text);
        assert!(read.is_ok(), "{}:{}: {read:?}", block.page, block.line);
    }
}

#[test]
fn every_block_says_what_it_is() {
    let known = ["console", "yaml manifest", "yaml values", "json", "diff", "text"];
    let all = pages().into_iter().flat_map(|page| blocks(&page));
    let unknown: Vec<String> = all
        .filter(|block| !known.contains(&block.language.as_str()))
        .map(|block| format!("{}:{}: ```{}", block.page, block.line, block.language))
        .collect();
    assert!(
        unknown.is_empty(),
        "no test reads these blocks; use one of {known:?}: {unknown:#?}"
    );
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for page in pages() {
        for (line, link) in links(&page) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => root().join(&page),
                file => root().join(&page).parent().unwrap().join(file),
            };
            let is_there = match anchor {
                "" => target.exists(),
                anchor => std::fs::read_to_string(&target)
                    .is_ok_and(|text| headings(&text).iter().any(|heading| heading == anchor)),
            };
            if !is_there {
                broken.push(format!("{page}:{line}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_readme_is_short_and_the_tests_that_it_names_exist() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let words = text.split_whitespace().count();
    assert!(
        words < 1000,
        "README.md has {words} words; newcomers read fewer than 1,000"
    );
    let named = text
        .split('`')
        .filter(|quoted| quoted.starts_with("tests/") || quoted.starts_with("fuzz/"));
    let lost: Vec<&str> = named.filter(|path| !root().join(path).exists()).collect();
    assert!(lost.is_empty(), "README.md names {lost:?}");
}
