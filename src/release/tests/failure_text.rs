//! What helm says about a failure.

use super::super::*;

#[test]
fn a_failure_is_one_line_without_the_values_that_are_secret() {
    let secrets = ["hunter2-the-key".to_owned(), "abc".to_owned()];
    let output = "I0101 noise\nError: UPGRADE FAILED: Secret \"a\" is invalid: data: Invalid value: \"pa\\\"ss\": no good\n\
        and hunter2-the-key, aHVudGVyMi10aGUta2V5\n";
    let text = failure_text(output, &secrets);
    assert_eq!(
        text,
        "UPGRADE FAILED: Secret \"a\" is invalid: data: Invalid value: <hidden>: no good and <hidden>, <hidden>"
    );
    assert_eq!(failure_text(" \n", &[]), "helm gave no reason");
    assert!(failure_text(&"x".repeat(100_000), &[]).len() < 4_000);
}

#[test]
fn a_secret_that_ends_with_a_line_is_hidden_without_its_end_too() {
    let secrets = ["hunter2-the-key\n".to_owned()];
    let text = failure_text(
        "Error: login with hunter2-the-key refused, aHVudGVyMi10aGUta2V5\n",
        &secrets,
    );
    assert_eq!(text, "login with <hidden> refused, <hidden>");
}
