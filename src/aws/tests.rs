use super::failure::CredentialsFailure;
use super::kept::Kept;
use super::partition::Partition;
use super::script::Script;
use aws_credential_types::Credentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use futures::future::join_all;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, advance};

/// A clock that follows the paused time of the test.
fn now() -> SystemTime {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    let since = Instant::now().into_std().saturating_duration_since(*start);
    SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000) + since
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The session with this number; it lasts an hour.
fn session(number: usize) -> Credentials {
    let token = Some("token".to_owned());
    Credentials::new(
        format!("key-{number}"),
        "secret",
        token,
        Some(now() + minutes(60)),
        "script",
    )
}

fn away() -> CredentialsFailure {
    CredentialsFailure::None {
        why: "out of order".to_owned(),
    }
}

async fn key(kept: &Kept) -> String {
    match kept.get().await {
        Ok(credentials) => credentials.access_key_id().to_owned(),
        Err(failure) => failure.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_cause_one_request_and_a_day_causes_one_for_each_session() {
    let script = Script::new(|number| Ok(session(number)));
    let kept = Arc::new(Kept::new(script.clone(), now));
    for key in join_all((0..1000).map(|_| key(&kept))).await {
        assert_eq!(key, "key-0");
    }
    assert_eq!(script.fetched(), 1);
    for minute in 1..=24 * 60 {
        advance(minutes(1)).await;
        let credentials = kept.get().await.unwrap();
        let left = credentials.expiry().unwrap().duration_since(now()).unwrap();
        assert!(left >= minutes(14), "{left:?} are left after {minute} minutes");
    }
    assert!((32..=33).contains(&script.fetched()), "{}", script.fetched());
}

#[tokio::test(start_paused = true)]
async fn the_old_credentials_serve_while_new_ones_cannot_be_fetched_and_no_longer_than_they_live() {
    let script = Script::new(|number| match number {
        0 => Ok(session(0)),
        1..100 => Err(away()),
        number => Ok(session(number)),
    });
    let kept = Kept::new(script.clone(), now);
    assert_eq!(key(&kept).await, "key-0");
    advance(minutes(46)).await;
    for _ in 0..500 {
        assert_eq!(key(&kept).await, "key-0");
    }
    assert_eq!(script.fetched(), 2, "a failed fetch is not repeated by each caller");
    while script.fetched() < 40 {
        advance(Duration::from_secs(15)).await;
        assert_eq!(key(&kept).await, "key-0");
    }
    advance(minutes(14)).await;
    for _ in 0..500 {
        assert!(key(&kept).await.contains("out of order"));
    }
    assert_eq!(
        script.fetched(),
        41,
        "the failure answers the other callers for a moment"
    );
    for _ in 0..60 {
        advance(Duration::from_secs(5)).await;
        key(&kept).await;
    }
    assert_eq!(key(&kept).await, "key-100", "the fetch succeeds again");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_aws_calls_expired_are_dropped_at_once() {
    let script = Script::new(|number| Ok(session(number)));
    let kept = Kept::new(script, now);
    assert_eq!(key(&kept).await, "key-0");
    kept.forget();
    assert_eq!(key(&kept).await, "key-1");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_answers_fails_by_its_deadline() {
    struct Silent;
    impl super::source::Source for Silent {
        fn fetch(&self) -> futures::future::BoxFuture<'_, Result<Credentials, CredentialsFailure>> {
            Box::pin(std::future::pending())
        }
        fn identity(&self) -> String {
            "the role arn:aws:iam::111122223333:role/silent".to_owned()
        }
    }
    let failure = Kept::new(Silent, now).get().await.unwrap_err();
    assert!(failure.is_transient());
    let text = failure.to_string();
    assert!(text.contains("role/silent") && text.contains("within 30 s"), "{text}");
}

/// Where the SDK sends a call of STS: the endpoint of the region, never the global one, which China does not have.
#[tokio::test]
async fn every_partition_has_an_sts_of_the_region() {
    for (region, fips, dual, host) in [
        ("eu-west-1", false, false, "sts.eu-west-1.amazonaws.com"),
        ("us-east-1", false, false, "sts.us-east-1.amazonaws.com"),
        ("us-east-1", true, false, "sts-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", false, true, "sts.eu-west-1.api.aws"),
        ("cn-north-1", false, false, "sts.cn-north-1.amazonaws.com.cn"),
        ("cn-northwest-1", false, false, "sts.cn-northwest-1.amazonaws.com.cn"),
        ("cn-north-1", false, true, "sts.cn-north-1.api.amazonwebservices.com.cn"),
        ("us-gov-west-1", false, false, "sts.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", false, false, "sts.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", false, false, "sts.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", false, false, "sts.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", false, false, "sts.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", false, false, "sts.us-isof-south-1.csp.hci.ic.gov"),
    ] {
        let params = Params::builder().region(region).use_fips(fips).use_dual_stack(dual);
        let params = params.use_global_endpoint(false).build().unwrap();
        let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
        assert_eq!(endpoint.url(), format!("https://{host}"), "{region}");
        let partition = Partition::of_region(region).unwrap();
        let suffix = if dual {
            partition.dual_stack_suffix
        } else {
            partition.suffix
        };
        assert!(host.ends_with(suffix), "{region}: {suffix}");
    }
}

#[test]
fn a_text_that_is_no_region_has_no_partition() {
    for text in [
        "",
        "eu-west",
        "eu--1",
        "cn-north-1a",
        "global",
        "eu-west-1 ",
        "EU-WEST-1",
        "eu-west-100",
    ] {
        assert_eq!(Partition::of_region(text), None, "{text}");
    }
}
