//! What kustomize 5.8.1 makes of items that have one name, on either side of a strategic merge patch.

use crate::plan::overlay::merge::merge;
use crate::plan::overlay::object::Identity;
use serde_json::{Value, json};

fn deployment(lists: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": lists}}})
}

/// The containers after a merge, as `name=image`.
fn containers(list: &str, object: Value, patch: Value) -> Vec<String> {
    let mut object = object;
    let identity = Identity::of(&object);
    assert!(merge(&mut object, &patch, &identity));
    let items = object
        .pointer(&format!("/spec/template/spec/{list}"))
        .cloned()
        .unwrap_or_default();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let items = items.as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|item| format!("{}={}", text(item, "name"), text(item, "image")))
        .collect()
}

fn doubled() -> Value {
    deployment(json!({"containers": [
        {"name": "x", "image": "x:1"},
        {"name": "a", "image": "a:1"},
        {"name": "y", "image": "y:1"},
        {"name": "a", "image": "a:2"},
        {"name": "a", "image": "a:3"},
    ]}))
}

#[test]
fn of_the_items_of_one_name_that_an_object_has_the_last_stays_in_the_place_of_the_first() {
    let of = |patch: Value| containers("containers", doubled(), patch);
    let one_each = ["x=x:1", "a=a:3", "y=y:1"];
    assert_eq!(of(json!({"spec": {"replicas": 2}})), one_each);
    assert_eq!(of(json!({"metadata": {"name": "d"}})), one_each);
    assert_eq!(
        of(deployment(json!({"initContainers": [{"name": "z", "image": "z:1"}]}))),
        one_each
    );
    let patched = |items: Value| of(deployment(json!({"containers": items})));
    assert_eq!(
        patched(json!([{"name": "b", "image": "b:1"}])),
        ["b=b:1", "x=x:1", "a=a:3", "y=y:1"]
    );
    assert_eq!(
        patched(json!([{"name": "a", "image": "a:9"}])),
        ["a=a:3", "x=x:1", "y=y:1"]
    );
    assert_eq!(
        patched(json!([{"name": "a", "$patch": "replace", "image": "q"}])),
        ["a=a:3", "x=x:1", "y=y:1"]
    );
    assert_eq!(patched(json!([{"name": "a", "$patch": "delete"}])), ["x=x:1", "y=y:1"]);
}

#[test]
fn of_the_items_of_one_name_in_a_patch_the_first_counts_and_in_a_new_list_the_last() {
    let twice = |name: &str| json!([{"name": name, "image": "p:1"}, {"name": name, "image": "p:2"}]);
    let patched = |items: Value| containers("containers", doubled(), deployment(json!({"containers": items})));
    assert_eq!(patched(twice("x")), ["x=p:1", "a=a:3", "y=y:1"]);
    assert_eq!(patched(twice("z")), ["z=p:1", "x=x:1", "a=a:3", "y=y:1"]);
    let kept_then_deleted = json!([{"name": "x", "image": "p:1"}, {"name": "x", "$patch": "delete"}]);
    assert_eq!(patched(kept_then_deleted), ["x=p:1", "a=a:3", "y=y:1"]);
    let new = deployment(json!({"initContainers": twice("z")}));
    assert_eq!(containers("initContainers", doubled(), new), ["z=p:2"]);
}
