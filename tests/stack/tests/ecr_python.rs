//! Checks the stand-in against botocore's model of the service, and against moto.

use std::process::Output;

use tidegate_stack::ecr::{EcrServer, MotoServer, Python};

const CHECKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/check_ecr.py");

fn check(python: &Python, arguments: &[&str]) {
    let ran = python.command().arg(CHECKS).args(arguments).output();
    let Output { status, stdout, stderr } = ran.unwrap_or_else(|error| panic!("running {CHECKS}: {error}"));
    let output = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    println!("{output}");
    assert!(status.success(), "{output}");
}

#[tokio::test]
async fn boto3_finds_every_answer_and_error_as_the_service_model_has_it() {
    let python = Python::ready().unwrap();
    let server = EcrServer::start().await.unwrap();
    check(&python, &["model", &server.endpoint()]);
}

#[tokio::test]
async fn moto_answers_the_same_scan_and_the_same_mistakes_alike() {
    let python = Python::ready().unwrap();
    let server = EcrServer::start().await.unwrap();
    let moto = MotoServer::start(&python).unwrap();
    check(&python, &["both", &server.endpoint(), moto.endpoint()]);
}
