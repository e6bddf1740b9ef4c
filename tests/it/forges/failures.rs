use super::scene::{codecommit, github, gitlab};
use std::time::Duration;
use tidegate_stack::forge::Instead;

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Instead {
    Instead {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// Each refusal in the forge's own form: the message, and how long the agent does not call the forge.
#[tokio::test]
async fn a_forges_refusals_are_reported_in_its_words_with_what_to_do() {
    let now = jiff::Timestamp::now().as_second();
    let reset = (now + 90).to_string();
    let (github, gitlab, codecommit) = (github().await, gitlab().await, codecommit().await);
    let bad = r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}"#;
    let limit = r#"{"message":"API rate limit exceeded for installation ID 1."}"#;
    let cases = [
        (
            0,
            answer(401, &[], bad),
            vec!["HTTP 401", "Bad credentials", "automation.pullRequest.tokenFile"],
            None,
        ),
        (
            0,
            answer(
                403,
                &[],
                r#"{"message":"Resource not accessible by personal access token"}"#,
            ),
            vec!["not accessible", "read and write pull requests"],
            None,
        ),
        (
            0,
            answer(
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)],
                limit,
            ),
            vec!["rate limit"],
            Some(85..=90),
        ),
        (
            0,
            answer(
                403,
                &[("retry-after", "60")],
                r#"{"message":"You have exceeded a secondary rate limit."}"#,
            ),
            vec!["secondary rate limit"],
            Some(60..=60),
        ),
        (
            0,
            answer(
                301,
                &[("location", "http://127.0.0.1:1/")],
                r#"{"message":"Moved Permanently"}"#,
            ),
            vec!["has moved", "automation.pullRequest.project"],
            None,
        ),
        (
            0,
            answer(404, &[], r#"{"message":"Not Found"}"#),
            vec!["does not exist", "automation.pullRequest.project"],
            None,
        ),
        (
            0,
            answer(200, &[("content-type", "text/html")], "<html>"),
            vec!["not JSON", "automation.pullRequest.api"],
            None,
        ),
        (0, answer(200, &[], r#"{"message":"hi"}"#), vec!["lacks the list"], None),
        (
            0,
            answer(502, &[], "<html>bad gateway"),
            vec!["HTTP 502", "has a fault"],
            None,
        ),
        (
            1,
            answer(401, &[], r#"{"message":"401 Unauthorized"}"#),
            vec!["401 Unauthorized", "tokenFile"],
            None,
        ),
        (
            1,
            answer(
                403,
                &[],
                r#"{"error":"insufficient_scope","error_description":"The request requires higher privileges"}"#,
            ),
            vec!["insufficient_scope", "higher privileges"],
            None,
        ),
        (
            1,
            answer(429, &[("retry-after", "30")], "Retry later\n"),
            vec!["too many calls"],
            Some(30..=30),
        ),
        (
            2,
            answer(
                400,
                &[],
                r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized to perform: codecommit:ListPullRequests"}"#,
            ),
            vec!["AccessDeniedException", "UpdatePullRequestStatus"],
            None,
        ),
        (
            2,
            answer(
                400,
                &[],
                r#"{"__type":"RepositoryDoesNotExistException","message":"fleet does not exist"}"#,
            ),
            vec![
                "RepositoryDoesNotExistException",
                "fleet does not exist",
                "automation.pullRequest.project",
            ],
            None,
        ),
        (
            2,
            answer(
                400,
                &[],
                r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
            ),
            vec!["too many calls", "Rate exceeded"],
            Some(1..=60),
        ),
    ];
    for (which, response, parts, wait) in cases {
        let case = format!("{response:?}");
        let forge = match which {
            0 => {
                github.server.answer_once(response);
                &github.forge
            }
            1 => {
                gitlab.server.answer_once(response);
                &gitlab.forge
            }
            _ => {
                codecommit.server.answer_once(response);
                &codecommit.forge
            }
        };
        let failure = forge.requests().await.unwrap_err();
        for part in parts {
            assert!(failure.message.contains(part), "{case}: {part}: {}", failure.message);
        }
        let waits = failure.wait.map(|wait| wait.as_secs());
        assert!(
            match (&wait, waits) {
                (Some(range), Some(waits)) => range.contains(&waits),
                (None, None) => true,
                _ => false,
            },
            "{case}: {waits:?}"
        );
        assert!(!failure.message.contains(tidegate_stack::forge::TOKEN));
    }
    for faults in [
        github.server.faults(),
        gitlab.server.faults(),
        codecommit.server.faults(),
    ] {
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// A rotated Secret is another file.
#[tokio::test]
async fn the_token_is_read_for_each_call_and_a_missing_token_is_an_error() {
    let scene = gitlab().await;
    let file = scene.folder.path().join("token");
    scene.forge.requests().await.unwrap();
    scene.assert_as_described();
    std::fs::write(&file, "another-token-altogether").unwrap();
    scene.forge.requests().await.unwrap();
    assert!(
        scene.server.faults()[0].contains("another-token-altogether"),
        "the next call sends it"
    );
    for content in ["", "two words"] {
        std::fs::write(&file, content).unwrap();
        let failure = scene.forge.requests().await.unwrap_err();
        assert!(
            failure.message.contains("one word") && failure.message.contains("tokenFile"),
            "{}",
            failure.message
        );
    }
    std::fs::remove_file(&file).unwrap();
    let failure = scene.forge.requests().await.unwrap_err();
    assert!(failure.message.contains("No such file"), "{}", failure.message);
    assert!(failure.wait.is_none() || failure.wait < Some(Duration::from_secs(60)));
}
