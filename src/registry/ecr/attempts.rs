use crate::model::Secret;
use crate::telemetry::{Metrics, RequestOutcome, remember_token};
use aws_sdk_ecr::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeDeserializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The longest response body, in bytes. A page of a thousand images with many tags each has a few MiB.
const MAX_BODY: usize = 64 << 20;

/// Observes every attempt of the SDK, retries included. Counts the attempts, remembers the session token that goes out, so that
/// no message shows the token, and rejects a response whose body is too long,
/// whether the response announces its length or comes in chunks.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    sent: Arc<AtomicU32>,
    metrics: Metrics,
}

impl Attempts {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            sent: Arc::default(),
            metrics: metrics.clone(),
        }
    }

    /// How many requests were sent so far.
    pub(super) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "attempts"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(token) = context.request().headers().get("x-amz-security-token") {
            remember_token(&Secret::new(token));
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        *body = bounded(std::mem::replace(body, SdkBody::taken()), MAX_BODY);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let announced = context.response().headers().get("content-length");
        match announced.and_then(|text| text.parse::<u64>().ok()) {
            Some(length) if usize::try_from(length).is_ok_and(|length| length > MAX_BODY) => {
                Err(format!("the response has {length} bytes, more than the limit of {MAX_BODY} bytes").into())
            }
            _ => Ok(()),
        }
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let outcome = match context.response().map(|response| response.status().as_u16()) {
            None => RequestOutcome::NoAnswer,
            Some(500..) => RequestOutcome::ServerError,
            Some(400..) => RequestOutcome::Refused,
            Some(_) => RequestOutcome::Ok,
        };
        self.metrics.registry_request(outcome);
        Ok(())
    }
}

/// The body, which breaks off with an error behind `limit` bytes.
fn bounded(body: SdkBody, limit: usize) -> SdkBody {
    SdkBody::from_body_1_x(Limited::new(body, limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use http_body_util::{BodyExt as _, StreamBody};
    use hyper::body::Frame;

    /// A body in chunks, without an announced length.
    fn chunked(chunks: usize) -> SdkBody {
        let chunk = || Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b'x'; 1000])));
        let stream = futures::stream::iter(std::iter::repeat_with(chunk).take(chunks));
        SdkBody::from_body_1_x(StreamBody::new(stream))
    }

    #[tokio::test]
    async fn a_body_in_chunks_is_bounded_too() {
        let whole = bounded(chunked(10), 10_000).collect().await.unwrap();
        assert_eq!(whole.to_bytes().len(), 10_000);
        assert!(bounded(chunked(11), 10_000).collect().await.is_err());
        assert!(bounded(chunked(1_000_000), 10_000).collect().await.is_err());
    }
}
