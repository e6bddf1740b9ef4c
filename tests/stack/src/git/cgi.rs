//! `git http-backend`, run once for each request as a web server would (CGI/1.1).

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use axum::body::Body;
use axum::http::{Request, Response, header};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdout, Command};

use super::program;

/// Packs in tests are far smaller.
const LARGEST_REQUEST: usize = 256 << 20;
const CHUNK: usize = 16 << 10;

/// Answers one request out of the bare repositories in `root`; `user` is who has logged in, and may therefore push.
pub(super) async fn answer(root: &Path, request: Request<Body>, user: Option<&str>) -> Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_REQUEST).await?;
    let mut command = std::process::Command::new("git");
    program::clean(&mut command);
    let text = |name: header::HeaderName| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", head.method.as_str())
        .env("PATH_INFO", head.uri.path())
        .env("QUERY_STRING", head.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING))
        .env("REMOTE_ADDR", "127.0.0.1");
    if let Some(user) = user {
        command.env("REMOTE_USER", user);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = Command::from(command).spawn().context("cannot run git http-backend")?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        bail!("git http-backend has no pipes");
    };
    tokio::spawn(async move {
        let _ = stdin.write_all(&body).await;
        drop(stdin);
        let _ = child.wait().await;
    });
    let mut stdout = BufReader::new(stdout);
    let mut response = Response::builder();
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).await? == 0 {
            bail!("git http-backend ended within its headers");
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        response = if name.eq_ignore_ascii_case("status") {
            response.status(value.split(' ').next().unwrap_or("500"))
        } else {
            response.header(name, value)
        };
    }
    Ok(response.body(Body::from_stream(chunks(stdout)))?)
}

fn chunks(stdout: BufReader<ChildStdout>) -> impl futures::Stream<Item = std::io::Result<Vec<u8>>> {
    futures::stream::unfold(stdout, |mut stdout| async move {
        let mut chunk = vec![0; CHUNK];
        match stdout.read(&mut chunk).await {
            Ok(0) => None,
            Ok(count) => {
                chunk.truncate(count);
                Some((Ok(chunk), stdout))
            }
            Err(error) => Some((Err(error), stdout)),
        }
    })
}
