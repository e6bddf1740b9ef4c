//! Registries of the OCI distribution specification: the real one of the distribution project, and servers that misbehave.

use crate::agent::world::{World, namespace_file};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use std::sync::{Arc, Mutex};
use tidegate::aws::{CallLimits, Sdk};
use tidegate::model::{Repository, Wildcard};
use tidegate::port::{ListFailure, Listing, Registry as _};
use tidegate::registry::{OciSettings, ReadLimits, Router};
use tidegate::telemetry::Metrics;
use tidegate_stack::registry::{PASSWORD, USER};
use tidegate_stack::{ControlPlane, Registry};

fn settings(host: &str) -> OciSettings {
    OciSettings {
        host: Wildcard::new(host),
        docker_config: None,
        ca: None,
        plain_http: true,
    }
}

fn router(settings: Vec<OciSettings>) -> Router {
    Router::new(
        Sdk::new(CallLimits::default()),
        settings,
        ReadLimits::default(),
        Metrics::new(),
    )
}

fn repository(host: &str, path: &str) -> Repository {
    Repository {
        host: host.to_owned(),
        path: path.to_owned(),
    }
}

fn tags(listing: &Listing) -> Vec<String> {
    listing.images.iter().map(|image| image.tag.to_string()).collect()
}

#[tokio::test]
async fn all_pages_of_a_real_registry_are_read() {
    let registry = Registry::open().await.unwrap();
    let router = router(vec![settings(&registry.host())]);
    registry.push("shop/web", "0", "{}").await.unwrap();
    let mut count = 1;
    for (more, requests) in [(0, 1), (999, 1), (1, 2), (1499, 3)] {
        let names = (count..count + more).map(|n| format!("v{n}"));
        registry.tag_many("shop/web", "0", names).unwrap();
        count += more;
        let listing = router.list(&repository(&registry.host(), "shop/web")).await.unwrap();
        assert_eq!(listing.images.len(), count);
        assert!(tags(&listing).contains(&format!("v{}", count - 1)) || count == 1);
        assert!(
            (requests..=requests + 1).contains(&listing.requests),
            "{count} tags: {}",
            listing.requests
        );
    }
    let again = Arc::new(router.list(&repository(&registry.host(), "shop/web")).await.unwrap());
    let same = router
        .list_again(&again.repository, Some(Arc::clone(&again)))
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&same, &again), "nothing new costs no new list");
    let missing = router
        .list(&repository(&registry.host(), "shop/none"))
        .await
        .unwrap_err();
    assert!(
        matches!(&missing, ListFailure::NotFound { message } if message.contains("NAME_UNKNOWN")),
        "{missing}"
    );
}

#[tokio::test]
async fn a_login_and_an_authority_open_a_closed_registry() {
    let registry = Registry::closed().await.unwrap();
    registry.push("shop/web", "1.0.0", "{}").await.unwrap();
    let web = repository(&registry.host(), "shop/web");
    let file = registry.dir().join("login.json");
    let closed = OciSettings {
        docker_config: Some(file.clone()),
        ca: Some(registry.dir().join("ca.crt")),
        plain_http: false,
        ..settings(&registry.host())
    };
    let router = router(vec![closed.clone()]);
    let login = |password: &str| {
        let entry = serde_json::json!({"username": USER, "password": password});
        std::fs::write(
            &file,
            serde_json::json!({"auths": {registry.host(): entry}}).to_string(),
        )
        .unwrap();
    };
    for (prepare, part) in [
        (None, "login.json"),
        (Some("{\"auths\": {}}"), "set dockerConfig"),
        (Some("canary-7f3a"), "no docker config file"),
    ] {
        if let Some(text) = prepare {
            std::fs::write(&file, text).unwrap();
        }
        let failure = router.list(&web).await.unwrap_err();
        let text = failure.to_string();
        assert!(
            matches!(failure, ListFailure::Denied { .. }) && text.contains(part),
            "{text}"
        );
        assert!(!text.contains("canary"), "{text}");
    }
    login("canary-wrong");
    let wrong = router.list(&web).await.unwrap_err().to_string();
    assert!(
        wrong.contains("the login is wrong") && !wrong.contains("canary"),
        "{wrong}"
    );
    login(PASSWORD);
    assert_eq!(
        tags(&router.list(&web).await.unwrap()),
        ["1.0.0"],
        "the file is read again"
    );

    let strangers = crate::oci::router(vec![OciSettings { ca: None, ..closed }]);
    let untrusted = strangers.list(&web).await.unwrap_err().to_string();
    assert!(
        untrusted.contains("cannot be reached") && untrusted.contains("certificate"),
        "{untrusted}"
    );
}

/// What a server says to a path with its query: status, headers, body.
type Say = fn(&str, &str, Option<&str>) -> (u16, Vec<(&'static str, String)>, String);

/// A server that says so, with the requests that it had: path, query and login.
async fn scripted(say: Say) -> (String, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (requests, own) = (Arc::clone(&seen), host.clone());
    let answer = move |uri: Uri, headers: HeaderMap| {
        let (requests, own) = (Arc::clone(&requests), own.clone());
        async move {
            let login = headers.get("authorization").and_then(|value| value.to_str().ok());
            requests.lock().unwrap().push(format!("{uri} {}", login.unwrap_or("-")));
            let target = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let (status, extra, body) = say(&target, &own, login);
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in extra {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    };
    let app = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (host, seen)
}

fn page(tags: &[&str]) -> String {
    serde_json::json!({"name": "shop/web", "tags": tags}).to_string()
}

#[tokio::test]
async fn a_listing_that_is_not_whole_counts_for_nothing() {
    let cases: [(Say, &str); 8] = [
        (
            |_, _, _| {
                (
                    200,
                    vec![("link", "<http://169.254.169.254/v2/>; rel=\"next\"".into())],
                    page(&["1.0.0"]),
                )
            },
            "not on this registry",
        ),
        (
            |target, _, _| {
                (
                    200,
                    vec![("link", format!("<{target}>; rel=\"next\""))],
                    page(&["1.0.0"]),
                )
            },
            "names a page of tags twice",
        ),
        (
            |target, _, _| match target.contains("last") {
                true => (503, vec![], String::new()),
                false => (200, vec![("link", "<?last=1>; rel=\"next\"".into())], page(&["1.0.0"])),
            },
            "HTTP 503",
        ),
        (|_, _, _| (200, vec![], "<html>".into()), "not a list of tags"),
        (
            |_, _, _| (302, vec![("location", "http://other.example/".into())], String::new()),
            "redirects to",
        ),
        (
            |target, _, _| (307, vec![("location", target.to_owned())], String::new()),
            "redirects to",
        ),
        (
            |_, _, _| {
                (
                    429,
                    vec![("retry-after", "7".into())],
                    "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\"}]}".into(),
                )
            },
            "TOOMANYREQUESTS",
        ),
        (
            |_, _, _| {
                (
                    401,
                    vec![(
                        "www-authenticate",
                        "Bearer realm=\"http://169.254.169.254/token\"".into(),
                    )],
                    String::new(),
                )
            },
            "169.254.169.254 is an address of a private network",
        ),
    ];
    for (say, part) in cases {
        let (host, _) = scripted(say).await;
        let failure = router(vec![settings(&host)])
            .list(&repository(&host, "shop/web"))
            .await
            .unwrap_err();
        let text = failure.to_string();
        assert!(text.contains(part) && text.starts_with(&host), "{part}: {text}");
        if let ListFailure::Throttled { after, .. } = failure {
            assert_eq!(after.unwrap().as_secs(), 7);
        }
    }
}

#[tokio::test]
async fn a_full_page_without_a_link_is_followed_by_the_tags_after_it() {
    let (host, seen) = scripted(|target, _, _| {
        let from: usize = match target.split_once("last=") {
            Some((_, last)) => last.trim_start_matches('t').parse::<usize>().unwrap() + 1,
            None => 1000,
        };
        let all: Vec<String> = (from..(from + 1000).min(2500)).map(|n| format!("t{n}")).collect();
        (200, vec![], page(&all.iter().map(String::as_str).collect::<Vec<_>>()))
    })
    .await;
    let listing = router(vec![settings(&host)])
        .list(&repository(&host, "shop/web"))
        .await
        .unwrap();
    assert_eq!(listing.images.len(), 1500);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_it_has_ended() {
    let (host, seen) = scripted(|target, own, login| match (target.starts_with("/token"), login) {
        (true, _) => (200, vec![], "{\"token\":\"canary-token\",\"expires_in\":300}".into()),
        (false, Some("Bearer canary-token")) => (200, vec![], page(&["1.0.0"])),
        (false, _) => (
            401,
            vec![(
                "www-authenticate",
                format!("Bearer realm=\"http://{own}/token\",service=\"{own}\",scope=\"repository:shop/web:pull\""),
            )],
            String::new(),
        ),
    })
    .await;
    let router = router(vec![settings(&host)]);
    for _ in 0..3 {
        assert_eq!(
            tags(&router.list(&repository(&host, "shop/web")).await.unwrap()),
            ["1.0.0"]
        );
    }
    let seen = seen.lock().unwrap();
    let tokens: Vec<&String> = seen.iter().filter(|request| request.contains("/token")).collect();
    assert_eq!(tokens.len(), 1, "{seen:?}");
    assert!(
        tokens[0].contains("scope=repository%3Ashop%2Fweb%3Apull") && tokens[0].ends_with(" -"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_private_address_that_nobody_named_gets_no_request() {
    let (host, seen) = scripted(|_, _, _| (200, vec![], page(&["1.0.0"]))).await;
    let router = router(vec![settings("registry.acme.example"), settings("*")]);
    for host in [
        host.clone(),
        host.replace("127.0.0.1", "localhost"),
        "169.254.169.254".to_owned(),
    ] {
        let text = router
            .list(&repository(&host, "shop/web"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("private network") && text.contains("under registries"),
            "{text}"
        );
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_any_registry_is_bumped() {
    let cluster = ControlPlane::shared().await.unwrap();
    let registry = Registry::open().await.unwrap();
    registry.push("shop/web", "1.0.0", "{}").await.unwrap();
    let namespace = format!("oci-{}", std::process::id());
    let image = format!("{}/shop/web", registry.host());
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: {namespace}\n  annotations:\n    \
         tidegate.dev/automated: \"true\"\n    tidegate.dev/policy: semver:~1\nspec:\n  replicas: 0\n  selector: {{matchLabels: \
         {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      containers:\n      - name: web\n        \
         image: {image}:1.0.0\n"
    );
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("web.yaml", manifest.clone()),
    ];
    let mut world = World::with(&cluster, "oci", &namespace, &files).await;
    let registries = format!(
        "registries:\n- host: {}\n  plainHttp: true\n  scan: 1h\n",
        registry.host()
    );
    world
        .agent
        .configure(|options| options.registries = registries)
        .unwrap();
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    registry.push("shop/web", "1.1.0", "{}").await.unwrap();
    registry.push("shop/web", "2.0.0", "{}").await.unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("1.1.0").await;
    let text = world.repo.file_at("main", "web.yaml").unwrap();
    assert_eq!(text, manifest.replace(":1.0.0", ":1.1.0"));
}
