//! The registry room against the ECR stand-in, over the unmodified SDK. Needs no cluster and no git.

use futures::future::join_all;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::aws::{CallLimits, Sdk};
use tidegate::model::{Repository, Secret};
use tidegate::port::{ListFailure, Listing, Registry};
use tidegate::registry::{ReadLimits, Router};
use tidegate::telemetry::Metrics;
use tidegate_stack::ecr::{EcrServer, Fault};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const NAME: &str = "shop/web";

/// The stand-in, and a router that sends its requests to it.
struct Edge {
    server: EcrServer,
    router: Arc<Router>,
    metrics: Metrics,
}

impl Edge {
    async fn start() -> Self {
        Self::start_with(ReadLimits::default(), quick()).await
    }

    async fn start_with(read: ReadLimits, calls: CallLimits) -> Self {
        let server = EcrServer::start().await.unwrap();
        let metrics = Metrics::new();
        let sdk = Sdk::fixed(server.endpoint(), "AKIAREADER", Secret::new("stand-in"), calls);
        let router = Arc::new(Router::new(sdk, Vec::new(), read, metrics.clone()));
        Self {
            server,
            router,
            metrics,
        }
    }

    fn repository(&self, name: &str) -> Repository {
        Repository {
            host: self.server.default_host(),
            path: name.into(),
        }
    }

    async fn list(&self) -> Result<Listing, ListFailure> {
        self.router.list(&self.repository(NAME)).await
    }

    /// Pushes `count` images with the tags `t0`, `t1` and so on. Their push times are a second apart.
    fn push(&self, count: usize) {
        for at in 0..count {
            let pushed_at = 1_700_000_000.5 + at as f64;
            self.server.push_tag_at(NAME, &format!("t{at}"), pushed_at).unwrap();
        }
    }

    /// Starts a listing of 2,500 images on pages of 100, and runs `spoil` after the second page.
    async fn spoiled_midway(&self, spoil: impl FnOnce(&EcrServer)) -> Result<Listing, ListFailure> {
        self.push(2500);
        self.server.limit_pages(Some(100));
        let mark = self.server.mark();
        let (router, repository) = (Arc::clone(&self.router), self.repository(NAME));
        let listing = tokio::spawn(async move { router.list(&repository).await });
        let two = self
            .server
            .wait_for_requests(&mark, "DescribeImages", NAME, 2, Duration::from_secs(60));
        two.await.unwrap();
        spoil(&self.server);
        listing.await.unwrap()
    }
}

/// Deadlines for a server on loopback. The pauses between attempts are the SDK's own.
fn quick() -> CallLimits {
    CallLimits {
        connect: Duration::from_secs(1),
        attempt: Duration::from_millis(400),
        operation: Duration::from_secs(20),
        attempts: 3,
    }
}

/// A rate that leaves time to set a fault between two pages.
fn slow() -> ReadLimits {
    ReadLimits {
        per_second: 20.0,
        burst: 1,
        ..ReadLimits::default()
    }
}

fn assert_complete(listing: &Listing, count: usize) {
    let mut expected: Vec<_> = (0..count).map(|at| format!("t{at}")).collect();
    expected.sort();
    let found: Vec<_> = listing.images.iter().map(|image| image.tag.to_string()).collect();
    assert_eq!(found, expected);
}

fn assert_says(failure: &ListFailure, parts: &[&str]) {
    let text = failure.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

#[tokio::test]
async fn all_2500_tags_are_found_although_pages_come_in_no_order() {
    let edge = Edge::start().await;
    edge.push(2500);
    edge.server.push_untagged(ACCOUNT, REGION, NAME, 1.0).unwrap();
    let mark = edge.server.mark();
    let listing = edge.list().await.unwrap();
    assert_complete(&listing, 2500);
    for image in listing.images.iter() {
        let at: i64 = image.tag.as_str()[1..].parse().unwrap();
        let pushed_at = image.pushed_at.unwrap();
        assert_eq!(
            pushed_at.as_millisecond(),
            (1_700_000_000 + at) * 1000 + 500,
            "{}",
            image.tag
        );
        assert!(image.pullable);
    }
    assert_eq!(listing.requests, 3);
    assert_eq!(edge.server.requests_since(&mark).total(), 3);
}

#[tokio::test]
async fn short_and_empty_pages_are_read_on() {
    let edge = Edge::start_with(
        ReadLimits {
            per_second: 1000.0,
            ..ReadLimits::default()
        },
        quick(),
    )
    .await;
    edge.push(2500);
    edge.server.limit_pages(Some(100));
    edge.server.empty_pages(true);
    let listing = edge.list().await.unwrap();
    assert_complete(&listing, 2500);
    assert!(listing.requests >= 49, "{} requests", listing.requests);
}

#[tokio::test]
async fn a_repository_without_tags_is_an_empty_listing() {
    let edge = Edge::start().await;
    edge.server.create_repository(ACCOUNT, REGION, NAME).unwrap();
    edge.server.push_untagged(ACCOUNT, REGION, NAME, 1.0).unwrap();
    assert!(edge.list().await.unwrap().images.is_empty());
}

#[tokio::test]
async fn two_tags_on_one_image_share_its_digest_and_push_time() {
    let edge = Edge::start().await;
    let digest = edge.server.push_tag_at(NAME, "v1", 1_700_000_000.0).unwrap();
    edge.server.retag(NAME, &digest, "prod").unwrap();
    let images: Vec<_> = edge.list().await.unwrap().images.iter().collect();
    let names: Vec<_> = images.iter().map(|image| image.tag.as_str()).collect();
    assert_eq!(names, ["prod", "v1"]);
    assert_eq!(
        (&images[0].digest, images[0].pushed_at),
        (&images[1].digest, images[1].pushed_at)
    );
    assert_eq!(images[0].digest.as_ref().map(ToString::to_string), Some(digest));
}

#[tokio::test]
async fn a_temporary_fault_costs_requests_but_no_tags() {
    let faults = [
        Fault::throttle().times(2),
        Fault::server_error(500).times(2),
        Fault::server_error(502).times(1),
        Fault::server_error(503).times(1),
        Fault::cut_body(2000).times(1),
        Fault::stall(100).times(1),
        Fault::delay(Duration::from_secs(5)).times(1),
        Fault::expired_token().times(1),
    ];
    let cases = faults.map(async |fault| {
        let edge = Edge::start().await;
        edge.push(10);
        edge.server.fault(fault.clone());
        let mark = edge.server.mark();
        let listing = edge
            .list()
            .await
            .unwrap_or_else(|failure| panic!("{fault:?}: {failure}"));
        assert_complete(&listing, 10);
        let sent = edge.server.requests_since(&mark).total();
        assert!(sent > 1, "{fault:?} had no effect");
        assert_eq!(u64::from(listing.requests), sent, "{fault:?}");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_permanent_fault_is_a_failure_with_its_reason() {
    let allow = "allow ecr:DescribeImages on arn:aws:ecr:eu-west-1:111122223333:repository/shop/web";
    let cases = [
        (Fault::throttle(), 3, "throttled", ["ThrottlingException", "throttles"]),
        (Fault::server_error(500), 3, "failed", ["ServerException", "AWS's side"]),
        (Fault::server_error(502), 3, "failed", ["HTTP 502", "AWS's side"]),
        (Fault::cut_body(2000), 3, "failed", ["could not be read", "is ignored"]),
        (Fault::stall(100), 3, "failed", ["in time", "ecr.api"]),
        (Fault::slow_body(100), 3, "failed", ["in time", "ecr.api"]),
        (
            Fault::expired_token(),
            2,
            "denied",
            ["ExpiredTokenException", "renew them"],
        ),
        (Fault::denied(), 1, "denied", ["AccessDeniedException", allow]),
    ];
    let cases = cases.map(async |(fault, requests, kind, parts)| {
        let edge = Edge::start().await;
        edge.push(10);
        edge.server.fault(fault.clone());
        let mark = edge.server.mark();
        let failure = edge.list().await.unwrap_err();
        let found = match failure {
            ListFailure::NotFound { .. } => "not found",
            ListFailure::Denied { .. } => "denied",
            ListFailure::Throttled { .. } => "throttled",
            ListFailure::Unsupported { .. } => "unsupported",
            ListFailure::Failed { .. } => "failed",
        };
        assert_eq!(found, kind, "{fault:?}: {failure}");
        assert_says(&failure, &[&edge.repository(NAME).to_string()]);
        assert_says(&failure, &parts);
        assert_eq!(edge.server.requests_since(&mark).total(), requests, "{fault:?}");
        edge.server.clear_faults();
        assert_complete(&edge.list().await.unwrap(), 10);
    });
    join_all(cases).await;
}

#[tokio::test]
async fn a_fault_on_a_later_page_is_never_a_shorter_listing() {
    let faults = [
        Fault::throttle(),
        Fault::server_error(500),
        Fault::expired_token(),
        Fault::denied(),
        Fault::cut_body(3000),
        Fault::stall(3000),
    ];
    let cases = faults.map(async |fault| {
        let edge = Edge::start_with(slow(), quick()).await;
        let outcome = edge.spoiled_midway(|server| server.fault(fault.clone())).await;
        assert!(
            outcome.is_err(),
            "{fault:?} gave a listing of {}",
            outcome.unwrap().images.len()
        );
    });
    join_all(cases).await;
}

#[tokio::test]
async fn page_tokens_that_expire_midway_end_the_listing() {
    let edge = Edge::start_with(slow(), quick()).await;
    let failure = edge.spoiled_midway(EcrServer::expire_page_tokens).await.unwrap_err();
    assert_says(&failure, &["InvalidParameterException", "is ignored"]);
}

#[tokio::test]
async fn a_listing_beyond_its_deadline_or_page_limit_is_a_failure() {
    let deadline = ReadLimits {
        deadline: Duration::from_millis(300),
        ..slow()
    };
    let pages = ReadLimits {
        pages: 20,
        per_second: 1000.0,
        ..ReadLimits::default()
    };
    for (limits, part) in [(deadline, "within 0.3 s"), (pages, "more than 20 pages")] {
        let edge = Edge::start_with(limits, quick()).await;
        edge.push(2500);
        edge.server.limit_pages(Some(100));
        assert_says(&edge.list().await.unwrap_err(), &[part]);
    }
}

#[tokio::test]
async fn requests_keep_to_the_rate_of_the_registry() {
    let limits = ReadLimits {
        per_second: 50.0,
        burst: 5,
        ..ReadLimits::default()
    };
    let edge = Edge::start_with(limits, quick()).await;
    edge.push(1);
    let started = Instant::now();
    let listings = (0..30).map(|_| edge.list());
    for listing in join_all(listings).await {
        listing.unwrap();
    }
    let took = started.elapsed();
    assert!(
        took >= Duration::from_millis(500),
        "25 requests at 50/s took only {took:?}"
    );
}

#[tokio::test]
async fn one_account_that_hangs_does_not_delay_another() {
    let limits = ReadLimits {
        readers: 1,
        ..ReadLimits::default()
    };
    let edge = Edge::start_with(limits, quick()).await;
    edge.push(1);
    let other = Repository {
        host: edge.server.registry_host("444455556666", REGION),
        path: NAME.into(),
    };
    edge.server.push("444455556666", REGION, NAME, "t0", 1.0).unwrap();
    edge.server.fault(Fault::stall(0).account(ACCOUNT));
    let mark = edge.server.mark();
    let (router, hanging) = (Arc::clone(&edge.router), edge.repository(NAME));
    let hung = tokio::spawn(async move { router.list(&hanging).await });
    let sent = edge
        .server
        .wait_for_requests(&mark, "DescribeImages", NAME, 1, Duration::from_secs(60));
    sent.await.unwrap();
    assert_complete(&edge.router.list(&other).await.unwrap(), 1);
    assert!(!hung.is_finished());
    hung.abort();
}

#[tokio::test]
async fn a_missing_repository_differs_from_one_without_tags() {
    let edge = Edge::start().await;
    let failure = edge.list().await.unwrap_err();
    assert!(matches!(failure, ListFailure::NotFound { .. }), "{failure}");
    assert_says(
        &failure,
        &[
            &edge.repository(NAME).to_string(),
            "RepositoryNotFoundException",
            "create it, or correct the image's name",
        ],
    );
}

#[tokio::test]
async fn a_repository_of_another_account_is_read_when_its_policy_allows_it() {
    let edge = Edge::start().await;
    edge.push(3);
    edge.server.require_sharing();
    edge.server.add_key("AKIAREADER", "444455556666");
    let failure = edge.list().await.unwrap_err();
    assert!(matches!(failure, ListFailure::Denied { .. }), "{failure}");
    assert_says(&failure, &["444455556666", "also in the repository's own policy"]);
    edge.server.share(ACCOUNT, REGION, NAME, "444455556666").unwrap();
    assert_complete(&edge.list().await.unwrap(), 3);
}

#[tokio::test]
async fn a_deleted_key_is_denied_with_the_message_of_aws() {
    let edge = Edge::start().await;
    edge.push(1);
    edge.server.revoke_key("AKIAREADER");
    let failure = edge.list().await.unwrap_err();
    assert!(matches!(failure, ListFailure::Denied { .. }), "{failure}");
    assert_says(
        &failure,
        &["UnrecognizedClientException", "does not know the agent's credentials"],
    );
}

#[tokio::test]
async fn a_host_that_only_looks_like_ecr_gets_no_request() {
    let edge = Edge::start().await;
    let mark = edge.server.mark();
    for host in [
        "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
        "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
    ] {
        let repository = Repository {
            host: host.into(),
            path: NAME.into(),
        };
        let failure = edge.router.list(&repository).await.unwrap_err();
        assert!(matches!(failure, ListFailure::Unsupported { .. }), "{failure}");
        assert_says(
            &failure,
            &[host, "is not the host of an ECR registry", "correct the image's name"],
        );
    }
    assert_eq!(edge.server.requests_since(&mark).total(), 0);
}

#[tokio::test]
async fn an_endpoint_that_refuses_connections_is_a_failure() {
    let edge = Edge::start().await;
    let repository = edge.repository(NAME);
    let Edge { server, router, .. } = edge;
    drop(server);
    let failure = router.list(&repository).await.unwrap_err();
    assert!(matches!(failure, ListFailure::Failed { .. }), "{failure}");
    assert_says(&failure, &["the connection to ECR", "refused", "reaches"]);
}

#[tokio::test]
async fn every_request_and_listing_is_counted() {
    let edge = Edge::start().await;
    edge.push(1);
    edge.server.fault(Fault::server_error(500).times(1));
    edge.list().await.unwrap();
    edge.router.list(&edge.repository("shop/absent")).await.unwrap_err();
    let text = edge.metrics.render();
    for line in [
        r#"tidegate_registry_requests_total{outcome="ok"} 1"#,
        r#"tidegate_registry_requests_total{outcome="server_error"} 1"#,
        r#"tidegate_registry_requests_total{outcome="refused"} 1"#,
        r#"tidegate_registry_listings_total{outcome="ok"} 1"#,
        r#"tidegate_registry_listings_total{outcome="not_found"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
    }
}

/// Runs [`a_listing_by_the_environment_alone`] in another process that has only this environment.
fn listing_in(environment: impl IntoIterator<Item = (String, String)>, host: String) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "registry::a_listing_by_the_environment_alone",
            "--ignored",
            "--nocapture",
        ])
        .env_clear()
        .envs(environment)
        .env("TIDEGATE_TEST_HOST", host)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
#[ignore = "the tests below run it, each with another environment"]
async fn a_listing_by_the_environment_alone() {
    let router = Router::new(Sdk::new(quick()), Vec::new(), ReadLimits::default(), Metrics::new());
    let repository = Repository {
        host: std::env::var("TIDEGATE_TEST_HOST").unwrap(),
        path: NAME.into(),
    };
    match router.list(&repository).await {
        Ok(listing) => println!("found {}", listing.images.len()),
        Err(failure) => println!("failed {failure:?}"),
    }
}

#[tokio::test]
async fn credentials_and_endpoint_come_from_the_environment_as_in_every_aws_tool() {
    let server = EcrServer::start().await.unwrap();
    server.push_tag(NAME, "t0").unwrap();
    let output = listing_in(server.env(), server.default_host());
    assert!(output.contains("found 1"), "{output}");
}

#[tokio::test]
async fn without_credentials_the_failure_names_the_ways_to_get_some() {
    let server = EcrServer::start().await.unwrap();
    let keyless = server.env().into_iter().filter(|(name, _)| !name.contains("_KEY"));
    let output = listing_in(keyless, server.default_host());
    for part in ["Denied", "no AWS credentials", "IRSA, EKS Pod Identity"] {
        assert!(output.contains(part), "{part:?} is missing in: {output}");
    }
}
