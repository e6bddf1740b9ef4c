//! Response bodies that are slow, end early, or never end.

use std::{convert::Infallible, io, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderValue, Response, header},
};
use futures::{StreamExt, stream};

use super::faults::FaultKind;

/// A size far above any response of this server.
const LARGEST_BODY: usize = 256 * 1024 * 1024;
/// The number of writes per second of a slow body.
const BEATS: u64 = 20;
/// The pause between the last byte of a cut body and the end of its connection. An error in a body drops buffered bytes.
const FLUSH: Duration = Duration::from_millis(20);

/// The response with a faulty body. The announced length stays the length of the whole body.
pub(super) async fn spoil(response: Response<Body>, fault: Option<&FaultKind>) -> Response<Body> {
    let Some(fault) = fault else { return response };
    if let FaultKind::Delay { milliseconds } = fault {
        tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = to_bytes(body, LARGEST_BODY).await else {
        return Response::from_parts(parts, Body::empty());
    };
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let body = match fault {
        FaultKind::SlowBody { bytes_per_second } => trickle(whole, *bytes_per_second),
        FaultKind::CutBody { at } => {
            let sent = stream::iter([Ok(first(&whole, *at))]);
            Body::from_stream(sent.chain(stream::once(async {
                tokio::time::sleep(FLUSH).await;
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "body cut on demand"))
            })))
        }
        FaultKind::Stall { after } => {
            let sent = stream::iter([Ok::<_, Infallible>(first(&whole, *after))]);
            Body::from_stream(sent.chain(stream::pending()))
        }
        _ => Body::from(whole),
    };
    Response::from_parts(parts, body)
}

fn first(whole: &Bytes, count: usize) -> Bytes {
    whole.slice(..count.min(whole.len()))
}

fn trickle(whole: Bytes, bytes_per_second: u64) -> Body {
    let rate = bytes_per_second.max(1);
    let step = usize::try_from((rate / BEATS).max(1)).unwrap_or(usize::MAX);
    let pause = Duration::from_secs_f64(step as f64 / rate as f64);
    Body::from_stream(stream::unfold(whole, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let chunk = rest.split_to(step.min(rest.len()));
        Some((Ok::<_, Infallible>(chunk), rest))
    }))
}
