//! The IAM policies of the pages: what AWS would refuse when a reader pastes them.

use super::of_language;
use regex::Regex;
use serde_json::Value;

/// All strings of a value, with the key that each stands under.
fn strings<'a>(key: &'a str, value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => found.push((key, text)),
        Value::Array(all) => all.iter().for_each(|value| strings(key, value, found)),
        Value::Object(all) => all.iter().for_each(|(key, value)| strings(key, value, found)),
        _ => {}
    }
}

/// Why IAM would not take a statement, if so.
fn mistake(statement: &Value) -> Option<String> {
    let keys: Vec<&String> = statement.as_object()?.keys().collect();
    let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
    if let Some(unknown) = keys.iter().find(|key| !known.contains(&key.as_str())) {
        return Some(format!("unknown key {unknown}"));
    }
    if !["Allow", "Deny"].contains(&statement["Effect"].as_str()?) || statement["Action"].is_null() {
        return Some("no effect or no action".to_owned());
    }
    if statement["Principal"].is_null() && statement["Resource"].is_null() {
        return Some("neither a resource nor a principal".to_owned());
    }
    let mut found = Vec::new();
    strings("", statement, &mut found);
    let arn = Regex::new(r"^arn:(aws|aws-cn|aws-us-gov):([a-z0-9-]+):([a-z0-9-]*):(\d{12}):(.+)$").unwrap();
    let action = Regex::new(r"^[a-z0-9-]+:[A-Z][A-Za-z]+$").unwrap();
    found.into_iter().find_map(|(key, text)| {
        let bad = match key {
            "Action" => !action.is_match(text),
            _ if text.starts_with("arn:") => match arn.captures(text) {
                None => true,
                // Each partition has its own regions and its own hosts.
                Some(parts) => {
                    let in_china = text.contains("cn-north") || text.contains("amazonaws.com.cn");
                    let is_global = parts[3].starts_with("eu-") || parts[3].starts_with("us-");
                    (in_china && &parts[1] != "aws-cn") || (is_global && &parts[1] != "aws")
                }
            },
            _ => false,
        };
        bad.then(|| format!("{key}: {text}"))
    })
}

#[test]
fn every_policy_is_one_that_iam_takes() {
    let (mut policies, mut wrong) = (0, Vec::new());
    for block in of_language("json") {
        let value: Value = serde_json::from_str(&block.text).unwrap();
        let Some(statements) = value["Statement"].as_array() else {
            continue;
        };
        policies += 1;
        assert_eq!(value["Version"], "2012-10-17", "{}:{}", block.page, block.line);
        let mistakes = statements.iter().filter_map(mistake);
        wrong.extend(mistakes.map(|text| format!("{}:{}: {text}", block.page, block.line)));
    }
    assert!(policies >= 8, "only {policies} policies were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn mistakes_that_pages_of_others_have_are_found() {
    let statement =
        |resource: &str, action: &str| serde_json::json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let good = "arn:aws:iam::444455556666:role/mirror";
    assert_eq!(mistake(&statement(good, "sts:AssumeRole")), None);
    for (resource, action) in [
        ("arn:aws:iam:::444455556666:role/mirror", "sts:AssumeRole"),
        (
            "arn:aws:ecr:cn-north-1:444455556666:repository/shop/*",
            "ecr:DescribeImages",
        ),
        (
            "arn:aws-cn:ecr:eu-west-1:444455556666:repository/shop/*",
            "ecr:DescribeImages",
        ),
        (good, "AssumeRole"),
    ] {
        assert!(mistake(&statement(resource, action)).is_some(), "{resource} {action}");
    }
}
