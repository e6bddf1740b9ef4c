use super::scene::{Scene, codecommit, github, gitlab};
use tidegate::port::{ChangeRequest, Proposal, RequestState};
use tidegate_stack::forge::{Api, Stands, State};

#[tokio::test]
async fn requests_to_github_and_its_answers_match_its_api_description() {
    story(github().await, true, "https://github.com/acme/fleet/pull/").await;
}

#[tokio::test]
async fn requests_to_gitlab_and_its_answers_match_its_api_description() {
    story(
        gitlab().await,
        true,
        "https://gitlab.example.com/acme/infra/fleet/-/merge_requests/",
    )
    .await;
}

#[tokio::test]
async fn requests_to_codecommit_and_its_answers_match_the_model_of_aws() {
    let console = "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/fleet/pull-requests/";
    story(codecommit().await, false, console).await;
}

fn proposal(title: &str, body: &str) -> Proposal {
    Proposal {
        title: title.to_owned(),
        body: body.to_owned(),
    }
}

fn writes(asked: &[String]) -> usize {
    let reads = [
        "GET ",
        "POST /CodeCommit_20150413.Get",
        "POST /CodeCommit_20150413.List",
    ];
    asked
        .iter()
        .filter(|call| !reads.iter().any(|read| call.starts_with(read)))
        .count()
}

/// The whole life of a request, next to requests of other people.
async fn story<A: Api + Stands>(scene: Scene<A>, has_labels: bool, address: &str) {
    let (forge, server) = (&scene.forge, &scene.server);
    let open = || async {
        let all = forge.requests().await.unwrap();
        all.into_iter()
            .filter(|request| request.state == RequestState::Open)
            .collect::<Vec<ChangeRequest>>()
    };
    assert!(forge.requests().await.unwrap().is_empty());
    for (from, into, is_fork) in [
        ("tidegate/main", "main", true),
        ("tidegate/main", "old", false),
        ("other", "main", false),
    ] {
        let mut api = server.api();
        let number = api.stand().open(from, into, "Somebody else's", "");
        api.stand().get(number).unwrap().is_fork = is_fork;
    }
    assert!(
        forge.requests().await.unwrap().is_empty(),
        "those of others are not ours"
    );

    let first = proposal(
        "Bump shop/web to 1.4.1",
        "- \"web\": ü, `code` & <b>\n\n---\nTidegate-Bump: x\n",
    );
    let made = forge.open(&first).await.unwrap();
    assert_eq!((made.id.as_str(), made.state), ("4", RequestState::Open));
    assert_eq!(
        made.url.strip_prefix(address).unwrap().split('/').next(),
        Some("4"),
        "{}",
        made.url
    );
    let seen = open().await;
    let labels: Vec<&str> = if has_labels {
        vec!["tidegate", "images of the week"]
    } else {
        Vec::new()
    };
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].title.as_str(), seen[0].body.as_str()),
        (first.title.as_str(), first.body.as_str())
    );
    assert_eq!(seen[0].labels, labels);

    server.asked();
    assert!(!forge.update(&seen[0], &first).await.unwrap());
    assert!(server.asked().is_empty(), "nothing is asked where nothing is new");
    let second = proposal("Bump 2 images", "other words");
    assert!(forge.update(&seen[0], &second).await.unwrap());
    let seen = open().await;
    assert_eq!(
        (seen[0].title.as_str(), seen[0].body.as_str()),
        ("Bump 2 images", "other words")
    );
    if has_labels {
        server.api().stand().get(4).unwrap().labels.remove(0);
        let seen = open().await;
        assert!(forge.update(&seen[0], &second).await.unwrap());
        assert_eq!(
            server.api().stand().get(4).unwrap().labels,
            ["images of the week", "tidegate"]
        );
    }

    let refused = forge.open(&second).await;
    if has_labels {
        let failure = refused.unwrap_err();
        assert!(failure.message.contains("already exists"), "{}", failure.message);
    } else {
        let number: u64 = refused.unwrap().id.parse().unwrap();
        server.api().stand().get(number).unwrap().state = State::Closed;
    }

    server.asked();
    forge
        .close(&seen[0], "Tidegate-Overtaken: yes\n\nother words", "Overtaken.")
        .await
        .unwrap();
    assert!((2..=3).contains(&writes(&server.asked())));
    let kept = server.api().stand().get(4).unwrap().clone();
    assert_eq!(
        (kept.state, kept.comments.as_slice()),
        (State::Closed, &["Overtaken.".to_owned()][..])
    );
    assert!(kept.body.starts_with("Tidegate-Overtaken: yes"), "{}", kept.body);
    assert!(open().await.is_empty());

    let merged = forge.open(&first).await.unwrap();
    server.api().stand().get(merged.id.parse().unwrap()).unwrap().state = State::Merged;
    let all = forge.requests().await.unwrap();
    assert_eq!(all[0].state, RequestState::Merged, "the newest is first");
    assert!(all.iter().skip(1).all(|request| request.state == RequestState::Closed));

    for number in 0..120 {
        let mut api = server.api();
        let number = api.stand().open("tidegate/main", "main", &format!("Bump {number}"), "");
        api.stand().get(number).unwrap().state = State::Closed;
    }
    server.asked();
    let before = all.len();
    let all = forge.requests().await.unwrap();
    assert_eq!(all.len(), before + 120);
    let ids: Vec<u64> = all.iter().map(|request| request.id.parse().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {ids:?}");
    if !has_labels {
        server.asked();
        forge.requests().await.unwrap();
        let asked = server.asked();
        let reads = asked.iter().filter(|call| call.ends_with(".GetPullRequest")).count();
        assert!(reads <= 4, "what has ended is not asked for again: {reads}");
    }
    scene.assert_as_described();
}

/// The longest that we say fits into what the forges take.
#[tokio::test]
async fn the_longest_title_and_text_are_within_what_the_forges_describe() {
    let scene = codecommit().await;
    let room = scene.forge.size_limits();
    let longest = proposal(&"t".repeat(room.title), &"b".repeat(room.body));
    let made = scene.forge.open(&longest).await.unwrap();
    let body = tidegate::plan::superseded(&longest.body, room.body);
    scene.forge.close(&made, &body, "Overtaken.").await.unwrap();
    scene.assert_as_described();
    let too_long = proposal(&"t".repeat(room.title + 1), "");
    scene.forge.open(&too_long).await.unwrap();
    assert!(
        scene.server.faults()[0].contains("longer than"),
        "the check can fail: {:?}",
        scene.server.faults()
    );
}
