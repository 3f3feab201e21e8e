use super::*;
use serde_json::json;

fn document(problem: &Problem) -> Value {
    serde_json::from_slice(&problem.to_json()).unwrap()
}

#[test]
fn members_and_extensions_stand_side_by_side() {
    let problem = Problem::new(409, "no_free_seat", "No free seat", "creative: 50 of 50 are held")
        .hint("revoke one")
        .request_id("r1")
        .with("outcome", "refused");
    let text = String::from_utf8(problem.to_json()).unwrap();
    assert_eq!(
        text,
        r#"{"type":"/problems/no_free_seat","title":"No free seat","status":409,"code":"no_free_seat","detail":"creative: 50 of 50 are held","hint":"revoke one","request_id":"r1","outcome":"refused"}"#
    );
}

#[test]
fn what_is_absent_is_left_out() {
    let members = document(&Problem::new(400, "x", "X", "y"));
    assert_eq!(
        members,
        json!({"type": "/problems/x", "title": "X", "status": 400, "code": "x", "detail": "y"})
    );
}

#[test]
fn an_extension_cannot_forge_a_field() {
    let problem = Problem::new(400, "x", "X", "y").with("status", 200).with("hint", "forged");
    assert_eq!(document(&problem)["status"], 400);
    assert_eq!(String::from_utf8(problem.to_json()).unwrap().matches("status").count(), 1);
    assert_eq!(document(&problem).get("hint"), None);
}

#[test]
fn as_a_response_it_has_status_type_and_retry_after() {
    let response =
        Problem::new(503, "overloaded", "Overloaded", "busy").retry_after(2).into_response();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
    assert_eq!(response.headers()[RETRY_AFTER], "2");
}

#[test]
fn a_status_that_is_none_becomes_500() {
    assert_eq!(Problem::new(7, "x", "X", "y").into_response().status(), 500);
}

#[test]
fn a_long_path_is_cut_between_characters() {
    let path = "é".repeat(PATH_SHOWN + 1);
    assert_eq!(shown(&path), format!("{}…", "é".repeat(PATH_SHOWN)));
    assert_eq!(shown("/é"), "/é");
}
