//! What the strict reader takes, and what it says of the rest.

use super::*;
use crate::Metadata;

#[derive(Debug, Deserialize, PartialEq)]
struct Outer {
    count: i64,
    #[serde(default)]
    inner: Vec<Inner>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    name: String,
}

fn read(text: &str) -> Result<Outer, Malformed> {
    members(object(text.as_bytes())?, &["around"])
}

#[track_caller]
fn refused(text: &str, code: MalformedCode, pointer: &str) -> Malformed {
    let error = read(text).unwrap_err();
    assert_eq!((error.code, error.pointer.as_str()), (code, pointer), "{error:?}");
    error
}

#[test]
fn a_document_is_read() {
    let it = read(r#" {"count":-3,"inner":[{"name":"a\n"}],"metadata":{"x":1.50}} "#).unwrap();
    assert_eq!((it.count, it.inner[0].name.as_str()), (-3, "a\n"));
}

#[test]
fn metadata_passes_unread() {
    let it = read(r#"{"count":1,"metadata":{"x": 1.50, "y":[ ]}}"#).unwrap();
    assert_eq!(it.metadata.unwrap().as_str(), r#"{"x":1.50,"y":[]}"#);
    refused(r#"{"count":1,"metadata":{"x":1,"x":2}}"#, MalformedCode::InvalidMetadata, "/metadata");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    use MalformedCode::*;
    refused("", MalformedJson, "");
    refused("[1]", MalformedJson, "");
    refused(r#"{"count":1"#, MalformedJson, "");
    refused(r#"{"count":1}}"#, MalformedJson, "");
    refused(r#"{"count":1,"count":2}"#, DuplicateKey, "/count");
    refused(r#"{"count":1,"inner":[{"name":"a","name":"b"}]}"#, DuplicateKey, "/inner/0/name");
    refused("{}", MissingField, "/count");
    refused(r#"{"count":1,"inner":[{}]}"#, MissingField, "/inner/0/name");
    refused(r#"{"count":"1"}"#, WrongType, "/count");
    refused(r#"{"count":1.5}"#, WrongType, "/count");
    refused(r#"{"count":1e3}"#, WrongType, "/count");
    refused(r#"{"count":9223372036854775808}"#, WrongType, "/count");
    refused(r#"{"count":1,"inner":{}}"#, WrongType, "/inner");
    refused(r#"{"count":1,"inner":[7]}"#, WrongType, "/inner/0");
    let error = refused(r#"{"coumt":1}"#, UnknownField, "/coumt");
    assert!(error.hint.unwrap().starts_with("did you mean `count`?"));
    let error = refused(r#"{"count":1,"aruond":1}"#, UnknownField, "/aruond");
    assert_eq!(
        error.hint.unwrap(),
        "did you mean `around`? known here: count, inner, metadata, around"
    );
    refused(r#"{"count":1,"inner":[{"name":"a","x/y":1}]}"#, UnknownField, "/inner/0/x~1y");
}

#[test]
fn an_object_is_not_a_list_of_its_values() {
    refused(r#"{"count":1,"inner":[["a"]]}"#, MalformedCode::WrongType, "/inner/0");
}

#[test]
fn a_key_that_stands_twice_is_shown_as_it_is_but_not_without_end() {
    refused(r#"{"a`b":1,"a`b":2}"#, MalformedCode::DuplicateKey, "/a`b");
    let long = "k".repeat(100_000);
    let error = read(&format!(r#"{{"{long}":1,"{long}":2}}"#)).unwrap_err();
    assert_eq!(error.code, MalformedCode::DuplicateKey);
    assert!(error.pointer.len() < 100 && error.detail.len() < 200, "{error:?}");
    let error = read(&format!(r#"{{"{long}":1}}"#)).unwrap_err();
    assert!(error.pointer.len() < 100 && error.detail.len() < 200, "{error:?}");
}

#[test]
fn depth_is_bounded() {
    let deep = format!(r#"{{"count":1,"inner":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    assert!(matches!(
        read(&deep).unwrap_err().code,
        MalformedCode::MalformedJson | MalformedCode::WrongType
    ));
}

#[test]
fn many_keys_are_looked_through_once() {
    let many: Vec<_> = (0..1000).map(|it| format!("\"k{it}\":1")).collect();
    let text = format!("{{{},\"k500\":1}}", many.join(","));
    refused(&text, MalformedCode::DuplicateKey, "/k500");
}
