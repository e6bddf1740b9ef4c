//! The stand-in as the Rust SDK sees it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ecr::{
    Client,
    config::Credentials,
    error::{ProvideErrorMetadata, SdkError},
    types::{DescribeImagesFilter, ImageDetail, ImageIdentifier, TagStatus},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tidegate_stack::ecr::{DEFAULT_ACCOUNT, DEFAULT_REGION, EcrServer, Fault, Mark, MotoServer, Python};

fn client_as(server: &EcrServer, access_key: &str, region: &str, attempts: u32) -> Client {
    client_at(&server.endpoint(), access_key, region, attempts)
}

fn client_at(endpoint: &str, access_key: &str, region: &str, attempts: u32) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(700))
        .build();
    let config = aws_sdk_ecr::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new(access_key, "any", None, None, "test"))
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .timeout_config(timeouts)
        .build();
    Client::from_conf(config)
}

fn client(server: &EcrServer) -> Client {
    client_as(server, "AKIAEXAMPLE", DEFAULT_REGION, 1)
}

async fn tagged(client: &Client, repository: &str, page: i32) -> (Vec<ImageDetail>, usize) {
    let (images, sizes) = all_tagged(client, repository, page).await;
    assert!(
        sizes.iter().all(|size| *size <= usize::try_from(page).unwrap()),
        "{sizes:?}"
    );
    (images, sizes.len())
}

async fn all_tagged(client: &Client, repository: &str, page: i32) -> (Vec<ImageDetail>, Vec<usize>) {
    let filter = DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build();
    let (mut images, mut pages, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let call = client
            .describe_images()
            .repository_name(repository)
            .filter(filter.clone())
            .max_results(page);
        let answer = call.set_next_token(token).send().await.unwrap();
        pages.push(answer.image_details().len());
        images.extend(answer.image_details().to_vec());
        token = answer.next_token;
        if token.is_none() {
            return (images, pages);
        }
    }
}

fn names(images: &[ImageDetail]) -> BTreeSet<(String, String)> {
    let digest = |image: &ImageDetail| image.image_digest().unwrap().to_owned();
    images
        .iter()
        .flat_map(|image| image.image_tags().iter().map(move |tag| (tag.clone(), digest(image))))
        .collect()
}

#[tokio::test]
async fn all_pages_together_hold_each_tag_once_in_no_useful_order() {
    let server = EcrServer::start().await.unwrap();
    let mut pushed = BTreeSet::new();
    for number in 0..57_u32 {
        let (tag, at) = (format!("v{number:02}"), 1_700_000_000.0 + f64::from(number));
        let digest = server.push_tag_at("shop/web", &tag, at).unwrap();
        pushed.insert((tag, digest));
        server
            .push_untagged(DEFAULT_ACCOUNT, DEFAULT_REGION, "shop/web", 1.0)
            .unwrap();
    }

    let (images, pages) = tagged(&client(&server), "shop/web", 10).await;

    assert_eq!((pages, images.len()), (6, 57));
    assert_eq!(names(&images), pushed);
    assert!(!images.is_sorted_by_key(|image| image.image_pushed_at().unwrap().secs()));
    assert!(!images.is_sorted_by_key(|image| image.image_tags().to_vec()));
}

/// moto gives all images on one page, so that only the sets can be compared; it needs to be told the digest, which it
/// would otherwise make from the layers' digests.
#[tokio::test]
async fn the_same_pushes_and_the_same_scan_give_the_same_on_moto() {
    let server = EcrServer::start().await.unwrap();
    let moto = MotoServer::start(&Python::ready().unwrap()).unwrap();
    let mut scans = Vec::new();
    for endpoint in [&server.endpoint(), moto.endpoint()] {
        let client = client_at(endpoint, "AKIAEXAMPLE", DEFAULT_REGION, 1);
        client
            .create_repository()
            .repository_name("shop/web")
            .send()
            .await
            .unwrap();
        for number in 0..25 {
            let manifest = json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
                "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "size": number, "digest": "sha256:00" },
            });
            let digest = format!("sha256:{}", hex::encode(Sha256::digest(manifest.to_string())));
            let put = client
                .put_image()
                .repository_name("shop/web")
                .image_manifest(manifest.to_string());
            put.image_tag(format!("main-{number}"))
                .image_digest(digest)
                .send()
                .await
                .unwrap();
        }
        let (images, _) = all_tagged(&client, "shop/web", 10).await;
        scans.push(names(&images));
    }
    assert_eq!(scans[0].len(), 25);
    assert_eq!(scans[0], scans[1]);
}

#[tokio::test]
async fn empty_and_short_pages_hide_nothing_from_those_who_follow_the_token() {
    let server = EcrServer::start().await.unwrap();
    for number in 0..7 {
        server.push_tag("shop/web", &format!("v{number}")).unwrap();
    }
    server.limit_pages(Some(2));
    server.empty_pages(true);

    let (images, pages) = tagged(&client(&server), "shop/web", 1000).await;

    assert_eq!((images.len(), pages), (7, 7));
}

#[tokio::test]
async fn a_push_time_is_the_one_chosen_and_stays_with_the_digest() {
    let server = EcrServer::start().await.unwrap();
    let digest = server.push_tag_at("shop/web", "staging-1", 1_700_000_000.25).unwrap();
    server.retag("shop/web", &digest, "prod-1").unwrap();

    let (images, _) = tagged(&client(&server), "shop/web", 10).await;

    assert_eq!(images.len(), 1);
    assert_eq!(images[0].image_tags(), ["prod-1", "staging-1"]);
    assert_eq!(images[0].image_pushed_at().unwrap().as_secs_f64(), 1_700_000_000.25);
}

#[tokio::test]
async fn pushes_without_a_time_are_later_than_those_before_them() {
    let server = EcrServer::start().await.unwrap();
    let digests: Vec<_> = (0..20)
        .map(|number| server.push_tag("shop/web", &format!("v{number}")).unwrap())
        .collect();

    let (mut images, _) = tagged(&client(&server), "shop/web", 100).await;

    images.sort_by(|one, other| one.image_pushed_at().partial_cmp(&other.image_pushed_at()).unwrap());
    let by_time: Vec<_> = images
        .iter()
        .map(|image| image.image_digest().unwrap().to_owned())
        .collect();
    assert_eq!(by_time, digests);
}

#[tokio::test]
async fn accounts_and_regions_are_registries_of_their_own() {
    let server = EcrServer::start().await.unwrap();
    let other = "444455556666";
    server.add_key("AKIAOTHER", other);
    server
        .push(DEFAULT_ACCOUNT, DEFAULT_REGION, "shop/web", "here", None::<f64>)
        .unwrap();
    server
        .push(DEFAULT_ACCOUNT, "cn-north-1", "shop/web", "china", None::<f64>)
        .unwrap();
    server
        .push(other, DEFAULT_REGION, "shop/web", "other", None::<f64>)
        .unwrap();

    let only_tag = async |client: Client| {
        names(&tagged(&client, "shop/web", 10).await.0)
            .first()
            .unwrap()
            .0
            .clone()
    };
    assert_eq!(only_tag(client(&server)).await, "here");
    assert_eq!(
        only_tag(client_as(&server, "AKIAEXAMPLE", "cn-north-1", 1)).await,
        "china"
    );
    assert_eq!(
        only_tag(client_as(&server, "AKIAOTHER", DEFAULT_REGION, 1)).await,
        "other"
    );
    assert_eq!(
        server.registry_host(other, "cn-north-1"),
        "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn"
    );

    let across = |repository: &str| {
        client(&server)
            .describe_images()
            .registry_id(other)
            .repository_name(repository.to_owned())
            .send()
    };
    assert!(across("shop/web").await.is_ok());
    server.require_sharing();
    let denied = across("shop/web").await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDeniedException"));
    assert!(
        denied
            .message()
            .unwrap()
            .contains("no resource-based policy allows the ecr:DescribeImages action")
    );
    server
        .share(other, DEFAULT_REGION, "shop/web", DEFAULT_ACCOUNT)
        .unwrap();
    assert!(across("shop/web").await.is_ok());
}

#[tokio::test]
async fn keys_that_are_over_or_gone_are_distinguished() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag("shop/web", "v1").unwrap();
    server.expire_key("AKIAEXPIRED");
    server.revoke_key("AKIAREVOKED");

    for (key, code) in [
        ("AKIAEXPIRED", "ExpiredTokenException"),
        ("AKIAREVOKED", "UnrecognizedClientException"),
    ] {
        let client = client_as(&server, key, DEFAULT_REGION, 1);
        let error = client
            .describe_images()
            .repository_name("shop/web")
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.code(), Some(code));
    }
}

#[tokio::test]
async fn a_fault_strikes_the_named_operation_and_repositories_as_often_as_set() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag("shop/web", "v1").unwrap();
    server.push_tag("tools/ci", "v1").unwrap();
    server.fault(Fault::throttle().on("DescribeImages").repository("shop/*").times(2));
    let client = client(&server);
    let describe = |name: &str| client.describe_images().repository_name(name).send();

    assert!(describe("tools/ci").await.is_ok());
    for _ in 0..2 {
        assert_eq!(
            describe("shop/web").await.unwrap_err().code(),
            Some("ThrottlingException")
        );
    }
    assert!(describe("shop/web").await.is_ok());

    server.fault(Fault::denied().repository("shop/web"));
    for _ in 0..2 {
        let denied = describe("shop/web").await.unwrap_err();
        assert_eq!(denied.code(), Some("AccessDeniedException"));
        assert!(
            denied
                .message()
                .unwrap()
                .contains("ecr:DescribeImages on resource: arn:aws:ecr:eu-west-1:111122223333:")
        );
    }
    server.clear_faults();
    assert!(describe("shop/web").await.is_ok());

    server.fault(Fault::server_error(503).times(1));
    let failed = describe("shop/web").await.unwrap_err();
    assert_eq!(failed.code(), Some("ServerException"));
    assert_eq!(failed.raw_response().unwrap().status().as_u16(), 503);
    server.fault(Fault::expired_token().times(1));
    assert_eq!(
        describe("shop/web").await.unwrap_err().code(),
        Some("ExpiredTokenException")
    );
}

#[tokio::test]
async fn the_sdk_retries_what_is_worth_retrying() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag("shop/web", "v1").unwrap();
    let client = client_as(&server, "AKIAEXAMPLE", DEFAULT_REGION, 3);
    for fault in [
        Fault::throttle(),
        Fault::server_error(500),
        Fault::server_error(502),
        Fault::cut_body(20),
    ] {
        let mark = server.mark();
        server.fault(fault.clone().times(1));
        let answer = client.describe_images().repository_name("shop/web").send().await;
        let requests = server.requests_since(&mark).count_for("DescribeImages", "shop/web");
        assert!(
            answer.is_ok() && requests == 2,
            "{fault:?}: {requests} requests, {answer:?}"
        );
    }
}

#[tokio::test]
async fn bodies_trickle_break_and_stall() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag("shop/web", "v1").unwrap();
    let client = client(&server);
    let describe = || client.describe_images().repository_name("shop/web").send();
    let timed = async || {
        let start = Instant::now();
        (describe().await, start.elapsed())
    };

    server.fault(Fault::cut_body(40).times(1));
    let (cut, _) = timed().await;
    assert!(
        matches!(cut, Err(SdkError::DispatchFailure(_) | SdkError::ResponseError(_))),
        "{cut:?}"
    );

    server.fault(Fault::stall(40).times(1));
    let (stalled, took) = timed().await;
    assert!(matches!(stalled, Err(SdkError::TimeoutError(_))), "{stalled:?}");
    assert!(took >= Duration::from_millis(650), "{took:?}");

    server.fault(Fault::slow_body(1000).times(1));
    let (slow, took) = timed().await;
    assert!(slow.is_ok() && took > Duration::from_millis(250), "{took:?} {slow:?}");

    server.fault(Fault::delay(Duration::from_millis(300)).times(1));
    let (late, took) = timed().await;
    assert!(late.is_ok() && took >= Duration::from_millis(300), "{took:?} {late:?}");
}

#[tokio::test]
async fn waiting_for_requests_ends_at_the_request_or_says_how_many_came() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag("shop/web", "v1").unwrap();
    let mark = server.mark();
    let client = client(&server);

    let (waited, _) = tokio::join!(
        server.wait_for_requests(&mark, "DescribeImages", "shop/web", 2, Duration::from_secs(60)),
        async {
            for _ in 0..2 {
                client
                    .describe_images()
                    .repository_name("shop/web")
                    .send()
                    .await
                    .unwrap();
            }
        }
    );
    waited.unwrap();
    let late = server
        .wait_for_requests(&mark, "DescribeImages", "shop/web", 3, Duration::from_millis(30))
        .await;
    assert!(
        late.unwrap_err()
            .to_string()
            .starts_with("2 of 3 DescribeImages requests on shop/web")
    );
    assert_eq!(server.requests_since(&mark).total(), 2);
}

/// Runs itself once more in a process that has nothing but the variables that [`EcrServer::env`] gives.
#[tokio::test]
async fn the_environment_alone_leads_the_default_chain_here() {
    const DIGEST: &str = "STACK_TEST_DIGEST";
    let Ok(digest) = std::env::var(DIGEST) else {
        let server = EcrServer::start().await.unwrap();
        let digest = server.push_tag("shop/web", "v1").unwrap();
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args([
            "the_environment_alone_leads_the_default_chain_here",
            "--exact",
            "--nocapture",
        ]);
        let ran = again
            .env_clear()
            .envs(server.env())
            .env(DIGEST, digest)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
        assert_eq!(
            server
                .requests_since(&Mark::default())
                .count_for("BatchGetImage", "shop/web"),
            1
        );
        return;
    };
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let id = ImageIdentifier::builder().image_tag("v1").build();
    let answer = client
        .batch_get_image()
        .repository_name("shop/web")
        .image_ids(id)
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.images()[0].image_id().unwrap().image_digest(),
        Some(digest.as_str())
    );
}
