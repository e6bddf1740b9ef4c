use crate::telemetry::{Metrics, RequestOutcome};
use aws_sdk_ecr::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The longest response body, in bytes. A page of a thousand images with many tags each has a few MiB.
const MAX_BODY: u64 = 64 << 20;

/// Observes every attempt of the SDK, retries included. Counts the attempts, and rejects a response whose announced body is
/// too long.
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
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
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
            Some(length) if length > MAX_BODY => {
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
