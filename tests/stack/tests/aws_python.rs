//! Checks the stand-in for STS and EKS with boto3, and beside moto.

use std::process::Output;

use tidegate_stack::aws::{AwsServer, Cluster, Trust};
use tidegate_stack::ecr::{MotoServer, Python};

const CHECKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/check_aws.py");

#[test]
fn boto3_finds_roles_signatures_and_clusters_as_in_aws() {
    let python = Python::ready().unwrap();
    let moto = MotoServer::start(&python).unwrap();
    let server = AwsServer::start().unwrap();
    server.set_role("arn:aws:iam::444455556666:role/team/reader", Trust::of(&server.user()));
    let guarded = Trust::of(&server.user()).with_external_id("shop-7");
    server.set_role("arn:aws:iam::444455556666:role/guarded", guarded);
    for (name, status) in [("prod", "ACTIVE"), ("young", "CREATING")] {
        let cluster = Cluster {
            endpoint: "https://127.0.0.1:6443".to_owned(),
            authority: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(),
            status: status.to_owned(),
        };
        server.set_cluster("eu-west-1", name, cluster);
    }
    let ran = python
        .command()
        .args([CHECKS, &server.endpoint(), moto.endpoint()])
        .output();
    let Output { status, stdout, stderr } = ran.unwrap_or_else(|error| panic!("running {CHECKS}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    println!("{stdout}{stderr}");
    assert!(status.success(), "{stdout}{stderr}");
}
