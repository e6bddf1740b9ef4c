//! What is read of a body is what the SDK's own deserialiser reads of the same body.

use super::page_reader::PageReader;
use super::tags::Tags;
use crate::aws::{CallLimits, EcrHost, Identity, Sdk};
use crate::model::Secret;
use crate::port::TaggedImage;
use aws_sdk_ecr::Client;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// A server that answers each request with the same body, and a client of the server.
struct Server {
    body: Arc<Mutex<Vec<u8>>>,
    client: Client,
    runtime: Runtime,
}

/// What was read of a body: the tags, how many were left out, and the token of the next page. `None`: an error.
type Read = Option<(Vec<TaggedImage>, u64, Option<String>)>;

impl Server {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let body = Arc::new(Mutex::new(Vec::new()));
        let answer = async |State(body): State<Arc<Mutex<Vec<u8>>>>| {
            let body = body.lock().unwrap().clone();
            ([(CONTENT_TYPE, "application/x-amz-json-1.1")], body)
        };
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&body));
        let client = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, app).await });
            let sdk = Sdk::fixed(endpoint, "AKIAREADER", Secret::new("secret"), CallLimits::default());
            Client::new(
                &sdk.load(&Identity::Agent, &EcrHost::parse(HOST).unwrap().endpoint())
                    .await,
            )
        });
        Self { body, client, runtime }
    }

    /// What the SDK reads of a body, what we read, and whether the SDK had to help.
    fn read(&self, body: &[u8]) -> (Read, Read, bool) {
        *self.body.lock().unwrap() = body.to_vec();
        let request = self.client.describe_images().repository_name("shop/web");
        let reader = PageReader::default();
        let ours = request.clone().customize().interceptor(reader.clone()).send();
        let (theirs, ours) = self.runtime.block_on(async { (request.send().await, ours.await) });
        let theirs = theirs.ok().and_then(|page| {
            let mut tags = Tags::default();
            tags.add(&page.image_details?);
            Some(read(tags, page.next_token))
        });
        let is_read = reader.has_read();
        let ours = ours.ok().and_then(|page| {
            reader.end_page(&page.image_details?);
            Some(read(reader.into_tags(), page.next_token))
        });
        (theirs, ours, is_read)
    }
}

fn read(tags: Tags, token: Option<String>) -> (Vec<TaggedImage>, u64, Option<String>) {
    let ignored = tags.ignored();
    (tags.images(), ignored, token)
}

fn digest(number: u64) -> String {
    format!("sha256:{number:064x}")
}

/// An image with all that ECR reports.
fn image(number: u64, tags: &[&str]) -> Value {
    json!({
        "registryId": "111122223333", "repositoryName": "shop/web", "imageDigest": digest(number), "imageTags": tags,
        "imageSizeInBytes": 123_456_789, "imagePushedAt": 1_700_000_000.123, "lastRecordedPullTime": 1.7e9,
        "imageScanStatus": {"status": "COMPLETE", "description": "done \"well\""},
        "imageScanFindingsSummary": {"imageScanCompletedAt": 1.7e9, "findingSeverityCounts": {"HIGH": 3}},
        "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactMediaType": "application/vnd.oci.image.config.v1+json", "imageStatus": "ACTIVE",
    })
}

fn page(images: &[Value]) -> String {
    json!({ "imageDetails": images, "nextToken": "abc/+==" }).to_string()
}

/// Bodies that are read here.
fn usual() -> Vec<String> {
    let mut bare = image(2, &["v2"]);
    let members = bare.as_object_mut().unwrap();
    members.retain(|key, _| key == "imageDigest" || key == "imageTags");
    let mut unknown = image(3, &["v3"]);
    unknown["somethingNew"] = json!({"a": [1, -2.5e-3, {"b": null}, true, false, "]}"]});
    let mut nulls = image(4, &["v4"]);
    for key in [
        "imagePushedAt",
        "imageStatus",
        "artifactMediaType",
        "imageSizeInBytes",
        "imageScanStatus",
    ] {
        nulls[key] = Value::Null;
    }
    let mut archived = image(5, &["v5", "v5"]);
    archived["imageStatus"] = json!("ARCHIVED");
    let mut moved = image(6, &["v1"]);
    moved["imagePushedAt"] = json!(1_800_000_000);
    let sha512 =
        json!({"imageDigest": format!("sha512:{}", "a".repeat(128)), "imageTags": ["long"], "imagePushedAt": 1});
    let far =
        json!({"imageDigest": digest(7), "imageTags": ["far", "-bad", ""], "imagePushedAt": 99_999_999_999.75_f64});
    let untagged = json!({"imageDigest": digest(8), "imageTags": null});
    let escaped = page(&[image(9, &["v9"])])
        .replace("v9", "v\\u0039")
        .replace("vnd.oci", "vnd\\u002eoci");
    vec![
        page(&[]),
        page(&[
            image(1, &["v1", "latest"]),
            bare,
            unknown,
            nulls,
            archived,
            moved,
            sha512,
            far,
            untagged,
        ]),
        json!({ "nextToken": null, "imageDetails": [image(1, &["v1"])], "more": [[], {}] }).to_string(),
        serde_json::to_string_pretty(&json!({ "imageDetails": [image(1, &["v1"])] })).unwrap(),
        escaped,
        page(&[
            json!({"imageTags": ["x"]}),
            json!({"imageDigest": "sha256:12", "imageTags": ["y"]}),
        ]),
        r#"{"imageDetails":[{"imageTags":["a"],"imageTags":["b"],"imageDigest":null}]}"#.to_owned(),
    ]
}

/// Bodies with something that the SDK has to judge.
fn unusual() -> Vec<String> {
    let whole = page(&[image(1, &["v1"])]);
    let with = |from: &str, to: &str| whole.replace(from, to);
    let mut bodies: Vec<String> = (0..whole.len()).step_by(7).map(|end| whole[..end].to_owned()).collect();
    bodies.extend([
        with("[\"v1\"]", "[\"v1\", null]"),
        with("[\"v1\"]", "\"v1\""),
        with("[\"v1\"]", "[\"v\\ud800\"]"),
        with("[\"v1\"]", "[\"v\u{1}\"]"),
        with("[\"v1\"]", "[\"v\\q\"]"),
        with("123456789", "1e400"),
        with("123456789", "99999999999999999999999"),
        with("123456789", "1.5"),
        with("123456789", "1e3"),
        with("123456789", "\"12\""),
        with("1700000000.123", "\"NaN\""),
        with("1700000000.123", "\"2024-01-01\""),
        with("1700000000.123", "1e308"),
        with("1700000000.123", "1e400"),
        with("1700000000.0", "-1e400"),
        with("1700000000.123", "-"),
        with("1700000000.123", "1.2.3"),
        with("1700000000.123", "0x10"),
        with("\"ACTIVE\"", "7"),
        with("\"111122223333\"", "111122223333"),
        with("\"imageTags\"", "\"image\\u0054ags\""),
        with("}", "},"),
        with("]", ",]"),
        format!("{whole}{whole}"),
        format!("{whole} x"),
        "[]".to_owned(),
        "{}".to_owned(),
        String::new(),
        "null".to_owned(),
        r#"{"imageDetails":null}"#.to_owned(),
        r#"{"imageDetails":[null]}"#.to_owned(),
        r#"{"imageDetails":[],"imageDetails":[{"imageTags":["twice"]}]}"#.to_owned(),
        format!(
            "{{\"imageDetails\":[{{\"x\":{}{}}}]}}",
            "[".repeat(200),
            "]".repeat(200)
        ),
    ]);
    bodies
}

#[test]
fn usual_bodies_are_read_here_and_say_what_the_sdk_says() {
    let server = Server::start();
    for body in usual() {
        let (theirs, ours, is_read) = server.read(body.as_bytes());
        assert!(is_read && theirs.is_some(), "{body}");
        assert_eq!(theirs, ours, "{body}");
    }
}

#[test]
fn unusual_bodies_are_what_the_sdk_makes_of_them() {
    let server = Server::start();
    for body in unusual() {
        let (theirs, ours, _) = server.read(body.as_bytes());
        assert_eq!(theirs, ours, "{body}");
    }
    let (theirs, ours, is_read) = server.read(b"{\"imageDetails\":[{\"imageTags\":[\"\xff\"]}]}");
    assert_eq!((theirs, is_read), (ours, false));
}

#[test]
fn a_fault_inside_of_the_result_of_a_scan_does_not_fail_the_listing() {
    let body = page(&[image(1, &["v1"])]).replace("\"HIGH\":3", "\"HIGH\":\"many\"");
    let (theirs, ours, is_read) = Server::start().read(body.as_bytes());
    assert!(theirs.is_none() && is_read && ours.is_some_and(|(images, ..)| images.len() == 1));
}

#[test]
fn any_change_of_a_body_leads_to_what_the_sdk_makes_of_it() {
    let server = Server::start();
    let bodies = usual();
    let change = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0u8..4,
        any::<prop::sample::Index>(),
    );
    let changes = (any::<prop::sample::Index>(), prop::collection::vec(change, 1..4));
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&changes, |(of, changes)| {
        let mut body = of.get(&bodies).clone().into_bytes();
        for (at, from, kind, with) in changes {
            if body.is_empty() {
                break;
            }
            let (at, from) = (at.index(body.len()), from.index(body.len()));
            let byte = *with.get(b"{}[]\",:\\0-e. nu\x01\xff");
            match kind {
                0 => drop(body.remove(at)),
                1 => body[at] = byte,
                2 => body.insert(at, byte),
                _ => {
                    let piece: Vec<u8> = body[from..].iter().take(20).copied().collect();
                    drop(body.splice(at..at, piece));
                }
            }
        }
        let (theirs, ours, is_read) = server.read(&body);
        // Inside of a scan's result types are not checked.
        prop_assert!(theirs == ours || theirs.is_none() && is_read && body.windows(9).any(|part| part == b"imageScan"));
        Ok(())
    });
    outcome.unwrap();
}
