//! Reads the images of DescribeImages from the body of the response, in place of the SDK's deserialiser.
//!
//! The SDK signs, sends, repeats and judges the requests, and reads everything else. Its deserialiser makes some twenty
//! allocations for each image. So an interceptor replaces the body of a successful response: the images go to [`Tags`], and the
//! SDK gets the same body with an empty list of images. A body with anything unexpected goes to the SDK as it is.

use super::rows::Rows;
use super::tags::{Mark, Tags};
use aws_sdk_ecr::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::BoxError;
use aws_sdk_ecr::types::ImageDetail;
use aws_smithy_types::body::SdkBody;
use axum::body::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Collects the tags of all pages of a listing. A clone collects into the same tags.
#[derive(Clone, Debug, Default)]
pub(super) struct PageReader(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    tags: Tags,
    /// The tags of the pages that are complete.
    complete: Mark,
    /// Whether the tags of the page in hand were read from its body.
    is_read: bool,
}

impl PageReader {
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a page. `details` are the images that the SDK read: all of the page, or none if its body was read here.
    pub(super) fn end_page(&self, details: &[ImageDetail]) {
        let mut pages = self.lock();
        if !pages.is_read {
            pages.tags.add(details);
        }
        pages.complete = pages.tags.mark();
        pages.is_read = false;
    }

    /// Whether the tags of the page in hand were read from its body.
    #[cfg(test)]
    pub(super) fn has_read(&self) -> bool {
        self.lock().is_read
    }

    /// The tags of all pages.
    pub(super) fn into_tags(self) -> Tags {
        std::mem::take(&mut self.lock().tags)
    }

    /// Begins an attempt to read a page. What an attempt before has left is taken back.
    fn begin_attempt(&self) {
        let mut pages = self.lock();
        let complete = pages.complete;
        pages.tags.take_back(complete);
        pages.is_read = false;
    }

    /// Reads the images of a body. Returns what is left for the SDK.
    fn read(&self, body: Bytes) -> Bytes {
        let Some(rows) = Rows::read(&body) else {
            tracing::debug!("a page has an unusual form, and the SDK reads it");
            return body;
        };
        let mut pages = self.lock();
        pages.tags.add_rows(&rows);
        pages.is_read = true;
        rows.rest(&body).into()
    }
}

impl Intercept for PageReader {
    fn name(&self) -> &'static str {
        "page reader"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.begin_attempt();
        let response = context.response_mut();
        if response.status().as_u16() == 200 {
            let body = response.body_mut();
            let inner = std::mem::replace(body, SdkBody::taken());
            let reader = self.clone();
            let read = async move {
                let whole = inner.collect().await?;
                Ok::<_, BoxError>(Frame::data(reader.read(whole.to_bytes())))
            };
            *body = SdkBody::from_body_1_x(StreamBody::new(futures::stream::once(read)));
        }
        Ok(())
    }
}
