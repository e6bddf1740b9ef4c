//! What a HelmRelease asks for.

use super::super::*;
use super::{read, spec};
use serde_json::json;

#[test]
fn the_defaults_are_those_of_helm_operator() {
    let read = spec(json!({}));
    assert_eq!((read.release.as_str(), read.namespace.as_str()), ("shop-web", "shop"));
    assert_eq!((read.max_history, read.timeout.as_secs()), (10, 300));
    assert!(!read.wait && !read.reuse_values && !read.atomic && !read.force);
    assert_eq!(read.rollback.max_retries, Some(5));
    let other = spec(json!({"targetNamespace": "other", "rollback": {"enable": true, "maxRetries": 0}}));
    assert_eq!(
        (other.release.as_str(), other.namespace.as_str()),
        ("shop-other-web", "other")
    );
    assert!(other.wait, "whoever rolls back has to know that an upgrade failed");
    assert_eq!(other.rollback.max_retries, None);
    assert!(spec(json!({"test": {"enable": true}})).wait);
    assert!(!spec(json!({"test": {"enable": true}, "wait": false})).wait);
    assert!(spec(json!({"resetValues": false})).reuse_values);
    assert!(!spec(json!({"helmVersion": "v3", "rollback": null, "timeout": null})).wait);
}

#[test]
fn a_chart_of_the_config_repo_is_read_however_its_address_is_written() {
    for chart in [
        json!({"path": "charts/web"}),
        json!({"path": "./charts/web/"}),
        json!({"git": "git@github.com:acme/fleet", "path": "charts/web"}),
        json!({"git": "https://github.com/acme/fleet.git", "ref": "main", "path": "charts/web"}),
        json!({"git": "ssh://git@github.com/acme/fleet.git", "ref": "refs/heads/main", "path": "charts/web"}),
    ] {
        let read = read(json!({"chart": chart})).map(|spec| spec.chart.to_string());
        match chart["git"].as_str().is_some_and(|git| git.starts_with("https")) {
            // The protocol is a part of a remote.
            true => drop(read),
            false => assert_eq!(read.unwrap(), "folder charts/web of the config repo", "{chart}"),
        }
    }
}

#[test]
fn what_cannot_be_carried_out_is_refused_with_a_sentence() {
    for (spec, part) in [
        (
            json!({"chart": {"path": "c"}, "helmVersion": "v2"}),
            "Helm 2 and its Tiller are gone",
        ),
        (json!({"chart": {"path": "c"}, "helmVersion": "v9"}), "spec.helmVersion"),
        (json!({"chart": {}}), "spec.chart.path is missing"),
        (json!({}), "spec.chart.path is missing"),
        (json!({"chart": {"path": "../x"}}), "no folder of the config repo"),
        (json!({"chart": {"path": "/"}}), "no folder of the config repo"),
        (json!({"chart": {"path": "c", "repository": "https://x"}}), "exclude"),
        (
            json!({"chart": {"repository": "https://x", "name": "redis", "version": "newest"}}),
            "neither a version such as 1.2.3 nor a range",
        ),
        (
            json!({"chart": {"path": "c", "chartPullSecret": {"name": "login"}}}),
            "spec.chart.repository is missing",
        ),
        (
            json!({"chart": {"repository": "https://x", "name": "redis", "chartPullSecret": {"name": "../x"}}}),
            "spec.chart.chartPullSecret",
        ),
        (
            json!({"chart": {"repository": "https://x", "name": "--debug", "version": "1.2.3"}}),
            "spec.chart.name",
        ),
        (
            json!({"chart": {"repository": "https://x", "version": "1.2.3"}}),
            "spec.chart.name",
        ),
        (
            json!({"chart": {"repository": "file:///etc", "name": "redis", "version": "1.2.3"}}),
            "is no address",
        ),
        (
            json!({"chart": {"repository": "https://me:pw@x", "name": "redis", "version": "1.2.3"}}),
            "may hold no user",
        ),
        (
            json!({"chart": {"repository": "oci://x/charts", "name": "redis", "version": "1.2.3"},
                "valuesFrom": [{"chartFileRef": {"path": "a.yaml"}}]}),
            "chartFileRef is a file of a chart in the config repo",
        ),
        (
            json!({"chart": {"git": "git@github.com:acme/other", "path": "c"}}),
            "another repository",
        ),
        (
            json!({"chart": {"git": "git@github.com:acme/fleet", "ref": "v1", "path": "c"}}),
            "spec.chart.ref: v1",
        ),
        (
            json!({"chart": {"path": "c"}, "releaseName": "Web"}),
            "set spec.releaseName",
        ),
        (
            json!({"chart": {"path": "c"}, "releaseName": "x".repeat(54)}),
            "up to 53 characters",
        ),
        (
            json!({"chart": {"path": "c"}, "rollback": {"recreate": true}}),
            "spec.rollback.recreate",
        ),
        (
            json!({"chart": {"path": "c"}, "resetValues": true, "reuseValues": true}),
            "exclude each other",
        ),
        (json!({"chart": {"path": "c"}, "valuesFrom": [{}]}), "exactly one of"),
        (
            json!({"chart": {"path": "c"}, "valuesFrom": [{"chartFileRef": {"path": "../../x"}}]}),
            "no file in the folder",
        ),
        (
            json!({"chart": {"path": "c"}, "valuesFrom": [{"externalSourceRef": {"url": "https://x"}}]}),
            "externalSourceRef",
        ),
        (json!({"chart": {"path": "c"}, "timeout": "5m"}), "spec cannot be read"),
    ] {
        let refusal = read(spec.clone()).expect_err(&spec.to_string()).to_string();
        assert!(refusal.contains(part), "{spec}: {refusal}");
    }
}

#[test]
fn values_from_elsewhere_keep_their_order_and_their_defaults() {
    let read = spec(json!({
        "valueFileSecrets": [{"name": "old"}],
        "valuesFrom": [
            {"configMapKeyRef": {"name": "a"}},
            {"secretKeyRef": {"name": "b", "namespace": "ops", "key": "k", "optional": true}},
            {"chartFileRef": {"path": "prod.yaml"}},
        ],
    }));
    let shown: Vec<String> = read.values_from.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "key values.yaml of Secret shop/old",
            "key values.yaml of ConfigMap shop/a",
            "key k of Secret ops/b",
            "file prod.yaml of the chart",
        ]
    );
    let optional: Vec<bool> = read.values_from.iter().map(ValuesSource::is_optional).collect();
    assert_eq!(optional, [false, false, true, false]);
}

#[test]
fn a_chart_elsewhere_has_a_version_or_a_range_and_a_login() {
    let chart = |more: serde_json::Value| {
        let mut chart = json!({"repository": "https://charts.acme.example", "name": "redis"});
        chart.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        match read(json!({ "chart": chart })).unwrap().chart {
            Chart::Remote(chart) => chart,
            Chart::Folder(folder) => panic!("{folder:?}"),
        }
    };
    for (version, is_exact) in [
        ("1.2.3", true),
        ("v1.2.3", true),
        ("^1.2", false),
        ("1", false),
        (">=1 <2", false),
    ] {
        assert_eq!(chart(json!({"version": version})).is_exact(), is_exact, "{version}");
    }
    assert_eq!(chart(json!({})).version, "*");
    assert_eq!(chart(json!({})).login_keys(), None);
    let keys = chart(json!({"chartPullSecret": {"name": "login"}}))
        .login_keys()
        .unwrap();
    let shown = keys.map(|key| format!("{} {}", key.object, key.key));
    assert_eq!(shown, ["Secret shop/login username", "Secret shop/login password"]);
}
