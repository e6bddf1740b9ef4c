//! The `/v2/` side of the stand-in, and the stand-in as a program of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use reqwest::{
    Client, Method, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LINK, WWW_AUTHENTICATE},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidegate_stack::ecr::{DEFAULT_ACCOUNT, DEFAULT_REGION, EcrServer, Fault};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

async fn ask(server: &EcrServer, method: Method, path: &str, password: Option<&str>) -> Response {
    let request = Client::new().request(method, format!("{}{path}", server.endpoint()));
    match password {
        Some(password) => request.basic_auth("AWS", Some(password)),
        None => request,
    }
    .send()
    .await
    .unwrap()
}

async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["errors"][0]["code"].as_str().unwrap().to_owned())
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[tokio::test]
async fn a_manifest_and_its_config_are_got_by_tag_and_digest() {
    let server = EcrServer::start().await.unwrap();
    let digest = server.push_tag("shop/web", "v1").unwrap();
    let password = server.password(DEFAULT_ACCOUNT, DEFAULT_REGION);
    let get = async |path: String| ask(&server, Method::GET, &path, Some(&password)).await;

    let head = ask(&server, Method::HEAD, "/v2/shop/web/manifests/v1", Some(&password)).await;
    let length: usize = head.headers()[CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    assert_eq!(
        (head.status(), head.headers()[CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, OCI_MANIFEST)
    );
    assert_eq!(head.headers()["docker-content-digest"], digest.as_str());

    let by_tag = get("/v2/shop/web/manifests/v1".to_owned()).await.bytes().await.unwrap();
    assert_eq!((by_tag.len(), digest_of(&by_tag)), (length, digest.clone()));
    let by_digest = get(format!("/v2/shop/web/manifests/{digest}"))
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(by_digest, by_tag);

    let manifest: Value = serde_json::from_slice(&by_tag).unwrap();
    let config = manifest["config"]["digest"].as_str().unwrap();
    let blob = get(format!("/v2/shop/web/blobs/{config}")).await.bytes().await.unwrap();
    assert_eq!(digest_of(&blob), config);
    assert_eq!(serde_json::from_slice::<Value>(&blob).unwrap()["os"], "linux");

    let absent = async |path: &str| code(get(path.to_owned()).await).await;
    assert_eq!(
        absent("/v2/shop/web/manifests/v2").await,
        (404, "MANIFEST_UNKNOWN".to_owned())
    );
    assert_eq!(
        absent("/v2/shop/api/manifests/v1").await,
        (404, "NAME_UNKNOWN".to_owned())
    );
    assert_eq!(
        absent("/v2/shop/web/blobs/sha256:00").await,
        (404, "BLOB_UNKNOWN".to_owned())
    );
}

#[tokio::test]
async fn tags_come_in_pages_that_link_to_the_next() {
    let server = EcrServer::start().await.unwrap();
    let mut expected: Vec<_> = (0..11).map(|number| format!("v{number}")).collect();
    for tag in &expected {
        server.push_tag("shop/web", tag).unwrap();
    }
    expected.sort();
    let password = server.password(DEFAULT_ACCOUNT, DEFAULT_REGION);

    let (mut found, mut sizes, mut next) = (Vec::new(), Vec::new(), Some("/v2/shop/web/tags/list?n=4".to_owned()));
    while let Some(path) = next {
        let page = ask(&server, Method::GET, &path, Some(&password)).await;
        let link = page.headers().get(LINK).map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        let body: Value = page.json().await.unwrap();
        let tags: Vec<String> = serde_json::from_value(body["tags"].clone()).unwrap();
        sizes.push(tags.len());
        found.extend(tags);
    }
    assert_eq!((found, sizes), (expected, vec![4, 4, 3]));
    let wrong = ask(&server, Method::GET, "/v2/shop/web/tags/list?n=x", Some(&password)).await;
    assert_eq!(code(wrong).await, (400, "PAGINATION_NUMBER_INVALID".to_owned()));
}

#[tokio::test]
async fn only_a_password_of_this_region_that_has_not_ended_opens() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag("shop/web", "v1").unwrap();
    let get = async |password: Option<&str>| ask(&server, Method::GET, "/v2/shop/web/manifests/v1", password).await;

    for password in [None, Some("guess")] {
        let refused = get(password).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            refused.headers()[WWW_AUTHENTICATE],
            "Basic realm=\"https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/\",service=\"ecr.amazonaws.com\""
        );
    }
    let elsewhere = server.password(DEFAULT_ACCOUNT, "us-east-1");
    assert_eq!(code(get(Some(&elsewhere)).await).await, (403, "DENIED".to_owned()));
    let other_account = server.password("444455556666", DEFAULT_REGION);
    assert_eq!(get(Some(&other_account)).await.status(), StatusCode::OK);
    server.require_sharing();
    assert_eq!(code(get(Some(&other_account)).await).await, (403, "DENIED".to_owned()));
    server.set_token_lifetime(Duration::ZERO);
    let over = server.password(DEFAULT_ACCOUNT, DEFAULT_REGION);
    let refused = get(Some(&over)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("Your authorization token has expired")
    );
}

#[tokio::test]
async fn the_host_header_names_account_and_region() {
    let server = EcrServer::start().await.unwrap();
    let digest = server
        .push("444455556666", "cn-north-1", "shop/web", "v1", 1.0)
        .unwrap();
    let found = Client::new()
        .head(format!("{}/v2/shop/web/manifests/v1", server.endpoint()))
        .header(HOST, server.registry_host("444455556666", "cn-north-1"))
        .basic_auth("AWS", Some(server.password("444455556666", "cn-north-1")))
        .send()
        .await
        .unwrap();
    assert_eq!(found.headers()["docker-content-digest"], digest.as_str());
}

#[tokio::test]
async fn faults_strike_here_in_the_registrys_own_words() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag("shop/web", "v1").unwrap();
    let password = server.password(DEFAULT_ACCOUNT, DEFAULT_REGION);
    let get = async || ask(&server, Method::GET, "/v2/shop/web/manifests/v1", Some(&password)).await;

    for (fault, expected) in [
        (Fault::throttle(), (429, "TOOMANYREQUESTS")),
        (Fault::denied(), (403, "DENIED")),
    ] {
        server.fault(fault.on("oci:manifest").repository("shop/*").times(1));
        assert_eq!(code(get().await).await, (expected.0, expected.1.to_owned()));
    }
    server.fault(Fault::server_error(503).times(1));
    assert_eq!(get().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    server.fault(Fault::cut_body(10).times(1));
    assert!(get().await.bytes().await.is_err());
    assert!(get().await.bytes().await.is_ok());
}

#[tokio::test]
async fn the_program_is_filled_spoiled_and_counted_with_plain_http_and_ends_with_its_owner() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ecr-standin"))
        .args([
            "--account",
            "444455556666",
            "--region",
            "cn-north-1",
            "--until-stdin-closes",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let base = line.trim().strip_prefix("listening ").unwrap().to_owned();
    let http = Client::new();
    let admin = async |method: Method, what: &str, body: Option<Value>| {
        let request = http.request(method, format!("{base}/_admin/{what}"));
        let request = body.iter().fold(request, |request, body| request.json(body));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };

    let (status, pushed) = admin(
        Method::POST,
        "push?repository=shop/web&tag=abc1234&pushed_at=1700000000.5",
        None,
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(
        pushed["image"],
        "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web:abc1234"
    );
    assert_eq!(admin(Method::POST, "push?repository=shop/web", None).await.0, 400);
    assert_eq!(admin(Method::POST, "push?repository=shop/web&tag=-", None).await.0, 400);
    let (_, faults) = admin(Method::POST, "faults", Some(json!({ "kind": "throttle", "times": 1 }))).await;
    assert_eq!(faults["faults"][0]["kind"], "throttle");

    let list = async || {
        let scope = "Credential=AKIAEXAMPLE/20261121/cn-north-1/ecr/aws4_request, SignedHeaders=host, Signature=00";
        let request = http
            .post(&base)
            .header("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.ListImages");
        let request = request.header("authorization", format!("AWS4-HMAC-SHA256 {scope}"));
        request
            .body(r#"{"repositoryName":"shop/web"}"#)
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    };
    assert_eq!(list().await["__type"], "ThrottlingException");
    assert_eq!(
        list().await["imageIds"],
        json!([{ "imageDigest": pushed["digest"], "imageTag": "abc1234" }])
    );
    let (_, counts) = admin(Method::GET, "requests", None).await;
    assert_eq!(
        counts["requests"],
        json!([{ "operation": "ListImages", "repository": "shop/web", "count": 2 }])
    );

    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}
