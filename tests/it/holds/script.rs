//! Histories written as lines: what a person or the agent does, one after the other, with the real git program.
//!
//! `bump web b api b` is a commit of the agent's, `edit web a` one of a person's; `drop web` and `add web a` remove and add
//! the workload, `add web a` in a file of its own; `into web all.yaml` moves it to another file; `name web app` renames
//! its container, `both web app a` with another tag in the same commit; `retag web other` changes its image's name, `fresh web
//! other a` its tag as well; `break web` makes its file unreadable, `mend web` readable; `as name` is somebody else from there on; `resume web`, `resume all` and `say text` are commits without
//! a change; `clock 3600` puts the committers' clocks ahead by seconds. Every other line is a git command.

use std::process::Command;
use tidegate::history::{Bump, Resume};
use tidegate::model::{FieldId, FieldName, ObjectId, Tag};
use tidegate_stack::git::{Repo, WorkCopy};

/// When histories begin; each line is a minute later.
const START: i64 = 1_750_000_000;

/// The time so many minutes after histories begin.
pub fn minutes(minutes: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(START + minutes * 60).unwrap()
}

pub struct Script {
    pub copy: WorkCopy,
    minute: i64,
    clock: i64,
    person: String,
}

impl Script {
    /// `web` and `api` at tag `a`, in a file each, and a file that is no manifest.
    pub fn begin(bare: &Repo) -> Self {
        let copy = bare.work_copy().unwrap();
        let script = Self {
            copy,
            minute: 0,
            clock: 0,
            person: "Jo".to_owned(),
        };
        script.git(&["checkout", "-q", "-B", "main"]);
        script.put("web.yaml", &document("web", "a"));
        script.put("api.yaml", &document("api", "a"));
        script.put("README.md", "# fleet\n");
        script.commit("Import");
        script
    }

    pub fn run(&mut self, line: &str) {
        self.minute += 1;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["bump", changes @ ..] => {
                let bumps: Vec<Bump> = changes.chunks(2).map(|change| self.set(change[0], change[1])).collect();
                let trailers: Vec<String> = bumps.iter().map(Bump::trailer).collect();
                self.commit(&format!("Bump\n\n{}\n", trailers.join("\n")));
            }
            ["edit", changes @ ..] => {
                for change in changes.chunks(2) {
                    self.set(change[0], change[1]);
                }
                self.commit("Edit by hand");
            }
            ["drop", object] => {
                self.without(object);
                self.commit("Remove");
            }
            ["add", object, tag] => {
                self.put(&format!("{object}.yaml"), &document(object, tag));
                self.commit("Add");
            }
            ["into", object, file] => {
                let moved = self.without(object);
                let there = self.copy.read(file).map_or(String::new(), |text| text + "---\n");
                self.put(file, &(there + &moved));
                self.commit("Move");
            }
            ["name", object, container] => self.rename(object, container),
            ["retag", object, image] => self.reimage(object, image),
            ["resume", "all"] => self.say(&format!("Resume\n\n{}", Resume::All.trailer())),
            ["resume", object] => self.say(&format!("Resume\n\n{}", Resume::Field(field(object, "main")).trailer())),
            ["say", ..] => self.say(line),
            ["both", object, container, tag] => {
                self.set(object, tag);
                self.rename(object, container);
            }
            ["fresh", object, image, tag] => {
                self.set(object, tag);
                self.reimage(object, image);
            }
            ["break", object] => {
                let (file, documents, _) = self.find(object);
                self.put(&file, &format!("{}}}}}\n", documents.join("---\n")));
                self.commit("Break");
            }
            ["mend", object] => {
                let (file, documents, _) = self.find(object);
                self.put(&file, &documents.join("---\n").replace("}}\n", ""));
                self.commit("Mend");
            }
            ["as", person] => self.person = (*person).to_owned(),
            ["clock", seconds] => self.clock = seconds.parse().unwrap(),
            arguments => self.git(arguments),
        }
    }

    /// What `main` points at, if that is what is checked out.
    pub fn on_main(&self) -> Option<String> {
        let branch = self.copy.git(&["branch", "--show-current"]).unwrap();
        (branch == "main").then(|| self.copy.head().unwrap())
    }

    fn git(&self, arguments: &[&str]) {
        let time = format!("@{} +0000", START + self.minute * 60 + self.clock);
        let mut git = Command::new("git");
        git.current_dir(self.copy.path()).args(arguments).env_clear();
        git.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        git.env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        git.env("GIT_EDITOR", "true")
            .env("GIT_AUTHOR_DATE", &time)
            .env("GIT_COMMITTER_DATE", &time);
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), &self.person)
                .env(format!("GIT_{role}_EMAIL"), "jo@acme.example");
        }
        let output = git.output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {words}");
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    fn say(&self, message: &str) {
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    fn put(&self, file: &str, text: &str) {
        self.copy.write(file, text).unwrap();
    }

    /// The file with an object, and the object's index among the documents of the file.
    fn find(&self, object: &str) -> (String, Vec<String>, usize) {
        let files = self.copy.git(&["ls-files", "--", "*.yaml", "*.yml"]).unwrap();
        for file in files.lines() {
            let Ok(text) = self.copy.read(file) else { continue };
            let documents: Vec<String> = text.split("---\n").map(str::to_owned).collect();
            let wanted = format!("{{name: {object}, ");
            if let Some(index) = documents.iter().position(|document| document.contains(&wanted)) {
                return (file.to_owned(), documents, index);
            }
        }
        panic!("there is no {object}")
    }

    fn rename(&self, object: &str, container: &str) {
        self.rewrite(object, |line| match line.strip_prefix("      - name: ") {
            Some(_) => format!("      - name: {container}"),
            None => line.to_owned(),
        });
    }

    fn reimage(&self, object: &str, image: &str) {
        self.rewrite(object, |line| match line.trim_start().strip_prefix("image: ") {
            Some(old) => format!(
                "        image: registry.example/{image}:{}",
                old.rsplit(':').next().unwrap()
            ),
            None => line.to_owned(),
        });
    }

    fn without(&self, object: &str) -> String {
        let (file, mut documents, index) = self.find(object);
        let removed = documents.remove(index);
        if documents.is_empty() {
            self.copy.remove(&file).unwrap();
        } else {
            self.put(&file, &documents.join("---\n"));
        }
        removed
    }

    fn rewrite(&self, object: &str, change: impl Fn(&str) -> String) {
        let (file, mut documents, index) = self.find(object);
        documents[index] = documents[index].lines().map(|line| change(line) + "\n").collect();
        self.put(&file, &documents.join("---\n"));
        self.commit("Rewrite");
    }

    fn set(&self, object: &str, tag: &str) -> Bump {
        let (file, mut documents, index) = self.find(object);
        let value = |name: &str| {
            let line = documents[index]
                .lines()
                .find_map(|line| line.trim_start().strip_prefix(name));
            line.unwrap().to_owned()
        };
        let (container, reference) = (value("- name: "), value("image: "));
        let (image, old) = reference.rsplit_once(':').unwrap();
        documents[index] = documents[index].replace(&reference, &format!("{image}:{tag}"));
        self.put(&file, &documents.join("---\n"));
        Bump {
            field: field(object, &container),
            image: image.to_owned(),
            new_image: None,
            old: Some(Tag::parse(old).unwrap()),
            new: Tag::parse(tag).unwrap(),
            digest: None,
            pinned: false,
            old_digest: None,
        }
    }
}

fn field(object: &str, container: &str) -> FieldId {
    FieldId {
        object: ObjectId::new("apps/v1", "Deployment", Some("shop"), object),
        field: FieldName(container.to_owned()),
    }
}

fn document(object: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {object}, namespace: shop}}\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: main\n        image: registry.example/shop/{object}:{tag}\n"
    )
}
