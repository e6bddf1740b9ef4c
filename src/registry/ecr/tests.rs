//! Responses that no correct registry gives, from a server that returns what the test scripts.

use crate::aws::{CallLimits, Sdk};
use crate::model::{Repository, Secret};
use crate::port::{ListFailure, Listing, Registry};
use crate::registry::{ReadLimits, Router};
use crate::telemetry::Metrics;
use axum::extract::{Json, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Returns the response body for a request body.
type Script = Arc<dyn Fn(&Value) -> Value + Send + Sync>;

/// The headers and bodies of the requests so far.
type Requests = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

fn page(images: &[(&str, &[&str])], next: Option<&str>) -> Value {
    let details: Vec<_> = images
        .iter()
        .map(|(fill, tags)| {
            json!({
                "imageDigest": format!("sha256:{}", fill.repeat(64)),
                "imageTags": tags,
                "imagePushedAt": 1_700_000_000.25,
            })
        })
        .collect();
    json!({ "imageDetails": details, "nextToken": next })
}

async fn list(
    script: impl Fn(&Value) -> Value + Send + Sync + 'static,
) -> (Result<Listing, ListFailure>, Requests, Metrics) {
    let (mut outcomes, requests, metrics) = list_times(1, script).await;
    (outcomes.remove(0).map(Arc::unwrap_or_clone), requests, metrics)
}

/// Lists the repository again and again, each time with the listing before in hand.
async fn list_times(
    times: usize,
    script: impl Fn(&Value) -> Value + Send + Sync + 'static,
) -> (Vec<Result<Arc<Listing>, ListFailure>>, Requests, Metrics) {
    let requests = Requests::default();
    let script: Script = Arc::new(script);
    let answer =
        async |State((script, requests)): State<(Script, Requests)>, headers: HeaderMap, Json(body): Json<Value>| {
            let answer = script(&body);
            requests.lock().unwrap().push((headers, body));
            Json(answer)
        };
    let as_json = axum::middleware::map_request(async |mut request: axum::extract::Request| {
        request
            .headers_mut()
            .insert("content-type", "application/json".parse().unwrap());
        request
    });
    let app = axum::Router::new()
        .fallback(answer)
        .layer(as_json)
        .with_state((script, Arc::clone(&requests)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let metrics = Metrics::new();
    let sdk = Sdk::fixed(endpoint, "AKIAREADER", Secret::new("secret"), CallLimits::default());
    let limits = ReadLimits {
        per_second: 10_000.0,
        deadline: Duration::from_secs(20),
        ..ReadLimits::default()
    };
    let repository = Repository {
        host: "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn".into(),
        path: "shop/web".into(),
    };
    let router = Router::new(sdk, Vec::new(), limits, metrics.clone());
    let mut outcomes: Vec<Result<Arc<Listing>, ListFailure>> = Vec::new();
    for _ in 0..times {
        let before = outcomes.last().and_then(|before| before.as_ref().ok().cloned());
        outcomes.push(router.list_again(&repository, before).await);
    }
    server.abort();
    (outcomes, requests, metrics)
}

#[tokio::test]
async fn an_unchanged_listing_in_another_order_is_the_listing_before_itself() {
    let calls = Mutex::new(0);
    let (outcomes, ..) = list_times(3, move |_| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        match *calls {
            1 => page(&[("a", &["v1", "v2"]), ("b", &["v3"])], None),
            2 => page(&[("b", &["v3"]), ("a", &["v2", "v1"])], None),
            _ => page(&[("b", &["v3", "v1"]), ("a", &["v2"])], None),
        }
    })
    .await;
    let [first, second, third] = <[_; 3]>::try_from(outcomes).unwrap().map(Result::unwrap);
    assert!(Arc::ptr_eq(&first, &second));
    assert!(third.images != second.images && third.images.len() == 3, "a tag moved");
}

#[tokio::test]
async fn a_repeated_page_token_is_a_failure_and_not_a_short_listing() {
    for tokens in [&["a"][..], &["a", "b", "c"]] {
        let calls = Mutex::new(0);
        let (outcome, requests, _) = list(move |_| {
            let mut calls = calls.lock().unwrap();
            let token = tokens[*calls % tokens.len()];
            *calls += 1;
            page(&[("a", &["v1"])], Some(token))
        })
        .await;
        let failure = outcome.unwrap_err();
        assert!(failure.to_string().contains("same page token twice"), "{failure}");
        assert_eq!(requests.lock().unwrap().len(), tokens.len() + 1);
    }
}

#[tokio::test]
async fn an_endless_listing_fails_at_the_page_limit() {
    let calls = Mutex::new(0);
    let (outcome, requests, _) = list(move |_| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        page(&[], Some(&calls.to_string()))
    })
    .await;
    let failure = outcome.unwrap_err();
    assert!(failure.to_string().contains("more than 1000 pages"), "{failure}");
    assert_eq!(requests.lock().unwrap().len(), 1000);
}

#[tokio::test]
async fn an_empty_page_token_ends_the_listing() {
    let (outcome, ..) = list(|_| page(&[("a", &["v1"])], Some(""))).await;
    assert_eq!(outcome.unwrap().images.len(), 1);
}

#[tokio::test]
async fn invalid_tags_and_digests_are_left_out_and_counted() {
    let (outcome, _, metrics) = list(|_| {
        let mut answer = page(&[("a", &["good", "$(reboot)", "a\nb", "-x"]), ("Z", &["v2"])], None);
        answer["imageDetails"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "imageTags": ["v3"] }));
        answer
    })
    .await;
    let images = outcome.unwrap().images;
    assert_eq!(
        images.iter().map(|image| image.tag.to_string()).collect::<Vec<_>>(),
        ["good"]
    );
    let text = metrics.render();
    assert!(text.contains("\ntidegate_registry_tags_ignored_total 5\n"), "{text}");
}

#[tokio::test]
async fn archived_images_are_listed_as_not_pullable() {
    let (outcome, ..) = list(|_| {
        let mut answer = page(&[("a", &["v1"]), ("b", &["v2"])], None);
        answer["imageDetails"][1]["imageStatus"] = json!("ARCHIVED");
        answer
    })
    .await;
    let images = outcome.unwrap().images;
    assert_eq!(
        images.iter().map(|image| image.pullable).collect::<Vec<_>>(),
        [true, false]
    );
}

#[tokio::test]
async fn a_response_of_another_shape_is_a_failure() {
    for answer in [
        json!({}),
        json!({ "imageDetails": "none" }),
        json!({ "imageDetails": [{ "imageDigest": 7 }] }),
        json!([]),
    ] {
        let (outcome, ..) = list(move |_| answer.clone()).await;
        let failure = outcome.unwrap_err();
        assert!(matches!(failure, ListFailure::Failed { .. }), "{failure}");
    }
}

#[tokio::test]
async fn a_request_has_registry_repository_filter_and_user_agent() {
    let calls = Mutex::new(0);
    let (outcome, requests, _) = list(move |_| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        page(&[], (*calls == 1).then_some("next"))
    })
    .await;
    assert_eq!(outcome.unwrap().requests, 2);
    let requests = requests.lock().unwrap();
    let (headers, first) = &requests[0];
    let expected = json!({
        "registryId": "111122223333",
        "repositoryName": "shop/web",
        "maxResults": 1000,
        "filter": { "tagStatus": "TAGGED" },
    });
    assert_eq!(first, &expected);
    assert_eq!(requests[1].1["nextToken"], "next");
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("x-amz-target"),
        "AmazonEC2ContainerRegistry_V20150921.DescribeImages"
    );
    assert!(header("authorization").contains("/cn-north-1/ecr/aws4_request"));
    let agent = header("x-amz-user-agent");
    assert!(
        agent.contains(concat!("app/tidegate-", env!("CARGO_PKG_VERSION"))),
        "{agent}"
    );
}
