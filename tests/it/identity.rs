//! Registries of other accounts, over the unmodified SDK: roles at the stand-in for STS, repositories at that for ECR.

use futures::future::join_all;
use std::io::{BufRead as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tidegate::aws::{CallLimits, ExternalId, Identity, Role, RoleArn, Sdk};
use tidegate::model::{Repository, Wildcard};
use tidegate::port::Registry as _;
use tidegate::registry::{ReadLimits, Router};
use tidegate::telemetry::Metrics;
use tidegate_stack::aws::{AwsServer, Trust};
use tidegate_stack::ecr::{EcrServer, MotoServer, PushTime, Python};

const OTHER: &str = "444455556666";
const HOST: &str = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
const MIDDLE: &str = "arn:aws:iam::111122223333:role/tidegate";
const READER: &str = "arn:aws:iam::444455556666:role/team/reader";
/// As trust policies and messages name a role that a path leads to, after it was assumed.
const READER_NAME: &str = "arn:aws:iam::444455556666:role/reader";
const REPOSITORIES: [&str; 3] = ["shop/web", "shop/api", "shop/jobs"];

/// ECR, whose repositories belong to another account, and STS.
fn servers() -> (EcrServer, AwsServer) {
    let ecr = EcrServer::start_with(Default::default()).unwrap();
    ecr.require_sharing();
    for name in REPOSITORIES {
        ecr.push(OTHER, "eu-west-1", name, "t1", PushTime::now()).unwrap();
    }
    (ecr, AwsServer::start().unwrap())
}

/// A process that lists all repositories each time that [`Lister::list`] asks it to. It has this environment alone.
struct Lister {
    child: Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Lister {
    /// `roles`: ARNs, each with an external ID behind a blank, separated by commas.
    fn start(environment: impl IntoIterator<Item = (String, String)>, roles: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "identity::lists_on_demand", "--ignored", "--nocapture"])
            .env_clear()
            .envs(environment)
            .env("TIDEGATE_TEST_ROLES", roles)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// One line for each repository.
    fn list(&mut self) -> Vec<String> {
        self.child.stdin.as_mut().unwrap().write_all(b"again\n").unwrap();
        let lines = self.lines.by_ref().map(Result::unwrap);
        let lines = lines.filter_map(|line| line.split_once("LISTED ").map(|(_, text)| text.to_owned()));
        lines.take(REPOSITORIES.len()).collect()
    }
}

impl Drop for Lister {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn roles(text: &str) -> Vec<Role> {
    let roles = text.split(',').filter(|role| !role.is_empty());
    roles
        .map(|role| {
            let (arn, id) = role.split_once(' ').unwrap_or((role, ""));
            Role {
                arn: RoleArn::parse(arn).unwrap(),
                external_id: ExternalId::parse(id).ok(),
                session_name: None,
            }
        })
        .collect()
}

#[tokio::test]
#[ignore = "the tests below run it, each with another environment"]
async fn lists_on_demand() {
    let calls = CallLimits {
        attempts: 1,
        operation: Duration::from_secs(10),
        ..CallLimits::default()
    };
    let identity = Identity::of_roles(roles(&std::env::var("TIDEGATE_TEST_ROLES").unwrap()));
    let router = Router::new(Sdk::new(calls), Vec::new(), ReadLimits::default(), Metrics::new())
        .with_identities(vec![(Wildcard::new("*"), identity)]);
    let host = std::env::var("TIDEGATE_TEST_HOST").unwrap_or_else(|_| HOST.to_owned());
    for line in std::io::stdin().lines() {
        assert_eq!(line.unwrap(), "again");
        let listings = REPOSITORIES.map(|path| {
            let repository = Repository {
                host: host.clone(),
                path: path.to_owned(),
            };
            let router = &router;
            async move { router.list(&repository).await }
        });
        for listing in join_all(listings).await {
            match listing {
                Ok(listing) => println!("LISTED ok {}", listing.images.len()),
                Err(failure) => println!("LISTED {failure:?}"),
            }
        }
    }
}

/// The environment of both servers, as one map: the keys are the same.
fn environment(ecr: &EcrServer, aws: &AwsServer) -> Vec<(String, String)> {
    let mut all = ecr.env();
    all.extend(aws.env());
    all
}

fn assumed(aws: &AwsServer) -> Vec<String> {
    let calls = aws.calls();
    calls
        .iter()
        .filter(|call| call.operation == "AssumeRole")
        .map(|call| call.subject.clone())
        .collect()
}

#[test]
fn a_chain_of_roles_over_two_accounts_reads_the_registry_and_each_role_is_assumed_once() {
    let (ecr, aws) = servers();
    let mut own = Lister::start(environment(&ecr, &aws), "");
    let denied = own.list().concat();
    assert!(
        denied.contains("Denied") && denied.contains("the repository's own policy"),
        "{denied}"
    );

    aws.set_role(MIDDLE, Trust::of(&aws.user()));
    aws.set_role(READER, Trust::of(MIDDLE).with_external_id("shop-7"));
    let mut lister = Lister::start(environment(&ecr, &aws), &format!("{MIDDLE},{READER} shop-7"));
    for _ in 0..3 {
        assert_eq!(lister.list(), ["ok 1"; 3]);
    }
    assert_eq!(assumed(&aws), [MIDDLE, READER]);
    for call in aws.calls() {
        assert_eq!((call.region.as_str(), call.session.as_str()), ("eu-west-1", "tidegate"));
    }

    // ECR calls the session expired: it is replaced, once, in the middle of the listings.
    for key in aws.session_keys() {
        ecr.expire_key(&key);
    }
    assert_eq!(lister.list(), ["ok 1"; 3]);
    assert_eq!(assumed(&aws), [MIDDLE, READER, READER]);

    // STS calls the session of the middle role expired, too: the chain is assumed from its beginning.
    aws.end_sessions();
    for key in aws.session_keys() {
        ecr.expire_key(&key);
    }
    assert_eq!(lister.list(), ["ok 1"; 3]);
    assert!(
        assumed(&aws).ends_with(&[MIDDLE.to_owned(), READER.to_owned()]),
        "{:?}",
        aws.calls()
    );
}

#[test]
fn a_profile_file_with_a_program_and_a_source_profile_is_read_as_the_command_line_reads_it() {
    let (ecr, aws) = servers();
    aws.set_role(MIDDLE, Trust::of(&aws.user()));
    aws.set_role(READER, Trust::of(MIDDLE).with_external_id("shop-7"));
    let (keys, mut environment): (Vec<_>, Vec<_>) = environment(&ecr, &aws)
        .into_iter()
        .partition(|(name, _)| ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(&name.as_str()));
    let key = |name: &str| &keys.iter().rev().find(|(known, _)| known == name).unwrap().1;
    let folder = tempfile::tempdir().unwrap();
    let answer = folder.path().join("answer.json");
    let text = serde_json::json!({
        "Version": 1,
        "AccessKeyId": key("AWS_ACCESS_KEY_ID"),
        "SecretAccessKey": key("AWS_SECRET_ACCESS_KEY"),
    });
    std::fs::write(&answer, text.to_string()).unwrap();
    let profiles = format!(
        "[profile helper]\ncredential_process = cat {}\n\n[profile hub]\nrole_arn = {MIDDLE}\nsource_profile = helper\n",
        answer.display()
    );
    let file = folder.path().join("config");
    std::fs::write(&file, profiles).unwrap();
    environment.extend([
        ("AWS_CONFIG_FILE".to_owned(), file.display().to_string()),
        ("AWS_PROFILE".to_owned(), "hub".to_owned()),
        ("PATH".to_owned(), std::env::var("PATH").unwrap()),
    ]);
    let mut lister = Lister::start(environment, &format!("{READER} shop-7"));
    assert_eq!(lister.list(), ["ok 1"; 3]);
    assert_eq!(assumed(&aws), [MIDDLE, READER]);
}

#[test]
fn a_role_that_does_not_trust_the_agent_is_named_with_the_statement_to_add() {
    let (ecr, aws) = servers();
    let user = aws.user();
    let mut lister = Lister::start(environment(&ecr, &aws), &format!("{READER} shop-7"));
    for line in lister.list() {
        for part in [
            "Denied",
            "shop/",
            &format!("sts:AssumeRole of {READER} in eu-west-1 failed: STS reported AccessDenied"),
            "add to the trust policy of",
            &format!("{{\"AWS\":\"{user}\"}}").replace('"', "\\\""),
            "sts:ExternalId",
        ] {
            assert!(line.contains(part), "{part} is missing in: {line}");
        }
    }
    assert_eq!(assumed(&aws).len(), 1, "three repositories ask once");

    aws.set_role(MIDDLE, Trust::of(&user));
    let mut lister = Lister::start(environment(&ecr, &aws), &format!("{MIDDLE},{READER}"));
    let line = lister.list().concat();
    let caller = format!("{{\"AWS\":\"{MIDDLE}\"}}").replace('"', "\\\"");
    assert!(line.contains(&caller) && line.contains("set externalId"), "{line}");

    // The role may be assumed, and may not read: the message names the role, not the agent.
    aws.set_role(READER_NAME, Trust::of(&user));
    let elsewhere = environment(&ecr, &aws)
        .into_iter()
        .chain([("TIDEGATE_TEST_HOST".to_owned(), HOST.replace(OTHER, "777788889999"))]);
    let line = Lister::start(elsewhere, READER_NAME).list().concat();
    assert!(line.contains(&format!("to the role {READER_NAME}")), "{line}");
}

#[test]
fn an_sts_that_is_out_of_order_is_no_denial_and_a_role_of_another_partition_is_not_asked_for() {
    let (ecr, aws) = servers();
    aws.set_role(READER, Trust::of(&aws.user()));
    aws.set_out_of_order("AssumeRole", true);
    let line = Lister::start(environment(&ecr, &aws), READER).list().concat();
    assert!(
        line.contains("Failed") && line.contains("STS reported ServiceUnavailable"),
        "{line}"
    );

    let before = aws.calls().len();
    let line = Lister::start(environment(&ecr, &aws), "arn:aws-cn:iam::444455556666:role/reader")
        .list()
        .concat();
    assert!(
        line.contains("Denied") && line.contains("belongs to the partition aws-cn"),
        "{line}"
    );
    assert_eq!(aws.calls().len(), before);
}

/// The STS of moto is one that nobody here wrote.
#[test]
fn motos_sts_hands_out_the_session_too() {
    let (ecr, _) = servers();
    let moto = MotoServer::start(&Python::ready().unwrap()).unwrap();
    ecr.push_tag(REPOSITORIES[0], "t1").unwrap();
    let mut environment = ecr.env();
    environment.push(("AWS_ENDPOINT_URL_STS".to_owned(), moto.endpoint().to_owned()));
    environment.push(("TIDEGATE_TEST_HOST".to_owned(), ecr.default_host()));
    let lines = Lister::start(environment, &format!("{MIDDLE},{READER} shop-7")).list();
    assert_eq!(lines[0], "ok 1", "{lines:?}");
}
